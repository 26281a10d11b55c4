"""The audit stream: people check a random few of the model's labels; a broken promise raises an alarm, valid for ever.

Each round some of the labels of the rule in force are drawn at random and checked (:func:`draw`). On each side the
promise says that at least a share ``target`` of them is right. The wealth of a gambler who bets against it is an
e-process: each check multiplies it by the chance of the answer under a worse model over its chance under the promise.
While the promise holds the game is fair at best: wealth ever reaches 1 / alpha with a chance of at most alpha (Ville
1939), however often one looks and whatever earlier answers made one do. The worse models are mixed: with w wrong of n
checks the wealth is the mean of (q / e) ** w * ((1 - q) / (1 - e)) ** (n - w) over q > e = 1 - target with the density
Beta(1/2, 1/2) cut to there.

The same mixture over all q gives a confidence sequence for the share that is right: all shares that do not make such a
gambler rich (Robbins' method of mixtures). It holds at all times at once.

Draws are with replacement from the labels as the rule made them; a label that is drawn again counts again and is not
asked again. A new rule begins a new audit with its own part of alpha (:func:`alpha_of_rule`). Checked images keep to
themselves: no model learns from them, for which labels are checked depends on the cuts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, log, log1p
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc, betaln

from active_learning.domain.errors import InputError
from active_learning.splits import stable_seed


@dataclass(frozen=True)
class Audit:
    """Checks of one rule's labels on one side so far: ``wrong`` of ``n`` disagreed with people.

    Attributes:
        target: the promised share of labels that are right.
        alpha: the largest chance of a false alarm over all time.
        n: labels checked.
        wrong: labels that people contradict.
        peak: the largest log wealth so far: an alarm that was raised stays.
    """

    target: float
    alpha: float
    n: int = 0
    wrong: int = 0
    peak: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.target < 1.0 or not 0.0 < self.alpha < 1.0:
            raise InputError("Target and alpha of an audit lie between 0 and 1.", "Use the policy's promise.")

    def check(self, right: bool) -> Self:
        """Count one more check: did people agree with the model?"""
        found = replace(self, n=self.n + 1, wrong=self.wrong + (not right))
        return replace(found, peak=max(self.peak, log_wealth(found.wrong, found.n, self.target)))

    @property
    def alarm(self) -> bool:
        """Whether the promise is broken: the labels of this side are to be taken back."""
        return self.peak >= log(1.0 / self.alpha)

    @property
    def p_value(self) -> float:
        """The chance of ever getting here while the promise holds, at most; valid at any time."""
        return min(1.0, exp(-self.peak))

    def interval(self) -> tuple[float, float]:
        """Return the confidence sequence at 1 - alpha: the share of right labels, lower and upper end, at any time."""
        return interval(self.n - self.wrong, self.n, self.alpha)


def log_wealth(wrong: int, n: int, target: float) -> float:
    """Return the log of the wealth of a bet that more than 1 - ``target`` of all labels are wrong."""
    e = 1.0 - target
    a, b = wrong + 0.5, n - wrong + 0.5
    # The ratio of two Beta integrals over (e, 1), scaled by the likelihood at e.
    share, prior = float(betaincc(a, b, e)), float(betaincc(0.5, 0.5, e))
    if share <= 0.0:
        return -np.inf
    return float(betaln(a, b) + log(share) - betaln(0.5, 0.5) - log(prior) - wrong * log(e) - (n - wrong) * log(target))


def interval(right: int, n: int, alpha: float) -> tuple[float, float]:
    """Return the shares q that the mixture over (0, 1) does not refute: log m(right) - log lik(q) < log(1 / alpha)."""
    if n == 0:
        return 0.0, 1.0
    middle = right / n
    mixture = float(betaln(right + 0.5, n - right + 0.5) - betaln(0.5, 0.5))

    def refuted(q: float) -> bool:
        if q <= 0.0 or q >= 1.0:
            return True
        likelihood = (right * log(q) if right else 0.0) + ((n - right) * log1p(-q) if right < n else 0.0)
        return mixture - likelihood >= log(1.0 / alpha)

    low = 0.0 if right == 0 else _edge(refuted, 0.0, middle)
    high = 1.0 if right == n else _edge(refuted, 1.0, middle)
    return low, high


def _edge(refuted: Callable[[float], bool], outside: float, inside: float) -> float:
    """Return the end of the shares that are not refuted, from ``inside`` towards ``outside``, by bisection."""
    for _ in range(50):
        middle = (outside + inside) / 2.0
        outside, inside = (middle, inside) if refuted(middle) else (outside, middle)
    return outside


def alpha_of_rule(alpha: float, number: int) -> float:
    """Return the part of ``alpha`` for a category's rule 1, 2, ...: 1 / (k (k + 1)), which adds up to all of it."""
    if number < 1:
        raise InputError(f"There is no rule {number}.", "Rules of a category are counted from 1.")
    return alpha / (number * (number + 1.0))


def target_of_no(recall: float, yes: float, labels: int) -> float:
    """Return the share of the model's no labels that must be right for the recall to hold.

    Args:
        recall: the promised share.
        yes: how many yes images the pool has, as far as is known.
        labels: how many images the rule labels no.
    """
    allowed = (1.0 - recall) * yes / max(labels, 1)
    return 1.0 - min(max(allowed, 1e-9), 1.0 - 1e-9)


def draw(labels: int, k: int, *seed: object) -> NDArray[np.int64]:
    """Return which of a rule's ``labels``, in a fixed order, are checked next: ``k`` positions, with replacement."""
    if labels == 0:
        return np.zeros(0, dtype=np.int64)
    return np.random.default_rng(stable_seed("audit", *seed)).integers(0, labels, k)
