"""What a model will know: scores of the pool by how many labels it has seen, and where the cuts then lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from active_learning.cuts import Tally, Validation, risk_of_look
from active_learning.cuts.lower import lower_side
from active_learning.cuts.sides import sides
from active_learning.cuts.upper import UpperSide
from active_learning.domain.cuts import Cuts
from active_learning.domain.policy import Policy

Floats = NDArray[np.float64]

BINS = 400
NOISE = norm.ppf((np.arange(BINS) + 0.5) / BINS)
"""An image's own deviation from its kind in a model's score, in standard deviations: so many equally likely ones."""

MOST_VALIDATION = 3_000
"""More validation images than this are forecast as so many: the cuts hardly move any more."""


def separation(full: float, half: float, labels: float) -> float:
    """d' after so many labels: its square grows like n / (n + half), as that of a mean with a fixed part of noise."""
    return full * sqrt(labels / (labels + half))


def scores(distance: float, share_yes: float, yes: bool, noise: Floats = NOISE) -> Floats:
    """Calibrated scores of images of one kind with these deviations: P(yes) of two normal distributions."""
    odds = np.log(share_yes / (1.0 - share_yes))
    return np.asarray(expit(distance * ((0.5 if yes else -0.5) * distance + noise) + odds))


@dataclass
class Rest:
    """Images that people have not decided, validation left out: how many of each deviation, by kind [BINS]."""

    yes: Floats
    no: Floats

    @classmethod
    def of(cls, images: float, share_yes: float) -> "Rest":
        """A whole pool."""
        return cls(np.full(BINS, images * share_yes / BINS), np.full(BINS, images * (1.0 - share_yes) / BINS))

    @property
    def size(self) -> float:
        """How many images."""
        return float(self.yes.sum() + self.no.sum())

    def take(self, images: float, near: tuple[float, float] | None = None) -> tuple[float, float]:
        """Take so many away and say how many of them are yes and no.

        Without ``near`` they are like the rest; with it, (d', share of yes), they are those of scores nearest to 0.5.
        """
        images = min(images, self.size)
        if images <= 0.0:
            return 0.0, 0.0
        if near is None:
            part = images / self.size
            taken = part * self.yes, part * self.no
        else:
            doubt = [np.abs(scores(near[0], near[1], kind) - 0.5) for kind in (True, False)]
            order = np.argsort(np.concatenate(doubt), kind="stable")
            mass = np.concatenate([self.yes, self.no])[order]
            before = np.cumsum(mass) - mass
            out = np.empty_like(mass)
            out[order] = np.clip(images - before, 0.0, mass)
            taken = out[:BINS], out[BINS:]
        self.yes, self.no = self.yes - taken[0], self.no - taken[1]
        return float(taken[0].sum()), float(taken[1].sum())

    def beyond(self, cuts: Cuts, distance: float, share_yes: float) -> float:
        """How many images the cuts decide, by a model of this d'."""
        decided = 0.0
        for mass, kind in ((self.yes, True), (self.no, False)):
            score = scores(distance, share_yes, kind)
            said = np.zeros(BINS, dtype=bool)
            if cuts.upper is not None:
                said |= score > cuts.upper
            if cuts.lower is not None:
                said |= score < cuts.lower
            decided += float(mass[said].sum())
        return decided


def cuts(
    rest: Rest,
    policy: Policy,
    look: int,
    sample: tuple[int, int],
    distance: float,
    found_yes: float,
    seed: Sequence[int],
) -> Cuts:
    """The cuts that ``cuts.calibrate`` would choose for a sample of (yes, no) validation images, drawn with ``seed``.

    The tests are the service's own. What people decided because of its score is left out of the tally: a batch is a
    small part of a pool.
    """
    yes, no = sample
    share_yes = min(max(yes / max(1, yes + no), 1e-6), 1.0 - 1e-6)
    noise = np.random.default_rng(seed).normal(size=yes + no)
    answers = np.arange(yes + no) < yes
    drawn = np.where(answers, scores(distance, share_yes, True, noise), scores(distance, share_yes, False, noise))
    certainty = np.full(len(drawn), 0.9995)
    validation = Validation.of(drawn, answers, certainty)
    tally = _tally(validation.thresholds, rest, distance, share_yes)
    risk = risk_of_look(policy.confidence, look)
    above, below, whole = sides(validation, tally)
    upper = UpperSide.of(validation, above, policy.precision, risk)
    passed = np.flatnonzero(upper.passed())
    lower = lower_side(validation, tally, below, whole, policy.recall, risk, round(found_yes), None).highest()
    low = None if lower is None else float(tally.thresholds[lower])
    high = float(upper.thresholds[passed[-1]]) if len(passed) else None
    return Cuts(lower=low if low is None or high is None else min(low, high), upper=high)


def _tally(thresholds: Floats, rest: Rest, distance: float, share_yes: float) -> Tally:
    """Counts of the rest between the thresholds, from its distribution: no image has the score of a threshold."""
    width = 2 * len(thresholds) + 1
    counts, promised = np.zeros(width), np.zeros(width)
    for mass, kind in ((rest.yes, True), (rest.no, False)):
        score = scores(distance, share_yes, kind)
        # Each bin is spread over its width, so that counts do not jump at its middle.
        filled = np.concatenate([[0.0], np.cumsum(mass)])
        edges = np.concatenate([[0.0], (score[1:] + score[:-1]) / 2.0, [1.0]])
        below = np.concatenate([[0.0], np.interp(thresholds, edges, filled), [filled[-1]]])
        counts[::2] += np.diff(below)
        promised[::2] += np.diff(np.interp(np.concatenate([[0.0], thresholds, [1.0]]), edges,
                                           np.concatenate([[0.0], np.cumsum(mass * score)])))  # fmt: skip
    whole = np.diff(np.concatenate([[0], np.round(np.cumsum(counts)).astype(np.int64)]))
    nothing = np.zeros((1, width), dtype=np.int64)
    return Tally(thresholds, whole[None, :], nothing, nothing, promised[None, :])
