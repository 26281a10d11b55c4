"""The crowd of a simulation: how it is described on the command line, and how it answers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from active_learning import splits
from active_learning.campaign import Crowd, Perfect, Said
from active_learning.domain.errors import InputError
from active_learning.domain.value import Value
from workers.crowd.people import RANGES, Kind, Person

ODD = (Kind.HASTY, Kind.RANDOM, Kind.ALWAYS_NO)
"""Kinds of odd people in turn. Who abandons a HIT leaves no answers, so a simulation has no use for him."""

HOW = "people=24,yes=0.90-0.99,no=0.90-0.99,odd=0.125"
"""The default crowd, as of the demo: see ``workers.crowd.people``."""

FEWEST = 5


class CrowdSpec(Value):
    """A crowd in numbers: how many people, their ranges of accuracy on yes and on no images, the share of odd ones."""

    people: int = 24
    yes: tuple[float, float] = (0.90, 0.99)
    no: tuple[float, float] = (0.90, 0.99)
    odd: float = 0.125
    perfect: bool = False

    @classmethod
    def parse(cls, text: str) -> "CrowdSpec":
        """Read ``perfect``, or what differs from the default: ``people=50,yes=0.8-0.95,no=0.9-0.99,odd=0.2``.

        Raises:
            InputError: a word that is not understood, or a number out of range.
        """
        if text.strip() == "perfect":
            return cls(perfect=True)
        given: dict[str, object] = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, _, value = (word.strip() for word in part.partition("="))
            if name not in ("people", "yes", "no", "odd"):
                raise InputError(f"--crowd does not know '{part}'.", f"Write it like: {HOW}, or: perfect")
            try:
                numbers = [float(number) for number in value.split("-")]
            except ValueError as error:
                raise InputError(f"--crowd: '{value}' is not a number.", f"Write it like: {HOW}") from error
            given[name] = (numbers[0], numbers[-1]) if name in ("yes", "no") else numbers[0]
        spec = cls.model_validate(given | {"people": int(given["people"])} if "people" in given else given)  # type: ignore[call-overload]
        spec.check()
        return spec

    def check(self) -> None:
        """Raise :class:`InputError` for numbers that describe nobody."""
        if self.people < FEWEST:
            raise InputError(f"A crowd of {self.people} is too small.", f"Use at least {FEWEST} people.")
        if not 0.0 <= self.odd <= 1.0:
            raise InputError(f"A share of odd people of {self.odd} is not possible.", "Use 0 to 1.")
        for name, (low, high) in (("yes", self.yes), ("no", self.no)):
            if not 0.0 <= low <= high <= 1.0:
                raise InputError(
                    f"Accuracies on {name} images from {low} to {high} are not possible.", "Use 0 to 1, low-high."
                )


class Simulated:
    """People of a description. The same seed makes the same people, who answer an image always alike."""

    def __init__(self, spec: CrowdSpec, images: Sequence[str], truth: NDArray[np.bool_], seed: int) -> None:
        self._images, self._truth = images, truth
        odd = round(spec.odd * spec.people)
        kinds = [*(ODD[index % len(ODD)] for index in range(odd)), *([Kind.HONEST] * (spec.people - odd))]
        people = [_person(f"worker {index}", kind, spec, seed) for index, kind in enumerate(kinds, start=1)]
        self._people = {person.name: person for person in people}
        self.names = tuple(self._people)

    def answer(self, annotator: str, positions: NDArray[np.int64]) -> Said:
        """What this person says of the images."""
        person = self._people[annotator]
        said = [person.says(self._images[place], bool(self._truth[place])) for place in positions.tolist()]
        return Said(np.array(said, dtype=np.int8))


def simulated(spec: CrowdSpec, images: Sequence[str], truth: NDArray[np.bool_], seed: int) -> Crowd:
    """The crowd of a description."""
    return Perfect(truth) if spec.perfect else Simulated(spec, images, truth, seed)


def _person(name: str, kind: Kind, spec: CrowdSpec, seed: int) -> Person:
    yes_low, yes_high, no_low, no_high, *_ = RANGES[kind]
    if kind is Kind.HONEST:
        (yes_low, yes_high), (no_low, no_high) = spec.yes, spec.no
    return Person(
        name=name,
        kind=kind,
        seed=seed,
        accuracy_yes=yes_low + (yes_high - yes_low) * splits.draw(seed, f"{name}:yes"),
        accuracy_no=no_low + (no_high - no_low) * splits.draw(seed, f"{name}:no"),
        median_s=1.0,
        spread=0.4,
    )
