"""Chosen images + gold -> tasks, and what each annotator sees of one. Seeded, reproducible.

Gold must not be told from the rest. Within a task its place says nothing. Across tasks, and among people who compare
notes, how often an image was seen must say nothing either: gold is chosen to have been shown as often as the images
that are asked beside it. And nobody sees an image twice, for only gold would come back.
"""

from collections.abc import Iterator, Mapping, Sequence, Set

import numpy as np

from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.task import Slot, Task, TaskDraft
from active_learning.splits import stable_seed

LEAST_GOLD = 30
"""Hidden gold of a small task, where there is so much. With 10, one guesser in 100 passes and one good annotator in 4
does not; with 30 it is 1 in 400 and 1 in 100. A small task is paid like a full one, so gold costs nothing there."""

LEAST_GRID = 24
"""Fewer images than this make no grid task of their own: they are asked one at a time with the others."""


def assemble(
    asked: Sequence[str],
    gold: Mapping[str, bool],
    policy: Policy,
    rng: np.random.Generator,
    shown: Mapping[str, int],
    scores: Mapping[str, float] | None = None,
    assignments: int | None = None,
) -> tuple[TaskDraft, ...]:
    """Make tasks of the asked images, each with hidden gold.

    Images that the model is sure of make grid tasks (see :func:`strata`). The tasks of a stratum are as few as the
    slots allow and differ in size by at most one image, so no annotator gets a tiny remainder. Each has gold in the
    policy's proportion (at least 30 where there is so much), half yes and half no as far as the gold goes, shown as
    often so far as the asked images of the same task. An asked image is never gold of the same call. Slots are
    shuffled: place says nothing of what a slot is.

    Args:
        asked: image ids whose answer is wanted, without repeats.
        gold: image id -> known answer.
        policy: slots, hidden gold and redundancy of a task; scores of grids.
        rng: the only source of chance.
        shown: how many assignments each image was put into so far; a missing one counts as 0.
        scores: image id -> the model's score, where there is one.
        assignments: how many people each task asks; the policy's redundancy by default.

    Raises:
        InputError: an image is asked twice.
    """
    if len(set(asked)) != len(asked):
        raise InputError("An image is asked twice in one call.", "Ask each image once; people give the repetition.")
    people = assignments or policy.redundancy
    stock = _Stock({image: gold[image] for image in set(gold) - set(asked)}, shown)
    drafts = []
    for presumed, images in strata(asked, scores or {}, policy):
        room = policy.slots - policy.hidden_gold
        for part in np.array_split(rng.permutation(len(images)), -(-len(images) // room)):
            here = [images[i] for i in part]
            chosen = _hidden(here, stock, policy, rng, shown)
            stock.put_back(people)
            slots = [Slot(image=image) for image in here]
            slots += [Slot(image=image, gold=gold[image]) for image in chosen]
            shuffled = tuple(slots[i] for i in rng.permutation(len(slots)))
            drafts.append(TaskDraft(slots=shuffled, assignments=people, presumed=presumed))
    return tuple(drafts)


def strata(
    asked: Sequence[str], scores: Mapping[str, float], policy: Policy
) -> tuple[tuple[bool | None, tuple[str, ...]], ...]:
    """Split images by how they are asked: (presumed, images), one at a time first; empty ones are left out.

    A score of ``policy.grid_above`` or more makes a grid in which silence means yes, one of ``policy.grid_below`` or
    less one of no. It depends on the score alone. A grid of fewer than 24 images is asked one at a time.
    """
    groups: dict[bool | None, list[str]] = {None: [], True: [], False: []}
    for image in asked:
        groups[_presumed(scores.get(image), policy)].append(image)
    small = {presumed for presumed in (True, False) if len(groups[presumed]) < LEAST_GRID}
    single = [image for image in asked if _presumed(scores.get(image), policy) in {None, *small}]
    grids = ((presumed, groups[presumed]) for presumed in (True, False) if presumed not in small)
    return tuple((presumed, tuple(images)) for presumed, images in ((None, single), *grids) if images)


def _presumed(score: float | None, policy: Policy) -> bool | None:
    if score is None:
        return None
    if policy.grid_above is not None and score >= policy.grid_above:
        return True
    if policy.grid_below is not None and score <= policy.grid_below:
        return False
    return None


def personal(
    task: Task,
    annotator: str,
    seen: Set[str],
    gold: Mapping[str, bool],
    shown: Mapping[str, int],
    seed: int,
) -> tuple[Slot, ...]:
    """Return what this annotator gets of a task, in an order of his own. Nothing of it was ``seen`` before.

    An asked image that was seen is left out. Gold that was seen gives way to other gold of the same answer, shown as
    often as the asked images of the task, and is left out where there is none. Empty when nothing is left to ask.
    People's answers lean on the one before; a different order for everybody keeps that error from adding up.

    Args:
        task: the task; ``shown`` counts its own assignments already.
        annotator: who it is for: the same task and person give the same result.
        seen: images that this annotator saw with another task, or whose answer anybody can know.
        gold: image id -> known answer of the gold that may stand in.
        shown: how many assignments each image was put into so far; a missing one counts as 0.
        seed: the category's.
    """
    rng = np.random.default_rng(stable_seed("order", seed, task.id, annotator))
    slots = [task.slots[i] for i in rng.permutation(len(task.slots))]
    asked = [slot.image for slot in slots if slot.gold is None and slot.image not in seen]
    if not asked:
        return ()
    taken = {slot.image for slot in task.slots} | set(seen)
    stock = _Stock({image: value for image, value in gold.items() if image not in taken}, shown)
    wanted = _showings(asked, shown, rng)
    kept: list[Slot] = []
    for slot in slots:
        if slot.image not in seen:
            kept.append(slot)
        elif slot.gold is not None:
            # One assignment of this task is what the stand-in is shown in, and the asked image has it counted.
            other = stock.nearest(slot.gold, next(wanted) - 1, rng)
            kept += [] if other is None else [Slot(image=other, gold=slot.gold)]
    return tuple(kept)


def _gold_wanted(asked: int, policy: Policy) -> int:
    share = policy.hidden_gold / (policy.slots - policy.hidden_gold)
    return min(policy.hidden_gold, max(LEAST_GOLD, round(asked * share)))


def _hidden(
    asked: Sequence[str], stock: "_Stock", policy: Policy, rng: np.random.Generator, shown: Mapping[str, int]
) -> list[str]:
    """Gold for a task of these asked images."""
    yes, no = stock.size(True), stock.size(False)
    wanted = min(_gold_wanted(len(asked), policy), yes + no)
    # An odd one falls to either side by chance: always giving it to one side would be a hint.
    of_yes = min(yes, max((wanted + int(rng.integers(2))) // 2, wanted - no))
    sides = rng.permutation([True] * of_yes + [False] * (wanted - of_yes))
    showings = _showings(asked, shown, rng)
    chosen = (stock.nearest(bool(side), next(showings), rng) for side in sides)
    return [image for image in chosen if image is not None]


def _showings(asked: Sequence[str], shown: Mapping[str, int], rng: np.random.Generator) -> Iterator[int]:
    """How often asked images were shown, one after another in an order of chance, without end."""
    while True:
        for index in rng.permutation(len(asked)):
            yield shown.get(asked[index], 0)


class _Stock:
    """Gold that can still be taken, by its answer, with how often each was shown."""

    def __init__(self, gold: Mapping[str, bool], shown: Mapping[str, int]) -> None:
        self._images = {side: sorted(image for image, value in gold.items() if value is side) for side in (True, False)}
        self._shown = {
            side: np.array([shown.get(image, 0) for image in images], dtype=np.int64)
            for side, images in self._images.items()
        }
        self._free = {side: np.ones(len(images), dtype=bool) for side, images in self._images.items()}
        self._used = {side: np.zeros(len(images), dtype=bool) for side, images in self._images.items()}
        self._taken: list[tuple[bool, int]] = []

    def size(self, side: bool) -> int:
        """How many there are with this answer."""
        return len(self._images[side])

    def nearest(self, side: bool, showings: int, rng: np.random.Generator) -> str | None:
        """Take one with this answer that was shown as nearly so often as can be; ties at random.

        Rather one that no other task of this call has: an asked image is in one task alone.
        """
        free = np.flatnonzero(self._free[side])
        if not len(free):
            return None
        distance = 2 * np.abs(self._shown[side][free] - showings) + self._used[side][free]
        chosen = int(rng.choice(free[distance == distance.min()]))
        self._free[side][chosen] = False
        self._taken.append((side, chosen))
        return self._images[side][chosen]

    def put_back(self, people: int) -> None:
        """End a task: what was taken for it was shown to so many people, and may be taken for the next one."""
        for side, index in self._taken:
            self._shown[side][index] += people
            self._free[side][index] = True
            self._used[side][index] = True
        self._taken.clear()
