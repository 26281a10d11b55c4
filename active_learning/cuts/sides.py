"""What lies above and below each threshold, by stratum."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from active_learning.cuts.samples import Floats, Integers, Tally, Validation, places
from active_learning.domain.errors import InputError


@dataclass(frozen=True)
class Side:
    """Counts on one side of T thresholds in H strata, each [H, T].

    ``doubt_yes`` and ``doubt_no`` bound how many of the yes and of the no answers are wrong: each wrong answer is a
    Bernoulli variable of chance e = 1 - certainty, which a Poisson variable of mean -log(1 - e) dominates, and the
    means of independent Poisson variables add up. ``promised`` is the sum of the scores of all images,
    ``foretold`` that of the validation images.
    """

    doubt_yes: Floats
    doubt_no: Floats
    promised: Floats
    foretold: Floats
    seen: Integers
    seen_yes: Integers
    rest: Integers
    known: Integers
    known_yes: Integers

    def at(self, where: slice | Integers) -> "Side":
        """The same for some of the thresholds."""
        counts = [array[:, where] for array in self._counts()]
        return _side([array[:, where] for array in self._sums()], counts)

    def part(self, strata: slice) -> "Side":
        """The same for some of the strata."""
        return _side([array[strata] for array in self._sums()], [array[strata] for array in self._counts()])

    def certain(self) -> "Side":
        """The same with infallible people."""
        nothing = np.zeros(self.doubt_yes.shape)
        return _side([nothing, nothing, self.promised, self.foretold], self._counts())

    def grown(self, factor: float) -> "Side":
        """The same with ``factor`` times the validation images, drawn from the rest, that repeat this record.

        The record is taken half an image worse on both counts, so that three right of three promise little.
        """
        seen = np.minimum(np.floor(self.seen * factor), self.seen + self.rest).astype(np.int64)
        yes = np.where(self.seen > 0, np.floor((self.seen_yes + 0.5) / (self.seen + 1.0) * seen), 0.0)
        more = seen / np.maximum(self.seen, 1)
        return Side(
            self.doubt_yes * more,
            self.doubt_no * more,
            self.promised,
            self.foretold * more,
            seen,
            yes.astype(np.int64),
            self.rest - (seen - self.seen),
            self.known,
            self.known_yes,
        )

    def without(self, part: "Side") -> "Side":
        """What is left when ``part`` is taken away."""
        counts = [mine - its for mine, its in zip(self._counts(), part._counts(), strict=True)]
        # A difference of sums may fall below zero by rounding.
        sums = [np.maximum(mine - its, 0.0) for mine, its in zip(self._sums(), part._sums(), strict=True)]
        return _side(sums, counts)

    @property
    def left(self) -> Integers:
        """Images of the population that are not validation."""
        return self.rest + self.known

    @property
    def size(self) -> Integers:
        """Images of the population."""
        return self.seen + self.rest + self.known

    def _sums(self) -> tuple[Floats, ...]:
        return self.doubt_yes, self.doubt_no, self.promised, self.foretold

    def _counts(self) -> tuple[Integers, ...]:
        return self.seen, self.seen_yes, self.rest, self.known, self.known_yes


def _side(sums: Sequence[Floats], counts: Sequence[Integers]) -> Side:
    doubt_yes, doubt_no, promised, foretold = sums
    seen, seen_yes, rest, known, known_yes = counts
    return Side(doubt_yes, doubt_no, promised, foretold, seen, seen_yes, rest, known, known_yes)


def sides(validation: Validation, tally: Tally) -> tuple[Side, Side, Side]:
    """Return what lies strictly above each threshold, what lies strictly below each, and all of it [H, 1].

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
        by_place = places(tally.thresholds, validation.scores, validation.stratum, strata, weights)
        return np.asarray(by_place.cumsum(axis=1))

    foretold = spread(validation.scores.clip(0.0, 1.0))
    sums = (spread(wrong * yes), spread(wrong * ~yes), foretold + tally.promised.cumsum(axis=1), foretold)
    answers = (spread(np.ones(len(yes))), spread(yes.astype(np.float64)))
    counts = [array.astype(np.int64) for array in answers]
    counts += [array.cumsum(axis=1) for array in (tally.rest, tally.known, tally.known_yes)]
    # Sums up to a place: 2 i is all that lies below threshold i, 2 i + 1 adds what lies on it.
    upto, below, whole = (
        _side([array[:, part] for array in sums], [array[:, part] for array in counts])
        for part in (slice(1, None, 2), slice(0, -1, 2), slice(-1, None))
    )
    return whole.without(upto), below, whole
