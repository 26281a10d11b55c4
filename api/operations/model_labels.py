"""Labels that a model gives and takes back. Each function is part of a transaction and returns changes of counters."""

from collections.abc import Mapping
from typing import Any

from active_learning.domain.candidate import State
from active_learning.domain.errors import StateError
from active_learning.domain.label import Label, Source
from api.operations.context import Winnow
from api.store import Session

Changes = dict[str, int]


async def give(
    w: Winnow,
    slug: str,
    number: int,
    scores: Mapping[str, float | None],
    value: bool,
    why: dict[str, Any],
    session: Session,
    asked: bool = False,
) -> Changes:
    """Label unknown images (image -> score) in round ``number``; ``why`` is the provenance.

    ``asked`` says that some of them wait for another opinion or are disputed: counting those takes its time. Raises
    :class:`StateError` when one of the images is not unknown any more, or is asked about after all.
    """
    images = list(scores)
    fields: dict[str, Any] = {"answer": value, "source": Source.MODEL.value}
    changes: Changes = {}
    only: dict[str, Any] = {"votes_wanted": False, "disputed": False}
    if asked:
        changes = await w.store.candidates.waiting(slug, images, session)
        changes["disputed"] = -await w.store.candidates.disputed(slug, images, session)
        fields, only = fields | only, {}
    moved = await w.store.candidates.move(slug, images, State.UNKNOWN, State.AUTO_LABELED, fields, session, only)
    _check(slug, len(images), moved)
    await _insert(w, slug, number, scores, value, f"model:{number}", why, session)
    return {
        "counts.unknown": -moved,
        "counts.auto_labeled": moved,
        f"decided.model_{_word(value)}": moved,
        **changes,
    }


async def take_back(
    w: Winnow,
    slug: str,
    number: int,
    scores: Mapping[str, float | None],
    value: bool,
    why: dict[str, Any],
    session: Session,
    act: str = "back",
) -> Changes:
    """Make images that a model labeled ``value`` unknown again; raises :class:`StateError` when one is not so labeled.

    ``act`` names the occasion: an image may be withdrawn once for each in a round.
    """
    images = list(scores)
    fields = {"answer": None, "source": None}
    moved = await w.store.candidates.move(
        slug, images, State.AUTO_LABELED, State.UNKNOWN, fields, session, only={"answer": value}
    )
    _check(slug, len(images), moved)
    await _insert(w, slug, number, scores, None, f"{act}:{number}", why, session)
    return {"counts.auto_labeled": -moved, "counts.unknown": moved, f"decided.model_{_word(value)}": -moved}


async def _insert(
    w: Winnow,
    slug: str,
    number: int,
    scores: Mapping[str, float | None],
    value: bool | None,
    suffix: str,
    why: dict[str, Any],
    session: Session,
) -> None:
    pattern = Label(
        id="",
        category=slug,
        image="",
        value=value,
        source=Source.MODEL,
        round=number,
        provenance=why,
        decided_at=w.clock(),
    )
    await w.store.labels.insert_alike(pattern, suffix, scores, session)


def _check(slug: str, wanted: int, moved: int) -> None:
    if moved != wanted:
        raise StateError(f"{wanted - moved} candidates of {slug} changed their state meanwhile.")


def _word(value: bool) -> str:
    return "yes" if value else "no"
