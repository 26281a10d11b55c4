from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.assembly import LEAST_GRID, assemble, strata
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.task import TaskDraft

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


def showings(tasks: tuple[TaskDraft, ...], shown: dict[str, int]) -> Counter[str]:
    """How often every image has been shown once these tasks are done."""
    after = Counter(shown)
    for task in tasks:
        after.update({slot.image: task.assignments for slot in task.slots})
    return after


def test_with_enough_gold_every_image_belongs_to_one_task_alone():
    gold = {f"g{i}": i % 2 == 0 for i in range(200)}
    tasks = assemble(images(500), gold, POLICY, np.random.default_rng(0), {})
    everything = [slot.image for task in tasks for slot in task.slots]
    assert len(everything) == len(set(everything))
    assert set(showings(tasks, {}).values()) == {POLICY.redundancy}


def test_with_too_little_gold_its_burden_is_spread():
    gold = {f"g{i}": i % 2 == 0 for i in range(60)}
    tasks = assemble(images(990), gold, POLICY, np.random.default_rng(0), {})
    after = showings(tasks, {})
    assert {after[image] for image in gold} == {12}  # nine tasks of 40, two people each, over 60 images


def test_gold_in_a_later_wave_is_gold_that_was_shown_as_often():
    gold = {f"g{i}": i % 2 == 0 for i in range(120)}
    shown = dict.fromkeys(images(50), 2) | {f"g{i}": 2 for i in range(60)}
    (task,) = assemble(images(50), gold, POLICY, np.random.default_rng(0), shown, assignments=1)
    assert {shown.get(slot.image, 0) for slot in task.slots} == {2}


GRIDS = Policy(grid_above=0.9, grid_below=0.1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.floats(0, 1), max_size=150), st.booleans(), st.booleans())
def test_laws_of_strata(values: list[float | None], above: bool, below: bool):
    policy = GRIDS.model_copy(update={} if above else {"grid_above": None})
    policy = policy.model_copy(update={} if below else {"grid_below": None})
    scores = {f"i{n}": value for n, value in enumerate(values) if value is not None}
    found = strata(images(len(values)), scores, policy)
    assert sorted(image for _, group in found for image in group) == sorted(images(len(values)))
    for presumed, group in found:
        if presumed is True:
            assert above and all(scores[image] >= 0.9 for image in group)
        if presumed is False:
            assert below and all(scores[image] <= 0.1 for image in group)
        assert presumed is None or len(group) >= LEAST_GRID


def test_sure_images_are_asked_in_grids_with_as_much_gold_of_both_answers():
    asked = images(90)
    scores = {image: (0.95, 0.5, 0.05)[n % 3] for n, image in enumerate(asked)}
    tasks = assemble(asked, GOLD, GRIDS, np.random.default_rng(0), {}, scores)
    assert [task.presumed for task in tasks] == [None, True, False]
    for task in tasks:
        assert Counter(slot.gold for slot in task.slots) == {None: 30, True: 15, False: 15}
        assert {scores[image] for image in task.asked} == {{None: 0.5, True: 0.95, False: 0.05}[task.presumed]}
    in_one_task = [slot.image for task in tasks for slot in task.slots]
    assert max(Counter(in_one_task).values()) == 1, "gold of one stratum is used when the next one is filled"


def test_a_grid_that_would_be_too_small_is_asked_one_at_a_time():
    scores = {image: 0.99 if n < 23 else 0.5 for n, image in enumerate(images(60))}
    assert [task.presumed for task in assemble(images(60), GOLD, GRIDS, np.random.default_rng(0), {}, scores)] == [None]


def test_a_grid_of_both_answers_for_one_score_is_refused():
    with pytest.raises(ValueError, match="must be below grid_above"):
        Policy(grid_above=0.4, grid_below=0.6)


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
