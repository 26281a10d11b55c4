from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.assembly import assemble, order
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy

POLICY = Policy()
GOLD = {f"g{i}": i % 2 == 0 for i in range(100)}


def images(n: int) -> list[str]:
    return [f"i{i}" for i in range(n)]


@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 700), yes=st.integers(0, 40), no=st.integers(0, 40), seed=st.integers(0, 3))
def test_laws_of_assembly(n: int, yes: int, no: int, seed: int):
    gold = {f"y{i}": True for i in range(yes)} | {f"n{i}": False for i in range(no)}
    tasks = assemble(images(n), gold, POLICY, np.random.default_rng(seed), {})
    asked = [image for task in tasks for image in task.asked]
    assert sorted(asked) == sorted(images(n))  # each once
    sizes = [len(task.asked) for task in tasks]
    assert not sizes or max(sizes) - min(sizes) <= 1
    for task in tasks:
        names = [slot.image for slot in task.slots]
        assert len(names) == len(set(names)) <= POLICY.slots
        hidden = [slot for slot in task.slots if slot.gold is not None]
        assert all(gold[slot.image] == slot.gold for slot in hidden)
        assert min(30, len(gold)) <= len(hidden) <= POLICY.hidden_gold
        of_yes = sum(bool(slot.gold) for slot in hidden)
        assert abs(2 * of_yes - len(hidden)) <= 1 or of_yes == yes or len(hidden) - of_yes == no


def test_a_full_task_has_the_policys_gold():
    (task,) = assemble(images(110), GOLD, POLICY, np.random.default_rng(0), {})
    assert len(task.slots) == 150
    assert Counter(slot.gold for slot in task.slots) == {None: 110, True: 20, False: 20}
    assert task.assignments == POLICY.redundancy
    assert assemble(images(1), GOLD, POLICY, np.random.default_rng(0), {}, assignments=1)[0].assignments == 1


def test_tasks_are_even_without_a_tiny_last_one():
    tasks = assemble(images(221), GOLD, POLICY, np.random.default_rng(0), {})
    assert sorted(len(task.asked) for task in tasks) == [73, 74, 74]


def test_least_used_gold_comes_first_also_within_one_call():
    gold = {f"g{i}": i < 40 for i in range(80)}
    uses = dict.fromkeys(list(gold)[:20], 5)
    tasks = assemble(images(220), gold, POLICY, np.random.default_rng(0), uses)
    shown = Counter(slot.image for task in tasks for slot in task.slots if slot.gold is not None)
    assert all(shown[f"g{i}"] == 0 for i in range(20))
    assert {shown[f"g{i}"] for i in range(20, 40)} == {2}
    assert {shown[f"g{i}"] for i in range(40, 80)} == {1}


def test_an_asked_image_is_never_gold():
    (task,) = assemble(["g0", "g1"], GOLD, POLICY, np.random.default_rng(0), {})
    assert set(task.asked) == {"g0", "g1"}
    assert len(task.slots) == 32


def test_place_says_nothing_of_gold():
    share = np.zeros(150)
    for seed in range(300):
        (task,) = assemble(images(110), GOLD, POLICY, np.random.default_rng(seed), {})
        share += [slot.gold is not None for slot in task.slots]
    assert np.all(np.abs(share / 300 - 40 / 150) < 0.12)
    assert abs(np.corrcoef(share, np.arange(150))[0, 1]) < 0.25


def test_repeatable_whatever_the_order_of_the_gold():
    backwards = dict(reversed(GOLD.items()))
    one, two = (assemble(images(200), gold, POLICY, np.random.default_rng(4), {}) for gold in (GOLD, backwards))
    assert one == two


def test_an_image_asked_twice_is_refused():
    with pytest.raises(InputError):
        assemble(["a", "a"], GOLD, POLICY, np.random.default_rng(0), {})


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 200), st.text(), st.integers())
def test_every_annotator_has_an_order_of_all_slots(n: int, annotator: str, seed: int):
    assert sorted(order("t", annotator, n, seed)) == list(range(n))


def test_orders_differ_between_people_and_tasks_but_not_between_visits():
    assert order("t1", "ann", 150, 0) == order("t1", "ann", 150, 0)
    assert len({order(t, a, 150, s) for t in ("t1", "t2") for a in ("ann", "bob") for s in (0, 1)}) == 8
