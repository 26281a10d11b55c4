"""What is known besides the votes, put into the order in which a fit works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from active_learning.consensus.incidence import Floats
from active_learning.consensus.votes import Votes
from active_learning.domain.errors import InputError


@dataclass(frozen=True)
class Evidence:
    """What is known besides the votes.

    - ``gold``: known classes by image id; ids without votes are ignored.
    - ``groups`` [images]: the group of every image, numbered from 0, each with its own prevalence; one by default.
    - ``prior`` [images]: the log-odds of yes that somebody who gave no vote (the model, calibrated) believes in, in
      place of the prevalence; NaN where nothing is said. Yes/no only.
    - ``most_weight``: largest log-likelihood ratio of one vote in the posterior that is returned, the prior's
      against the prevalence included. It does not touch the fit.
    """

    gold: Mapping[str, int] = field(default_factory=dict)
    groups: NDArray[np.int64] | None = None
    prior: Floats | None = None
    most_weight: float = np.inf

    def extended(self, late: int) -> "Evidence":
        """The evidence with so many more images at the end, in group 0 and without a prior."""
        return Evidence(
            self.gold,
            None if self.groups is None else np.concatenate([self.groups, np.zeros(late, dtype=np.int64)]),
            None if self.prior is None else np.concatenate([self.prior, np.full(late, np.nan)]),
            self.most_weight,
        )


NOTHING = Evidence()


@dataclass(frozen=True)
class Problem:
    """Evidence in the order of an :class:`Incidence`; N images, G groups, K classes.

    ``groups`` is None where there is one. ``prior`` [N, 1] is NaN where nothing is said; None where nowhere.
    ``known`` and ``known_class`` are the rows with gold and their class. ``free`` [N] marks the images that speak of
    the prevalence (no gold, no prior of their own); None where all do.
    """

    images: int
    groups: NDArray[np.int64] | None
    size: int
    prior: Floats | None
    known: NDArray[np.int64]
    known_class: NDArray[np.int64]
    free: NDArray[np.bool_] | None

    @classmethod
    def of(cls, votes: Votes, evidence: Evidence) -> "Problem":
        """Check the evidence and sort it.

        Raises:
            InputError: one array does not have one number per image, or a prior comes with more than two classes.
        """
        n, order = len(votes.images), votes.incidence.image_order
        groups, prior = evidence.groups, evidence.prior
        if groups is not None and groups.shape != (n,):
            raise InputError(
                f"There are {n} images but {len(groups)} group numbers.", "Give one group for every image."
            )
        if prior is not None and prior.shape != (n,):
            raise InputError(f"There are {n} images but {len(prior)} priors.", "Give one for every image, or NaN.")
        if prior is not None and len(votes.classes) != 2:
            raise InputError("Priors speak of yes and no.", "Leave them out for more classes.")
        known = np.full(n, -1, dtype=np.int64)
        if evidence.gold:
            known = np.array([evidence.gold.get(image, -1) for image in votes.images], dtype=np.int64)[order]
        own = np.zeros(n, dtype=bool) if prior is None else ~np.isnan(prior[order])
        free = (known < 0) & ~own
        size = 1 if groups is None else int(groups.max(initial=0)) + 1
        return cls(
            images=n,
            groups=None if groups is None or size == 1 else groups[order].astype(np.int64, copy=False),
            size=size,
            prior=None if prior is None or not own.any() else prior[order][:, None],
            known=np.flatnonzero(known >= 0),
            known_class=known[known >= 0],
            free=None if free.all() else free,
        )

    def extended(self, known: Sequence[int]) -> "Problem":
        """The problem with more images at the end, in group 0; ``known`` are their classes, -1 where not known."""
        if not known:
            return self
        late, n = np.array(known, dtype=np.int64), self.images + len(known)
        free = None
        if self.free is not None or (late >= 0).any():
            free = np.concatenate([np.ones(self.images, dtype=bool) if self.free is None else self.free, late < 0])
        return Problem(
            images=n,
            groups=None if self.groups is None else np.concatenate([self.groups, np.zeros(len(late), dtype=np.int64)]),
            size=self.size,
            prior=None if self.prior is None else np.concatenate([self.prior, np.full((len(late), 1), np.nan)]),
            known=np.concatenate([self.known, self.images + np.flatnonzero(late >= 0)]),
            known_class=np.concatenate([self.known_class, late[late >= 0]]),
            free=free,
        )

    def totals(self, q: Floats) -> Floats:
        """Sum ``q`` [N, columns] over the free images of every group: [G, columns]."""
        if self.free is not None:
            q = np.where(self.free[:, None], q, 0.0)
        if self.groups is None:
            return np.asarray(q.sum(axis=0)[None, :])
        return np.column_stack([np.bincount(self.groups, column, self.size) for column in q.T])

    def sizes(self) -> Floats:
        """The number of free images of every group [G]."""
        if self.free is None and self.groups is None:
            return np.array([float(self.images)])
        free = np.ones(self.images, dtype=bool) if self.free is None else self.free
        groups = np.zeros(self.images, dtype=np.int64) if self.groups is None else self.groups
        return np.bincount(groups[free], minlength=self.size).astype(np.float64)

    def believed(self, log_odds: Floats, most_weight: float = np.inf) -> Floats:
        """What is believed before any vote, given the groups' ``log_odds`` [G, K - 1]: [N or 1, K - 1]."""
        base = log_odds if self.groups is None else log_odds[self.groups]
        if self.prior is None:
            return base
        own = np.where(np.isnan(self.prior), base, self.prior)
        return np.asarray(base + (own - base).clip(-most_weight, most_weight))

    def clamp(self, q: Floats) -> None:
        """Write the known classes into ``q`` [N, K - 1], in place."""
        if len(self.known):
            q[self.known] = self.known_class[:, None] == np.arange(1, q.shape[1] + 1)
