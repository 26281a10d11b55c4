"""Calibrate on the validation images, then let the model decide what the cuts allow. One rule is in force at a time.

The pool is counted and decided key range by key range; the process that calibrates sees validation images and counts.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_learning import cuts
from active_learning.domain.candidate import Role, State
from active_learning.domain.cuts import Cuts
from active_learning.domain.errors import StateError
from active_learning.domain.round import Phase
from api.operations import auditing, designing, model_labels, model_reports, scoring
from api.operations.context import Winnow
from api.operations.designing import Drawn
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

UNDECIDED = -1


async def cut(w: Winnow, slug: str, number: int, spread: Spread = here) -> None:
    """End a round: spend a look, and put the new rule in force if it decides more than the old one.

    A new rule replaces the old one's labels altogether: the promise is proved for one model and its cuts, not for the
    union of several. Without all validation answers, or before the policy's first look, the old rule stays. A round in
    which the audit raises the alarm adopts nothing: what it found wrong goes to people first.
    """
    scored = await scoring.in_force(w, slug)
    if scored is None:
        raise StateError(f"Round {number} of {slug} has no scores to cut.")
    alarmed = await auditing.settle(w, slug, number, scored, spread)
    look = None if alarmed else await _look(w, slug, number, scored, spread)
    if look is not None and look["adopt"]:
        rule = {"model": scored.model, "round": number, "calibration": look["calibration"]}
        await _decide(w, slug, number, rule, scored, spread)
    await scoring.show(w, slug, scored)
    await model_reports.make(w, slug, number, scored, spread)
    await _report(w, slug, number, look)


async def _decide(w: Winnow, slug: str, number: int, rule: Rule, scored: Scored, spread: Spread) -> None:
    """Let every key range follow the rule, then make the counters true: what the ranges say now is what is labeled.

    An interrupted cut is cut again before anything else happens to the category, so counters are behind for as long
    as a cut takes and never wrong after one.
    """
    policy = (await w.store.categories.definition(slug)).policy
    yes = no = 0
    async for yes_here, no_here in spread(w, decide_range, [(slug, number, rule, shard) for shard in scored.shards]):
        yes, no = yes + yes_here, no + no_here

    async def work(session: Session) -> None:
        document = await w.store.categories.get(slug, session)
        more_yes, more_no = yes - document["decided"]["model_yes"], no - document["decided"]["model_no"]
        changes = {
            "decided.model_yes": more_yes,
            "decided.model_no": more_no,
            "counts.auto_labeled": more_yes + more_no,
            "counts.unknown": -more_yes - more_no,
        }
        await w.store.categories.count(slug, changes, session)
        await w.store.categories.put(slug, {"rule": rule}, session)
        await auditing.begin(w, slug, number, policy, session)

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
    drawn = await designing.in_force(w, slug)
    ranges = [(slug, scored, validation.thresholds, drawn, shard) for shard in scored.shards]
    async for tally, found_at_random in spread(w, count_range, ranges):
        total = (tally, found_at_random) if total is None else (total[0] + tally, total[1] + found_at_random)
    assert total is not None, "there is at least one range"
    return total


async def count_range(
    w: Winnow, slug: str, scored: Scored, thresholds: NDArray[np.float64], drawn: Drawn | None, shard: Shard
) -> Counted:
    """Count a key range. Everything scored is the rest of the pool, except what people are or were concerned with."""
    block = await w.store.scores.get(scored.model, shard)
    if block is None:
        raise StateError(f"{scored.model} has no scores of range {shard.index}.")
    stratum = np.zeros(len(block), dtype=np.int64)
    if drawn is not None:
        stratum = await designing.tally_strata(w, drawn, shard, block)
    fields = ("image", "role", "state", "answer", "chosen_by")
    busy = await w.store.candidates.busy(slug, shard, fields)
    rows = block.rows(digests([c["image"] for c in busy]))
    rest = np.ones(len(block), dtype=bool)
    taken = [c["role"] != Role.TRAIN.value or c["state"] not in OPEN for c in busy]
    rest[rows[np.array(taken, dtype=bool) & (rows >= 0)]] = False
    # What was chosen at random left the rest as like the validation images as it was; a score's choice did not.
    labeled = [
        (row, c["answer"], c["chosen_by"]) for row, c in zip(rows.tolist(), busy, strict=True)
        if row >= 0 and c["role"] == Role.TRAIN.value and c["state"] == State.LABELED.value
    ]  # fmt: skip
    known = np.array([row for row, _, by in labeled if by != "random"], dtype=np.int64)
    tally = cuts.Tally.of(
        thresholds,
        block.scores[rest],
        block.scores[known],
        [answer for _, answer, by in labeled if by != "random"],
        stratum[rest],
        stratum[known],
        1 if drawn is None else drawn.design.strata,
    )
    return tally, sum(answer for _, answer, by in labeled if by == "random")


async def decide_range(w: Winnow, slug: str, number: int, rule: Rule, shard: Shard) -> tuple[int, int]:
    """Withdraw in a key range what the new rule does not say any more, then label what it says.

    Returns how many yes and no labels of the model the range has now. A range that was decided in part before a crash
    is read anew and goes on.
    """
    scored = await scoring.in_force(w, slug)
    block = None if scored is None else await w.store.scores.get(scored.model, shard)
    if block is None:
        raise StateError(f"{rule['model']} has no scores of range {shard.index}.")
    # An audited image is people's: its answer must not come from the rule that it checks.
    # An audited image is people's: its answer must not come from the rule that it checks.
    only = {"role": Role.TRAIN.value, "state": {"$in": OPEN}, "audited": {"$exists": False}}
    found = await w.store.candidates.within(slug, shard, only, ("image", "answer", "votes_wanted", "disputed", "cut"))
    part = _Range(w, slug, number, rule, found, block)
    await part.mend()
    missed = {True: 0, False: 0}
    for value in (True, False):
        await part.take_back(value)
    for value in (True, False):
        missed[value] = await part.give(value)
    yes, no = (int((part.wanted == value).sum()) - missed[value] for value in (True, False))
    return yes, no


class _Range:
    """The candidates of a key range that the rule may decide: what it says of each, and what was said before."""

    def __init__(self, w: Winnow, slug: str, number: int, rule: Rule, found: list[Document], block: Block) -> None:
        self._w, self._slug, self._number = w, slug, number
        self._why = {"model": rule["model"], "cuts": rule["calibration"]["cuts"]}
        self._images = [c["image"] for c in found]
        self.wanted, self._scores = _wanted(block, self._images, Cuts.model_validate(rule["calibration"]["cuts"]))
        self._said = np.array([UNDECIDED if c["answer"] is None else int(c["answer"]) for c in found], dtype=np.int8)
        self._asked = np.array([c["votes_wanted"] or c["disputed"] for c in found], dtype=bool)
        self._moved = np.array([c.get("cut") == number for c in found], dtype=bool)

    async def mend(self) -> None:
        """Insert the labels of candidates that this cut had moved when it was interrupted."""
        for value, said in ((None, UNDECIDED), (True, 1), (False, 0)):
            for some in self._chunks(self._moved & (self._said == said)):
                await model_labels.insert(self._w, self._slug, self._number, some, value, self._why)

    async def take_back(self, value: bool) -> None:
        """Withdraw the labels ``value`` that the rule does not give."""
        for some in self._chunks((self._said == value) & (self.wanted != value)):
            await model_labels.take_all_back(self._w, self._slug, self._number, some, value, self._why)

    async def give(self, value: bool) -> int:
        """Give the label ``value`` where the rule says it; returns how many were decided by others meanwhile."""
        new = (self.wanted == value) & (self._said != value)
        missed = 0
        for some in self._chunks(new & ~self._asked):
            moved = await model_labels.give_all(self._w, self._slug, self._number, some, value, self._why)
            missed += len(some) - moved
        for some in self._chunks(new & self._asked):
            await self._give_asked(some, value)
        return missed

    async def _give_asked(self, some: model_labels.Scores, value: bool) -> None:
        w, slug = self._w, self._slug

        async def work(session: Session) -> None:
            changes = await model_labels.give_asked(w, slug, self._number, some, value, self._why, session)
            await w.store.categories.count(slug, changes, session)

        await w.store.transact(work)

    def _chunks(self, rows: NDArray[np.bool_]) -> Iterator[dict[str, float]]:
        for chunk in chunks(np.flatnonzero(rows).tolist()):
            yield {self._images[row]: self._scores[row] for row in chunk}


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
