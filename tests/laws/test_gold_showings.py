"""How often an image was shown must not tell gold from the rest, whatever the pool has been through."""

from collections import Counter

import numpy as np
import pytest

from active_learning.assembly import assemble
from active_learning.domain.policy import Policy

POLICY = Policy()


@pytest.mark.parametrize("seed", range(3))
def test_how_often_gold_was_shown_says_nothing_when_there_is_enough(seed: int):
    """200 assignments: fresh images and some that were shown before, as in a round of a running campaign."""
    rng = np.random.default_rng(seed)
    asked = [f"i{n}" for n in range(100 * (POLICY.slots - POLICY.hidden_gold))]
    shown = {image: int(rng.choice([0, 0, 0, 2, 3])) for image in asked}
    gold = {f"g{i}": i % 2 == 0 for i in range(10_000)}
    shown |= {image: int(rng.choice([0, 0, 0, 2, 3])) for image in gold}
    tasks = assemble(asked, gold, POLICY, rng, shown)
    assert sum(task.assignments for task in tasks) == 200
    after = Counter(shown)
    for task in tasks:
        after.update({slot.image: task.assignments for slot in task.slots})
    of_gold = Counter(after[s.image] for t in tasks for s in t.slots if s.gold is not None)
    of_asked = Counter(after[image] for image in asked)
    assert set(of_gold) == set(of_asked) == {2, 4, 5}
    for times in of_asked:
        expected = of_asked[times] / of_asked.total()
        error = (expected * (1 - expected) / of_gold.total()) ** 0.5
        assert abs(of_gold[times] / of_gold.total() - expected) < 4 * error
