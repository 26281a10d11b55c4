"""What is believed of a category before people have answered: the assumptions that a forecast rests on."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit, logit
from scipy.stats import beta, norm, qmc

from active_learning.domain.policy import Share
from active_learning.domain.value import Value

Difficulty = Literal["easy", "middling", "hard"]

SEPARATION = {"easy": 5.0, "middling": 3.8, "hard": 2.6}
"""How far a model that has seen many labels tells yes from no: the distance of the mean scores of the two in standard
deviations (d'). The area under its ROC curve is Phi(d' / sqrt 2): 0.9998, 0.996 and 0.967."""

DRAWS = 16
"""Imagined campaigns behind one forecast."""


class Beliefs(Value):
    """What is believed of the images and of the people, in plain numbers that a researcher can guess.

    The intervals of a forecast come from how unsure these are: see :func:`draws`.
    """

    images: int = Field(default=10_000, ge=1, le=100_000_000, description="images in the pool")
    share_yes: Share = Field(default=0.10, description="share of the pool's images whose answer is yes")
    share_from: int = Field(default=30, ge=1, le=10_000_000, description="images that somebody has counted for it")
    difficulty: Difficulty = Field(default="middling", description="how hard the question is for a model")
    accuracy: float = Field(default=0.95, gt=0.5, lt=1.0, description="share of a person's answers that are right")
    seconds: float = Field(default=1.7, gt=0.0, le=600.0, description="seconds that a person takes for one image")
    people: float = Field(default=5.0, gt=0.0, le=100_000.0, description="people at work at the same time")


class Standing(Value):
    """How far a campaign is: images by what became of them. All zeros: it has not begun.

    ``labels`` people or the researcher have decided, validation left out; ``validation`` were drawn and
    ``validation_open`` of them are not decided; ``unknown`` are neither drawn nor disputed. ``spent_cents`` counts what
    is promised as well; ``rounds`` have begun, ``sweep`` says whether the newest gave everything to people.
    """

    unknown: int = Field(default=0, ge=0)
    auto_labeled: int = Field(default=0, ge=0)
    labels: int = Field(default=0, ge=0)
    disputed: int = Field(default=0, ge=0)
    validation: int = Field(default=0, ge=0)
    validation_open: int = Field(default=0, ge=0)
    rounds: int = Field(default=0, ge=0)
    looks: int = Field(default=0, ge=0)
    stalled: int = Field(default=0, ge=0)
    spent_cents: int = Field(default=0, ge=0)
    sweep: bool = False

    @property
    def images(self) -> int:
        """All images that it counts."""
        return self.unknown + self.auto_labeled + self.labels + self.disputed + self.validation


@dataclass(frozen=True)
class Draw:
    """One way the world may be.

    ``separation`` is d' with many labels and ``half`` the number of labels with which a model has come half the way
    from nothing (in d' squared); ``unused`` is the share of submissions that are paid and not used; ``pickup_s``
    seconds pass before somebody takes a task.
    """

    seed: int
    share_yes: float
    separation: float
    half: float
    accuracy: float
    seconds: float
    unused: float
    pickup_s: float


HALF = 60.0
"""Labels with which a head on frozen features has come half the way (in d' squared). Fitted to campaigns on
handwritten digits, where every question was asked about one digit of ten."""


def draws(beliefs: Beliefs) -> tuple[Draw, ...]:
    """The same ways for the same beliefs, and like ones for like beliefs: a forecast moves only as its numbers do.

    The spread is an assumption, and wide on purpose (one standard deviation each): separation by 12 %, the labels that
    it takes by a factor of 1.6, people's errors by 1.35 in odds, their pace by 25 %, and a wait of 10 to 90 minutes
    before a task is taken. 1 to 12 % of the submissions are not used, evenly; the share of yes is as sure as
    ``share_from`` counted images make it (Jeffreys' interval).
    """
    n, p = beliefs.share_from, beliefs.share_yes
    u = _latin()
    z = norm.ppf(u)
    share = beta.ppf(u[:, 0], 0.5 + n * p, 0.5 + n * (1.0 - p)).clip(1e-9, 1.0 - 1e-9)
    accuracy = expit(logit(beliefs.accuracy) + np.log(1.35) * z[:, 3]).clip(0.55, 0.999)
    return tuple(
        Draw(
            seed=i,
            share_yes=float(share[i]),
            separation=SEPARATION[beliefs.difficulty] * float(np.exp(0.12 * z[i, 1])),
            half=HALF * float(np.exp(np.log(1.6) * z[i, 2])),
            accuracy=float(accuracy[i]),
            seconds=beliefs.seconds * float(np.exp(0.25 * z[i, 4])),
            unused=0.01 + 0.11 * float(u[i, 5]),
            pickup_s=1_800.0 * float(np.exp(1.1 * z[i, 6])),
        )
        for i in range(DRAWS)
    )


@cache
def _latin() -> NDArray[np.float64]:
    """An even spread over the unit cube [DRAWS, 7]: far fewer draws than by chance tell as much."""
    return np.asarray(qmc.LatinHypercube(7, seed=20_260_301).random(DRAWS))
