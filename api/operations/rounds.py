"""The loop's acts: each one action of ``active_learning.rounds.plan``, done once however often it is asked for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from active_learning import assembly, rounds, splits
from active_learning.domain.candidate import Role, State
from active_learning.domain.category import Category
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState, Phase, RoundView
from active_learning.domain.task import Task, TaskDraft
from api.operations import auditing, designing, model_labels, scoring, selecting
from api.operations.context import Winnow
from api.operations.spreading import Spread, here
from api.store import Session

ROUND_COUNTERS = {"posted": 0, "answers": 0, "human_labels": 0}


async def snapshot(w: Winnow, slug: str) -> tuple[rounds.Snapshot, Policy]:
    """What the planner needs, from kept counters: its cost does not grow with the pool."""
    document = await w.store.categories.get(slug)
    policy = Category.model_validate(document["category"]).policy
    newest = await w.store.rounds.newest(slug)
    money = document["money"]
    free = policy.budget_cents - money["spent_cents"] - money["committed_cents"]
    counts = document["counts"]
    view = None
    if newest is not None:
        view = RoundView(
            number=newest["number"], phase=Phase(newest["phase"]), wave=newest["wave"], sweep=newest["sweep"]
        )
    return (
        rounds.Snapshot(
            state=CategoryState(document["state"]),
            unknown=counts["unknown"],
            auto_labeled=counts["auto_labeled"],
            disputed=document["disputed"],
            wants_votes=sum(document["wants_votes"].values()),
            wants_votes_train=document["wants_votes"]["train"],
            total=sum(counts.values()),
            validation_drawn=document["validation_below"] is not None,
            validation_open=document["validation"]["total"] - document["validation"]["labeled"],
            gold_yes=document["gold"]["yes"],
            gold_no=document["gold"]["no"],
            embedded=document["embedded"] >= sum(counts.values()),
            open_tasks=await w.store.tasks.open(slug),
            affordable_tasks=max(0, free // (policy.cost_cents * policy.redundancy)),
            has_model=await w.store.models.newest(slug) is not None,
            stalled=await _stalled(w, slug),
            posted=counts["posted"],
            task_sets=document.get("task_sets", {}).get("posted", 0),
            excluded=await w.store.candidates.excluded_unknown(slug),
            round=view,
        ),
        policy,
    )


async def _stalled(w: Winnow, slug: str) -> int:
    """How many of the newest looks in a row were not put in force."""
    reports = [r["report"] for r in await w.store.rounds.all(slug) if r["report"] and r["report"].get("calibration")]
    count = 0
    for report in reversed(reports):
        if report["in_force"]:
            break
        count += 1
    return count


async def next_action(w: Winnow, slug: str) -> rounds.Action:
    """What the loop would do now."""
    return rounds.plan(*await snapshot(w, slug))


async def draw_validation(w: Winnow, slug: str, spread: Spread = here) -> None:
    """Fix the validation images, as the policy's design says: see ``designing``."""
    policy = (await w.store.categories.definition(slug)).policy
    untouched = (await w.store.categories.get(slug))["counts"][State.UNKNOWN.value]
    size = min(policy.validation, int(untouched * designing.SHARE))
    if policy.validation_design == "stratified":
        await designing.draw_stratified(w, slug, policy, size, spread)
    else:
        await designing.draw_uniform(w, slug, size)


async def start_round(w: Winnow, slug: str, action: rounds.StartRound, spread: Spread = here) -> None:
    """Select, assemble, and store a round with its tasks, in one transaction."""
    category = await w.store.categories.definition(slug)
    rng = np.random.default_rng(splits.stable_seed(category.seed, "round", action.number))
    selected: dict[str, float | None] = {}
    checks = auditing.Draw()
    if action.strategy == "sweep":
        # What is excluded by hand is not asked about, but validation images are: they stand for the pool as it is.
        people = {"$or": [{"role": Role.VALIDATION.value}, {"excluded": None}]}
        asked = await _open_images(w, slug, {"disputed": False, **people}, action.take)
    else:
        asked = await _open_images(w, slug, {"role": Role.VALIDATION.value, "disputed": False}, action.validation)
        asked += await _open_images(w, slug, {"role": Role.TRAIN.value, "votes_wanted": True}, action.again)
        seed = splits.stable_seed(category.seed, "select", action.number)
        selected = await selecting.select(w, slug, action.strategy, action.take, seed, spread)
        await _show_scores(w, slug, selected)
        checks = await auditing.draw(w, slug, action.number, category.policy, category.seed)
        checks.leave(selected)
    chosen = [*asked, *selected, *checks.asked]
    tasks = await _assemble(w, category, chosen, action.number, 1, rng)
    fields: dict[str, Any] = {
        **ROUND_COUNTERS,
        "posted": len(chosen),
        "strategy": action.strategy,
        "sweep": action.strategy == "sweep",
        "started_at": w.clock(),
        "report": None,
    }

    async def work(session: Session) -> None:
        await w.store.rounds.insert(slug, action.number, fields, session)
        await _withdraw(w, slug, action.number, {**selected, **dict.fromkeys(checks.asked)}, session)
        await take(w, slug, tasks, session)
        fresh = asked if action.strategy == "sweep" else list(selected)
        await w.store.candidates.mark(slug, fresh, {"chosen_by": action.strategy}, session, only={})
        await auditing.note(w, slug, checks, session)

    await w.store.transact(work)


