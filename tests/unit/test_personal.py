"""What one annotator sees of a task: nothing twice, gold as balanced as it was, an order of his own."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.assembly import assemble, personal
from active_learning.domain.policy import Policy
from active_learning.domain.task import Slot, Task

SMALL = Policy(slots=20, hidden_gold=8, redundancy=2)


def task_of(slots: tuple[Slot, ...], name: str = "t1") -> Task:
    return Task(
        id=name, category="c", round=1, wave=1, number=1, name=name, slots=slots, assignments=2, reward_cents=60
    )


def simple(asked: int, gold: int) -> Task:
    hidden = tuple(Slot(image=f"g{n}", gold=n % 2 == 0) for n in range(gold))
    return task_of((*(Slot(image=f"i{n}") for n in range(asked)), *hidden))


@dataclass
class Campaign:
    """Rounds of tasks over one pool, and people who open them in any order."""

    gold: dict[str, bool]
    seed: int
    shown: Counter[str] = field(default_factory=Counter)
    seen: dict[str, set[str]] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)

    def round(self, asked: list[str]) -> None:
        rng = np.random.default_rng([self.seed, len(self.tasks)])
        for draft in assemble(asked, self.gold, SMALL, rng, self.shown):
            self.tasks.append(task_of(draft.slots, f"t{len(self.tasks)}"))
            self.shown.update({slot.image: draft.assignments for slot in draft.slots})

    def open(self, task: Task, who: str) -> tuple[Slot, ...]:
        seen = self.seen.setdefault(who, set())
        slots = personal(task, who, seen, self.gold, self.shown, self.seed)
        own = {slot.image for slot in task.slots}
        self.shown.update(slot.image for slot in slots if slot.image not in own)
        seen.update(slot.image for slot in slots)
        return slots


@settings(max_examples=25, deadline=None)
@given(
    gold=st.integers(0, 60),
    rounds=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    visits=st.lists(st.tuples(st.integers(0, 20), st.sampled_from("ABC")), max_size=25),
    seed=st.integers(0, 3),
)
def test_nobody_sees_an_image_twice_over_any_sequence_of_tasks(
    gold: int, rounds: list[int], visits: list[tuple[int, str]], seed: int
):
    campaign = Campaign({f"g{n}": n % 2 == 0 for n in range(gold)}, seed)
    for size in rounds:
        campaign.round([f"i{n}" for n in range(size)])  # the same images again: they wanted another opinion
    shown: dict[str, list[str]] = {}
    opened = set()
    for number, who in visits:
        task = campaign.tasks[number % len(campaign.tasks)]
        if (task.id, who) in opened:
            continue
        opened.add((task.id, who))
        slots = campaign.open(task, who)
        shown.setdefault(who, []).extend(slot.image for slot in slots)
        asked = [slot.image for slot in slots if slot.gold is None]
        assert set(asked) <= set(task.asked)
        assert bool(asked) == bool(slots), "gold alone is no work"
        before = Counter(slot.gold for slot in task.slots)
        after = Counter(slot.gold for slot in slots)
        assert after[True] <= before[True] and after[False] <= before[False]
        assert all(campaign.gold[slot.image] is slot.gold for slot in slots if slot.gold is not None)
    for images in shown.values():
        assert max(Counter(images).values(), default=1) == 1


def test_gold_that_was_seen_gives_way_to_gold_of_the_same_answer():
    task = simple(12, 8)
    spare = {f"s{n}": n % 2 == 0 for n in range(20)}
    gold = {slot.image: slot.gold for slot in task.slots if slot.gold is not None} | spare
    seen = {"g0", "g1", "g2", "i0", "i1"}
    slots = personal(task, "ANNA", seen, gold, {}, 0)
    assert Counter(slot.gold for slot in slots) == {None: 10, True: 4, False: 4}
    assert not seen & {slot.image for slot in slots}
    assert sum(slot.image in spare for slot in slots) == 3


def test_a_stand_in_was_shown_as_often_as_the_others():
    task = simple(12, 8)
    gold = {f"g{n}": n % 2 == 0 for n in range(8)} | {f"s{n}": n % 2 == 0 for n in range(40)}
    shown = {slot.image: 4 for slot in task.slots} | {f"s{n}": 3 if n < 20 else 0 for n in range(40)}
    slots = personal(task, "ANNA", {"g0", "g1", "g2", "g3"}, gold, shown, 0)
    stand_ins = {slot.image for slot in slots if slot.image.startswith("s")}
    assert len(stand_ins) == 4
    assert {shown[image] for image in stand_ins} == {3}


def test_without_other_gold_it_is_left_out():
    task = simple(12, 8)
    gold = {f"g{n}": n % 2 == 0 for n in range(8)}
    slots = personal(task, "ANNA", {"g0", "g1"}, gold, {}, 0)
    assert Counter(slot.gold for slot in slots) == {None: 12, True: 3, False: 3}


def test_nothing_is_left_of_a_task_whose_asked_images_were_all_seen():
    task = simple(3, 8)
    assert personal(task, "ANNA", {"i0", "i1", "i2"}, {}, {}, 0) == ()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 150), st.text(), st.integers())
def test_everybody_has_an_order_of_all_slots(n: int, annotator: str, seed: int):
    task = simple(n, n // 3)
    slots = personal(task, annotator, set(), {}, {}, seed)
    assert sorted(slot.image for slot in slots) == sorted(slot.image for slot in task.slots)


def test_orders_differ_between_people_and_tasks_but_not_between_visits():
    task = simple(110, 40)
    again = task.model_copy(update={"id": "t2"})
    orders = {(t.id, who): personal(t, who, set(), {}, {}, 0) for t in (task, again) for who in ("ann", "bob")}
    assert len(set(orders.values())) == 4
    assert personal(task, "ann", set(), {}, {}, 0) == orders["t1", "ann"]


@pytest.mark.parametrize("first", [True, False])
def test_the_place_of_a_stand_in_says_nothing(first: bool):
    task = simple(30, 20)
    gold = {f"g{n}": n % 2 == 0 for n in range(20)} | {f"s{n}": n % 2 == 0 for n in range(40)}
    places = [
        n / 49
        for who in range(200)
        for n, slot in enumerate(personal(task, str(who), {"g0", "g1"}, gold, {}, int(first)))
        if slot.image[0] == "s"
    ]
    assert len(places) == 400
    assert abs(float(np.mean(places)) - 0.5) < 4 * (1 / 12 / 400) ** 0.5
