"""Who the simulated people are, and how each of them answers. Everything follows from the seed and the image.

Nothing here depends on time, order or concurrency: a person gives the same answer to the same image however often and
in whatever company it is seen.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import exp
from statistics import NormalDist

from pydantic import Field

from active_learning.domain.errors import InputError
from active_learning.domain.submission import Response
from active_learning.domain.value import Value
from active_learning.splits import draw

NAMES = (
    *("Amara", "Bruno", "Chloe", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kiran", "Lucia"),
    *("Mateo", "Nadia", "Oscar", "Priya", "Quentin", "Rosa", "Samir", "Tara", "Umar", "Vera", "Wanda", "Yusuf"),
)

CHANGED = 0.015
"""Share of answers that are given wrong at first and mended at once."""

TURN_MS = 30.0
"""From an answer to the next image on screen."""


class Kind(StrEnum):
    """How somebody works."""

    HONEST = "honest"
    HASTY = "hasty"
    RANDOM = "random"
    ALWAYS_NO = "always_no"
    ABANDONS = "abandons"


ODD = (Kind.HASTY, Kind.RANDOM, Kind.ALWAYS_NO, Kind.ABANDONS)
LOOKING = frozenset({Kind.HONEST, Kind.HASTY, Kind.ABANDONS})


class Person(Value):
    """One simulated annotator.

    ``accuracy_yes`` and ``accuracy_no`` are the chances of a right answer on images that show the concept and on
    those that do not, over all images. The time for an image is log-normal: median ``median_s`` seconds, standard
    deviation of its logarithm ``spread``.
    """

    name: str
    kind: Kind
    seed: int
    accuracy_yes: float = Field(ge=0.0, le=1.0)
    accuracy_no: float = Field(ge=0.0, le=1.0)
    median_s: float = Field(gt=0.0)
    spread: float = Field(gt=0.0)

    def says(self, image: str, truth: bool) -> bool:
        """The answer to an image (what is seen of it, as ``eyes.sight`` says) whose true answer is ``truth``."""
        wrong = 1.0 - (self.accuracy_yes if truth else self.accuracy_no)
        if self.kind in LOOKING:
            wrong *= difficulty(image)
        return truth is not (self._draw("answer", image) < wrong)

    def seconds(self, image: str) -> float:
        """How long the person looks at an image before answering."""
        # A draw can be 0, whose quantile is not finite.
        chance = max(self._draw("time", image), 1e-9)
        return self.median_s * exp(self.spread * NormalDist().inv_cdf(chance))

    def responds(self, position: int, image: str, truth: bool, shown_ms: float) -> Response:
        """The response as the person's browser measures it, for an image on screen from ``shown_ms`` on."""
        changes = int(self._draw("change", image) < CHANGED)
        # Mending an answer takes about another look.
        looked_ms = 1000.0 * self.seconds(image) * (1 + changes)
        return Response(
            position=position,
            value=self.says(image, truth),
            shown_ms=round(shown_ms, 1),
            decided_ms=round(shown_ms + looked_ms, 1),
            visible_ms=round(looked_ms, 1),
            hidden_ms=0.0,
            changes=changes,
            device="key",
        )

    def _draw(self, what: str, thing: str) -> float:
        return draw(self.seed, f"{self.name}:{what}:{thing}")


def difficulty(image: str) -> float:
    """What an image multiplies everybody's errors by: 0.5 to 1.5, 1 on average.

    It belongs to the image alone, so that people's errors correlate mildly, as those of real people do.
    """
    return 0.5 + draw(0, f"difficulty:{image}")


def crowd(seed: int, size: int = 24) -> tuple[Person, ...]:
    """``size`` people, most of them honest; of 24 one each is hasty, random, always "no", and one abandons half way.

    Larger crowds keep that share. Raises :class:`InputError` for fewer than five.
    """
    if size <= len(ODD):
        raise InputError(f"A crowd of {size} is too small.", f"Use at least {len(ODD) + 1}: the odd ones are among it.")
    each = max(1, size // len(NAMES))
    kinds = [*(kind for kind in ODD for _ in range(each)), *([Kind.HONEST] * (size - each * len(ODD)))]
    names = sorted((_name(index) for index in range(size)), key=lambda name: draw(seed, f"kind:{name}"))
    people = (_person(name, kind, seed) for name, kind in zip(names, kinds, strict=True))
    return tuple(sorted(people, key=lambda person: person.name))


def _name(index: int) -> str:
    turn, place = divmod(index, len(NAMES))
    return f"{NAMES[place]} {turn + 1}" if turn else NAMES[place]


def _person(name: str, kind: Kind, seed: int) -> Person:
    yes_low, yes_high, no_low, no_high, fast, slow = RANGES[kind]

    def between(low: float, high: float, what: str) -> float:
        return low + (high - low) * draw(seed, f"{name}:{what}")

    return Person(
        name=name,
        kind=kind,
        seed=seed,
        accuracy_yes=between(yes_low, yes_high, "yes"),
        accuracy_no=between(no_low, no_high, "no"),
        median_s=between(fast, slow, "median"),
        spread=between(0.3, 0.5, "spread"),
    )


RANGES: Mapping[Kind, tuple[float, float, float, float, float, float]] = {
    Kind.HONEST: (0.90, 0.99, 0.90, 0.99, 0.7, 1.6),
    Kind.HASTY: (0.72, 0.78, 0.72, 0.78, 0.25, 0.25),
    Kind.RANDOM: (0.5, 0.5, 0.5, 0.5, 0.4, 0.4),
    Kind.ALWAYS_NO: (0.0, 0.0, 1.0, 1.0, 0.35, 0.35),
    Kind.ABANDONS: (0.90, 0.99, 0.90, 0.99, 0.7, 1.6),
}
"""Accuracy on yes (low, high), accuracy on no (low, high), median seconds an image (low, high)."""
