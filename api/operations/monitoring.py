"""What the back end does: who lives, which jobs run, wait and fail, which markets answer, what happened lately.

Every read is of what is alive now, or bounded: jobs that are done, and images, cost nothing here.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Literal

from active_learning.domain.candidate import State
from active_learning.domain.errors import NotFound, StateError
from active_learning.domain.round import CategoryState
from api.operations import reconciling, scraping
from api.operations.context import Winnow
from api.operations.happenings import category_of, in_words
from api.operations.overview import STEPS
from api.store.connection import UNREACHABLE, Document
from api.store.scrapes import ScrapeState
from labeling_ui import contexts

BEAT_S = 5.0
"""Processes say so often that they live."""

GOODBYE_S = 2.0
ALIVE = timedelta(seconds=4 * BEAT_S)
"""Who has said nothing for so long is gone."""

MARKET_STALE = timedelta(minutes=3)
"""After so long without a look, how a market was found says little."""

FORGOTTEN = timedelta(days=7)
"""So long a search that has failed asks for somebody's attention."""

WAITING = 20
HAPPENED = 40
DIFFERENCES = 50


async def beat(w: Winnow, identifier: str, kind: Literal["worker", "web"], slots: int = 0) -> None:
    """Say that a process lives."""
    await w.store.processes.beat(identifier, {"kind": kind, "slots": slots}, w.clock())


async def leave(w: Winnow, identifier: str) -> None:
    """A process ends of its own accord. It does not wait for a database that is gone: it is missed soon enough."""
    with suppress(TimeoutError, *UNREACHABLE):
        await asyncio.wait_for(w.store.processes.leave(identifier), GOODBYE_S)


async def market_found(w: Winnow, name: str, balance_cents: int | None, error: str = "") -> None:
    """Note how a market was found. That it stopped answering, or answers again, is told."""
    now, reachable = w.clock(), not error
    known = {document["_id"]: document for document in await w.store.markets.all()}.get(name)
    changed = known is None or known["reachable"] is not reachable
    fields: Document = {
        "endpoint": w.settings.market_endpoint if name == "turk" else "",
        "reachable": reachable,
        "balance_cents": balance_cents,
        "error": error,
        "checked_at": now,
    }
    await w.store.markets.put(name, fields | ({"since": now} if changed else {}))
    if changed and (known is not None or error):
        words = f"The market {name} answers again" if reachable else f"The market {name} does not answer: {error}"
        await w.store.happenings.note(now, words, None, "info" if reachable else "error")


async def retry(w: Winnow, identifier: str) -> None:
    """Try a job that failed again, at once; raises :class:`NotFound`, or :class:`StateError` where it did not fail."""
    if await w.store.jobs.retry(identifier, w.clock()):
        return
    if not await w.store.jobs.exists(identifier):
        raise NotFound(f"There is no job '{identifier}'.", "The monitor lists those that there are.")
    raise StateError(f"The job '{identifier}' has not failed.", "It runs or waits for its turn; nothing needs doing.")


async def look(w: Winnow) -> contexts.Monitor:
    """Everything, as it is now."""
    now = w.clock()
    running = await w.store.jobs.running()
    waiting = await w.store.jobs.waiting(WAITING)
    late = (now - waiting[0]["due_at"]).total_seconds() if waiting else 0.0
    return contexts.Monitor(
        now=now,
        running=tuple(_job(job) for job in running),
        waiting=tuple(_job(job) for job in waiting if not job["error"]),
        troubled=tuple(_job(job) for job in await w.store.jobs.troubled() if job["state"] != "running"),
        numbers=await _numbers(w),
        late_s=max(0.0, late),
        processes=await _processes(w, running),
        markets=await _markets(w),
        compared=await _compared(w),
        loops=await _loops(w, running),
        scrapes=await _scrapes(w),
        happened=tuple(contexts.Happened(**one) for one in await w.store.happenings.latest(HAPPENED)),
    )


async def _numbers(w: Winnow) -> contexts.JobNumbers:
    numbers = dict.fromkeys(contexts.JobNumbers.model_fields, 0)
    for state, _, n in await w.store.jobs.numbers():
        numbers[state] += n
    return contexts.JobNumbers(**numbers)


