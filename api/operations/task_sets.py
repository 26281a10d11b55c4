"""Task sets: images that a curator has chosen are arranged into tasks with hidden gold, looked at, and posted.

A set is a draft whose list can be changed, then arranged: its tasks are made and held, its images selected, so that no
round takes them. Until it is posted all of this can be taken apart again. Posting hands the tasks to the same job that
posts those of rounds. Answers are decided with those of the round that runs, or by themselves where none does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from active_learning import splits
from active_learning.domain.candidate import State
from active_learning.domain.category import Category
from active_learning.domain.choice import HandAct
from active_learning.domain.errors import BudgetExhausted, InputError, StateError
from active_learning.domain.policy import Policy
from active_learning.domain.round import Phase
from active_learning.domain.task import Task, TaskState
from active_learning.domain.value import Value
from active_learning.rounds import MIN_GOLD_A_SIDE
from api.operations import choosing, model_labels, rounds
from api.operations.context import Winnow
from api.operations.intake import schedule
from api.store import Session
from api.store.connection import Document, chunks
from api.store.task_sets import SetState

MOST = 5_000
"""Images of one set: some 45 tasks, and one transaction."""

CHOSEN_BY = "curator"


class Arrangement(Value):
    """How a set is made into tasks: slots of a task, hidden gold among them, and answers asked of different people."""

    slots: int = Field(ge=2, le=1_000)
    hidden_gold: int = Field(ge=1, le=500)
    answers: int = Field(ge=1, le=25)


class ArrangedTask(Value):
    """One task of a set: how many images it asks, how much gold it hides, what one assignment pays, where it is."""

    id: str
    asked: int
    gold_yes: int
    gold_no: int
    answers: int
    reward_cents: int
    cost_cents: int
    state: TaskState


class TaskSet(Value):
    """A task set as its page shows it. ``outcome`` counts its images by what has become of them."""

    number: int
    name: str
    state: SetState
    by: str
    images: tuple[str, ...]
    arrangement: Arrangement
    tasks: tuple[ArrangedTask, ...] = ()
    outcome: Mapping[str, int] = Field(default_factory=dict)

    @property
    def cost_cents(self) -> int:
        """What its tasks cost if every assignment is paid."""
        return sum(task.cost_cents for task in self.tasks)


class Brief(Value):
    """A line of the list of task sets."""

    number: int
    name: str
    state: SetState
    by: str
    images: int
    tasks: int


async def create(w: Winnow, slug: str, images: Sequence[str], name: str, by: str, number: int | None = None) -> int:
    """Save a draft of images that may be chosen; returns its number, by default the next one.

    Raises :class:`InputError` where the number is taken, or where there are too many images.
    """
    category = await w.store.categories.definition(slug)
    if len(images) > MOST:
        raise InputError(f"{len(images):,} images are more than the {MOST:,} of one set.", "Split the list.")
    chosen, _ = await choosing.free(w, slug, images, HandAct.ASK)
    wanted = number or await w.store.task_sets.newest(slug) + 1
    fields = {
        "name": name.strip() or f"{category.slug} set {wanted}",
        "images": chosen,
        "by": by,
        "made_at": w.clock(),
    }
    await w.store.task_sets.insert(slug, wanted, fields)
    return wanted


async def all_of(w: Winnow, slug: str, below: int | None = None, size: int = 50) -> list[Brief]:
    """The sets of a category, newest first, those with numbers below ``below``."""
    await w.store.categories.get(slug)
    return [
        Brief(
            number=d["number"],
            name=d["name"],
            state=d["state"],
            by=d["by"],
            images=d["size"],
            tasks=len(d["tasks"]),
        )
        for d in await w.store.task_sets.page(slug, below, size)
    ]


async def get(w: Winnow, slug: str, number: int) -> TaskSet:
    """One set with its tasks and what has become of its images."""
    document = await w.store.task_sets.get(slug, number)
    policy = (await w.store.categories.definition(slug)).policy
    tasks = await w.store.tasks.many(document["tasks"])
    outcome: dict[str, int] = {}
    for some in chunks(document["images"]):
        for candidate in (await w.store.browsing.some(slug, some)).values():
            word = _became(candidate)
            outcome[word] = outcome.get(word, 0) + 1
    return TaskSet(
        number=number,
        name=document["name"],
        state=document["state"],
        by=document["by"],
        images=tuple(document["images"]),
        arrangement=Arrangement.model_validate(document["arrangement"] or _usual(policy).model_dump()),
        tasks=tuple(_arranged(task, policy) for task in tasks),
        outcome=outcome,
    )


async def arrange(w: Winnow, slug: str, number: int, wanted: Arrangement) -> None:
    """Make tasks of a draft and hold them; its images are selected, and the model's labels of them withdrawn.

    Raises :class:`StateError` where the set is no draft, before the validation images are drawn, while a cut labels
    the pool, or where images were taken meanwhile; :class:`InputError` where an arrangement does not fit.
    """
    document = await w.store.task_sets.get(slug, number)
    _expect(document, SetState.DRAFT)
    category = await w.store.categories.definition(slug)
    policy = _policy(category.policy, wanted)
    owner = await w.store.categories.get(slug)
    await _check_ready(w, slug, owner)
    chosen, _ = await choosing.free(w, slug, document["images"], HandAct.ASK)
    if not chosen:
        raise InputError("No image of this set can be asked about.", "Add images to it, from a list or from the pool.")
    turn = document["arranged"] + 1
    rng = np.random.default_rng(splits.stable_seed(category.seed, "task set", number, turn))
    drafts = await rounds.drafts(w, category, policy, chosen, rng, wanted.answers)
    tasks = [
        Task(
            id=f"{slug}-s{number}-a{turn}-t{index}",
            category=slug,
            round=0,
            wave=number,
            number=index,
            name=document["name"] if len(drafts) == 1 else f"{document['name']} {index}",
            slots=draft.slots,
            assignments=draft.assignments,
            presumed=draft.presumed,
            reward_cents=category.policy.reward_for(len(draft.slots)),
            state=TaskState.HELD,
        )
        for index, draft in enumerate(drafts, start=1)
    ]
    await _hold(w, slug, document, tasks, {"turn": turn, **wanted.model_dump()}, apart=bool(owner["looks"]))


async def _hold(
    w: Winnow, slug: str, document: Document, tasks: Sequence[Task], wanted: dict[str, Any], *, apart: bool
) -> None:
    asked = [image for task in tasks for image in task.asked]
    turn = wanted.pop("turn")

    async def work(session: Session) -> None:
        only = {"image": {"$in": asked}}
        found = await w.store.candidates.find(slug, only, ["image", "state", "answer", "votes_wanted"], session=session)
        waiting = [c["image"] for c in found if c["votes_wanted"]]
        await _withdraw(w, slug, f"set{document['number']}.{turn}", found, session)
        before = (await w.store.categories.get(slug, session))["counts"][State.SELECTED.value]
        await rounds.take(w, slug, tasks, session)
        after = (await w.store.categories.get(slug, session))["counts"][State.SELECTED.value]
        if after - before != len(asked):
            raise StateError("Some of these images were taken meanwhile.", "Arrange the set again.")
        # A round chose what has a strategy's name already; what it counts for stays the same.
        chosen: dict[str, Any] = {"chosen_by": CHOSEN_BY} | ({"apart": True} if apart else {})
        await w.store.candidates.mark(slug, asked, chosen, session, only={"chosen_by": None})
        fields = {
            "state": SetState.ARRANGED.value,
            "tasks": [task.id for task in tasks],
            "arranged": turn,
            "arrangement": wanted,
            "waiting": waiting,
        }
        if not await w.store.task_sets.change(slug, document["number"], SetState.DRAFT, fields, session):
            raise StateError("Somebody else has changed this set meanwhile.", "Look at it again.")

    await w.store.transact(work)


async def _withdraw(w: Winnow, slug: str, act: str, found: Sequence[Document], session: Session) -> None:
    """Take back the model's labels of what people will be asked."""
    for value in (True, False):
        labeled = [c["image"] for c in found if c["state"] == State.AUTO_LABELED.value and c["answer"] is value]
        if labeled:
            why = {"why": "a curator asks people"}
            scores = dict.fromkeys(labeled)
            changes = await model_labels.take_back(w, slug, 0, scores, value, why, session, act)
            await w.store.categories.count(slug, changes, session)


