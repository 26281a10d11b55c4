"""Uncertain and unlike each other: k-means++ seeding among the uncertain images."""

import numpy as np
from numpy.typing import NDArray

from active_learning.selection.pool import Need, Pool, Positions
from active_learning.selection.seeding import plus_plus
from active_learning.selection.strategy import Ask, Ranked
from active_learning.selection.uncertainty import margin_key


def spread_features(pool: Pool, ask: Ask) -> Positions:
    """Return seeds among the features, from the least certain image on."""
    return plus_plus(pool.need_features(), ask.k, np.random.default_rng(ask.seed))


def gradients(pool: Pool) -> NDArray[np.float32]:
    """Return BADGE's gradient embeddings [N, D] (Ash et al. 2020): ``(p - yhat) x``.

    It is the gradient of the cross-entropy with respect to the weights of the last layer at the label that the model
    itself expects, ``yhat = [p >= 0.5]``. The paper's embedding of two classes is this vector and its negative side by
    side: all its distances are ours times the square root of 2, so the law of the seeds is the same.
    """
    scores = pool.need_scores()
    return (scores - (scores >= np.float32(0.5)))[:, None].astype(np.float32) * pool.need_features()


def gradient_key(pool: Pool, rows: slice, ask: Ask) -> NDArray[np.float32]:
    """Return minus the length of the gradient embedding: what would move the model most comes first."""
    scores, features = pool.need_scores()[rows], pool.need_features()[rows]
    lengths = np.sqrt(np.einsum("nd,nd->n", features, features))
    return np.asarray(-np.minimum(scores, 1 - scores) * lengths)


def spread_gradients(pool: Pool, ask: Ask) -> Positions:
    """Return seeds among the gradient embeddings, from the longest on, as BADGE does."""
    return plus_plus(gradients(pool), ask.k, np.random.default_rng(ask.seed))


BOTH: frozenset[Need] = frozenset({"scores", "features"})
MARGIN_DIVERSE = Ranked(needs=BOTH, key=margin_key, width=5, among=spread_features)
"""Wider than 5 would trade uncertainty away for spread."""
BADGE = Ranked(needs=BOTH, key=gradient_key, width=100, among=spread_gradients)
"""An image beyond the 100 k longest gradients has a short one: its chance to be a seed is next to none."""
