"""Labels that a model gives and takes back: a few with their counters in one transaction, or a pool without.

A transaction over a thousand candidates takes three times as long as the same writes without one. So a cut writes
without, in an order that can be repeated: first each candidate moves by compare-and-set and remembers the cut that
moved it, then its label is inserted under an id of that cut. Whoever finds a candidate that this cut has moved inserts
the label again, which changes nothing where it is there.
"""

from collections.abc import Mapping
from typing import Any

from active_learning.domain.candidate import State
from active_learning.domain.errors import StateError
from active_learning.domain.label import Label, Source
from api.operations.context import Winnow
from api.store import Session

Changes = dict[str, int]
Scores = Mapping[str, float | None]
"""image -> score"""


async def give_all(w: Winnow, slug: str, number: int, scores: Scores, value: bool, why: dict[str, Any]) -> int:
    """Label unknown images that nobody waits for in the cut of round ``number``; returns how many still were.

    ``why`` is the provenance. The caller makes the counters true.
    """
    fields = {"answer": value, "source": Source.MODEL.value, "cut": number}
    only = {"votes_wanted": False, "disputed": False}
    moved = await w.store.candidates.move(slug, list(scores), State.UNKNOWN, State.AUTO_LABELED, fields, None, only)
    if moved != len(scores):  # somebody else decided some of them meanwhile
        scores = await _moved(w, slug, scores, {"state": State.AUTO_LABELED.value, "cut": number, "answer": value})
    await insert(w, slug, number, scores, value, why)
    return moved


async def take_all_back(w: Winnow, slug: str, number: int, scores: Scores, value: bool, why: dict[str, Any]) -> int:
    """Make images that a model labeled ``value`` unknown again; returns how many still were so labeled."""
    fields = {"answer": None, "source": None, "cut": number}
    only = {"answer": value}
    moved = await w.store.candidates.move(slug, list(scores), State.AUTO_LABELED, State.UNKNOWN, fields, None, only)
    if moved != len(scores):
        scores = await _moved(w, slug, scores, {"state": State.UNKNOWN.value, "cut": number})
    await insert(w, slug, number, scores, None, why)
    return moved


async def _moved(w: Winnow, slug: str, scores: Scores, now: dict[str, Any]) -> Scores:
    found = await w.store.candidates.find(slug, {"image": {"$in": list(scores)}, **now}, ["image"])
    return {c["image"]: scores[c["image"]] for c in found}


async def give_asked(
    w: Winnow, slug: str, number: int, scores: Scores, value: bool, why: dict[str, Any], session: Session
) -> Changes:
    """Label unknown images of which some wait for another opinion or are disputed; returns changes of counters.

    Raises :class:`StateError` when one of them is not unknown any more.
    """
    images = list(scores)
    changes = await w.store.candidates.waiting(slug, images, session)
    changes["disputed"] = -await w.store.candidates.disputed(slug, images, session)
    fields = {"answer": value, "source": Source.MODEL.value, "votes_wanted": False, "disputed": False, "cut": number}
    moved = await w.store.candidates.move(slug, images, State.UNKNOWN, State.AUTO_LABELED, fields, session)
    _check(slug, len(images), moved)
    await insert(w, slug, number, scores, value, why, session)
    return changes


async def take_back(
    w: Winnow, slug: str, number: int, scores: Scores, value: bool, why: dict[str, Any], session: Session, act: str
) -> Changes:
    """Make images that a model labeled ``value`` unknown again; returns changes of counters.

    ``act`` names the occasion. Raises :class:`StateError` when one of the images is not so labeled any more.
    """
    fields = {"answer": None, "source": None}
    moved = await w.store.candidates.move(
        slug, list(scores), State.AUTO_LABELED, State.UNKNOWN, fields, session, only={"answer": value}
    )
    _check(slug, len(scores), moved)
    await insert(w, slug, number, scores, None, why, session, act)
    word = "yes" if value else "no"
    return {"counts.auto_labeled": -moved, "counts.unknown": moved, f"decided.model_{word}": -moved}


async def insert(
    w: Winnow,
    slug: str,
    number: int,
    scores: Scores,
    value: bool | None,
    why: dict[str, Any],
    session: Session | None = None,
    act: str | None = None,
) -> None:
    """Insert the labels of round ``number``: a value given, or ``None`` for one taken back."""
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
    # Of one moment, the label taken back sorts before the one given.
    kind = act or ("back" if value is None else "model")
    await w.store.labels.insert_alike(pattern, f"{kind}:{number}", scores, session)


def _check(slug: str, wanted: int, moved: int) -> None:
    if moved != wanted:
        raise StateError(f"{wanted - moved} candidates of {slug} changed their state meanwhile.")
