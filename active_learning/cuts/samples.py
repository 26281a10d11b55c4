"""What the tests of the cuts see: the validation images, and exact counts of the rest of the pool between them.

A :class:`Tally` is small and is made shard by shard: nobody ever holds the scores of the pool.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.cuts import Cuts
from active_learning.domain.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

Scores = Sequence[float] | NDArray[np.floating]
Answers = Sequence[bool] | Booleans
Strata = Sequence[int] | NDArray[np.integer]

NOTHING: tuple[float, ...] = ()
NO_ANSWERS: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Validation:
    """The validation images that people answered, n in all: what calibrates, and nothing else does.

    Attributes:
        scores: of one model; higher means yes [n].
        answers: of people [n].
        certainty: P(the answer is right), of the consensus, in (0, 1] [n].
        stratum: from which part of the pool the image was drawn, 0, 1, ... [n]. Within a stratum the images are a
            simple random sample; a uniform design has one stratum.
    """

    scores: Floats
    answers: Booleans
    certainty: Floats
    stratum: Integers

    @classmethod
    def of(
        cls,
        scores: Scores,
        answers: Answers,
        certainty: Scores | None = None,
        stratum: Strata | None = None,
    ) -> Self:
        """Check and convert; without certainties people are infallible, without strata the design is uniform.

        Raises:
            InputError: lengths that differ, scores that are not finite, certainties outside (0, 1], negative strata.
        """
        array = finite("validation", scores)
        n = len(array)
        sure = finite("certainty", np.ones(n) if certainty is None else certainty)
        part = np.asarray(np.zeros(n) if stratum is None else stratum, dtype=np.int64)
        values = np.asarray(answers, dtype=bool)
        _same_length("validation", array, values, sure, part)
        if n and (sure.min() <= 0.0 or sure.max() > 1.0):
            raise InputError("A certainty is not a probability above 0.", "Give what the consensus says of the answer.")
        if n and part.min() < 0:
            raise InputError(f"There is no stratum {part.min()}.", "Strata are counted from 0.")
        return cls(array, values, sure, part)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def thresholds(self) -> Floats:
        """The distinct scores, ascending: the only values that a cut can take [T]."""
        return np.unique(self.scores)

    @property
    def positives(self) -> int:
        """How many were answered yes."""
        return int(self.answers.sum())


@dataclass(frozen=True)
class Tally:
    """How many images of the pool outside validation lie on and between T ascending thresholds, by stratum.

    Place ``2 i + 1`` is threshold i itself; place ``2 i`` is the gap below it, and place ``2 T`` lies above them all.
    Tallies over the same thresholds add up, so shards count on their own: ``sum(tallies[1:], tallies[0])``.

    Attributes:
        thresholds: ascending and distinct [T].
        rest: images that people have not decided, those that an earlier model labeled among them [H, 2 T + 1].
        known: images that people decided because a score chose them [H, 2 T + 1].
        known_yes: the yes among the known [H, 2 T + 1].
        promised: the sum of all these scores, taken as chances of yes [H, 2 T + 1].
    """

    thresholds: Floats
    rest: Integers
    known: Integers
    known_yes: Integers
    promised: Floats

    @classmethod
    def of(
        cls,
        thresholds: Scores,
        rest_scores: Scores,
        known_scores: Scores = NOTHING,
        known_answers: Answers = NO_ANSWERS,
        rest_strata: Strata | None = None,
        known_strata: Strata | None = None,
        strata: int = 1,
    ) -> Self:
        """Count one shard, or the whole pool.

        Args:
            thresholds: ``Validation.thresholds``, the same in every shard.
            rest_scores: scores of images of the pool that are neither validation nor decided by people.
            known_scores: scores of the images that people decided because a score chose them. What was chosen at random
                is better left out: it leaves the rest as like the validation images as it was. So is what could not
                have been drawn for validation, such as imported gold, and so is everything that left the population by
                a choice that did not know who is validation (see ``active_learning.cuts``).
            known_answers: their answers.
            rest_strata: strata of the rest, 0 where left out.
            known_strata: strata of the known, 0 where left out.
            strata: how many strata the design has.

        Raises:
            InputError: scores that are not finite, lengths that differ, strata out of range, thresholds that do not
                ascend.
        """
        edges = finite("threshold", thresholds)
        if np.any(np.diff(edges) <= 0):
            raise InputError("Thresholds do not ascend.", "Use Validation.thresholds.")
        values = np.asarray(known_answers, dtype=bool)
        known = finite("known", known_scores)
        _same_length("known", known, values)
        known_part = (
            np.zeros(len(known), dtype=np.int64) if known_strata is None else np.asarray(known_strata, np.int64)
        )
        _same_length("known", known, known_part)
        rest = finite("rest", rest_scores)
        rest_part = np.zeros(len(rest), dtype=np.int64) if rest_strata is None else np.asarray(rest_strata, np.int64)
        _same_length("rest", rest, rest_part)
        everything, part = np.concatenate([rest, known]), np.concatenate([rest_part, known_part])
        return cls(
            edges,
            _count(edges, rest, rest_part, strata),
            _count(edges, known, known_part, strata),
            _count(edges, known[values], known_part[values], strata),
            places(edges, everything, part, strata, everything.clip(0.0, 1.0)),
        )

    def __add__(self, other: Self) -> Self:
        """Count both.

        Raises:
            InputError: the thresholds or the strata differ.
        """
        if self.rest.shape != other.rest.shape or not np.array_equal(self.thresholds, other.thresholds):
            raise InputError("Tallies over different thresholds do not add up.", "Give all shards the same ones.")
        return type(self)(
            self.thresholds,
            self.rest + other.rest,
            self.known + other.known,
            self.known_yes + other.known_yes,
            self.promised + other.promised,
        )

    @property
    def size(self) -> int:
        """How many images were counted."""
        return int(self.rest.sum() + self.known.sum())

    def decided(self, cuts: Cuts) -> tuple[int, int]:
        """Return how many images of the rest the cuts label yes and no: exact for cuts that are thresholds."""
        by_place = self.rest.sum(axis=0)
        yes = no = 0
        if cuts.upper is not None:
            yes = int(by_place[2 * int(np.searchsorted(self.thresholds, cuts.upper, side="right")) :].sum())
        if cuts.lower is not None:
            no = int(by_place[: 2 * int(np.searchsorted(self.thresholds, cuts.lower, side="left")) + 1].sum())
        return yes, no


def places(thresholds: Floats, scores: Floats, part: Integers, strata: int, weights: Floats | None = None) -> Floats:
    """Return how many scores, or how much weight, lie on and between the thresholds, by stratum [H, 2 T + 1].

    Raises:
        InputError: a stratum is out of range.
    """
    if len(part) and (part.min() < 0 or part.max() >= strata):
        raise InputError(f"A stratum lies outside 0 .. {strata - 1}.", "Say how many strata the design has.")
    width = 2 * len(thresholds) + 1
    place = np.searchsorted(thresholds, scores, side="left") + np.searchsorted(thresholds, scores, side="right")
    counts = np.bincount(part * width + place, weights, minlength=strata * width)
    return counts.reshape(strata, width).astype(np.float64)


def _count(thresholds: Floats, scores: Floats, part: Integers, strata: int) -> Integers:
    return places(thresholds, scores, part, strata).astype(np.int64)


def finite(name: str, values: Scores) -> Floats:
    """Return the values as an array [n].

    Raises:
        InputError: a value is not finite, or they are not one row.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"The {name} values are not one row.", "Give one number for every image.")
    if not np.isfinite(array).all():
        raise InputError(f"A {name} score is not a finite number.", "Train the model again; its training diverged.")
    return array


def _same_length(name: str, scores: Floats, *others: NDArray[np.generic]) -> None:
    for other in others:
        if other.shape != scores.shape:
            raise InputError(
                f"There are {scores.size} {name} scores but {other.size} answers.", "Give one answer for every score."
            )
