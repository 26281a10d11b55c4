"""What a model's scores say of the pool: made once, when its round is cut, key range by key range, and kept.

Pages show it for nothing: no page reads the scores of a pool. What is listed, with its score: the images that the model
is least certain of, the validation images that contradict it the most, and the labels of people that it doubts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from active_learning import reliability
from active_learning.domain.candidate import Role, State
from active_learning.domain.value import Value
from api.operations import designing, modelling, rechecking
from api.operations.context import Winnow
from api.operations.scoring import Scored
from api.operations.spreading import Spread, here
from api.store.connection import Document
from api.store.scores import Block, digests
from api.store.shards import Shard

LISTED = 60
"""Images in each list."""

FIELDS = ("image", "role", "state", "answer", "stratum", "votes_wanted", "disputed")


class Listed(Value):
    """An image and what the model says of it."""

    image: str
    score: float


class Group(Value):
    """Validation images of similar score: see :class:`active_learning.reliability.Group`."""

    n: int
    score: float
    share: float
    low: float
    high: float


class ModelReport(Value):
    """One model. Histograms are over the bins of ``active_learning.reliability``.

    ``open`` are images of the pool that people have not decided, ``people_yes`` and ``people_no`` those that they have,
    outside validation. Validation images that are answered stand in the last two, each weighted by the images of the
    pool that it stands for; the weights add up to their number.
    """

    category: str
    round: int
    model: str
    open: tuple[int, ...]
    people_yes: tuple[int, ...]
    people_no: tuple[int, ...]
    validation_yes: tuple[float, ...]
    validation_no: tuple[float, ...]
    groups: tuple[Group, ...] = ()
    error: float | None = None
    brier: float | None = None
    uncertain: tuple[Listed, ...] = ()
    false_yes: tuple[Listed, ...] = ()
    false_no: tuple[Listed, ...] = ()
    doubtful: tuple[Listed, ...] = ()


@dataclass
class Part:
    """What a key range says; parts are put together by :meth:`take`."""

    open: reliability.Floats = field(default_factory=lambda: np.zeros(reliability.BINS))
    people_yes: reliability.Floats = field(default_factory=lambda: np.zeros(reliability.BINS))
    people_no: reliability.Floats = field(default_factory=lambda: np.zeros(reliability.BINS))
    validation: list[tuple[str, float, bool, int]] = field(default_factory=list)
    """Answered ones: image, score, answer, stratum."""
    uncertain: list[tuple[str, float]] = field(default_factory=list)

    def take(self, other: "Part") -> None:
        """Add another range."""
        self.open += other.open
        self.people_yes += other.people_yes
        self.people_no += other.people_no
        self.validation += other.validation
        both = [*self.uncertain, *other.uncertain]
        self.uncertain = sorted(both, key=lambda listed: (abs(listed[1] - 0.5), listed[0]))[:LISTED]


async def make(w: Winnow, slug: str, number: int, scored: Scored, spread: Spread = here) -> None:
    """Make and keep the report of the model of round ``number``, whose scores are in force; again, it is the same."""
    whole = Part()
    async for part in spread(w, describe_range, [(slug, scored, shard) for shard in scored.shards]):
        whole.take(part)
    heavy = await weights(w, slug, [stratum for *_, stratum in whole.validation])
    fields = {
        "model": scored.model,
        "open": _counts(whole.open),
        "people_yes": _counts(whole.people_yes),
        "people_no": _counts(whole.people_no),
        **_judged(whole.validation, heavy),
        "uncertain": _listed(whole.uncertain),
        "doubtful": await _doubtful(w, slug, number),
    }
    await w.store.model_reports.put(slug, number, fields)


async def describe_range(w: Winnow, slug: str, scored: Scored, shard: Shard) -> Part:
    """Describe a key range: reads its block of scores and the candidates that people are concerned with."""
    block = await w.store.scores.get(scored.model, shard)
    if block is None:
        return Part()
    busy = await w.store.candidates.busy(slug, shard, FIELDS)
    rows = block.rows(digests([c["image"] for c in busy]))
    there = [(row, c) for row, c in zip(rows.tolist(), busy, strict=True) if row >= 0]
    train = [(row, c) for row, c in there if c["role"] == Role.TRAIN.value]
    rest = np.ones(len(block), dtype=bool)
    rest[[row for row, c in there if c["role"] != Role.TRAIN.value or c["state"] == State.LABELED.value]] = False
    labeled = [(row, c) for row, c in train if c["state"] == State.LABELED.value]
    free = rest.copy()
    free[[row for row, _ in there]] = False
    return Part(
        open=reliability.spread(block.scores[rest]),
        people_yes=_spread(block, [row for row, c in labeled if c["answer"]]),
        people_no=_spread(block, [row for row, c in labeled if not c["answer"]]),
        validation=[
            (c["image"], float(block.scores[row]), bool(c["answer"]), int(c.get("stratum", 0)))
            for row, c in there
            if c["role"] == Role.VALIDATION.value and c["state"] == State.LABELED.value
        ],
        uncertain=_nearest_to_half(block.take(free)),
    )


def _spread(block: Block, rows: Sequence[int]) -> reliability.Floats:
    return reliability.spread(block.scores[np.array(rows, dtype=np.int64)])


def _nearest_to_half(block: Block) -> list[tuple[str, float]]:
    distance = np.abs(block.scores - np.float32(0.5))
    nearest = block.take(np.argsort(distance, kind="stable")[:LISTED])
    return list(zip(nearest.images(), nearest.scores.tolist(), strict=True))


async def weights(w: Winnow, slug: str, strata: Sequence[int]) -> list[float]:
    """For how many images each answered validation image stands, scaled so that the mean is 1."""
    drawn = await designing.in_force(w, slug)
    if drawn is None or not strata:
        return [1.0] * len(strata)
    answered = np.bincount(strata, minlength=len(drawn.sizes))
    stands_for = np.array([drawn.sizes[stratum] / answered[stratum] for stratum in strata])
    return [float(weight) for weight in stands_for / stands_for.mean()]


def _judged(validation: Sequence[tuple[str, float, bool, int]], weights: Sequence[float]) -> Document:
    """Histograms of the validation images, their reliability, and those that contradict the model the most."""
    scores, answers = [score for _, score, _, _ in validation], [answer for _, _, answer, _ in validation]
    found = reliability.reliability(scores, answers, weights)
    by_answer: dict[str, list[float]] = {}
    for name, value in (("validation_yes", True), ("validation_no", False)):
        these = np.array([answer is value for answer in answers], dtype=bool)
        some, heavy = np.array(scores, dtype=np.float64)[these], np.array(weights, dtype=np.float64)[these]
        by_answer[name] = [round(float(weight), 4) for weight in reliability.spread(some, heavy)]
    listed = [(image, score, answer) for image, score, answer, _ in validation]
    false_yes = sorted(((i, s) for i, s, yes in listed if not yes and s > 0.5), key=lambda pair: (-pair[1], pair[0]))
    false_no = sorted(((i, s) for i, s, yes in listed if yes and s < 0.5), key=lambda pair: (pair[1], pair[0]))
    return {
        **by_answer,
        "groups": [] if found is None else [vars(group) for group in found.groups],
        "error": None if found is None else found.error,
        "brier": None if found is None else found.brier,
        "false_yes": _listed(false_yes[:LISTED]),
        "false_no": _listed(false_no[:LISTED]),
    }


async def _doubtful(w: Winnow, slug: str, number: int) -> list[dict[str, Any]]:
    """People's labels that the model, trained without them, contradicts; the worst first."""
    suspects = (await rechecking.suspects(w, slug, number))[:LISTED]
    scores = await modelling.out_of_fold(w, f"{slug}:{number}") if suspects else {}
    return _listed([(image, scores[image]) for image in suspects])


def _listed(images: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"image": image, "score": score} for image, score in images]


def _counts(bins: reliability.Floats) -> list[int]:
    return [int(n) for n in bins]


async def newest(w: Winnow, slug: str) -> ModelReport | None:
    """The report of the newest model; ``None`` before the first cut."""
    return _report(await w.store.model_reports.newest(slug))


async def of_round(w: Winnow, slug: str, number: int) -> ModelReport | None:
    """The report of one round's model."""
    return _report(await w.store.model_reports.get(slug, number))


def _report(document: Document | None) -> ModelReport | None:
    if document is None:
        return None
    return ModelReport.model_validate({name: value for name, value in document.items() if name != "_id"})
