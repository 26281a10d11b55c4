"""What a round will cost is said before anybody is asked, and the round then costs just that."""

import asyncio
from typing import Any

import pytest

from active_learning import rounds as plans
from active_learning.domain.task import TaskState
from api.operations import pricing, rounds, settling
from api.operations.context import Winnow
from tests.api.working import SLUG, category_with, round_of

POLICY: dict[str, Any] = {
    "slots": 20,
    "hidden_gold": 6,
    "batch": 30,
    "validation": 24,
    "redundancy": 3,
    "reward_cents": 47,
}


async def started(w: Winnow) -> int:
    """The loop up to the tasks of its next round; gives what they cost."""
    await rounds.draw_validation(w, SLUG)
    documents = await w.store.candidates.find(SLUG, {}, ["image"])
    await w.store.categories.count(SLUG, {"embedded": len(documents)})
    snapshot, policy = await rounds.snapshot(w, SLUG)
    action = plans.plan(snapshot, policy)
    assert isinstance(action, plans.StartRound)
    await rounds.start_round(w, SLUG, action)
    tasks = await w.store.tasks.of_round(SLUG, action.number)
    return sum(task.assignments * policy.cost_for(task.reward_cents) for task in tasks)


async def test_the_price_is_what_the_round_then_costs(w: Winnow) -> None:
    await category_with(w, 240, 12, **POLICY)
    price = await pricing.next_round(w, SLUG)
    assert (price.round, price.wave, price.images, price.tasks, price.assignments) == (1, 1, 54, 4, 12)
    assert price.covered == price.tasks and price.left_cents == 10_000
    assert await w.store.tasks.of_round(SLUG, 1) == [], "nothing is made by asking"
    assert await started(w) == price.cents > price.people_cents > 0
    after = await pricing.next_round(w, SLUG)
    assert (after.round, after.images) == (2, 30 + 24), "the round after the one that runs"


async def test_what_the_budget_does_not_cover_is_told(w: Winnow) -> None:
    await category_with(w, 240, 12, **{**POLICY, "budget_cents": 400})
    price = await pricing.next_round(w, SLUG)
    assert price.tasks and price.cents <= 400
    await w.store.categories.count(SLUG, {"money.spent_cents": 390})
    spent = await pricing.next_round(w, SLUG)
    assert (spent.tasks, spent.cents, spent.left_cents, spent.why) == (0, 0, 10, "the budget is spent")


@pytest.mark.parametrize("gold", [0, 12])
async def test_without_gold_no_round_comes(w: Winnow, gold: int) -> None:
    await category_with(w, 60, gold, **POLICY)
    price = await pricing.next_round(w, SLUG)
    assert bool(price.tasks) is bool(gold)
    assert ("gold" in price.why) is not bool(gold)


async def test_however_many_ask_at_once_the_budget_promises_only_what_it_has(w: Winnow) -> None:
    small = {"slots": 4, "hidden_gold": 2, "redundancy": 1, "reward_cents": 10}
    await category_with(w, 100, 12, **{**POLICY, **small, "budget_cents": 7 * 12 + 11})
    tasks = await round_of(w, 1, 40)
    assert len(tasks) == 20
    asked = [*tasks, *tasks]
    promised = await asyncio.gather(*(settling.promise(w, task) for task in asked))
    covered = {task.id for task, yes in zip(asked, promised, strict=True) if yes}
    stored = await w.store.tasks.of_round(SLUG, 1)
    held = {task.id for task in stored if task.held_cents}
    assert len(held) == 7 and held == covered
    assert {task.id for task in stored if task.state is TaskState.CLOSED} == {task.id for task in stored} - held
    assert (await w.store.categories.get(SLUG))["money"] == {"spent_cents": 0, "committed_cents": 7 * 12}