async def take_apart(w: Winnow, slug: str, number: int) -> None:
    """Make an arranged set a draft again: its tasks are gone, its images unknown. A draft stays one."""

    async def work(session: Session) -> None:
        document = await w.store.task_sets.get(slug, number, session)
        if document["state"] == SetState.DRAFT.value:
            return
        _expect(document, SetState.ARRANGED)
        await _let_go(w, slug, document, session)
        fields = {"state": SetState.DRAFT.value, "tasks": [], "waiting": []}
        await w.store.task_sets.change(slug, number, SetState.ARRANGED, fields, session)

    await w.store.transact(work)


async def _let_go(w: Winnow, slug: str, document: Document, session: Session) -> None:
    tasks = await w.store.tasks.many(document["tasks"])
    asked = [image for task in tasks for image in task.asked]
    only = {"task": {"$in": [task.id for task in tasks]}}
    moved = await w.store.candidates.move(
        slug, asked, State.SELECTED, State.UNKNOWN, {"task": None}, session, only=only
    )
    await w.store.candidates.mark(
        slug, asked, {"chosen_by": None, "apart": None}, session, only={"chosen_by": CHOSEN_BY}
    )
    unknown = {"state": State.UNKNOWN.value, "excluded": None}
    again = await w.store.candidates.mark(slug, document["waiting"], {"votes_wanted": True}, session, only=unknown)
    changes = {"counts.selected": -moved, "counts.unknown": moved, "wants_votes.train": again}
    await w.store.categories.count(slug, changes, session)
    shown: dict[str, int] = {}
    for task in tasks:
        for slot in task.slots:
            shown[slot.image] = shown.get(slot.image, 0) - task.assignments
    await w.store.candidates.count_shown(slug, shown, session)
    await w.store.tasks.withdraw([task.id for task in tasks], session)


