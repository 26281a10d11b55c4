"""Several strategies in turn: fixed shares, or shares that follow the model's competence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from active_learning.selection import quotas
from active_learning.selection.clusters import TYPICAL
from active_learning.selection.k_center import K_CENTER
from active_learning.selection.pool import Known, Need, Pool, Positions
from active_learning.selection.random_sample import RANDOM
from active_learning.selection.strategy import Ask, Strategy
from active_learning.selection.uncertain_diverse import BADGE
from active_learning.selection.uncertainty import MARGIN

Part = tuple[Strategy, float]
"""A strategy and its share."""


@dataclass(frozen=True)
class Several:
    """Parts that choose one after the other, each its share of the images, among what is left.

    ``parts`` returns the same strategies whatever is known; a share of 0 is not asked, and its columns may be missing.
    """

    parts: Callable[[Known], Sequence[Part]]

    @property
    def needs(self) -> frozenset[Need]:
        """What any part may read."""
        return frozenset().union(*(strategy.needs for strategy, _ in self.parts(Known.nothing())))

    def shortlist(self, pool: Pool, ask: Ask) -> Positions:
        """Return what any part would shortlist were it asked for all: enough for its share after the others' turns."""
        found = [strategy.shortlist(pool, ask) for strategy, share in self.parts(ask.known) if share > 0]
        return np.unique(np.concatenate(found))

    def choose(self, pool: Pool, ask: Ask) -> Positions:
        """Return the parts' choices in turn."""
        parts = self.parts(ask.known)
        left = np.arange(len(pool))
        chosen = [np.empty(0, dtype=np.int64)]
        for (strategy, _), count in zip(parts, quotas.by_share([share for _, share in parts], ask.k), strict=True):
            if count:
                rows = strategy.choose(pool.take(left), replace(ask, k=count))
                chosen.append(left[rows])
                left = np.delete(left, rows)
        return np.concatenate(chosen)


def fixed(known: Known) -> Sequence[Part]:
    """Half uncertain, a quarter spread over the features, a quarter at random: no part of the pool is never seen."""
    return ((MARGIN, 0.50), (K_CENTER, 0.25), (RANDOM, 0.25))


def by_competence(known: Known) -> Sequence[Part]:
    """Typical images while the model knows nothing, uncertain and diverse ones halfway, uncertain ones when it does.

    Few labels want typical images and many want uncertain ones (TypiClust, Hacohen et al. 2022); the model's
    competence is the better clock than the number of labels (DCoM, Mishal & Weinshall 2024). The shares are straight
    lines in ``Known.competence`` c: ``max(0, 1 - 2 c)``, ``1 - |2 c - 1|`` and ``max(0, 2 c - 1)``.
    """
    c = known.competence
    return ((TYPICAL, max(0.0, 1 - 2 * c)), (BADGE, 1 - abs(2 * c - 1)), (MARGIN, max(0.0, 2 * c - 1)))


MIXED = Several(fixed)
SCHEDULED = Several(by_competence)
