"""Uncertainty of a committee: models, checkpoints of one training, or passes with dropout through one network.

The members' scores are ``pool.members`` [N, M]. Averaged over the checkpoints of a training they are the confidence of
Geifman et al. 2019: easy images are not judged by the over-sure last state alone.
"""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Need, Pool
from active_learning.selection.strategy import Ask, Ranked


def members_of(pool: Pool, rows: slice) -> NDArray[np.float32]:
    """Return the members of these rows, one row after the other in memory: sums then round alike in every shard."""
    return np.ascontiguousarray(pool.need_members()[rows])


def committee_key(pool: Pool, rows: slice, ask: Ask) -> NDArray[np.float64]:
    """Return ``|mean P(yes) - 0.5|`` over the members: the least certain on average first."""
    return np.asarray(np.abs(members_of(pool, rows).mean(axis=1, dtype=np.float64) - 0.5))


def variation_ratio_key(pool: Pool, rows: slice, ask: Ask) -> NDArray[np.float64]:
    """Return ``|votes for yes - votes for no|``: it falls as the variation ratio grows, and is exact.

    The variation ratio is 1 - (share of the winning answer) (Gal et al. 2017): 0 where all members agree, 1/2 where
    they are evenly split. With M members it has only M / 2 + 1 values, so many images tie.
    """
    members = members_of(pool, rows)
    yes = np.count_nonzero(members >= np.float32(0.5), axis=1)
    return np.asarray(np.abs(2.0 * yes - members.shape[1]))


def disagreement(members: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return BALD (Houlsby et al. 2011) for members [N, M], in nats: ``H(mean p) - mean H(p)``, from 0 to ln 2.

    It is the mutual information of answer and member: high where every member is sure and they contradict each other.
    Exact at p = 0 and 1, where the entropy is 0; float64, since the two entropies are close where members agree.
    """
    p = members.astype(np.float64)
    return np.asarray(np.maximum(entropy(p.mean(axis=1)) - entropy(p).mean(axis=1), 0.0))


def entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``-p ln p - (1 - p) ln(1 - p)`` of each number; 0 at 0 and 1."""
    least = np.finfo(np.float64).tiny  # ln 0 is never taken: 0 times ln of the least number is 0
    q = 1.0 - p
    return -(p * np.log(np.maximum(p, least)) + q * np.log(np.maximum(q, least)))


def bald_key(pool: Pool, rows: slice, ask: Ask) -> NDArray[np.float64]:
    """Return minus the mutual information of these rows."""
    return -disagreement(members_of(pool, rows))


MEMBERS: frozenset[Need] = frozenset({"members"})
COMMITTEE = Ranked(needs=MEMBERS, key=committee_key)
VARIATION_RATIO = Ranked(needs=MEMBERS, key=variation_ratio_key)
BALD = Ranked(needs=MEMBERS, key=bald_key)
