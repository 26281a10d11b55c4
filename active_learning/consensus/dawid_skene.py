"""Two-coin Dawid-Skene: answers weighed by what each annotator gets right, on yes images and on no images apart.

Dawid & Skene 1979, for two answers, as maximum a posteriori EM. What is added to the original:

- Each accuracy has a Beta prior, written as pseudo-answers: 6 right and 1 wrong on either side (0.86). It keeps an
  annotator with few answers from becoming infallible, and makes the model identifiable (without it EM needs thousands
  of passes). The prior is the same on both sides, so exchanging yes and no mirrors the result.
- Gold images are clamped to their known answer. They teach the error models but say nothing of the prevalence: the
  share of yes among gold is a choice, not a sample.
- Images come in groups with a prevalence each. Validation images are a random sample of the pool; the others were
  chosen, and are yes far more often. One prevalence for both would lift one and press the other.
- Nobody's answer is turned round. An annotator who seems worse than guessing (accuracy on yes + accuracy on no < 1) is
  held at guessing, where an answer has weight 0: the maximum of the likelihood under that constraint. One more vote for
  an answer therefore never speaks against it.
- In the answer, not in the fit, one vote can be bounded (``most_weight``): see ``decide``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from active_learning.consensus.votes import Votes
from active_learning.domain.errors import InputError

RIGHT, WRONG = 6.0, 1.0
"""Pseudo-answers of the prior of each accuracy."""

PREVALENCE = 1.0
"""Pseudo-images of either answer in the prior of each prevalence."""

TOLERANCE = 1e-9
MAX_PASSES = 2_000


@dataclass(frozen=True)
class ErrorModel:
    """What is believed of one annotator: accuracy on yes and on no images and the answers that this rests on."""

    yes_accuracy: float
    no_accuracy: float
    yes_answers: float
    no_answers: float


@dataclass(frozen=True)
class Posterior:
    """What the votes say: P(yes) [images], error models by annotator, prevalence [groups] and EM passes used."""

    images: tuple[str, ...]
    p_yes: NDArray[np.float64]
    annotators: Mapping[str, ErrorModel]
    prevalence: NDArray[np.float64]
    passes: int


def dawid_skene(
    votes: Votes,
    gold: Mapping[str, bool],
    groups: NDArray[np.int64] | None = None,
    most_weight: float = np.inf,
) -> Posterior:
    """Fit the model to the votes.

    Args:
        votes: V votes over the images.
        gold: known answers by image id; ids without votes are ignored.
        groups: the group of every image [images], numbered from 0; one group by default.
        most_weight: largest log-likelihood ratio of one vote in the posterior that is returned.

    Raises:
        InputError: ``groups`` does not have one number per image.
    """
    n = len(votes.images)
    groups = np.zeros(n, dtype=np.int64) if groups is None else groups
    if groups.shape != (n,):
        raise InputError(f"There are {n} images but {len(groups)} group numbers.", "Give one group for every image.")
    known = np.array([gold.get(image, -1) for image in votes.images], dtype=np.int64)
    # The smoothed share of yes votes starts EM: symmetric, and the same for any order of rows.
    yes, no = votes.counts()
    p = _clamp((yes + 0.5) / (yes + no + 1.0), known)
    for passes in range(1, MAX_PASSES + 1):  # noqa: B007 - the number of passes is reported
        yes_accuracy, no_accuracy, seen_yes, seen_no = _error_models(votes, p)
        prevalence = _prevalences(p, known, groups)
        updated = _clamp(_p_yes(votes, yes_accuracy, no_accuracy, prevalence[groups]), known)
        change = float(np.max(np.abs(updated - p), initial=0.0))
        p = updated
        if change < TOLERANCE:
            break
    if np.isfinite(most_weight):
        p = _clamp(_p_yes(votes, yes_accuracy, no_accuracy, prevalence[groups], most_weight), known)
    models = {
        name: ErrorModel(float(yes_accuracy[a]), float(no_accuracy[a]), float(seen_yes[a]), float(seen_no[a]))
        for a, name in enumerate(votes.annotators)
    }
    return Posterior(images=votes.images, p_yes=p, annotators=models, prevalence=prevalence, passes=passes)


def _clamp(p: NDArray[np.float64], known: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(known >= 0, known, p)


def _error_models(
    votes: Votes, p: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy on yes and on no, and the expected number of answers on either, each [annotators]."""
    n = len(votes.annotators)
    on_yes = p[votes.image]
    seen_yes = np.bincount(votes.annotator, on_yes, n)
    seen_no = np.bincount(votes.annotator, 1.0 - on_yes, n)
    right_yes = np.bincount(votes.annotator, on_yes * votes.value, n)
    right_no = np.bincount(votes.annotator, (1.0 - on_yes) * ~votes.value, n)
    yes_accuracy = (right_yes + RIGHT) / (seen_yes + RIGHT + WRONG)
    no_accuracy = (right_no + RIGHT) / (seen_no + RIGHT + WRONG)
    # On the boundary both kinds of image get yes at one rate: pool the counts, pseudo-answers included.
    says_yes = (right_yes + RIGHT) + (seen_no - right_no + WRONG)
    rate = says_yes / (seen_yes + seen_no + 2.0 * (RIGHT + WRONG))
    guessing = yes_accuracy + no_accuracy < 1.0
    yes_accuracy = np.where(guessing, rate, yes_accuracy)
    no_accuracy = np.where(guessing, 1.0 - rate, no_accuracy)
    return yes_accuracy, no_accuracy, np.asarray(seen_yes, float), np.asarray(seen_no, float)


def _prevalences(p: NDArray[np.float64], known: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    size = int(groups.max(initial=0)) + 1
    free = known < 0
    yes = np.bincount(groups[free], p[free], size)
    return np.asarray((yes + PREVALENCE) / (np.bincount(groups[free], minlength=size) + 2.0 * PREVALENCE))


def _p_yes(
    votes: Votes,
    yes_accuracy: NDArray[np.float64],
    no_accuracy: NDArray[np.float64],
    prevalence: NDArray[np.float64],
    most_weight: float = np.inf,
) -> NDArray[np.float64]:
    for_yes = np.log(yes_accuracy / (1.0 - no_accuracy))
    for_no = np.log((1.0 - yes_accuracy) / no_accuracy)
    weight = np.where(votes.value, for_yes[votes.annotator], for_no[votes.annotator])
    weight = weight.clip(-most_weight, most_weight)
    return np.asarray(expit(logit(prevalence) + np.bincount(votes.image, weight, len(votes.images))))
