"""What the votes say: the classes of images, the errors of annotators, each with how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import betaincinv

from active_learning.consensus.incidence import Floats
from active_learning.consensus.structures import RIGHT, WRONG
from active_learning.consensus.votes import Votes

LEVEL = 0.95
"""Probability of the credible intervals."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class ErrorModel:
    """What is believed of one annotator: accuracy on yes and on no images and the answers that this rests on.

    The intervals hold the accuracy with probability .95.
    """

    yes_accuracy: float
    no_accuracy: float
    yes_answers: float
    no_answers: float
    yes_interval: Interval = (0.0, 1.0)
    no_interval: Interval = (0.0, 1.0)


@dataclass(frozen=True)
class Posterior:
    """P(class) of N images in K classes, and what A annotators and G groups are like.

    - ``p`` [N, K].
    - ``tables`` [A, K said, K true]: the probability that somebody says k on an image of class z.
    - ``answered`` [A, K said, K true]: the expected number of such answers.
    - ``shares`` [G, K]: the classes' shares among the images without gold, or the even ones that the method takes.
    - ``passes``: passes over the votes that the fit took.
    - ``why``: the method in words, where it was chosen.
    """

    method: str
    votes: Votes
    p: Floats
    tables: Floats
    answered: Floats
    shares: Floats
    passes: int
    why: str = ""

    @property
    def images(self) -> Sequence[str]:
        """The images' names, in the order of ``p``."""
        return self.votes.images

    @property
    def p_yes(self) -> Floats:
        """P(yes) of every image [N]."""
        return self.p[:, 1]

    @property
    def prevalence(self) -> Floats:
        """The share of yes in every group [G]."""
        return self.shares[:, 1]

    @cached_property
    def intervals(self) -> Floats:
        """Credible interval of every annotator's accuracy on every class [A, K, 2].

        With the classes known, an accuracy is Beta distributed (pseudo-answers included). They are not quite known:
        the variance that this adds is that of the sum of right answers over independent images, to first order. The
        interval is that of the Beta distribution with the mean and the variance of both.
        """
        incidence = self.votes.incidence
        k = len(self.votes.classes)
        doubt = incidence.over_images((self.p * (1.0 - self.p))[incidence.image_order])
        doubt = incidence.unsort_annotators(doubt.reshape(-1, k, k))
        seen = self.answered.sum(axis=1)
        mean = (np.diagonal(self.answered, axis1=1, axis2=2) + RIGHT) / (seen + RIGHT + WRONG)
        hit = np.diagonal(doubt, axis1=1, axis2=2)
        missed = doubt.sum(axis=1) - hit
        unsure = (hit * (1.0 - mean) ** 2 + missed * mean**2) / (seen + RIGHT + WRONG) ** 2
        variance = mean * (1.0 - mean) / (seen + RIGHT + WRONG + 1.0) + unsure
        size = np.maximum(mean * (1.0 - mean) / variance - 1.0, 1e-3)
        tail = (1.0 - LEVEL) / 2.0
        low, high = (betaincinv(mean * size, (1.0 - mean) * size, t) for t in (tail, 1.0 - tail))
        return np.stack([low, high], axis=2)

    @cached_property
    def annotators(self) -> Mapping[str, ErrorModel]:
        """The error models by annotator, yes against no."""
        seen = self.answered.sum(axis=1)
        numbers = np.column_stack([self.tables[:, 1, 1], self.tables[:, 0, 0], seen[:, 1], seen[:, 0]]).tolist()
        bounds = self.intervals.tolist()
        return {
            name: ErrorModel(row[0], row[1], row[2], row[3], (yes[0], yes[1]), (no[0], no[1]))
            for name, row, (no, yes) in zip(self.votes.annotators, numbers, bounds, strict=True)
        }
