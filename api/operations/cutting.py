"""Calibrate on the validation images, then let the model decide what the cuts allow. One rule is in force at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from active_learning import cuts
from active_learning.domain.candidate import Role, State
from active_learning.domain.cuts import Calibration, Cuts
from active_learning.domain.errors import StateError
from active_learning.domain.label import Label, Source
from active_learning.domain.policy import Policy
from active_learning.domain.round import Phase
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import Document, chunks


async def cut(w: Winnow, slug: str, number: int) -> None:
    """End a round: spend a look, and put the new rule in force if it decides more than the old one.

    A new rule replaces the old one's labels altogether: the promise is proved for one model and its cuts, not for the
    union of several. Without all validation answers, or before the policy's first look, the old rule stays.
    """
    only = {"role": {"$ne": Role.GOLD.value}}
    fields = ("image", "role", "state", "answer", "score", "chosen_by")
    pool = await w.store.candidates.find(slug, only, fields)
    look = await _look(w, slug, number, pool)
    if look is not None and look["adopt"]:
        rule = {"model": f"{slug}:{number}", "round": number, "calibration": look["calibration"]}
        thresholds = Cuts.model_validate(look["calibration"]["cuts"])
        await _apply(w, slug, number, rule, _rest(pool), thresholds)
    await _report(w, slug, number, look)


async def _look(w: Winnow, slug: str, number: int, pool: Sequence[Document]) -> Document | None:
    """Calibrate, once a round: {"calibration": ..., "adopt": ...}, or ``None`` where it is too early for a look.

    The outcome is written down before it is acted on, so that a round which is cut again after a crash neither spends
    a second look nor changes its mind.
    """
    document = await w.store.categories.get(slug)
    policy = (await w.store.categories.definition(slug)).policy
    validation = document["validation"]
    complete = validation["total"] and validation["labeled"] == validation["total"]
    if not complete or number < policy.first_look:
        return None

    async def work(session: Session) -> Document:
        known = await w.store.rounds.look(slug, number, session)
        if known is not None:
            return known
        look = await w.store.categories.next_look(slug, session)
        calibration = _calibrate(pool, policy, look, document["decided"]["gold_yes"])
        rest = _rest(pool)
        adopt = _decides(calibration.cuts, rest) > _decided(rest)
        found = {"calibration": calibration.model_dump(mode="json"), "adopt": adopt}
        await w.store.rounds.put_look(slug, number, found, session)
        return found

    return await w.store.transact(work)


def _rest(pool: Sequence[Document]) -> list[Document]:
    """What the model may label: neither drawn for validation nor decided by people."""
    return [c for c in pool if c["role"] == Role.TRAIN.value and _open(c)]


def _open(candidate: Document) -> bool:
    return candidate["state"] in (State.UNKNOWN.value, State.AUTO_LABELED.value)


def _calibrate(pool: Sequence[Document], policy: Policy, look: int, gold_yes: int) -> Calibration:
    validation = [c for c in pool if c["role"] == Role.VALIDATION.value]
    others = [c for c in pool if c["role"] == Role.TRAIN.value]
    # What was chosen at random left the rest as like the validation images as it was; a score's choice did not.
    labeled = [c for c in others if c["state"] == State.LABELED.value]
    known = [c for c in labeled if c["chosen_by"] != "random"]
    found_at_random = sum(c["answer"] for c in labeled if c["chosen_by"] == "random")
    return cuts.calibrate(
        validation_scores=_scores(validation),
        validation_answers=np.array([c["answer"] for c in validation], dtype=bool),
        rest_scores=_scores(_rest(pool)),
        known_scores=_scores(known),
        known_answers=np.array([c["answer"] for c in known], dtype=bool),
        policy=policy,
        look=look,
        found_yes=gold_yes + found_at_random,
    )


def _scores(candidates: Sequence[Document]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([c["score"] for c in candidates], dtype=np.float64)


def _decides(rule: Cuts, rest: Sequence[Document]) -> int:
    return sum(rule.decide(c["score"]) is not None for c in rest)


def _decided(rest: Sequence[Document]) -> int:
    return sum(c["state"] == State.AUTO_LABELED.value for c in rest)


async def _apply(
    w: Winnow, slug: str, number: int, rule: dict[str, Any], rest: Sequence[Document], thresholds: Cuts
) -> None:
    """Withdraw what the new rule does not say any more, then label what it says."""
    wanted = {c["image"]: thresholds.decide(c["score"]) for c in rest}
    for value in (True, False):
        gone = [
            c for c in rest if c["state"] == State.AUTO_LABELED.value and c["answer"] is value
            and wanted[c["image"]] is not value
        ]  # fmt: skip
        for chunk in chunks(gone):
            await _withdraw(w, slug, number, rule, chunk, value)
    for value in (True, False):
        new = [
            c for c in rest if wanted[c["image"]] is value
            and not (c["state"] == State.AUTO_LABELED.value and c["answer"] is value)
        ]  # fmt: skip
        for chunk in chunks(new):
            await _label(w, slug, number, rule, chunk, value)
    await w.store.categories.put(slug, {"rule": rule})


async def _withdraw(
    w: Winnow, slug: str, number: int, rule: dict[str, Any], chunk: Sequence[Document], value: bool
) -> None:
    images = [c["image"] for c in chunk]
    labels = _labels(w, slug, number, rule, chunk, None, "withdrawn")

    async def work(session: Session) -> None:
        moved = await w.store.candidates.move(
            slug, images, State.AUTO_LABELED, State.UNKNOWN, {"answer": None, "source": None}, session
        )
        await w.store.labels.insert(labels, session)
        changes = {"counts.auto_labeled": -moved, "counts.unknown": moved, f"decided.model_{_word(value)}": -moved}
        await w.store.categories.count(slug, changes, session)

    await w.store.transact(work)


async def _label(
    w: Winnow, slug: str, number: int, rule: dict[str, Any], chunk: Sequence[Document], value: bool
) -> None:
    images = [c["image"] for c in chunk]
    labels = _labels(w, slug, number, rule, chunk, value, "model")

    async def work(session: Session) -> None:
        waiting = await w.store.candidates.waiting(slug, images, session)
        disputed = await w.store.candidates.disputed(slug, images, session)
        fields = {"answer": value, "source": Source.MODEL.value, "votes_wanted": False, "disputed": False}
        moved = await w.store.candidates.move(slug, images, State.UNKNOWN, State.AUTO_LABELED, fields, session)
        if moved != len(images):
            raise StateError(f"{len(images) - moved} candidates of {slug} changed their state during the cut.")
        await w.store.labels.insert(labels, session)
        changes = {
            "counts.unknown": -moved,
            "counts.auto_labeled": moved,
            f"decided.model_{_word(value)}": moved,
            **waiting,
            "disputed": -disputed,
        }
        await w.store.categories.count(slug, changes, session)

    await w.store.transact(work)


def _labels(
    w: Winnow,
    slug: str,
    number: int,
    rule: dict[str, Any],
    chunk: Sequence[Document],
    value: bool | None,
    kind: str,
) -> list[Label]:
    now = w.clock()
    return [
        Label(
            id=f"{slug}:{c['image']}:{kind}:{number}",
            category=slug,
            image=c["image"],
            value=value,
            source=Source.MODEL,
            round=number,
            provenance={"model": rule["model"], "score": c["score"], "cuts": rule["calibration"]["cuts"]},
            decided_at=now,
        )
        for c in chunk
    ]


def _word(value: bool) -> str:
    return "yes" if value else "no"


async def _report(w: Winnow, slug: str, number: int, look: Document | None) -> None:
    document = await w.store.categories.get(slug)
    report = {
        "auto_yes": document["decided"]["model_yes"],
        "auto_no": document["decided"]["model_no"],
        "unknown": document["counts"]["unknown"],
        "spent_cents": document["money"]["spent_cents"],
        "model": f"{slug}:{number}",
        "calibration": None if look is None else look["calibration"],
        "in_force": look is not None and look["adopt"],
    }

    async def work(session: Session) -> None:
        await w.store.rounds.advance(slug, number, Phase.CUTTING, Phase.DONE, {"report": report}, session)

    await w.store.transact(work)