async def post(w: Winnow, slug: str, number: int) -> None:
    """Let the tasks of an arranged set go to the market. A set that is posted stays posted.

    Raises :class:`BudgetExhausted` where the rest of the budget does not cover them.
    """
    shown = await get(w, slug, number)
    if shown.state is SetState.POSTED:
        return
    await _check_budget(w, slug, shown.cost_cents)

    async def work(session: Session) -> None:
        document = await w.store.task_sets.get(slug, number, session)
        if document["state"] == SetState.POSTED.value:
            return
        _expect(document, SetState.ARRANGED)
        fields = {"state": SetState.POSTED.value, "posted_at": w.clock()}
        await w.store.task_sets.change(slug, number, SetState.ARRANGED, fields, session)
        await w.store.tasks.hand_over(document["tasks"], session)
        await w.store.categories.count(slug, {"task_sets.posted": 1}, session)

    await w.store.transact(work)
    await schedule(w, slug)
    await w.store.jobs.poke("collect", {"category": slug}, w.clock())


async def cancel(w: Winnow, slug: str, number: int) -> None:
    """Give up a set that is not posted; its list stays and can be taken up again."""
    await take_apart(w, slug, number)
    await w.store.task_sets.change(slug, number, SetState.DRAFT, {"state": SetState.CANCELLED.value})


async def take_up(w: Winnow, slug: str, number: int) -> None:
    """Make a cancelled set a draft again."""
    await w.store.task_sets.get(slug, number)
    await w.store.task_sets.change(slug, number, SetState.CANCELLED, {"state": SetState.DRAFT.value})


async def rename(w: Winnow, slug: str, number: int, name: str) -> None:
    """Give a draft another name; raises :class:`StateError` for a set that is arranged or posted."""
    document = await w.store.task_sets.get(slug, number)
    _expect(document, SetState.DRAFT)
    if name.strip():
        await w.store.task_sets.change(slug, number, SetState.DRAFT, {"name": name.strip()})


