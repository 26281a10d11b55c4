"""A small crowd that has answered two tasks, without a browser: honest people, a fast one, a lazy one, two twins."""

from collections.abc import Mapping
from datetime import timedelta
from math import exp

import numpy as np

from active_learning.domain.submission import Response
from active_learning.domain.task import Task
from active_learning.rounds import Decide
from api.operations import conducting, deciding, labeling, settling
from api.operations.context import Winnow
from tests.api.working import SLUG, category_with, round_of

HONEST = tuple(f"AHONEST{n}" for n in range(9))
FAST, LAZY, TWINS = "AFAST", "ALAZY", ("ATWIN1", "ATWIN2")
EVERYBODY = (*HONEST, FAST, LAZY, *TWINS)
POLICY = {"slots": 60, "hidden_gold": 20, "validation": 0, "lessons": 0, "reward_cents": 90, "batch": 80}


async def crowd(w: Winnow, people: tuple[str, ...] = EVERYBODY, **policy: object) -> list[Task]:
    """Let ``people`` do two tasks each, judge and (as if the market had done it) pay them; look at their conduct."""
    truth = await category_with(w, 220, 30, **{**POLICY, **policy})
    tasks = (await round_of(w, 1, 80))[:2]
    rng = np.random.default_rng(7)
    shared = rng.normal(0.0, 0.4, (2, 60))
    for task in tasks:
        await settling.posted(w, task, f"HIT{task.number}")
    for number, task in enumerate(tasks):
        for person in people:
            pace = exp(rng.normal(0.0, 0.2))
            noise = shared[number] if person in TWINS else rng.normal(0.0, 0.4, 60)
            await do(w, task, person, truth, [1000 * pace * exp(x) for x in noise], rng)
    await judge_all(w, tasks)
    await look(w)
    await deciding.decide(w, SLUG, Decide(round=1, wave=1))
    await look(w)
    return tasks


async def look(w: Winnow) -> None:
    """Look at everybody whom there is something new about."""
    while await w.store.workers.stale(SLUG, 1):
        await conducting.look(w, SLUG)


async def do(
    w: Winnow, task: Task, person: str, truth: Mapping[str, bool], times_ms: list[float], rng: np.random.Generator
) -> str:
    """One person answers a whole task; returns the submission's id."""
    market = f"ASG{task.number}{person}"
    opened = await labeling.open_assignment(w, task.id, market, person, "")
    document = await w.store.assignments.get(labeling.assignment_id(market, person))
    assert document is not None
    # The server's clock bounds the time that a browser measures.
    began = document["opened_at"] - timedelta(minutes=5)
    await w.store.assignments.collection.update_one({"_id": document["_id"]}, {"$set": {"opened_at": began}})
    answers = []
    for n, image in enumerate(document["images"]):
        wrong = rng.random() < 0.06
        ms = 150.0 + 5 * rng.random() if person == FAST else times_ms[n % len(times_ms)]
        value = False if person == LAZY else truth[image] is not wrong
        answers.append(
            Response(position=n, value=value, visible_ms=ms, hidden_ms=2_500.0 * (n == 7), changes=int(n % 19 == 3))
        )
    await labeling.save(w, opened.token, answers)
    await labeling.submit(w, opened.token, (1280, 720))
    return f"{market}:{person}"


async def judge_all(w: Winnow, tasks: list[Task]) -> None:
    """Judge what was submitted; the market does what the ledger says."""
    for task in tasks:
        found = w.store.submissions.collection.find({"task": task.id}).sort("_id")
        for one in await found.to_list():
            await settling.judge(w, task, one["market_assignment"], one["annotator"])
    await pay_all(w)


async def pay_all(w: Winnow) -> None:
    """As if the market had done everything in the ledger."""
    for payment in await settling.unpaid(w, SLUG):
        await settling.settled(w, SLUG, payment)
