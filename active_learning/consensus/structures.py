"""How an annotator's error table follows from expected counts: one function a model.

Counts and tables are [A annotators, K said, K true]; a table's columns sum to 1. All are maximum a posteriori with
pseudo-answers in place of a prior. They keep an annotator with few answers from becoming infallible, and make the
models identifiable (without them EM needs thousands of passes).
"""

from collections.abc import Callable

import numpy as np

from active_learning.consensus.incidence import Floats

Structure = Callable[[Floats], Floats]
"""Expected counts [A, K said, K true] -> probabilities of saying k on an image of class z, the same shape."""

RIGHT, WRONG = 6.0, 1.0
"""Pseudo-answers of the prior of each accuracy (0.86)."""

SPREAD = 0.5
"""Pseudo-answers of every class in what somebody says who does not look (MACE)."""

WEAKEST, STRONGEST = 1.0 / 300.0, 0.5
"""Bounds of how much people differ: 1 / (1 + pseudo-answers)."""

INNER = 25
"""Passes of the inner maximisation of MACE: it is over annotators alone, and cheap."""

FLOOR = 1e-10
"""Smallest count in the model without a prior, as crowd-kit has it."""


def two_coin(counts: Floats) -> Floats:
    """A full table of one's own (Dawid & Skene 1979). For yes and no, nobody's answer is turned round.

    An annotator who seems worse than guessing (accuracy on yes + accuracy on no < 1) is held at guessing, where an
    answer has weight 0: the maximum of the likelihood under that constraint. One more vote for an answer therefore
    never speaks against it.
    """
    k = counts.shape[1]
    filled = counts + (WRONG / (k - 1) + (RIGHT - WRONG / (k - 1)) * np.eye(k))
    tables = filled / filled.sum(axis=1, keepdims=True)
    return _not_turned(tables, filled) if k == 2 else np.asarray(tables)


def one_coin(counts: Floats) -> Floats:
    """One accuracy, the same on every class; errors are spread evenly. Nobody is worse than guessing."""
    k = counts.shape[1]
    right = np.trace(counts, axis1=1, axis2=2)
    accuracy = np.maximum((right + RIGHT) / (counts.sum(axis=(1, 2)) + RIGHT + WRONG), 1.0 / k)
    return _even_errors(accuracy, k)


def one_for_all(counts: Floats) -> Floats:
    """The majority's model of people: one accuracy that everybody shares."""
    k = counts.shape[1]
    right = float(np.trace(counts, axis1=1, axis2=2).sum())
    accuracy = max((right + RIGHT) / (float(counts.sum()) + RIGHT + WRONG), 1.0 / k)
    return _even_errors(np.full(len(counts), accuracy), k)


def competence(counts: Floats) -> Floats:
    """Somebody looks with a probability of their own, and otherwise says what they are used to say (MACE).

    Hovy et al. 2013: P(k | z) = theta [k = z] + (1 - theta) xi(k). Whether they looked is hidden too; given the counts,
    that is a small EM over annotators alone.
    """
    k = counts.shape[1]
    hits = np.diagonal(counts, axis1=1, axis2=2)
    said = counts.sum(axis=2)
    total = said.sum(axis=1)
    theta = (hits.sum(axis=1) + RIGHT) / (total + RIGHT + WRONG)
    xi = (said + SPREAD) / (total + SPREAD * k)[:, None]
    for _ in range(INNER):
        looked = hits * (theta[:, None] / (theta[:, None] + (1.0 - theta[:, None]) * xi))
        theta = (looked.sum(axis=1) + RIGHT) / (total + RIGHT + WRONG)
        idle = said - looked + SPREAD
        xi = idle / idle.sum(axis=1, keepdims=True)
    return np.asarray(theta[:, None, None] * np.eye(k) + ((1.0 - theta)[:, None] * xi)[:, :, None])


def unsmoothed(counts: Floats) -> Floats:
    """A full table of one's own without any prior: maximum likelihood, as Dawid & Skene printed it.

    What somebody never said has no part in their table.
    """
    tables = np.where(counts.sum(axis=2, keepdims=True) > 0.0, np.maximum(counts, FLOOR), 0.0)
    sums = tables.sum(axis=1, keepdims=True)
    tables = tables / np.where(sums > 0.0, sums, 1.0)
    return np.where(tables > 0.0, tables, 1.0)


def _not_turned(tables: Floats, filled: Floats) -> Floats:
    """Hold whoever is worse than guessing at guessing; the tables are ``filled`` counts, made shares."""
    # On the boundary both kinds of image get yes at one rate: pool the counts, pseudo-answers included.
    guessing = tables[:, 1, 1] + tables[:, 0, 0] < 1.0
    pooled = filled.sum(axis=2) / filled.sum(axis=(1, 2))[:, None]
    return np.asarray(np.where(guessing[:, None, None], pooled[:, :, None], tables))


def _even_errors(accuracy: Floats, k: int) -> Floats:
    wrong = ((1.0 - accuracy) / (k - 1))[:, None, None]
    return np.asarray(np.where(np.eye(k, dtype=bool), accuracy[:, None, None], wrong))


def shrunk(counts: Floats) -> Floats:
    """A full table of one's own, drawn towards everybody's: the more alike people are, the closer (empirical Bayes)."""
    k = counts.shape[1]
    total = counts.sum(axis=0) + (WRONG / (k - 1) + (RIGHT - WRONG / (k - 1)) * np.eye(k))
    return _drawn(counts, total / total.sum(axis=0))


def leaning(counts: Floats) -> Floats:
    """A full table of one's own, drawn towards one accuracy that is everybody's on every class.

    It covers one coin and two: what people have in common is skill, and their leanings are their own.
    """
    k = counts.shape[1]
    right = float(np.trace(counts.sum(axis=0)))
    accuracy = max((right + RIGHT) / (float(counts.sum()) + RIGHT + WRONG), 1.0 / k)
    return _drawn(counts, _even_errors(np.array([accuracy]), k)[0])


def strength(counts: Floats, centre: Floats) -> float:
    """Pseudo-answers that tables drawn from one Dirichlet distribution round ``centre`` [K, Z] are worth.

    By moments: shares of n answers vary by m (1 - m) (1 + (n - 1) / (s + 1)) / n round a mean m.
    """
    n = counts.sum(axis=1)
    off = ((counts - n[:, None, :] * centre) ** 2).sum(axis=1) / np.maximum(n, 1e-9)
    spread = (centre * (1.0 - centre)).sum(axis=0)
    extra = float((off - spread * np.minimum(n, 1.0)).sum()) / max(float((spread * (n - 1.0).clip(0.0)).sum()), 1e-9)
    return 1.0 / min(max(extra, WEAKEST), STRONGEST) - 1.0


def _drawn(counts: Floats, centre: Floats) -> Floats:
    filled = counts + strength(counts, centre) * centre
    tables = filled / filled.sum(axis=1, keepdims=True)
    return _not_turned(tables, filled) if counts.shape[1] == 2 else tables
