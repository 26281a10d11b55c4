"""What a campaign has reached after a round, judged by the truth."""

import numpy as np
from numpy.typing import NDArray

from active_learning.campaign.world import By, Standing, World
from active_learning.domain.value import Value


class Measure(Value):
    """The standing after one round. Counts are totals since the start.

    ``answers`` are people's answers to images whose label was wanted, ``votes`` all of them: answers to gold count too,
    excluded ones as well. ``precision`` is of the model's yes labels (the promise), ``dataset_precision`` of all yes
    labels; ``recall`` is the share of the pool's yes images that are labeled yes so far, by anybody, and ``lost`` the
    share that is labeled no. A share of nothing is ``None``.
    """

    round: int
    strategy: str
    images: int
    answers: int
    votes: int
    assignments: int
    cents: int
    people: int
    model: int
    unknown: int
    precision: float | None
    dataset_precision: float | None
    recall: float | None
    lost: float | None
    people_accuracy: float | None
    model_accuracy: float | None
    average_precision: float | None

    @property
    def decided(self) -> int:
        """Images with a label, the researcher's gold left out."""
        return self.people + self.model


def measure(world: World) -> Measure:
    """Compare the world with the truth."""
    truth = world.setup.truth
    labeled = (world.state == Standing.LABELED) | (world.state == Standing.AUTO_LABELED)
    people, model = labeled & (world.by == By.PEOPLE), labeled & (world.by == By.MODEL)
    right = world.answer == truth
    yes = labeled & world.answer
    return Measure(
        round=0 if world.round is None else world.round.number,
        strategy=world.strategy,
        images=len(world),
        answers=world.totals.answers,
        votes=world.totals.answers + world.totals.checks,
        assignments=world.totals.assignments,
        cents=world.totals.cents,
        people=int(people.sum()),
        model=int(model.sum()),
        unknown=int(np.sum(~labeled)),
        precision=share(right, yes & model),
        dataset_precision=share(right, yes),
        recall=share(yes, truth),
        lost=share(labeled & ~world.answer, truth),
        people_accuracy=share(right, people),
        model_accuracy=share(right, model),
        average_precision=average_precision(world.score, truth) if world.model is not None else None,
    )


def share(of: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    """How large a share of ``among`` [N] is in ``of`` [N]; ``None`` of nothing."""
    n = int(among.sum())
    return float(np.sum(of & among) / n) if n else None


def average_precision(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Mean precision at the ranks of the yes images [N], best score first; ties in the order given."""
    ranked = truth[np.argsort(-scores, kind="stable")]
    hits = np.cumsum(ranked)
    return float(np.mean(hits[ranked] / (np.flatnonzero(ranked) + 1)))
