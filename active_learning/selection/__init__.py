"""Selection: scores -> which candidates people should see next.

A strategy gives every image a *key*, smaller first, and may then choose among the ``width * k`` images of smallest key
so that the chosen differ. A key depends on the image itself, on what is known and on the seed, so a pool that does not
fit in one place is chosen from in shards: each returns its ``shortlist``, ``merge`` joins them and ``choose`` chooses.
``select`` is these three on one pool, so both give the same images.

Adding a strategy is one file and one line. The file holds a key and wraps it::

    def bright_key(pool: Pool, rows: slice, ask: Ask) -> NDArray[np.float32]:
        return -pool.need_features()[rows, 0]

    BRIGHT = Ranked(needs=frozenset({"features"}), key=bright_key)

The line in ``STRATEGIES`` is ``"bright": bright.BRIGHT`` (and ``active_learning.domain.policy.StrategyName`` lists the
name, so that a policy may use it). Ties, streaming, shards and the number of images are seen to.
"""

from collections.abc import Mapping, Sequence

from active_learning.domain.errors import InputError
from active_learning.domain.policy import StrategyName
from active_learning.selection import (
    clusters,
    committee,
    confidence,
    fisher,
    k_center,
    random_sample,
    several,
    uncertain_diverse,
    uncertainty,
)
from active_learning.selection.pool import Known, Need, Pool, Positions
from active_learning.selection.strategy import Ask, Ranked, Strategy

NOTHING = Known.nothing()

STRATEGIES: Mapping[StrategyName, Strategy] = {
    "random": random_sample.RANDOM,
    # For a yes/no question these three are one order of the pool: see ``uncertainty``.
    "margin": uncertainty.MARGIN,
    "least_confidence": uncertainty.MARGIN,
    "entropy": uncertainty.MARGIN,
    "committee": committee.COMMITTEE,
    "variation_ratio": committee.VARIATION_RATIO,
    "bald": committee.BALD,
    "k_center": k_center.K_CENTER,
    "cluster_balanced": clusters.CLUSTER_BALANCED,
    "typical": clusters.TYPICAL,
    "margin_diverse": uncertain_diverse.MARGIN_DIVERSE,
    "badge": uncertain_diverse.BADGE,
    "fisher_sum": fisher.FISHER_SUM,
    "fisher_product": fisher.FISHER_PRODUCT,
    "stratified_random": confidence.STRATIFIED_RANDOM,
    "above_median": confidence.ABOVE_MEDIAN,
    "below_median": confidence.BELOW_MEDIAN,
    "above_half": confidence.ABOVE_HALF,
    "below_half": confidence.BELOW_HALF,
    "interquartile": confidence.INTERQUARTILE,
    "normal": confidence.NORMAL,
    "mid_normal": confidence.MID_NORMAL,
    "bin_quintile": confidence.BIN_QUINTILE,
    "bin_normal": confidence.BIN_NORMAL,
    "mixed": several.MIXED,
    "scheduled": several.SCHEDULED,
}


def select(strategy: StrategyName, pool: Pool, k: int, seed: int, known: Known = NOTHING) -> Positions:
    """Return at most ``k`` distinct positions of ``pool`` (all of them where it is smaller), the best first.

    The same images, seed and knowledge give the same choice, in whatever order or shards the images come.

    Raises:
        InputError: no such strategy, or the strategy needs scores, features or members that the pool lacks.
    """
    found, ask = _find(strategy), Ask(max(0, k), seed, known)
    rows = found.shortlist(pool, ask)
    return rows[found.choose(pool.take(rows), ask)]


def shortlist(strategy: StrategyName, pool: Pool, k: int, seed: int, known: Known = NOTHING) -> Pool:
    """Return the images of one shard that ``choose`` needs to see: a bounded multiple of ``k``."""
    return pool.take(_find(strategy).shortlist(pool, Ask(max(0, k), seed, known)))


def merge(strategy: StrategyName, shards: Sequence[Pool], k: int, seed: int, known: Known = NOTHING) -> Pool:
    """Return the shortlist of the whole pool from the shortlists of its shards. Merged ones may be merged again."""
    return shortlist(strategy, Pool.concatenate(shards), k, seed, known)


def choose(strategy: StrategyName, pool: Pool, k: int, seed: int, known: Known = NOTHING) -> Positions:
    """Return the positions of the choice in a merged shortlist. Raises as ``select``."""
    return _find(strategy).choose(pool, Ask(max(0, k), seed, known))


def needs(strategy: StrategyName) -> frozenset[Need]:
    """Return which columns of the pool the strategy reads."""
    return _find(strategy).needs


def _find(strategy: StrategyName) -> Strategy:
    if strategy not in STRATEGIES:
        raise InputError(f"There is no strategy named {strategy!r}.", f"Use one of: {', '.join(STRATEGIES)}.")
    return STRATEGIES[strategy]


__all__ = [
    "STRATEGIES",
    "Ask",
    "Known",
    "Need",
    "Pool",
    "Positions",
    "Ranked",
    "Strategy",
    "choose",
    "merge",
    "needs",
    "select",
    "shortlist",
]
