"""Calibrate on the validation images, then let the model decide what the cuts allow. One rule is in force at a time.

The pool is counted and decided key range by key range; the process that calibrates sees validation images and counts.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning import cuts
from active_learning.domain.candidate import Role, State
from active_learning.domain.cuts import Cuts
from active_learning.domain.errors import StateError
from active_learning.domain.round import Phase
from api.operations import model_labels, scoring
from api.operations.context import Winnow
from api.operations.scoring import Scored
from api.operations.selecting import OPEN
from api.operations.spreading import Spread, here
from api.store import Session
from api.store.connection import Document, chunks
from api.store.scores import Block, digests
from api.store.shards import Shard

Rule = dict[str, Any]
Counted = tuple[cuts.Tally, int]
"""A tally of the pool outside validation, and how many yes images people found among those chosen at random."""

Act = Callable[..., Awaitable[model_labels.Changes]]

UNDECIDED = -1


async def cut(w: Winnow, slug: str, number: int, spread: Spread = here) -> None:
    """End a round: spend a look, and put the new rule in force if it decides more than the old one.

    A new rule replaces the old one's labels altogether: the promise is proved for one model and its cuts, not for the
    union of several. Without all validation answers, or before the policy's first look, the old rule stays.
    """
    await _count_notes(w, slug)  # of a cut that was interrupted
    scored = await scoring.in_force(w, slug)
    if scored is None:
        raise StateError(f"Round {number} of {slug} has no scores to cut.")
    look = await _look(w, slug, number, scored, spread)
    if look is not None and look["adopt"]:
        rule = {"model": scored.model, "round": number, "calibration": look["calibration"]}
        ranges = [(slug, number, rule, shard) for shard in scored.shards]
        async for _ in spread(w, decide_range, ranges):
            await _count_notes(w, slug)
        await w.store.categories.put(slug, {"rule": rule})
    await scoring.show(w, slug, scored)
    await _report(w, slug, number, look)


async def _count_notes(w: Winnow, slug: str) -> None:
    """Add to the category's counters what shards have noted."""

    async def work(session: Session) -> None:
        await w.store.categories.count(slug, await w.store.notes.take(slug, session), session)

    await w.store.transact(work)


async def _look(w: Winnow, slug: str, number: int, scored: Scored, spread: Spread) -> Document | None:
    """Calibrate, once a round: {"calibration": ..., "adopt": ...}, or ``None`` where it is too early for a look.

    The outcome is written down before it is acted on, so that a round which is cut again after a crash neither spends
    a second look nor changes its mind.
    """
    document = await w.store.categories.get(slug)
    policy = (await w.store.categories.definition(slug)).policy
    drawn = document["validation"]
    complete = drawn["total"] and drawn["labeled"] == drawn["total"]
    if not complete or number < policy.first_look:
        return None
    validation = await _validation(w, slug, scored)
    tally, found_at_random = await _count(w, slug, scored, validation, spread)
    found_yes = document["decided"]["gold_yes"] + found_at_random

    async def work(session: Session) -> Document:
        known = await w.store.rounds.look(slug, number, session)
        if known is not None:
            return known
        look = await w.store.categories.next_look(slug, session)
        calibration = await asyncio.to_thread(cuts.calibrate, validation, tally, policy, look, found_yes)
        adopt = sum(tally.decided(calibration.cuts)) > document["counts"][State.AUTO_LABELED.value]
        found = {"calibration": calibration.model_dump(mode="json"), "adopt": adopt}
        await w.store.rounds.put_look(slug, number, found, session)
        return found

    return await w.store.transact(work)


async def _validation(w: Winnow, slug: str, scored: Scored) -> cuts.Validation:
    fields = ("image", "answer", "certainty", "stratum")
    found = await w.store.candidates.find(slug, {"role": Role.VALIDATION.value}, fields)
    scores = await w.store.scores.of(scored.model, scored.shards, [c["image"] for c in found])
    return cuts.Validation.of(
        scores=[scores[c["image"]] for c in found],
        answers=[c["answer"] for c in found],
        certainty=[c.get("certainty", 1.0) for c in found],
        stratum=[c.get("stratum", 0) for c in found],
    )