async def remove(w: Winnow, slug: str, number: int, images: Sequence[str]) -> int:
    """Take images out of a draft; returns how many it had."""
    removed = await w.store.task_sets.remove(slug, number, images)
    if removed is None:
        _expect(await w.store.task_sets.get(slug, number), SetState.DRAFT)
    return removed or 0


def _expect(document: Document, state: SetState) -> None:
    if document["state"] != state.value:
        hints = {
            SetState.DRAFT.value: "Arrange it first.",
            SetState.ARRANGED.value: "Take it apart first.",
            SetState.POSTED.value: "What is at the market stays there.",
            SetState.CANCELLED.value: "Take it up again first.",
        }
        raise StateError(f"Task set {document['number']} is {document['state']}.", hints[document["state"]])


async def _check_ready(w: Winnow, slug: str, document: Document) -> None:
    gold = document["gold"]
    if min(gold["yes"], gold["no"]) < MIN_GOLD_A_SIDE:
        raise StateError(
            f"There are {gold['yes']} yes and {gold['no']} no gold images to check people with, and "
            f"{MIN_GOLD_A_SIDE} of each are needed.",
            "Answer some images yourself: mark them as gold in the pool, or open the page Gold.",
        )
    if document["validation_below"] is None:
        raise StateError(
            "The validation images are not drawn yet, and they must be drawn before anybody chooses.",
            "Winnow draws them when there is gold (a stratified sample: after the first round). Wait a moment.",
        )
    newest = await w.store.rounds.newest(slug)
    if newest is not None and newest["phase"] == Phase.CUTTING.value:
        raise StateError("The model is labeling the pool just now.", "Try again in a moment.")


async def _check_budget(w: Winnow, slug: str, cents: int) -> None:
    document = await w.store.categories.get(slug)
    policy = Category.model_validate(document["category"]).policy
    drafted = await w.store.tasks.in_state(slug, TaskState.DRAFTED)
    coming = sum(
        task.assignments * policy.cost_for(task.reward_cents, task.assignments)
        for task in drafted
        if not task.held_cents
    )
    money = document["money"]
    free = policy.budget_cents - money["spent_cents"] - money["committed_cents"] - coming
    if cents > free:
        raise BudgetExhausted(
            f"These tasks cost up to ${cents / 100:.2f}, and ${max(0, free) / 100:.2f} of the budget is left.",
            "Raise the budget in the category's settings, or ask for less.",
        )


def _usual(policy: Policy) -> Arrangement:
    return Arrangement(slots=policy.slots, hidden_gold=policy.hidden_gold, answers=policy.redundancy)


def _policy(policy: Policy, wanted: Arrangement) -> Policy:
    if wanted.hidden_gold >= wanted.slots:
        raise InputError(
            f"{wanted.hidden_gold} gold images leave no room in tasks of {wanted.slots}.", "Hide less gold."
        )
    return policy.model_copy(update={"slots": wanted.slots, "hidden_gold": wanted.hidden_gold})


def _arranged(task: Task, policy: Policy) -> ArrangedTask:
    gold = [slot.gold for slot in task.slots if slot.gold is not None]
    return ArrangedTask(
        id=task.id,
        asked=len(task.asked),
        gold_yes=gold.count(True),
        gold_no=gold.count(False),
        answers=task.assignments,
        reward_cents=task.reward_cents,
        cost_cents=task.assignments * policy.cost_for(task.reward_cents, task.assignments),
        state=task.state,
    )


def _became(candidate: Document) -> str:
    """What has become of an image of a set, in a word."""
    if candidate["state"] == State.LABELED.value:
        return "yes" if candidate["answer"] else "no"
    if candidate["state"] in (State.SELECTED.value, State.POSTED.value):
        return "with people"
    if candidate["votes_wanted"]:
        return "wants another opinion"
    return "disputed" if candidate["disputed"] else "open"
