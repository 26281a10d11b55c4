"""What the thresholds of a policy mean for people: how likely it is that somebody is refused, or not used.

The chances are exact. Somebody who is right on each gold image with probability ``p``, yes or no, on its own, gives
``a`` right yeses and ``b`` right noes with the product of two binomial chances; the rules of :mod:`quality` say of each
pair whether it is paid and used, and the pairs that are not are added up. They are about one full task of somebody
without an earlier record.

A usual rule, "refuse below 90 % of the gold", is worked out beside it: with 40 gold images it refuses a person who is
right nine times in ten in 37 of 100 tasks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import binom

from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.value import Value
from active_learning.quality import CLOSE, GUESSING_LEVEL

ACCURACIES = (0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 0.98)
"""Guessing is 0.5, a person in a hurry 0.8, most annotators 0.9 to 0.98."""

USUAL_RULE = 0.90
"""Share of gold below which requesters usually refuse."""

TASKS = 20
"""Tasks that somebody may well do of one category."""

Chances = NDArray[np.float64]
Decisions = NDArray[np.bool_]


class Risk(Value):
    """What becomes of one task of somebody who is right on each gold image with probability ``accuracy``.

    ``refused`` is the chance of no pay, ``refused_once`` that of at least one refusal in :data:`TASKS` tasks,
    ``unused`` the chance that the answers are not used for labels, and ``usual_rule`` the chance of no pay under
    :data:`USUAL_RULE`.
    """

    accuracy: float
    refused: float
    refused_once: float
    unused: float
    usual_rule: float


class Fairness(Value):
    """The risks of people of several accuracies, for tasks with ``gold`` hidden gold images, ``gold_yes`` of them yes.

    Pay is refused to whoever gets ``refused_up_to`` or fewer right (unless yes and no seem exchanged); ``None``: to
    nobody, so little gold proves nothing. ``guesser_paid`` and ``guesser_used`` are the chances of somebody who answers
    at random: the price of fairness.
    """

    gold: int
    gold_yes: int
    refused_up_to: int | None
    guesser_paid: float
    guesser_used: float
    risks: tuple[Risk, ...]


def refusal(policy: Policy, accuracies: Sequence[float] = ACCURACIES, gold: int | None = None) -> Fairness:
    """Work out the risks under the thresholds of a policy.

    Args:
        policy: ``honest_accuracy`` and ``false_refusal`` decide about pay, ``use_accuracy`` about use.
        accuracies: of the people to ask about, each within [0, 1].
        gold: hidden gold images of the task; by default those of a full task.

    Raises:
        InputError: an accuracy outside [0, 1], or a negative number of gold images.
    """
    n = policy.hidden_gold if gold is None else gold
    if n < 0 or any(not 0.0 <= p <= 1.0 for p in accuracies):
        raise InputError("An accuracy or the gold is out of range.", "Use accuracies of 0 to 1 and gold of 0 or more.")
    yes = (n + 1) // 2  # an odd one is of either answer by chance
    no = n - yes
    refused, used = _decisions(yes, no, policy)
    usual = np.add.outer(np.arange(yes + 1), np.arange(no + 1)) < USUAL_RULE * n - CLOSE
    guess = _chances(yes, no, 0.5)
    too_few = [k for k in range(n) if binom.cdf(k, n, policy.honest_accuracy) < policy.false_refusal]
    return Fairness(
        gold=n,
        gold_yes=yes,
        refused_up_to=max(too_few, default=None),
        guesser_paid=_sum(guess, ~refused),
        guesser_used=_sum(guess, used),
        risks=tuple(_risk(p, _chances(yes, no, p), refused, used, usual) for p in accuracies),
    )


def _risk(accuracy: float, chances: Chances, refused: Decisions, used: Decisions, usual: Decisions) -> Risk:
    no_pay = _sum(chances, refused)
    return Risk(
        accuracy=accuracy,
        refused=no_pay,
        refused_once=float(-np.expm1(TASKS * np.log1p(-no_pay))) if no_pay < 1.0 else 1.0,
        unused=_sum(chances, ~used),
        usual_rule=_sum(chances, usual),
    )


def _decisions(yes: int, no: int, policy: Policy) -> tuple[Decisions, Decisions]:
    """(pay is refused, answers are used) for each number of right yeses and right noes [yes + 1, no + 1].

    The rules are those of :func:`active_learning.quality.verdict`, for all pairs at once; a test compares the two.
    """
    right_yes, right_no = np.meshgrid(np.arange(yes + 1), np.arange(no + 1), indexing="ij")
    correct, said_yes = right_yes + right_no, right_yes + no - right_no
    at_most = _right_yeses_by_chance(yes, no)
    few = binom.cdf(correct, yes + no, policy.honest_accuracy) < policy.false_refusal
    exchanged = at_most[said_yes, right_yes] <= policy.false_refusal + CLOSE
    refused = few & ~exchanged
    if yes == 0 or no == 0:
        return refused if yes else np.zeros_like(refused), np.zeros_like(refused)
    one_less = np.where(right_yes > 0, at_most[said_yes, np.maximum(right_yes - 1, 0)], 0.0)
    informed = (1.0 - one_less <= GUESSING_LEVEL + CLOSE) | (correct == yes + no)
    accurate = (right_yes / yes + right_no / no) / 2 >= policy.use_accuracy
    return refused, accurate & informed


def _right_yeses_by_chance(yes: int, no: int) -> Chances:
    """Chance of at most k right yeses when s yeses are said without a look at the images [yes + no + 1, yes + 1].

    Hypergeometric (Fisher 1935): C(yes, k) C(no, s - k) / C(yes + no, s).
    """
    said, k = np.meshgrid(np.arange(yes + no + 1), np.arange(yes + 1), indexing="ij")
    rest = said - k
    possible = (rest >= 0) & (rest <= no)
    ways = _log_choose(yes, k) + _log_choose(no, np.clip(rest, 0, no)) - _log_choose(yes + no, said)
    table: Chances = np.cumsum(np.where(possible, np.exp(ways), 0.0), axis=1)
    return table


def _log_choose(n: int, k: NDArray[np.int_]) -> Chances:
    result: Chances = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return result


def _chances(yes: int, no: int, accuracy: float) -> Chances:
    """Chance of each number of right yeses and right noes [yes + 1, no + 1]."""
    return np.outer(binom.pmf(np.arange(yes + 1), yes, accuracy), binom.pmf(np.arange(no + 1), no, accuracy))


def _sum(chances: Chances, where: Decisions) -> float:
    return float(min(1.0, chances[where].sum()))
