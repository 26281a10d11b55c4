"""How many answers an image takes: exact, for people who are right equally often on every image."""

from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import NDArray

from active_learning.consensus.decide import FEW_YES, MORE_FOR_VALIDATION, MOST_WEIGHT, SURE_YES
from active_learning.domain.policy import Policy

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ladder:
    """The share of yes images, and of no images, that are undecided after k answers, k = 0 .. most [most + 1].

    With ``most`` answers an image is given up, so the last entry is the share that ends as disputed.
    """

    yes: Floats
    no: Floats

    @property
    def most(self) -> int:
        """The most answers that an image gets."""
        return len(self.yes) - 1


def ladder(policy: Policy, accuracy: float, share_yes: float, validation: bool, yes_images: float = 0.0) -> Ladder:
    """The rule of ``consensus.decide`` for known people: an image is decided when its posterior is sure enough.

    Args:
        policy: redundancy, most votes, certainty.
        accuracy: P(an answer is right), above one half; an answer never weighs more than ``MOST_WEIGHT``.
        share_yes: share of yes among the images asked.
        validation: whether these are validation images.
        yes_images: yes among them, about: where they are few a yes wants more certainty.
    """
    least = policy.redundancy
    if validation:
        sure = max(policy.validation_posterior, SURE_YES if yes_images <= FEW_YES else 0.0)
        return _ladder(
            least, MORE_FOR_VALIDATION, max(policy.validation_max_votes, least), policy.validation_posterior, sure,
            round(accuracy, 3), round(share_yes, 4),
        )  # fmt: skip
    return _ladder(
        least, 1, max(policy.max_votes, least), policy.posterior, policy.posterior,
        round(accuracy, 3), round(share_yes, 4),
    )  # fmt: skip


@lru_cache(maxsize=4_096)
def _ladder(
    least: int, more: int, most: int, sure_no: float, sure_yes: float, accuracy: float, share_yes: float
) -> Ladder:
    """Walk over (answers, yes among them): what is undecided so far, for yes and for no images."""
    weight = min(log(accuracy / (1.0 - accuracy)), MOST_WEIGHT)
    share = min(max(share_yes, 1e-4), 1.0 - 1e-4)
    prior = log(share / (1.0 - share))
    alive = np.array([[1.0], [1.0]])  # rows: yes images, no images; columns: how many said yes
    left = [np.ones(2)]
    said_yes = np.array([[accuracy], [1.0 - accuracy]])
    for n in range(1, most + 1):
        grown = np.zeros((2, n + 1))
        grown[:, 1:] += alive * said_yes
        grown[:, :-1] += alive * (1.0 - said_yes)
        yes = np.arange(n + 1)
        odds = prior + weight * (2 * yes - n)
        certain = (odds >= log(sure_yes / (1.0 - sure_yes))) | (odds <= -log(sure_no / (1.0 - sure_no)))
        contested = (yes > 0) & (yes < n)
        alive = np.where(certain & (n >= least + more * contested), 0.0, grown)
        left.append(alive.sum(axis=1))
    table = np.array(left)
    return Ladder(table[:, 0], table[:, 1])
