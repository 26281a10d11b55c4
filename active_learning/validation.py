"""Which images of the pool only calibrate: a known design, fixed before uncertainty selects anything.

*Uniform*: the images with the ``n`` smallest hash draws of the pool, one simple random sample.

*Stratified*: for rare classes. A pilot model, which has seen gold and one random batch and no more, scores the pool.
Its scores cut the pool into a few strata, and the images with the smallest draws of each stratum validate: a simple
random sample of each. The pilot decides how good the design is, never whether it is valid.

**What stratification can do.** To show without any assumption that a share beta of the pool hides at most the allowed
(1 - recall) of the yes images takes about ln(1 / risk) * beta / ((1 - recall) * prevalence) validation images in that
share, however they are chosen: if there are fewer, the lost images may all lie where nobody looked, with a chance above
the risk (Le Cam's two points: a pool whose share hides none, and one whose share hides too many, at random). A uniform
sample spends the same rate on the whole pool, so a stratified one saves the factor beta on this side, and no more. It
saves most where precision is decided, since a uniform sample of a rare class hardly has images there. Only an
assumption on where yes images hide goes further: ``decay`` (see ``active_learning.cuts.stratified``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Self

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.errors import InputError
from active_learning.splits import validation_threshold

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STRATA = 5
LOW_SHARE = 0.5
"""Share of the validation images for the lowest stratum, where the model is to say no: it decides the recall."""

BORDER = 0.2, 3.0
"""Under decay the border stratum: from this to that multiple of the allowed loss, in expected yes from below."""

THIN = 0.1
"""Share of the validation images for what lies below the border."""

TO_SPARE = 1.2
"""The low stratum is drawn at so many times the least rate: a yes image there must not always cost the cut."""

MOST_DRAWN = 0.5
"""Share of a stratum that is drawn at most, as long as others have room: what is drawn is people's, not the model's."""

UNTRUSTED = 0.005
"""Share of the prevalence that the pilot is never believed to fall below: it cannot know so little yet."""

_LOGITS = np.linspace(-30.0, 14.0, 441)
_EDGES = 1.0 / (1.0 + np.exp(-_LOGITS))


@dataclass(frozen=True)
class Histogram:
    """Scores of a pilot model in 442 bins, even in log-odds: counts and sums. Histograms of shards add up."""

    counts: Integers
    sums: Floats

    @classmethod
    def of(cls, scores: NDArray[np.floating]) -> Self:
        """Count the scores of one shard.

        Raises:
            InputError: a score is not a probability.
        """
        values = np.asarray(scores, dtype=np.float64)
        if not np.all((values >= 0.0) & (values <= 1.0)):
            raise InputError("A pilot score is not a probability.", "Use the calibrated scores of the first model.")
        place = np.searchsorted(_EDGES, values, side="right")
        width = len(_EDGES) + 1
        counts = np.bincount(place, minlength=width).astype(np.int64)
        return cls(counts, np.bincount(place, values, width).astype(np.float64))

    def __add__(self, other: Self) -> Self:
        """Count both."""
        return type(self)(self.counts + other.counts, self.sums + other.sums)


@dataclass(frozen=True)
class Design:
    """Strata by pilot score, from the lowest up.

    Attributes:
        edges: stratum h holds ``edges[h - 1] <= score < edges[h]`` [H - 1].
        sizes: validation images to draw from each [H].
        expected: share of yes in each, as the pilot sees it [H].
    """

    edges: tuple[float, ...]
    sizes: tuple[int, ...]
    expected: tuple[float, ...]

    @property
    def strata(self) -> int:
        """How many strata there are."""
        return len(self.sizes)

    def stratum(self, pilot: NDArray[np.floating]) -> Integers:
        """Return the stratum of every image [N]; late arrivals need a score of the same pilot."""
        return np.searchsorted(np.array(self.edges), np.asarray(pilot, np.float64), side="right").astype(np.int64)

    def thresholds(self, stratum: Integers, draws: Floats) -> Floats:
        """Return the draws below which exactly the sizes lie, by stratum [H]: ``draw < threshold`` is validation."""
        return np.array([validation_threshold(draws[stratum == h], n) for h, n in enumerate(self.sizes)])

    def choose(self, stratum: Integers, draws: Floats) -> NDArray[np.bool_]:
        """Return which of the images validate [N]."""
        return np.asarray(draws < self.thresholds(stratum, draws)[stratum])


def uniform(n: int) -> Design:
    """One stratum."""
    return Design((), (n,), (0.5,))


def least_rate(risk: float, recall: float, yes: float) -> float:
    """Return the rate at which a region must be drawn to show, without a yes in it, that it hides few enough."""
    return min(1.0, log(1.0 / risk) / max((1.0 - recall) * yes, 1e-9))


def stratify(
    histogram: Histogram, n: int, recall: float, risk: float, prevalence: float | None = None, decay: bool = False
) -> Design:
    """Choose strata and sizes from the pilot's scores of the pool.

    The lowest stratum gets up to half of the images, at the least rate that can show the recall with some yes to spare,
    and is as large as they reach; it ends where more than the allowed share of yes images would lie in it. The other
    strata cut what lies above it at even steps of sum sqrt(q (1 - q)), q being the expected share of yes, and get equal
    parts (Dalenius and Hodges' rule with Neyman's allocation). Under ``decay`` the lowest is drawn thinly, and a
    border stratum, in which the lower cut is to be expected, gets half of the images.

    Args:
        histogram: scores of the pilot, of all images that may be drawn.
        n: how many validation images to draw.
        recall: the promised recall.
        risk: what the recall side may spend at the first look.
        prevalence: share of yes in the random batch, where it is known better than from the scores.
        decay: the cuts will assume that the pilot's odds decay no faster than the truth's.

    Raises:
        InputError: ``n`` is negative.
    """
    if n < 0:
        raise InputError(f"{n} validation images cannot be drawn.", "Use 0 or more.")
    counts = histogram.counts.astype(np.float64)
    size = float(counts.sum())
    if size == 0 or n == 0:
        return uniform(n)
    q = _shares(histogram, prevalence)
    below, yes = counts.cumsum(), (counts * q).cumsum()
    allowed = (1.0 - recall) * yes[-1]
    if decay:
        lowest = [int(np.searchsorted(yes, share * allowed, side="right")) for share in BORDER]
        numbers = [ceil(share * n) for share in (THIN, LOW_SHARE)]
    else:
        rate = min(1.0, TO_SPARE * least_rate(risk, recall, float(yes[-1])))
        reach = np.searchsorted(below, LOW_SHARE * n / rate, side="right")
        low = int(min(reach, np.searchsorted(yes, allowed, side="right")))
        lowest, numbers = [low], [ceil(rate * below[low - 1]) if low else 0]
    spread = np.where(np.arange(len(counts)) < lowest[-1], 0.0, counts * np.sqrt(q * (1.0 - q)))
    steps = np.linspace(0.0, spread.sum(), STRATA - len(lowest) + 1)[1:-1]
    places = np.array([*lowest, *np.searchsorted(spread.cumsum(), steps)])
    kept = np.diff([0.0, *below[np.maximum(places, 1) - 1]]) * (places > 0) > 0
    kept &= (places > 0) & (places <= len(_EDGES)) & (below[np.maximum(places, 1) - 1] < size)
    wanted = [number for number, keep in zip(numbers, kept, strict=False) if keep]
    places = places[kept]
    sizes = np.diff([0, *below[places - 1], size]).astype(np.int64)
    return Design(
        tuple(float(edge) for edge in _EDGES[places - 1]),
        _allocate(sizes, n, wanted),
        tuple(float(value) for value in np.add.reduceat(counts * q, [0, *places]) / np.maximum(sizes, 1)),
    )


def _shares(histogram: Histogram, prevalence: float | None) -> Floats:
    """Return the expected share of yes in each bin."""
    counts, size = histogram.counts.astype(np.float64), float(histogram.counts.sum())
    told = max(float(histogram.sums.sum()) / size, 1.0 / size)
    share = told if prevalence is None else max(prevalence, 1.0 / size)
    q = np.divide(histogram.sums, counts, out=np.zeros_like(counts), where=counts > 0) * share / told
    return np.asarray(np.clip(q, UNTRUSTED * share, 0.98))


def _allocate(sizes: Integers, n: int, wanted: Sequence[int]) -> tuple[int, ...]:
    """Give the lowest strata the numbers wanted, the others equal parts; what one cannot hold goes to the others."""
    drawn = np.zeros(len(sizes), dtype=np.int64)
    for h, number in enumerate(wanted):
        drawn[h] = min(number, n - int(drawn.sum()), int(sizes[h]))
    half = np.maximum(np.floor(MOST_DRAWN * sizes).astype(np.int64), drawn)
    others = np.arange(len(sizes)) >= len(wanted)
    for room in (np.where(others, half, drawn), half, sizes):
        left = min(n, int(sizes.sum())) - int(drawn.sum())
        while left > 0 and (drawn < room).any():
            open_ = np.flatnonzero(drawn < room)[:left]
            more = np.minimum(max(1, left // len(open_)), room[open_] - drawn[open_])
            drawn[open_] += more
            left -= int(more.sum())
    return tuple(int(count) for count in drawn)
