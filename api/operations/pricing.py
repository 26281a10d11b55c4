"""What the next round will cost, before anybody is asked: a dry run of its tasks. Nothing is changed."""

import numpy as np

from active_learning import rounds as plans
from active_learning import splits
from active_learning.domain.policy import Policy
from active_learning.domain.round import Phase
from active_learning.domain.task import TaskDraft
from active_learning.domain.value import Value
from api.operations import rounds
from api.operations.context import Winnow


class Price(Value):
    """What a round comes to at most, in cents, if every place is taken and paid.

    ``people_cents`` is what annotators get of ``cents``; ``covered`` of its tasks are within the rest of the budget,
    the others would be asked of nobody. Without tasks ``why`` says why there is no round to come.
    """

    round: int = 0
    wave: int = 1
    images: int = 0
    tasks: int = 0
    assignments: int = 0
    people_cents: int = 0
    cents: int = 0
    covered: int = 0
    budget_cents: int
    spent_cents: int
    committed_cents: int
    why: str = ""

    @property
    def left_cents(self) -> int:
        """What of the budget is neither spent nor promised."""
        return max(0, self.budget_cents - self.spent_cents - self.committed_cents)


async def next_round(w: Winnow, slug: str) -> Price:
    """Price the wave that comes next, or the round after the one that runs. Raises :class:`NotFound`."""
    snapshot, policy = await rounds.snapshot(w, slug)
    money = (await w.store.categories.get(slug))["money"]
    standing = Price(
        budget_cents=policy.budget_cents, spent_cents=money["spent_cents"], committed_cents=money["committed_cents"]
    )
    action = _coming(snapshot, policy)
    if isinstance(action, plans.AddWave):
        return await _priced(w, slug, standing, (action.round, action.wave), action.take)
    if isinstance(action, plans.StartRound):
        checks = 0 if action.strategy == "sweep" else min(policy.audit, snapshot.auto_labeled)
        images = action.take + action.validation + action.again + checks
        return await _priced(w, slug, standing, (action.number, 1), images)
    why = getattr(action, "reason", "") or getattr(action, "why", "")
    return standing.model_copy(update={"why": why})


def _coming(snapshot: plans.Snapshot, policy: Policy) -> plans.Action:
    """The next step that asks people something, as far as it can be told now."""
    action = plans.plan(snapshot, policy)
    if isinstance(action, plans.StartRound | plans.AddWave | plans.Finish):
        return action
    ended = None if snapshot.round is None else snapshot.round.model_copy(update={"phase": Phase.DONE})
    changes = {"round": ended, "embedded": True, "open_tasks": 0, "posted": 0}
    if not snapshot.validation_drawn and (policy.validation_design == "uniform" or snapshot.has_model):
        changes |= {"validation_drawn": True, "validation_open": min(policy.validation, snapshot.unknown)}
    return plans.plan(snapshot.model_copy(update=changes), policy)


async def _priced(w: Winnow, slug: str, standing: Price, number: tuple[int, int], images: int) -> Price:
    """The price of asking about so many images: which ones they are makes no difference."""
    category = await w.store.categories.definition(slug)
    policy = category.policy
    rng = np.random.default_rng(splits.stable_seed(category.seed, "price"))
    asked = [f"image {n}" for n in range(images)]
    made = await rounds.drafts(w, category, policy, asked, rng, 1 if number[1] > 1 else None)
    covered, left = 0, standing.left_cents
    for draft in made:
        if _cost(draft, policy) <= left:
            covered, left = covered + 1, left - _cost(draft, policy)
    return standing.model_copy(
        update={
            "round": number[0],
            "wave": number[1],
            "images": images,
            "tasks": len(made),
            "assignments": sum(draft.assignments for draft in made),
            "people_cents": sum(draft.assignments * policy.reward_for(len(draft.slots)) for draft in made),
            "cents": sum(_cost(draft, policy) for draft in made),
            "covered": covered,
        }
    )


def _cost(draft: TaskDraft, policy: Policy) -> int:
    return draft.assignments * policy.cost_for(policy.reward_for(len(draft.slots)), draft.assignments)
