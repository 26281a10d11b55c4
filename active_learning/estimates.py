"""Estimates, each with an interval: shares from counts, and what is left to do for a category."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.stats import beta

from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy

Interval = tuple[int, int, int]
"""(low, middle, high)"""


def clopper_pearson(k: int, n: int, confidence: float) -> tuple[float, float]:
    """Return the exact two-sided interval of a share after ``k`` of ``n`` (Clopper & Pearson 1934).

    Each end alone holds with confidence ``1 - (1 - confidence) / 2``. No trials say nothing: (0, 1).

    Raises:
        InputError: not 0 <= k <= n, or a confidence outside (0, 1).
    """
    if not (0 <= k <= n and 0.0 < confidence < 1.0):
        raise InputError(f"{k} of {n} at confidence {confidence} is no count.", "Use 0 <= k <= n, 0 < confidence < 1.")
    tail = (1.0 - confidence) / 2.0
    low = float(beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(beta.isf(tail, k + 1, n - k)) if k < n else 1.0
    return low, high


@dataclass(frozen=True)
class Estimate:
    """What is left for a category, as (low, middle, high): answers of people, US cents, seconds of people's work."""

    answers: Interval
    cents: Interval
    seconds: Interval


def forecast(
    unknown: int,
    unknown_by_round: Sequence[int],
    human_labels_by_round: Sequence[int],
    votes_per_label: float,
    answers_per_assignment: float,
    seconds_per_answer: float,
    policy: Policy,
) -> Estimate:
    """Estimate what deciding the unknown images will take.

    Low: the model takes as large a share of the unknown as in its best round so far. Middle: its mean share. High: it
    takes none, people answer everything, and each label needs half as many votes again (never more than ``max_votes``).

    Args:
        unknown: candidates still unknown.
        unknown_by_round: unknown at the start, then after each round [rounds + 1]; empty before the first round.
        human_labels_by_round: labels that people made in each round [rounds].
        votes_per_label: answers that a human label took so far.
        answers_per_assignment: answers to asked images (without gold) in one paid assignment.
        seconds_per_answer: time of one answer, gold included.
        policy: cost of an assignment, share of gold, most votes.

    Raises:
        InputError: a history of wrong length, or a rate that is not positive.
    """
    if len(unknown_by_round) != len(human_labels_by_round) + bool(unknown_by_round):
        raise InputError("The two histories do not match.", "Give the unknown at the start and after every round.")
    if min(votes_per_label, answers_per_assignment) <= 0 or seconds_per_answer < 0 or unknown < 0:
        raise InputError("A count or rate is not positive.", "Use the policy's values before there are observed ones.")
    shares = _model_shares(unknown_by_round, human_labels_by_round)
    votes_high = max(votes_per_label, min(float(policy.max_votes), 1.5 * votes_per_label))
    by_people = (
        unknown * (1.0 - float(np.max(shares))) * votes_per_label,
        unknown * (1.0 - float(np.mean(shares))) * votes_per_label,
        unknown * votes_high,
    )
    answers = _whole(by_people)
    assignments = [ceil(count / answers_per_assignment) for count in answers]
    # People answer gold too: their time covers every slot, the answers counted here only the asked ones.
    slots_per_asked = policy.slots / (policy.slots - policy.hidden_gold)
    return Estimate(
        answers=answers,
        cents=_whole([count * policy.cost_cents for count in assignments]),
        seconds=_whole([count * slots_per_asked * seconds_per_answer for count in answers]),
    )


def _model_shares(unknown_by_round: Sequence[int], human_labels_by_round: Sequence[int]) -> list[float]:
    """Return the share of the unknown that the model decided in each round; [0.0] before the first."""
    shares = [
        (before - after - people) / before if before else 0.0
        for before, after, people in zip(
            unknown_by_round[:-1], unknown_by_round[1:], human_labels_by_round, strict=True
        )
    ]
    return [min(1.0, max(0.0, share)) for share in shares] or [0.0]


def _whole(values: Sequence[float]) -> Interval:
    # Rounded first: a product such as 2.0000000000000004 must not become 3.
    low, middle, high = (ceil(round(value, 6)) for value in values)
    return low, middle, high
