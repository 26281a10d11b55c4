"""Adaptive redundancy on votes that were given: what would have been asked, and what would have come out.

Every image starts with one answer. Then, wave by wave, the model is fitted to the answers so far, and the next is
asked where it is worth most (:func:`~active_learning.consensus.redundancy.worth`), until so many answers are spent.
Answers come in an order drawn by the seed; nothing is looked at before it is asked.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.consensus.evidence import NOTHING
from active_learning.consensus.methods import Method, two_coin_dawid_skene
from active_learning.consensus.posterior import Posterior
from active_learning.consensus.redundancy import Typical, worth
from active_learning.consensus.votes import Votes

WAVE = 0.05
"""Answers asked between two fits, as a share of the images."""

AHEAD = 5
"""Further answers to one image that the rule looks ahead."""


@dataclass(frozen=True)
class Replay:
    """The posterior after the last answer, and how many answers each image got [N]."""

    posterior: Posterior
    answers: NDArray[np.int64]


def replay(votes: Votes, seed: int, per_image: float, method: Method = two_coin_dawid_skene) -> Replay:
    """Ask ``per_image`` answers for an image on average (at least one each), where they are worth most."""
    rng = np.random.default_rng(seed)
    turn = turns(votes, rng)
    given = votes.table.sum(axis=1)
    answers = np.minimum(given, 1)
    budget = int(per_image * len(given))
    posterior = method(votes.keep(turn < answers[votes.image]), NOTHING)
    while (left := budget - int(answers.sum())) > 0:
        value = worth(posterior.p_yes, Typical.of(posterior), AHEAD)
        value[answers >= given] = -1.0
        # Equally good ones by chance.
        order = np.lexsort((rng.random(len(value)), -value))[: min(left, max(1, int(WAVE * len(given))))]
        order = order[value[order] >= 0.0]
        if not len(order):
            break
        answers[order] += 1
        posterior = method(votes.keep(turn < answers[votes.image]), NOTHING)
    return Replay(posterior, answers)


def turns(votes: Votes, rng: np.random.Generator) -> NDArray[np.int64]:
    """The place of each vote among its image's in a drawn order [V], from 0."""
    order = np.lexsort((rng.random(len(votes)), votes.image))
    starts = np.concatenate([[0], np.cumsum(votes.table.sum(axis=1))])
    turn = np.empty(len(votes), dtype=np.int64)
    turn[order] = np.arange(len(votes)) - starts[votes.image[order]]
    return turn
