"""Chosen images + gold -> tasks, and the order in which each annotator sees one. Seeded, reproducible."""

from collections.abc import Mapping, Sequence

import numpy as np

from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.task import Slot, TaskDraft
from active_learning.splits import stable_seed

LEAST_GOLD = 30
"""Hidden gold of a small task, where there is so much. With 10, one guesser in 100 passes and one good annotator in 4
does not; with 30 it is 1 in 400 and 1 in 100. A small task is paid like a full one, so gold costs nothing there."""


def assemble(
    asked: Sequence[str],
    gold: Mapping[str, bool],
    policy: Policy,
    rng: np.random.Generator,
    gold_uses: Mapping[str, int],
    assignments: int | None = None,
) -> tuple[TaskDraft, ...]:
    """Make tasks of the asked images, each with hidden gold.

    The tasks are as few as the slots allow and differ in size by at most one image, so no annotator gets a tiny
    remainder. Each has gold in the policy's proportion (at least 30 where there is so much), half yes and half no as
    far as the gold goes, the least used first (``gold_uses``: image -> how often shown). An asked image is never gold
    of the same call. Slots are shuffled: place says nothing of what a slot is.

    Args:
        asked: image ids whose answer is wanted, without repeats.
        gold: image id -> known answer.
        policy: slots, hidden gold and redundancy of a task.
        rng: the only source of chance.
        gold_uses: how often each gold image was shown so far; a missing one counts as 0.
        assignments: how many people each task asks; the policy's redundancy by default.

    Raises:
        InputError: an image is asked twice.
    """
    if len(set(asked)) != len(asked):
        raise InputError("An image is asked twice in one call.", "Ask each image once; people give the repetition.")
    if not asked:
        return ()
    room = policy.slots - policy.hidden_gold
    parts = np.array_split(rng.permutation(len(asked)), -(-len(asked) // room))
    free = sorted(set(gold) - set(asked))
    uses = {image: gold_uses.get(image, 0) for image in free}
    drafts = []
    for part in parts:
        wanted = _gold_wanted(len(part), policy)
        chosen = _choose_gold([i for i in free if gold[i]], [i for i in free if not gold[i]], wanted, uses, rng)
        for image in chosen:
            uses[image] += 1
        slots = [Slot(image=asked[i]) for i in part] + [Slot(image=image, gold=gold[image]) for image in chosen]
        shuffled = tuple(slots[i] for i in rng.permutation(len(slots)))
        drafts.append(TaskDraft(slots=shuffled, assignments=assignments or policy.redundancy))
    return tuple(drafts)


def order(task_id: str, annotator: str, n: int, seed: int) -> tuple[int, ...]:
    """Return this annotator's own order of the ``n`` slots: position -> slot.

    People's answers lean on the one before; a different order for everybody keeps that error from adding up.
    """
    rng = np.random.default_rng(stable_seed("order", seed, task_id, annotator))
    return tuple(int(i) for i in rng.permutation(n))


def _gold_wanted(asked: int, policy: Policy) -> int:
    share = policy.hidden_gold / (policy.slots - policy.hidden_gold)
    return min(policy.hidden_gold, max(LEAST_GOLD, round(asked * share)))


def _choose_gold(
    yes: Sequence[str], no: Sequence[str], wanted: int, uses: Mapping[str, int], rng: np.random.Generator
) -> list[str]:
    wanted = min(wanted, len(yes) + len(no))
    # An odd one falls to either side by chance: always giving it to one side would be a hint.
    half = (wanted + int(rng.integers(2))) // 2
    of_yes = min(len(yes), max(half, wanted - len(no)))
    return _least_used(yes, of_yes, uses, rng) + _least_used(no, wanted - of_yes, uses, rng)


def _least_used(images: Sequence[str], k: int, uses: Mapping[str, int], rng: np.random.Generator) -> list[str]:
    ranked = np.lexsort((rng.random(len(images)), np.array([uses[image] for image in images], dtype=np.int64)))
    return [images[i] for i in ranked[:k]]
