"""Annotators work on the open tasks: each gets slots of his own, answers, is judged by the gold, is paid or not."""

import numpy as np
from numpy.typing import NDArray

from active_learning import assembly, quality, splits
from active_learning.campaign.choosing import counts, gold_of
from active_learning.campaign.crowd import NOBODY, Crowd, Said
from active_learning.campaign.world import World
from active_learning.domain.task import Slot, Task
from active_learning.domain.verdict import Record, Verdict

STOP_AFTER = 2
"""Excluded submissions after which somebody is not asked any more, unless more of theirs were used."""


def collect(world: World, crowd: Crowd) -> None:
    """Have every open task answered by as many people as it asks, as far as there are people left for it."""
    gold = gold_of(world)
    known = [world.position[image] for image in gold]
    for task in world.tasks:
        rng = np.random.default_rng(splits.stable_seed(world.setup.seed, "market", task.id))
        wanted = task.assignments
        for who in (crowd.names[index] for index in rng.permutation(len(crowd.names))):
            if wanted == 0:
                break
            if who not in world.people.stopped and _work(world, crowd, task, who, gold, known):
                wanted -= 1
    world.tasks.clear()
    _stop_asking(world)


def _work(world: World, crowd: Crowd, task: Task, who: str, gold: dict[str, bool], known: list[int]) -> bool:
    """One assignment; ``False`` where nothing of the task is left for this annotator."""
    seen = world.people.seen.setdefault(who, set())
    shown: dict[str, int] = {}
    if any(slot.gold is not None and slot.image in seen for slot in task.slots):
        asked = [world.position[image] for image in task.asked]
        shown = counts(world, np.array([*known, *asked], dtype=np.int64))
    slots = assembly.personal(task, who, seen, gold, shown, world.setup.seed)
    if not slots:
        return False
    places = np.array([world.position[slot.image] for slot in slots], dtype=np.int64)
    own = {slot.image for slot in task.slots}
    for slot, place in zip(slots, places.tolist(), strict=True):
        world.shown[place] += slot.image not in own
        seen.add(slot.image)
    _judge(world, task, who, slots, places, crowd.answer(who, places))
    return True


def _judge(world: World, task: Task, who: str, slots: tuple[Slot, ...], places: NDArray[np.int64], said: Said) -> None:
    """Verdict, payment and, where the answers are used, votes."""
    given = said.values != NOBODY
    world.exhausted[places[~given]] = True
    checked = [
        (bool(value), slot.gold)
        for slot, value, has in zip(slots, said.values.tolist(), given.tolist(), strict=True)
        if has and slot.gold is not None
    ]
    earlier = world.people.records.get(who, Record())
    usual = min(assembly.LEAST_GOLD, len(task.slots) - len(task.asked))
    answers, known = [value for value, _ in checked], [gold for _, gold in checked]
    verdict = quality.verdict(task.id, answers, known, world.policy, earlier if len(checked) < usual else None)
    world.people.records[who] = earlier.plus(_record(verdict))
    world.totals.assignments += 1
    world.totals.checks += len(checked)
    world.totals.answers += int(given.sum()) - len(checked)
    world.totals.excluded += not verdict.use
    world.totals.cents += world.policy.cost_for(task.reward_cents, task.assignments) if verdict.pay else 0
    counter = world.people.used if verdict.use else world.people.excluded
    counter[who] = counter.get(who, 0) + 1
    if verdict.use:
        voters = np.array(said.voters or (who,) * len(slots), dtype=object)
        world.people.ballot.add(places[given], voters[given].tolist(), said.values[given])


def _record(verdict: Verdict) -> Record:
    return Record(**{name: getattr(verdict, name) for name in Record.model_fields})


def _stop_asking(world: World) -> None:
    used, excluded = world.people.used, world.people.excluded
    world.people.stopped = {who for who, n in excluded.items() if n >= STOP_AFTER and n > used.get(who, 0)}
