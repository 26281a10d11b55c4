"""Answers -> one decision an image: a label, another opinion, or given up as disputed."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace
from math import log
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from active_learning.consensus.choose import auto
from active_learning.consensus.evidence import NOTHING, Evidence
from active_learning.consensus.incidence import Floats
from active_learning.consensus.methods import METHODS, by_tables
from active_learning.consensus.posterior import Posterior
from active_learning.consensus.redundancy import worth_asking
from active_learning.consensus.structures import one_for_all
from active_learning.consensus.votes import Votes
from active_learning.domain.policy import ConsensusName, Policy

MOST_WEIGHT = log(0.95 / 0.05)
"""What one vote can say at most: as much as somebody's who is right in 95 % of cases.

Dawid-Skene takes errors of different people for independent. Real ones fall on the same hard images, where two careful
people who are both wrong would outvote any number of less careful ones who are right.
"""

MORE_FOR_VALIDATION = 3
"""Opinions that a contested validation image gets beyond the redundancy; any other contested image gets one.

A single wrong answer among a few dozen yes images can cost a cut.
"""

SURE_YES = 0.9999
"""Certainty that a yes of a validation image wants at least, where there are at most ``FEW_YES`` of them.

The upper cut rests on them, and allows for every wrong one that their certainties leave possible. Where they are few
this costs few answers; each wrong one that must be allowed for costs some twenty validation images.
"""

FEW_YES = 300
"""Beyond so many yes among the validation images one wrong one weighs little, and certainty in each costs much."""

SUREST = 1e-4
"""A score closer to 0 or 1 speaks like this one."""

Outcome = Literal["yes", "no", "more", "disputed"]


@dataclass(frozen=True)
class Decision:
    """What the answers so far make of one image. ``posterior`` is P(yes)."""

    image: str
    outcome: Outcome
    posterior: float
    votes_yes: int
    votes_no: int


def fit(method: ConsensusName, votes: Votes, evidence: Evidence = NOTHING) -> Posterior:
    """Fit one of the methods, or let held-out votes choose (``auto``)."""
    chosen: Callable[[Votes, Evidence], Posterior] = auto if method == "auto" else METHODS[method]
    return chosen(votes, evidence)


def decide(
    votes: Votes,
    gold: Mapping[str, bool],
    policy: Policy,
    validation: Set[str],
    scores: Mapping[str, float] | None = None,
    doubted: Set[str] = frozenset(),
) -> list[Decision]:
    """Decide every image with votes that is not gold, in the order of ids.

    An image becomes a label when it has ``redundancy`` votes, one more where they differ, and its posterior passes
    the policy's (``validation_posterior`` for validation images, whose errors would spoil every cut, and ``SURE_YES``
    for a yes of theirs where these are few). With ``max_votes`` (``validation_max_votes``) and no certainty it is
    disputed. Otherwise it wants more votes. The prevalence does the fine work: where yes is rare, two people who say
    no are certain enough and two who say yes are not.

    Where the policy says what a wrong label costs, an image with ``redundancy`` votes whose next answer would cost
    more than it saves becomes a label as it is. Validation images are left out of that.

    ``scores`` are the model's calibrated P(yes), of a model that has not learned from the image in question. Where the
    policy lets the model vote they take the place of the prevalence, but never on validation images: their answers
    judge the model.

    ``doubted`` images had a label that was taken back: they want as much certainty as validation images, so that one
    more opinion does not simply confirm what was doubted.
    """
    posterior = believed(votes, gold, policy, validation, scores)
    yes, no = votes.counts()
    asked = worth_asking(posterior.p_yes, yes + no, posterior, policy, policy.max_votes)
    drawn = np.array([image in validation for image in votes.images], dtype=bool)
    sure_yes = SURE_YES if int(np.sum(drawn & (posterior.p_yes >= 0.5))) <= FEW_YES else 0.0
    decisions = []
    for i, image in enumerate(votes.images):
        if image in gold:
            continue
        p, n = float(posterior.p_yes[i]), int(yes[i] + no[i])
        contested = bool(yes[i] and no[i])
        if image in validation or image in doubted:
            least = policy.redundancy + MORE_FOR_VALIDATION * contested
            sure = sure_yes if p >= 0.5 and image in validation else 0.0
            target = max(policy.validation_posterior, sure)
            outcome = _outcome(p, n, target, least, policy.validation_max_votes)
        else:
            outcome = _outcome(p, n, policy.posterior, policy.redundancy + contested, policy.max_votes)
            if outcome == "more" and n >= policy.redundancy and not asked[i]:
                outcome = _likelier(p)
        decisions.append(Decision(image, outcome, p, int(yes[i]), int(no[i])))
    return decisions


def believed(
    votes: Votes,
    gold: Mapping[str, bool],
    policy: Policy,
    validation: Set[str],
    scores: Mapping[str, float] | None = None,
) -> Posterior:
    """Fit what :func:`decide` decides by: error models and posteriors, validation images with their own prevalence.

    The scores do not reach validation images by way of the error models either: these are believed as without scores.
    """
    drawn = np.array([image in validation for image in votes.images], dtype=bool)
    silent = Evidence(gold, drawn.astype(np.int64), None, MOST_WEIGHT)
    if not scores or not policy.model_votes:
        return _fit_for_labels(policy.consensus, votes, silent)
    speaking = _fit_for_labels(policy.consensus, votes, replace(silent, prior=_prior(votes, drawn, scores)))
    if not drawn.any():
        return speaking
    apart = _fit_for_labels(policy.consensus, votes, silent)
    return replace(speaking, p=np.where(drawn[:, None], apart.p, speaking.p))


def _fit_for_labels(method: ConsensusName, votes: Votes, evidence: Evidence) -> Posterior:
    # A share of votes is no probability. Everybody counting the same, with one accuracy, makes it one.
    return by_tables(method, votes, evidence, one_for_all) if method == "majority" else fit(method, votes, evidence)


def _prior(votes: Votes, drawn: NDArray[np.bool_], scores: Mapping[str, float]) -> Floats:
    p = np.array([np.nan if d else scores.get(i, np.nan) for i, d in zip(votes.images, drawn.tolist(), strict=True)])
    return np.asarray(logit(p.clip(SUREST, 1.0 - SUREST)))


def _outcome(p_yes: float, n: int, target: float, least: int, most: int) -> Outcome:
    if n >= least and max(p_yes, 1.0 - p_yes) >= target:
        return _likelier(p_yes)
    return "disputed" if n >= most else "more"


def _likelier(p_yes: float) -> Outcome:
    return "yes" if p_yes >= 0.5 else "no"
