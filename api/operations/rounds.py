"""The loop's acts: each one action of ``active_learning.rounds.plan``, done once however often it is asked for."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from active_learning import assembly, rounds, selection, splits
from active_learning.domain.candidate import Role, State
from active_learning.domain.category import Category
from active_learning.domain.policy import Policy, StrategyName
from active_learning.domain.round import CategoryState, Phase, RoundView
from active_learning.domain.task import Task, TaskDraft
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import Document

VALIDATION_SHARE = 0.4
"""At most this share of a pool is drawn for validation: beyond it, people might as well answer everything."""

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


async def draw_validation(w: Winnow, slug: str) -> None:
    """Fix the validation images: the ``policy.validation`` smallest draws of the pool without gold."""
    policy = (await w.store.categories.definition(slug)).policy
    draws = await w.store.candidates.draws(slug, {"state": State.UNKNOWN.value, "role": Role.TRAIN.value})
    size = min(policy.validation, int(len(draws) * VALIDATION_SHARE))
    below = splits.validation_threshold(draws, size)

    async def work(session: Session) -> None:
        if await w.store.categories.put_once(slug, "validation_below", below, session):
            drawn = await w.store.candidates.make_validation(slug, below, session)
            await w.store.categories.count(slug, {"validation.total": drawn}, session)

    await w.store.transact(work)


async def start_round(w: Winnow, slug: str, action: rounds.StartRound) -> None:
    """Select, assemble, and store a round with its tasks, in one transaction."""
    category = await w.store.categories.definition(slug)
    rng = np.random.default_rng(splits.stable_seed(category.seed, "round", action.number))
    if action.strategy == "sweep":
        chosen = await _open_images(w, slug, {"disputed": False}, action.take)
    else:
        chosen = await _open_images(w, slug, {"role": Role.VALIDATION.value, "disputed": False}, action.validation)
        chosen += await _open_images(w, slug, {"role": Role.TRAIN.value, "votes_wanted": True}, action.again)
        chosen += await _selected(w, slug, action.strategy, action.take, rng)
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
        await _take(w, slug, tasks, {"chosen_by": action.strategy}, session)

    await w.store.transact(work)


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
            await _take(w, slug, tasks, {}, session)

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


async def _selected(w: Winnow, slug: str, strategy: StrategyName, take: int, rng: np.random.Generator) -> list[str]:
    if take <= 0:
        return []
    only = {"state": State.UNKNOWN.value, "role": Role.TRAIN.value, "disputed": False, "votes_wanted": False}
    found = await w.store.candidates.find(slug, only, ["image", "score"])
    pool = await _pool(w, slug, found, strategy)
    return [pool.images[int(index)] for index in selection.select(strategy, pool, take, rng)]


async def _pool(w: Winnow, slug: str, found: Sequence[Document], strategy: StrategyName) -> selection.Pool:
    images = tuple(candidate["image"] for candidate in found)
    if strategy == "random":
        return selection.Pool(images=images, scores=None, features=None)
    # An image that came in after the last scoring has no score: it is as uncertain as can be.
    scores = np.array([0.5 if c["score"] is None else c["score"] for c in found], dtype=np.float32)
    features = None
    if strategy == "margin_diverse":
        backbone = (await w.store.categories.get(slug))["backbone"]
        features = await w.store.features.get(backbone, images)
    return selection.Pool(images=images, scores=scores, features=features)


async def _assemble(
    w: Winnow, category: Category, chosen: Sequence[str], number: int, wave: int, rng: np.random.Generator
) -> list[Task]:
    known = await w.store.candidates.gold(category.slug)
    gold = {c["image"]: bool(c["gold"]) for c in known if c["image"] not in category.visible}
    asked = await w.store.candidates.find(category.slug, {"image": {"$in": list(chosen)}}, ["image", "shown", "score"])
    shown = {candidate["image"]: int(candidate["shown"]) for candidate in (*known, *asked)}
    scores = {candidate["image"]: float(candidate["score"]) for candidate in asked if candidate["score"] is not None}
    again = 1 if wave > 1 else None
    drafts = assembly.assemble(chosen, gold, category.policy, rng, shown, scores, assignments=again)
    return [_named(draft, category, number, wave, index) for index, draft in enumerate(drafts, start=1)]


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


async def _take(w: Winnow, slug: str, tasks: Sequence[Task], fields: dict[str, Any], session: Session) -> None:
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
            {"task": task.id, "votes_wanted": False, **fields},
            session,
        )
        await w.store.categories.count(slug, {"counts.unknown": -moved, "counts.selected": moved, **before}, session)
        places.update({slot.image: task.assignments for slot in task.slots})
    await w.store.candidates.count_shown(slug, places, session)
