"""Which thresholds are tested for precision, in which order, and at which risk.

Thresholds are tested from the top down as long as they pass (fixed-sequence testing, Learn-then-Test, Angelopoulos et
al. 2021). One bad record at the start would end such a sequence, so it starts at several places with a share of the
risk each (the fallback procedure, Wiens 2003): who passes takes the risk along, and gains the share of each start that
is reached. A broken promise needs the first broken threshold at or below some start to pass, at no more than the shares
of the starts that lead to it, so the whole risk bounds all of it. Starts and steps come from counts, never from
answers.
"""

from collections.abc import Sequence

import numpy as np

from active_learning.cuts.samples import Booleans, Floats, Integers

STEP = 0.02
"""Thresholds are tested where the sample above has grown by this share: the same cut for a fraction of the tests."""

STARTS = ((0.8, 0.5), (0.45, 0.25), (0.25, 0.25))
"""(how far a record is from the target on the way to perfection, share of the risk): a start is the first threshold at
which such a record would pass."""


def tested(seen: Integers) -> Integers:
    """Return the positions to test, in order, of thresholds that have ``seen`` (ascending) validation images above."""
    chosen: list[int] = []
    last = 0.0
    for position, count in enumerate(seen):
        if count >= last:
            chosen.append(position)
            last = max(count + 1.0, count * (1.0 + STEP))
    return np.array(chosen, dtype=np.int64)


def levels(starts: Sequence[int | None], risk: float, length: int) -> Floats:
    """Return the risk that enters the sequence at each of ``length`` thresholds.

    Starts that this sample never reaches leave their shares to the others.
    """
    entering = np.zeros(length)
    reached = [(start, share) for start, (_, share) in zip(starts, STARTS, strict=True) if start is not None]
    whole = sum(share for _, share in reached)
    for start, share in reached:
        entering[start] += risk * share / whole
    return entering


def passed(chances: Floats, entering: Floats) -> Booleans:
    """Return which thresholds pass: chance of the record, and risk entering, in the order of testing."""
    result = np.zeros(len(chances), dtype=bool)
    level = 0.0
    for i, (chance, more) in enumerate(zip(chances, entering, strict=True)):
        level += more
        if level > 0.0 and chance <= level * (1.0 + 1e-12):
            result[i] = True
        else:
            level = 0.0
    return result
