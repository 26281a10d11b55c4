"""Which thresholds are tested for precision, and in which order.

Thresholds are tested from the top down as long as they pass (fixed-sequence testing, Learn-then-Test, Angelopoulos et
al. 2021). A broken promise needs the first broken threshold of the sequence to pass, so one test is all that is spent.
Start and steps come from scores and counts, never from answers: they cost nothing.
"""

import numpy as np

from active_learning.cuts.samples import Booleans, Floats, Integers

STEP = 0.02
"""Thresholds are tested where the sample above has grown by this share: the same cut for a fraction of the tests."""

CAUTIOUS = 0.1
"""One wrong answer ends a sequence that starts where only a perfect record passes. With images to spare it starts where
a perfect record would pass at this share of the risk, and there some may be wrong."""

TO_SPARE = 2.0
"""How many times the images of a cautious start the model must expect to be yes, by its own scores."""


def tested(seen: Integers) -> Integers:
    """Return the positions to test, in order, of thresholds that have ``seen`` (ascending) validation images above."""
    chosen: list[int] = []
    least = 0.0
    for position, count in enumerate(seen):
        if count >= least:
            chosen.append(position)
            least = max(count + 1.0, count * (1.0 + STEP))
    return np.array(chosen, dtype=np.int64)


def start(perfect: Floats, seen: Integers, expected_yes: float, risk: float) -> int | None:
    """Return where the sequence starts; ``None`` where not even a perfect record would pass anywhere.

    Args:
        perfect: chances of perfect records at the thresholds [S].
        seen: validation images above them [S].
        expected_yes: how many yes images the model's scores promise among the validation images.
        risk: what the sequence may spend.
    """
    cautious = perfect <= CAUTIOUS * risk
    if cautious.any() and expected_yes >= TO_SPARE * seen[np.argmax(cautious)]:
        return int(np.argmax(cautious))
    able = perfect <= risk
    return int(np.argmax(able)) if able.any() else None


def passed(chances: Floats, first: int | None, risk: float) -> Booleans:
    """Return which thresholds pass in a row from the first one on [S]."""
    result = np.zeros(len(chances), dtype=bool)
    if first is not None:
        failing = np.flatnonzero(chances[first:] > risk)
        result[first : first + failing[0] if len(failing) else len(chances)] = True
    return result
