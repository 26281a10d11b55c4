"""Answers -> one decision an image: a label, another opinion, or given up as disputed."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np

from active_learning.consensus.dawid_skene import Posterior, dawid_skene
from active_learning.consensus.votes import Votes
from active_learning.domain.policy import Policy

MOST_WEIGHT = log(0.95 / 0.05)
"""What one vote can say at most: as much as somebody's who is right in 95 % of cases.

Dawid-Skene takes errors of different people for independent. Real ones fall on the same hard images, where two careful
people who are both wrong would outvote any number of less careful ones who are right.
"""

MORE_FOR_VALIDATION = 3
"""Opinions that a contested validation image gets beyond the redundancy; any other contested image gets one.

A single wrong answer among a few dozen yes images can cost a cut.
"""

Outcome = Literal["yes", "no", "more", "disputed"]


@dataclass(frozen=True)
class Decision:
    """What the answers so far make of one image. ``posterior`` is P(yes)."""

    image: str
    outcome: Outcome
    posterior: float
    votes_yes: int
    votes_no: int


def decide(votes: Votes, gold: Mapping[str, bool], policy: Policy, validation: Set[str]) -> list[Decision]:
    """Decide every image with votes that is not gold, in the order of ids.

    An image becomes a label when it has ``redundancy`` votes, one more where they differ, and its posterior passes
    the policy's (``validation_posterior`` for validation images, whose errors would spoil every cut). With
    ``max_votes`` (``validation_max_votes``) and no certainty it is disputed. Otherwise it wants more votes. The
    prevalence does the fine work: where yes is rare, two people who say no are certain enough and two who say yes are
    not.
    """
    posterior = fit(votes, gold, validation)
    yes, no = votes.counts()
    decisions = []
    for i, image in enumerate(votes.images):
        if image in gold:
            continue
        p = float(posterior.p_yes[i])
        contested = bool(yes[i] and no[i])
        if image in validation:
            target, most, more = policy.validation_posterior, policy.validation_max_votes, MORE_FOR_VALIDATION
        else:
            target, most, more = policy.posterior, policy.max_votes, 1
        least = policy.redundancy + more * contested
        outcome = _outcome(p, int(yes[i] + no[i]), target, least, most)
        decisions.append(Decision(image, outcome, p, int(yes[i]), int(no[i])))
    return decisions


def fit(votes: Votes, gold: Mapping[str, bool], validation: Set[str]) -> Posterior:
    """Fit what :func:`decide` decides by: error models and posteriors, validation images with their own prevalence."""
    groups = np.array([image in validation for image in votes.images], dtype=np.int64)
    return dawid_skene(votes, gold, groups, MOST_WEIGHT)


def _outcome(p_yes: float, n: int, target: float, least: int, most: int) -> Outcome:
    if n >= least and max(p_yes, 1.0 - p_yes) >= target:
        return "yes" if p_yes >= 0.5 else "no"
    return "disputed" if n >= most else "more"
