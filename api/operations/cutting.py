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
from api.store.connection import Document

CHUNK = 1_000


async def cut(w: Winnow, slug: str, number: int) -> None:
    """End a round: spend a look, and put the new rule in force if it decides at least as much as the old one.

    A new rule replaces the old one's labels altogether: the promise is proved for one model and its cuts, not for the
    union of several. Without all validation answers, or before the policy's first look, the old rule stays.
    """
    document = await w.store.categories.get(slug)
    policy = (await w.store.categories.definition(slug)).policy
    model = f"{slug}:{number}"
    pool = await w.store.candidates.find(
        slug, {"role": {"$ne": Role.GOLD.value}}, ["image", "role", "state", "answer", "score", "chosen_by"]
    )
    validation = document["validation"]
    calibration = None
    complete = validation["total"] and validation["labeled"] == validation["total"]
    if complete and number >= policy.first_look:
        found = document["decided"]["gold_yes"]
        calibration = _calibrate(pool, policy, await _look(w, slug, number), found)
    rest = [c for c in pool if c["role"] == Role.TRAIN.value and _open(c)]
    if calibration is not None and _decides(calibration.cuts, rest) >= _decided(rest):
        rule = {"model": model, "round": number, "calibration": calibration.model_dump(mode="json")}
        await _apply(w, slug, number, rule, rest, calibration.cuts)
    await _report(w, slug, number, model, calibration)


async def _look(w: Winnow, slug: str, number: int) -> int:
    """The look that belongs to this round; a round that is cut again after a crash spends no second one."""

    async def work(session: Session) -> int:
        newest = await w.store.rounds.newest(slug)
        if newest is None or newest["number"] != number:
            raise StateError(f"Round {number} of {slug} is not the newest one.")
        if newest.get("look"):
            return int(newest["look"])
        look = await w.store.categories.next_look(slug, session)
        await w.store.rounds.count(slug, number, {"look": look}, session)
        return look

    return await w.store.transact(work)


def _open(candidate: Document) -> bool:
    return candidate["state"] in (State.UNKNOWN.value, State.AUTO_LABELED.value)


def _calibrate(pool: Sequence[Document], policy: Policy, look: int, gold_yes: int) -> Calibration:
    validation = [c for c in pool if c["role"] == Role.VALIDATION.value]
    others = [c for c in pool if c["role"] == Role.TRAIN.value]
    rest = [c for c in others if _open(c)]
    # What was chosen at random left the rest as like the validation images as it was; a score's choice did not.
    labeled = [c for c in others if c["state"] == State.LABELED.value]
    known = [c for c in labeled if c["chosen_by"] != "random"]
    found_at_random = sum(c["answer"] for c in labeled if c["chosen_by"] == "random")
    return cuts.calibrate(
        validation_scores=_scores(validation),
        validation_answers=np.array([c["answer"] for c in validation], dtype=bool),
        rest_scores=_scores(rest),
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
        for start in range(0, len(gone), CHUNK):
            await _withdraw(w, slug, number, rule, gone[start : start + CHUNK], value)
    for value in (True, False):
        new = [
            c for c in rest if wanted[c["image"]] is value
            and not (c["state"] == State.AUTO_LABELED.value and c["answer"] is value)
        ]  # fmt: skip
        for start in range(0, len(new), CHUNK):
            await _label(w, slug, number, rule, new[start : start + CHUNK], value)
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


async def _report(w: Winnow, slug: str, number: int, model: str, calibration: Calibration | None) -> None:
    document = await w.store.categories.get(slug)
    report = {
        "auto_yes": document["decided"]["model_yes"],
        "auto_no": document["decided"]["model_no"],
        "unknown": document["counts"]["unknown"],
        "spent_cents": document["money"]["spent_cents"],
        "model": model,
        "calibration": None if calibration is None else calibration.model_dump(mode="json"),
        "in_force": bool(document["rule"]) and document["rule"]["round"] == number,
    }

    async def work(session: Session) -> None:
        await w.store.rounds.advance(slug, number, Phase.CUTTING, Phase.DONE, {"report": report}, session)

    await w.store.transact(work)