def _job(document: Document) -> contexts.JobLine:
    running = document["state"] == "running"
    return contexts.JobLine(
        id=document["_id"],
        words=in_words(document["kind"], document["args"]),
        category=category_of(document["args"]),
        state=document["state"],
        owner=document["owner"],
        since=document.get("started_at" if running else "ended_at"),
        due_at=document["due_at"],
        attempts=document["attempts"],
        recurring=bool(document["every_s"]),
        error=document["error"],
        progress=_progress(document),
    )


def _progress(document: Document) -> contexts.Progress | None:
    said = document.get("progress")
    if not said or said["done"] >= said["total"]:
        return None
    return contexts.Progress(what=STEPS.get(said["what"], said["what"]), done=said["done"], total=said["total"])


async def _processes(w: Winnow, running: Sequence[Document]) -> tuple[contexts.ProcessLine, ...]:
    oldest = w.clock() - ALIVE
    lines = []
    for document in await w.store.processes.all():
        name = document["_id"]
        doing = (job for job in running if str(job["owner"]).startswith(f"{name}/"))
        lines.append(
            contexts.ProcessLine(
                id=name,
                kind=document["kind"],
                alive=document["beat_at"] >= oldest,
                started_at=document["started_at"],
                beat_at=document["beat_at"],
                slots=document["slots"],
                doing=tuple(in_words(job["kind"], job["args"]) for job in doing),
            )
        )
    return tuple(sorted(lines, key=lambda line: (not line.alive, line.kind != "worker")))


async def _markets(w: Winnow) -> tuple[contexts.MarketLine, ...]:
    now = w.clock()
    return tuple(
        contexts.MarketLine(
            name=document["_id"],
            stale=now - document["checked_at"] > MARKET_STALE,
            **{key: value for key, value in document.items() if key != "_id"},
        )
        for document in await w.store.markets.all()
    )


async def _compared(w: Winnow) -> tuple[contexts.ComparedLine, ...]:
    return tuple(
        contexts.ComparedLine(
            slug=document["_id"],
            at=document["at"],
            hits=document["hits"],
            left=document["left"],
            found=tuple(
                contexts.DifferenceLine(
                    words=reconciling.WORDS[reconciling.Kind(one["kind"])],
                    **{name: one[name] for name in ("hit", "assignment", "outcome", "mended")},
                )
                for one in document["found"][:DIFFERENCES]
            ),
        )
        for document in await w.store.reconciliations.all()
    )


async def _loops(w: Winnow, running: Sequence[Document]) -> tuple[contexts.LoopLine, ...]:
    hits = {one["_id"]: one for one in await w.store.markets.open_hits()}
    lines = []
    for document in await w.store.categories.all():
        if document["state"] not in (CategoryState.OPEN, CategoryState.PAUSED):
            continue
        slug, counts = document["_id"], document["counts"]
        newest = await w.store.rounds.newest(slug)
        open_hits = hits.get(slug, {"hits": 0, "available": 0, "pending": 0})
        steps = (_progress(job) for job in running if job["args"].get("category") == slug)
        lines.append(
            contexts.LoopLine(
                slug=slug,
                question=document["category"]["question"],
                state=document["state"],
                reason=document["reason"],
                phase=document["phase"],
                round=newest["number"] if newest else 0,
                unknown=counts[State.UNKNOWN] + counts[State.SELECTED] + counts[State.POSTED],
                total=sum(counts.values()),
                hits=open_hits["hits"],
                places=open_hits["available"],
                people=open_hits["pending"],
                progress=next((step for step in steps if step is not None), None),
            )
        )
    return tuple(lines)


async def _scrapes(w: Winnow) -> tuple[contexts.ScrapeLine, ...]:
    states = (ScrapeState.OPEN, ScrapeState.ASLEEP, ScrapeState.FAILED)
    lines = []
    for document in await w.store.scrapes.in_states(states):
        ended = document.get("ended_at")
        if document["state"] == ScrapeState.FAILED and ended is not None and w.clock() - ended > FORGOTTEN:
            continue
        one = await scraping.seen(w, document["_id"])
        category, _, name = one.id.partition(":")
        lines.append(
            contexts.ScrapeLine(
                name=name,
                category=category,
                title=str(one.options.get("query") or one.options.get("path") or one.source),
                state=one.state.value,
                error=one.error if one.state is ScrapeState.FAILED else "",
                found=one.found,
                decided=one.tally.decided,
                images_per_s=one.tally.images_per_s,
            )
        )
    return tuple(lines)
