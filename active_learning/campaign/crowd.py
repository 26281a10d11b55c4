"""Who answers: the one thing of a campaign that the core does not decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.errors import InputError
from active_learning.splits import stable_seed

NOBODY = -1
"""Instead of an answer, where nobody is left who could give one."""


@dataclass(frozen=True)
class Said:
    """Answers [N]: 1 is yes, 0 is no, -1 is none. ``voters`` [N] gave them, where it was not the annotator himself."""

    values: NDArray[np.int8]
    voters: tuple[str, ...] | None = None


class Crowd(Protocol):
    """People who answer. One object serves one campaign: what it has said may change what it says next."""

    @property
    def names(self) -> Sequence[str]:
        """The annotators who take tasks."""
        ...

    def answer(self, annotator: str, positions: NDArray[np.int64]) -> Said:
        """Answer images, named by their positions [N] in the campaign's pool."""
        ...


class Perfect:
    """Annotators who are always right."""

    def __init__(self, truth: NDArray[np.bool_], size: int = 24) -> None:
        self._truth = truth
        self.names = tuple(f"annotator {number}" for number in range(1, size + 1))

    def answer(self, annotator: str, positions: NDArray[np.int64]) -> Said:
        """The truth."""
        del annotator
        return Said(self._truth[positions].astype(np.int8))


class Counted:
    """People behind counts of real answers: every image has its own share of yes, every answer is a draw from it.

    The first answers to an image are the real ones in an order of chance, as far as it has few of them (``yes`` and
    ``no`` [N], whole numbers, at most ``MEMORY`` together). Further ones come from its share, which is itself a draw
    from what the counts leave plausible: Beta(``a`` + yes, ``b`` + no) with ``prior`` (a, b) [2] or [N, 2]. Real
    answers and their continuation are then exchangeable (de Finetti), so errors fall on the same hard images as real
    people's do.

    Raises:
        InputError: counts of different lengths, or an image without any answer and without a prior.
    """

    MEMORY = 5

    def __init__(
        self, yes: NDArray[np.int64], no: NDArray[np.int64], prior: NDArray[np.float64], seed: int, size: int = 100
    ) -> None:
        if yes.shape != no.shape:
            raise InputError(f"There are {len(yes)} counts of yes but {len(no)} of no.", "Give both for every image.")
        a, b = np.broadcast_to(prior, (len(yes), 2)).T
        if np.any(a + yes + b + no <= 0):
            raise InputError("An image has neither answers nor a prior.", "Give every image at least one answer.")
        self._rng = np.random.default_rng(stable_seed(seed, "counted"))
        self._share = self._rng.beta(np.maximum(a + yes, 1e-9), np.maximum(b + no, 1e-9))
        self._left_yes = np.where(yes + no <= self.MEMORY, yes, 0)
        self._left_no = np.where(yes + no <= self.MEMORY, no, 0)
        self.names = tuple(f"annotator {number}" for number in range(1, size + 1))

    def answer(self, annotator: str, positions: NDArray[np.int64]) -> Said:
        """Draw one answer an image, which must differ from each other."""
        del annotator
        yes, no = self._left_yes[positions], self._left_no[positions]
        left = yes + no
        share = np.where(left > 0, yes / np.maximum(left, 1), self._share[positions])
        values = self._rng.random(len(positions)) < share
        self._left_yes[positions] -= values & (left > 0)
        self._left_no[positions] -= ~values & (left > 0)
        return Said(values.astype(np.int8))


class Recorded:
    """Real annotators' answers, each used once: (position, worker, answer) of every vote.

    A simulated assignment gets, for every image, the answer of a worker who has not been used on it. The vote counts as
    that worker's. An image whose answers are used up gets none.
    """

    def __init__(self, votes: Sequence[tuple[int, str, bool]], size: int, seed: int, names: int = 24) -> None:
        rng = np.random.default_rng(stable_seed(seed, "recorded"))
        self._left: list[list[tuple[str, bool]]] = [[] for _ in range(size)]
        for index in rng.permutation(len(votes)):
            position, worker, value = votes[int(index)]
            self._left[position].append((worker, value))
        self.names = tuple(f"assignment {number}" for number in range(1, names + 1))

    def answer(self, annotator: str, positions: NDArray[np.int64]) -> Said:
        """Use one answer of each image up."""
        given = [self._left[p].pop() if self._left[p] else (annotator, None) for p in positions.tolist()]
        values = np.array([NOBODY if value is None else int(value) for _, value in given], dtype=np.int8)
        return Said(values, tuple(worker for worker, _ in given))