async def _show_scores(w: Winnow, slug: str, selected: Mapping[str, float | None]) -> None:
    """What is with people carries its score: tasks are made by it."""
    scored = await scoring.in_force(w, slug)
    if scored is not None:
        scores = {image: score for image, score in selected.items() if score is not None}
        await w.store.candidates.put_scores(slug, scores, scored.model)


async def _withdraw(w: Winnow, slug: str, number: int, selected: Mapping[str, float | None], session: Session) -> None:
    """Take back the model's labels of what people will decide now."""
    only = {"image": {"$in": list(selected)}, "state": State.AUTO_LABELED.value}
    found = await w.store.candidates.find(slug, only, ["image", "answer"], session=session)
    for value in (True, False):
        scores = {c["image"]: selected[c["image"]] for c in found if c["answer"] is value}
        if scores:
            changes = await model_labels.take_back(
                w, slug, number, scores, value, {"why": "people are asked"}, session, "asked"
            )
            await w.store.categories.count(slug, changes, session)


async def add_wave(w: Winnow, slug: str, action: rounds.AddWave) -> None:
    """Make tasks, of one answer each, of the images that want another opinion."""
    category = await w.store.categories.definition(slug)
    rng = np.random.default_rng(splits.stable_seed(category.seed, "wave", action.round, action.wave))
    chosen = await _open_images(w, slug, {"votes_wanted": True}, action.take)
    tasks = await _assemble(w, category, chosen, action.round, action.wave, rng)

    async def work(session: Session) -> None:
        advanced = await w.store.rounds.advance(
            slug, action.round, Phase.DECIDED, Phase.COLLECTING, {"wave": action.wave}, session
        )
        if advanced:
            await take(w, slug, tasks, session)

    await w.store.transact(work)


async def close_round(w: Winnow, slug: str, number: int) -> None:
    """End a sweep: what people decided stands, no new model is trained."""
    document = await w.store.categories.get(slug)
    report = {
        "auto_yes": document["decided"]["model_yes"],
        "auto_no": document["decided"]["model_no"],
        "unknown": document["counts"]["unknown"],
        "spent_cents": document["money"]["spent_cents"],
    }

    async def work(session: Session) -> None:
        await w.store.rounds.advance(slug, number, Phase.DECIDED, Phase.DONE, {"report": report}, session)

    await w.store.transact(work)


async def finish(w: Winnow, slug: str, reason: str) -> None:
    """End the campaign."""
    await w.store.categories.put(
        slug, {"state": CategoryState.FINISHED.value, "reason": reason, "phase": f"Finished: {reason}"}
    )


async def _open_images(w: Winnow, slug: str, only: dict[str, Any], limit: int) -> list[str]:
    if limit <= 0:
        return []
    found = await w.store.candidates.find(slug, {"state": State.UNKNOWN.value, **only}, ["image"], limit)
    return [candidate["image"] for candidate in found]


async def _assemble(
    w: Winnow, category: Category, chosen: Sequence[str], number: int, wave: int, rng: np.random.Generator
) -> list[Task]:
    made = await drafts(w, category, category.policy, chosen, rng, 1 if wave > 1 else None)
    return [_named(draft, category, number, wave, index) for index, draft in enumerate(made, start=1)]


async def drafts(
    w: Winnow,
    category: Category,
    policy: Policy,
    chosen: Sequence[str],
    rng: np.random.Generator,
    people: int | None = None,
) -> tuple[TaskDraft, ...]:
    """Tasks of the chosen images, with the category's hidden gold, in the sizes of ``policy``."""
    known = await w.store.candidates.gold(category.slug)
    gold = {c["image"]: bool(c["gold"]) for c in known if c["image"] not in category.visible}
    asked = await w.store.candidates.find(category.slug, {"image": {"$in": list(chosen)}}, ["image", "shown", "score"])
    shown = {candidate["image"]: int(candidate["shown"]) for candidate in (*known, *asked)}
    scores = {candidate["image"]: float(candidate["score"]) for candidate in asked if candidate["score"] is not None}
    return assembly.assemble(chosen, gold, policy, rng, shown, scores, assignments=people)


def _named(draft: TaskDraft, category: Category, number: int, wave: int, index: int) -> Task:
    return Task(
        id=f"{category.slug}-r{number}-w{wave}-t{index}",
        category=category.slug,
        round=number,
        wave=wave,
        number=index,
        name=f"{category.slug} {number}.{wave}.{index}",
        slots=draft.slots,
        assignments=draft.assignments,
        presumed=draft.presumed,
        reward_cents=category.policy.reward_for(len(draft.slots)),
    )


async def take(w: Winnow, slug: str, tasks: Sequence[Task], session: Session) -> None:
    """Store tasks and select their images; every image of a task is counted as shown to the people it asks."""
    await w.store.tasks.insert(tasks, session)
    places: Counter[str] = Counter()
    for task in tasks:
        asked = list(task.asked)
        before = await w.store.candidates.waiting(slug, asked, session)
        moved = await w.store.candidates.move(
            slug,
            asked,
            State.UNKNOWN,
            State.SELECTED,
            {"task": task.id, "votes_wanted": False},
            session,
        )
        await w.store.categories.count(slug, {"counts.unknown": -moved, "counts.selected": moved, **before}, session)
        places.update({slot.image: task.assignments for slot in task.slots})
    await w.store.candidates.count_shown(slug, places, session)