async def _count(w: Winnow, slug: str, scored: Scored, validation: cuts.Validation, spread: Spread) -> Counted:
    total: Counted | None = None
    ranges = [(slug, scored, validation.thresholds, shard) for shard in scored.shards]
    async for tally, found_at_random in spread(w, count_range, ranges):
        total = (tally, found_at_random) if total is None else (total[0] + tally, total[1] + found_at_random)
    assert total is not None, "there is at least one range"
    return total


async def count_range(w: Winnow, slug: str, scored: Scored, thresholds: NDArray[np.float64], shard: Shard) -> Counted:
    """Count a key range. Everything scored is the rest of the pool, except what people are or were concerned with."""
    block = await w.store.scores.get(scored.model, shard)
    if block is None:
        raise StateError(f"{scored.model} has no scores of range {shard.index}.")
    fields = ("image", "role", "state", "answer", "chosen_by")
    busy = await w.store.candidates.busy(slug, shard, fields)
    rest = np.ones(len(block), dtype=bool)
    rows = block.rows(digests([c["image"] for c in busy]))
    taken = [c["role"] != Role.TRAIN.value or c["state"] not in OPEN for c in busy]
    rest[rows[np.array(taken, dtype=bool) & (rows >= 0)]] = False
    # What was chosen at random left the rest as like the validation images as it was; a score's choice did not.
    labeled = [
        (row, c) for row, c in zip(rows, busy, strict=True)
        if row >= 0 and c["role"] == Role.TRAIN.value and c["state"] == State.LABELED.value
    ]  # fmt: skip
    known = [(row, c) for row, c in labeled if c["chosen_by"] != "random"]
    found_at_random = sum(c["answer"] for _, c in labeled if c["chosen_by"] == "random")
    tally = cuts.Tally.of(
        thresholds,
        rest_scores=block.scores[rest],
        known_scores=block.scores[[row for row, _ in known]],
        known_answers=[c["answer"] for _, c in known],
    )
    return tally, found_at_random


async def decide_range(w: Winnow, slug: str, number: int, rule: Rule, shard: Shard) -> int:
    """Withdraw in a key range what the new rule does not say any more, then label what it says.

    Returns how many labels changed. A range that was decided in part before a crash is read anew and goes on.
    """
    scored = await scoring.in_force(w, slug)
    block = None if scored is None else await w.store.scores.get(scored.model, shard)
    if block is None:
        raise StateError(f"{rule['model']} has no scores of range {shard.index}.")
    only = {"role": Role.TRAIN.value, "state": {"$in": OPEN}}
    fields = ("image", "answer", "votes_wanted", "disputed")
    found = await w.store.candidates.within(slug, shard, only, fields)
    images = [c["image"] for c in found]
    wanted, scores = _wanted(block, images, Cuts.model_validate(rule["calibration"]["cuts"]))
    labels = np.array([UNDECIDED if c["answer"] is None else int(c["answer"]) for c in found], dtype=np.int8)
    asked = np.array([c["votes_wanted"] or c["disputed"] for c in found], dtype=bool)
    why = {"model": rule["model"], "cuts": rule["calibration"]["cuts"]}

    async def each(act: Act, value: bool, rows: NDArray[np.int64]) -> int:
        for chunk in chunks(rows.tolist()):
            some = {images[row]: scores[row] for row in chunk}

            async def work(session: Session, some: dict[str, float] = some) -> None:
                await w.store.notes.add(slug, await act(w, slug, number, some, value, why, session), session)

            await w.store.transact(work)
        return len(rows)

    changed = 0
    for value in (True, False):
        changed += await each(model_labels.take_back, value, np.flatnonzero((labels == value) & (wanted != value)))
    for value in (True, False):
        new = (wanted == value) & (labels != value)
        changed += await each(model_labels.give, value, np.flatnonzero(new & ~asked))
        changed += await each(partial(model_labels.give, asked=True), value, np.flatnonzero(new & asked))
    return changed


def _wanted(block: Block, images: list[str], rule: Cuts) -> tuple[NDArray[np.int8], list[float]]:
    """What the rule says of each image: 1 yes, 0 no, -1 nothing; and its score. It says nothing of an unscored one."""
    rows = block.rows(digests(images))
    scores = np.where(rows >= 0, block.scores[rows], np.nan).astype(np.float64) if len(block) else np.empty(0)
    wanted = np.full(len(scores), UNDECIDED, dtype=np.int8)
    if rule.lower is not None:
        wanted[scores < rule.lower] = 0
    if rule.upper is not None:
        wanted[scores > rule.upper] = 1
    return wanted, scores.tolist()


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
