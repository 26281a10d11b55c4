"""What lies above and below each threshold, by stratum."""

from dataclasses import dataclass

import numpy as np

from active_learning.cuts.samples import Floats, Integers, Tally, Validation, places
from active_learning.domain.errors import InputError


@dataclass(frozen=True)
class Side:
    """Counts on one side of T thresholds in H strata, each [H, T].

    ``doubt`` bounds how many answers are wrong in the direction that flatters the model: each wrong answer is a
    Bernoulli variable of chance e = 1 - certainty, which a Poisson variable of mean -log(1 - e) dominates, and the
    means of independent Poisson variables add up.
    """

    doubt: Floats
    seen: Integers
    seen_yes: Integers
    rest: Integers
    known: Integers
    known_yes: Integers

    def at(self, where: slice | Integers) -> "Side":
        """The same for some of the thresholds."""
        counts = (array[:, where] for array in self._counts())
        return Side(self.doubt[:, where], *counts)

    def pooled(self) -> "Side":
        """All strata as one [1, T]."""
        counts = (array.sum(axis=0, keepdims=True) for array in self._counts())
        return Side(self.doubt.sum(axis=0, keepdims=True), *counts)

    @property
    def left(self) -> Integers:
        """Images of the population that are not validation."""
        return self.rest + self.known

    @property
    def size(self) -> Integers:
        """Images of the population."""
        return self.seen + self.rest + self.known

    def _counts(self) -> tuple[Integers, ...]:
        return self.seen, self.seen_yes, self.rest, self.known, self.known_yes


def sides(validation: Validation, tally: Tally) -> tuple[Side, Side]:
    """Return what lies strictly above and what lies strictly below each threshold.

    Above, the doubt is of yes answers (false yes lend the model precision); below, it is of no answers (missed yes hide
    what is lost).

    Raises:
        InputError: the tally was made over other thresholds or fewer strata.
    """
    strata = tally.rest.shape[0]
    if not np.array_equal(tally.thresholds, validation.thresholds):
        raise InputError("The pool was tallied over other thresholds.", "Use those of these validation images.")
    if len(validation) and validation.stratum.max() >= strata:
        raise InputError("The pool was tallied over fewer strata.", "Say how many strata the design has.")
    wrong = -np.log(validation.certainty)
    yes = validation.answers

    def spread(weights: Floats) -> Floats:
        return places(tally.thresholds, validation.scores, validation.stratum, strata, weights)

    seen, seen_yes = spread(np.ones(len(yes))).astype(np.int64), spread(yes.astype(np.float64)).astype(np.int64)
    counts = (seen, seen_yes, tally.rest, tally.known, tally.known_yes)
    above, below = spread(wrong * yes), spread(wrong * ~yes)
    return (
        Side(_sum_above(above), *map(_above, counts)),
        Side(_sum_below(below), *map(_below, counts)),
    )


def _sum_above(by_place: Floats) -> Floats:
    total = by_place.cumsum(axis=1)
    # A difference of sums may fall below zero by rounding.
    return np.asarray(np.maximum(total[:, -1:] - total[:, 1::2], 0.0))


def _sum_below(by_place: Floats) -> Floats:
    return np.asarray(by_place.cumsum(axis=1)[:, 0:-1:2])


def _above(by_place: Integers) -> Integers:
    total = by_place.cumsum(axis=1)
    return np.asarray(total[:, -1:] - total[:, 1::2])


def _below(by_place: Integers) -> Integers:
    return np.asarray(by_place.cumsum(axis=1)[:, 0:-1:2])
