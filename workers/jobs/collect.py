"""Between Winnow's tasks and the market's HITs: publish drafts, collect and settle submissions, close what is done."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from active_learning.domain.category import Category
from active_learning.domain.errors import Forbidden, InputError, NotFound, StateError
from active_learning.domain.task import Task, TaskState
from api.operations import labeling, picturing, reviewing, settling
from workers.jobs.desk import Desk
from workers.market.protocol import HitOrder

HIT_LIFETIME_S = 14 * 24 * 3600
AUTO_APPROVAL_S = 3 * 24 * 3600
"""Nobody waits longer than this for pay, even if Winnow is down."""

CONDUCT_EVERY_S = 30.0

AT_ONCE = 8
"""HITs that one job posts or settles at the same time."""

KEYWORDS = "image, yes, no, quick, photo, categorize"


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Bring one category (``args["category"]``) and its market to the same state. Safe to repeat at any point."""
    slug = str(args["category"])
    desk = await desk.of(slug)
    category = await desk.winnow.store.categories.definition(slug)
    drafts = await desk.winnow.store.tasks.in_state(slug, TaskState.DRAFTED)
    await _several(drafts, lambda task: publish(desk, category, task))
    await reviewing.decide_overdue(desk.winnow, slug)
    await pay(desk, slug)  # acts that a process or a person wrote down before
    await _several(await desk.winnow.store.tasks.in_state(slug, TaskState.POSTED), lambda task: settle(desk, task))
    await pay_bonuses(desk, slug)  # last: the market account may lack the money, and the rest must not wait for it


async def _several(tasks: Sequence[Task], work: Callable[[Task], Coroutine[Any, Any, None]]) -> None:
    """Do several at a time: a market is far away, and answers others meanwhile. Stops with those that go wrong."""
    for start in range(0, len(tasks), AT_ONCE):
        done = await asyncio.gather(*map(work, tasks[start : start + AT_ONCE]), return_exceptions=True)
        for failed in done:
            if failed is not None:
                raise failed


async def publish(desk: Desk, category: Category, task: Task) -> None:
    """Make its pictures, then post a task as a HIT, where the budget covers it.

    The token depends on the task alone, so that a repeat finds the same HIT.
    """
    if not await settling.promise(desk.winnow, task):
        return
    w = desk.winnow
    await w.store.jobs.insert("reconcile", {}, w.clock(), every_s=w.settings.reconcile_seconds)
    await picturing.prepare_task(w, task)
    policy = category.policy
    hit = await desk.market.post(
        HitOrder(
            token=settling.token(desk.winnow, task),
            title=f"{category.question} ({len(task.slots)} images, {task.name})",
            description=description(task),
            keywords=KEYWORDS,
            question_url=f"{desk.winnow.settings.public_url}/tasks/{task.id}",
            reward_cents=task.reward_cents,
            assignments=task.assignments,
            lifetime_s=HIT_LIFETIME_S,
            duration_s=policy.minutes * 60,
            auto_approval_s=AUTO_APPROVAL_S,
            annotation=settling.annotation(desk.winnow, task),
            completion_code=labeling.completion_code(desk.winnow, task.id),
        )
    )
    await settling.posted(desk.winnow, task, hit)


def description(task: Task) -> str:
    """What the HIT says of the work."""
    n = len(task.slots)
    if task.presumed is None:
        return f"Look at {n} images and answer yes or no. One key an image."
    word = "no" if task.presumed else "yes"
    return f"Look over {n} images, many at a time, and pick out those where the answer is {word}."


async def settle(desk: Desk, task: Task) -> None:
    """Judge and pay what has been submitted to a task's HIT; close the task when nothing more can come."""
    if task.hit is None:
        return
    status = await desk.market.status(task.hit)
    standing = {"category": task.category, "hit": task.hit}
    counts = status.model_dump(include={"pending", "available", "completed"})
    await desk.winnow.store.markets.put_hit(task.id, standing | counts)
    untouched = status.available + status.pending == status.max_assignments
    assignments = [] if untouched else await desk.market.assignments(task.hit)
    for assignment in assignments:
        await settling.judge(desk.winnow, task, assignment.id, assignment.annotator)
    if assignments:
        await pay(desk, task.category, task.hit)
        await desk.winnow.store.jobs.insert(
            "conduct", {"category": task.category}, desk.winnow.clock(), every_s=CONDUCT_EVERY_S
        )
    if status.pending == 0 and status.available == 0:
        await settling.closed(desk.winnow, task, len(assignments))
        await desk.winnow.store.markets.forget_hit(task.id)
        await desk.winnow.store.jobs.poke("advance", {"category": task.category}, desk.winnow.clock())


async def pay(desk: Desk, slug: str, hit: str | None = None) -> None:
    """Approve and reject at the market what the ledger says is still to be done, of all HITs or of one."""
    for payment in await settling.unpaid(desk.winnow, slug):
        if payment.act == "bonus" or (hit is not None and payment.hit != hit):
            continue
        if payment.override:
            await _attempt(desk, slug, payment, desk.market.approve(payment.assignment, payment.reason, override=True))
        elif payment.act == "approve":
            await _approve(desk, slug, payment)
        else:
            await _reject(desk, slug, payment)


async def _approve(desk: Desk, slug: str, payment: settling.Payment) -> None:
    """Pay a submission; that somebody has refused it at the market's own site is taken back, where the market can."""
    try:
        await desk.market.approve(payment.assignment, payment.reason)
    except StateError:
        await _attempt(desk, slug, payment, desk.market.approve(payment.assignment, payment.reason, override=True))
    else:
        await settling.settled(desk.winnow, slug, payment)


async def _reject(desk: Desk, slug: str, payment: settling.Payment) -> None:
    try:
        await desk.market.reject(payment.assignment, payment.reason)
    except StateError:
        if payment.hit is None or await _state(desk, payment.hit, payment.assignment) != "approved":
            raise
        await settling.paid_already(desk.winnow, slug, payment)
    else:
        await settling.settled(desk.winnow, slug, payment)


async def _state(desk: Desk, hit: str, assignment: str) -> str:
    return next((one.state for one in await desk.market.assignments(hit) if one.id == assignment), "")


async def pay_bonuses(desk: Desk, slug: str) -> None:
    """Pay for unfinished work. What the market refuses is written down with its reason and not tried again."""
    for payment in await settling.unpaid(desk.winnow, slug):
        if payment.act == "bonus":
            token = settling.bonus_token(desk.winnow, payment)
            await _attempt(
                desk,
                slug,
                payment,
                desk.market.bonus(payment.annotator, payment.assignment, payment.bonus, payment.reason, token),
            )


async def _attempt(desk: Desk, slug: str, payment: settling.Payment, act: Awaitable[None]) -> None:
    """Do an act that the market may refuse for good: that is written down with its reason and not tried again."""
    try:
        await act
    except (StateError, InputError, NotFound, Forbidden) as error:
        await desk.market.balance()  # raises where it is our credentials that are refused, and not this act
        if payment.override:
            await reviewing.not_taken_back(desk.winnow, slug, payment, str(error))
        else:
            await settling.refused(desk.winnow, slug, payment, str(error))
    else:
        await settling.settled(desk.winnow, slug, payment)
