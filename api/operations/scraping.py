"""Scrapes: start, stop, go on; batches of found images handed out and taken back with an outcome each."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from active_learning.domain.errors import StateError
from active_learning.domain.sources import checked_options
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import Document
from api.store.finds import Ended, FindState, Later, find_id
from api.store.scrapes import ScrapeState, Tally

LEASE_S = 20.0
"""How long a find stays with a process that has gone silent."""

MOST_LEASES = 8
"""A find whose holders have vanished so often probably made them vanish."""

RECENT = timedelta(seconds=10)
"""Rates count for so long after they were reported."""

JOB_EVERY_S = 5.0

GAVE_UP = "gave_up"
"""The outcome of an image whose holders did not come back."""


OUTCOME_COLUMNS = (
    *("url", "name", "outcome", "detail", "image", "tries", "source", "source_id", "page", "title"),
    *("author", "author_url", "licence", "licence_url", "attribution"),
)
"""What is known of a found image, in the order of exported tables."""


class Wanted(Value):
    """What to look for: at most ``limit`` images of ``source``, asked with ``options``.

    Both are described in :mod:`active_learning.domain.sources`. ``every_h`` > 0 looks again so many hours after each
    end, for new images only.
    """

    category: str
    source: str
    options: dict[str, Any] = Field(default_factory=dict)
    limit: int | None = Field(default=None, ge=1)
    every_h: float = Field(default=0.0, ge=0.0)


@dataclass(frozen=True, slots=True)
class NewFind:
    """One image as its source gave it; ``provenance`` as plain fields.

    ``outcome`` is there where it is decided already: nobody has to fetch it.
    """

    url: str
    name: str
    provenance: Mapping[str, str]
    sha1: str = ""
    outcome: str = ""
    detail: str = ""
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A find in somebody's hands until its lease ends."""

    find: str
    owner: str
    scrape: str
    category: str
    url: str
    name: str
    tries: int
    etag: str
    modified: str
    sha1: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict)


class Seen(Value):
    """A scrape as its page and the terminal show it. ``total`` is what the source expects to give, if it says so.

    ``due_at`` is when the next image may be asked for, ``trouble`` why it was not got before.
    """

    id: str
    category: str
    source: str
    options: dict[str, Any]
    state: ScrapeState
    error: str
    limit: int | None
    every_h: float
    found: int
    total: int | None
    gathered: bool
    tally: Tally
    started_at: datetime
    ended_at: datetime | None
    wakes_at: datetime | None
    due_at: datetime | None = None
    trouble: str = ""

    @property
    def seconds_left(self) -> float | None:
        """Time until all that was found is decided, at the present rate; ``None`` when nobody can say."""
        rate = self.tally.images_per_s
        return self.tally.waiting / rate if rate > 0 else None


def scrape_id(wanted: Wanted) -> str:
    """What a scrape is called: the same question to the same source is the same scrape."""
    text = json.dumps([wanted.source, wanted.options], sort_keys=True)
    return f"{wanted.category}:{wanted.source}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


async def start(w: Winnow, wanted: Wanted) -> str:
    """Start a scrape, or go on with it; returns its id. One that has ended looks for new images from the beginning.

    Raises ``NotFound`` when there is no such category, ``InputError`` for options that the source does not have.
    """
    checked_options(wanted.source, wanted.options)
    await w.store.categories.get(wanted.category)
    scrape, now = scrape_id(wanted), w.clock()
    fresh = {
        "category": wanted.category,
        "source": wanted.source,
        "options": wanted.options,
        "limit": wanted.limit,
        "every_h": wanted.every_h,
        "state": ScrapeState.OPEN.value,
        "error": "",
        "cursor": None,
        "gathered": False,
        "found": 0,
        "total": None,
        "gather_at": now,
        "started_at": now,
        "ended_at": None,
        "wakes_at": None,
    }
    if not await w.store.scrapes.insert(scrape, fresh):
        await w.store.scrapes.put(scrape, {"limit": wanted.limit, "every_h": wanted.every_h})
        await go_on(w, scrape)
    await _queue(w, scrape)
    return scrape


async def go_on(w: Winnow, scrape: str) -> None:
    """Go on with a scrape that was stopped, has failed or has ended."""
    now = w.clock()
    opened = {"error": "", "ended_at": None, "wakes_at": None, "gather_at": now}
    stopped = (ScrapeState.PAUSED, ScrapeState.FAILED)
    ended = (ScrapeState.DONE, ScrapeState.ASLEEP)
    if not await w.store.scrapes.move(scrape, stopped, ScrapeState.OPEN, **opened):
        await w.store.scrapes.move(scrape, ended, ScrapeState.OPEN, cursor=None, gathered=False, **opened)
    await _queue(w, scrape)


async def _queue(w: Winnow, scrape: str) -> None:
    now, args = w.clock(), {"scrape": scrape}
    await w.store.jobs.insert("scrape", args, now, every_s=JOB_EVERY_S)
    await w.store.jobs.poke("scrape", args, now)


async def stop(w: Winnow, scrape: str) -> None:
    """Stop; what is in hand is finished, the rest waits until somebody goes on."""
    await w.store.scrapes.get(scrape)
    running = (ScrapeState.OPEN, ScrapeState.ASLEEP)
    if not await w.store.scrapes.move(scrape, running, ScrapeState.PAUSED, wakes_at=None):
        raise StateError(f"The scrape '{scrape}' does not run.", "`./winnow scrapes` shows which do.")


async def fail(w: Winnow, scrape: str, error: str) -> None:
    """Its source said something that no repetition mends."""
    await w.store.scrapes.move(scrape, (ScrapeState.OPEN,), ScrapeState.FAILED, error=error, ended_at=w.clock())


async def add_found(
    w: Winnow, scrape: str, finds: Sequence[NewFind], cursor: Mapping[str, Any], total: int | None
) -> bool:
    """Queue what a source has found and note where it stands, in one transaction; ``False`` when the limit is reached.

    What the category knows by its URL is left out: a repeated page changes nothing.
    """
    document = await w.store.scrapes.get(scrape)
    limit, slug, now = document["limit"], document["category"], w.clock()
    unique = {find_id(slug, find.url): find for find in finds}

    async def work(session: Session) -> int:
        known = await w.store.finds.known(list(unique), session)
        new = [(name, find) for name, find in unique.items() if name not in known]
        if limit is not None:
            new = new[: max(0, limit - document["found"])]
        await w.store.finds.insert([_queued(name, scrape, slug, find, now) for name, find in new], session)
        counts = Counter(find.outcome for _, find in new if find.outcome)
        if counts:
            await w.store.scrapes.count(scrape, "found", counts, 0, (0.0, 0.0), now, session)
        return await w.store.scrapes.found(scrape, len(new), cursor, total, session)

    found = await w.store.transact(work)
    return limit is None or found < limit


def _queued(name: str, scrape: str, slug: str, find: NewFind, now: datetime) -> Document:
    return {
        "_id": name,
        "scrape": scrape,
        "category": slug,
        "url": find.url,
        "name": find.name,
        "provenance": {name: value for name, value in find.provenance.items() if value},
        "sha1": find.sha1,
        "state": (FindState.DONE if find.outcome else FindState.WAITING).value,
        "due_at": now,
        "owner": None,
        "tries": 0,
        "leases": 0,
        "outcome": find.outcome or None,
        "detail": find.detail,
        "image": find.image,
        "etag": "",
        "modified": "",
        "found_at": now,
    }


async def lease(w: Winnow, scrapes: Sequence[str], number: int) -> list[Lease]:
    """Take up to ``number`` finds in hand. What has ended ``MOST_LEASES`` processes gets its outcome at once."""
    documents = await w.store.finds.lease(scrapes, number, w.clock(), LEASE_S)
    hopeless = [document for document in documents if document["leases"] > MOST_LEASES]
    for scrape, batch in _by_scrape(hopeless).items():
        detail = f"{MOST_LEASES} processes that had it did not come back"
        ended = [Ended(document["_id"], GAVE_UP, detail) for document in batch]
        owned = {one["_id"]: one["owner"] for one in batch}
        await settle(w, Settlement(scrape, "given up", owned, 0, (0.0, 0.0)), ended)
    return [_lease(document) for document in documents if document["leases"] <= MOST_LEASES]


def _by_scrape(documents: Sequence[Document]) -> dict[str, list[Document]]:
    grouped: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        grouped[document["scrape"]].append(document)
    return grouped


def _lease(document: Document) -> Lease:
    return Lease(
        find=document["_id"],
        owner=document["owner"],
        scrape=document["scrape"],
        category=document["category"],
        url=document["url"],
        name=document["name"],
        tries=document["tries"],
        etag=document["etag"],
        modified=document["modified"],
        sha1=document["sha1"],
        provenance=document["provenance"],
    )


@dataclass(frozen=True, slots=True)
class Settlement:
    """Outcomes of finds in somebody's hands, to be written and counted in one transaction.

    ``who`` has a tally of its own, ``owned`` says under which lease each find is held, ``size`` are the bytes received,
    ``rates`` the images and bytes a second of ``who``.
    """

    scrape: str
    who: str
    owned: Mapping[str, str]
    size: int
    rates: tuple[float, float]

    async def write(self, w: Winnow, ended: Sequence[Ended], session: Session) -> None:
        """Write them. A find that somebody else has by now is left to them."""
        now = w.clock()
        held = await w.store.finds.held({one.find: self.owned[one.find] for one in ended}, session)
        mine = [one for one in ended if one.find in held]
        await w.store.finds.end(mine, now, session)
        counts = Counter(one.outcome for one in mine)
        await w.store.scrapes.count(self.scrape, self.who, counts, self.size, self.rates, now, session)


async def settle(w: Winnow, settlement: Settlement, ended: Sequence[Ended]) -> None:
    """Write outcomes in a transaction of their own."""
    await w.store.transact(lambda session: settlement.write(w, ended, session))


async def later(w: Winnow, finds: Sequence[Later], owned: Mapping[str, str]) -> None:
    """Give finds back to be tried again."""
    await w.store.finds.later(finds, owned, w.clock())


async def visit_again(w: Winnow, scrape: str, outcomes: Sequence[str]) -> int:
    """Let images with these outcomes be fetched once more, conditionally where the server gave validators."""
    now = w.clock()

    async def work(session: Session) -> int:
        counts = await w.store.finds.visit_again(scrape, outcomes, now, session)
        if counts:
            await w.store.scrapes.uncount(scrape, counts, now, session)
        return sum(counts.values())

    return await w.store.transact(work)


async def wake(w: Winnow, scrape: str) -> None:
    """Let a scheduled scrape look for new images, if its time has come."""
    document, now = await w.store.scrapes.get(scrape), w.clock()
    if document["state"] == ScrapeState.ASLEEP and document["wakes_at"] <= now:
        again = {"cursor": None, "gathered": False, "ended_at": None, "wakes_at": None, "gather_at": now}
        await w.store.scrapes.move(scrape, (ScrapeState.ASLEEP,), ScrapeState.OPEN, **again)


async def gathered(w: Winnow, scrape: str) -> None:
    """The source has nothing more, or the limit is reached."""
    await w.store.scrapes.put(scrape, {"gathered": True, "error": ""})


async def gather_later(w: Winnow, scrape: str, seconds: float, why: str) -> None:
    """The source does not answer, or wants no more requests for a while."""
    await w.store.scrapes.put(scrape, {"gather_at": w.clock() + timedelta(seconds=seconds), "error": why})


async def finish_if_done(w: Winnow, scrape: str) -> bool:
    """End the scrape when all that its source gives has an outcome; a scheduled one sleeps until its next time."""
    document = await w.store.scrapes.get(scrape)
    if document["state"] != ScrapeState.OPEN or not document["gathered"]:
        return False
    if await w.store.finds.next_due(scrape) is not None:
        return False
    now = w.clock()
    if document["every_h"] > 0:
        wakes = now + timedelta(hours=document["every_h"])
        return await w.store.scrapes.move(scrape, (ScrapeState.OPEN,), ScrapeState.ASLEEP, ended_at=now, wakes_at=wakes)
    return await w.store.scrapes.move(scrape, (ScrapeState.OPEN,), ScrapeState.DONE, ended_at=now)


async def seen(w: Winnow, scrape: str) -> Seen:
    """One scrape with its progress."""
    return await _seen(w, await w.store.scrapes.get(scrape))


async def of_category(w: Winnow, slug: str) -> list[Seen]:
    """The scrapes of a category, the newest first."""
    return [await _seen(w, document) for document in await w.store.scrapes.of_category(slug)]


async def everything(w: Winnow) -> list[Seen]:
    """All scrapes, the newest first."""
    return [await _seen(w, document) for document in await w.store.scrapes.all()]


async def _seen(w: Winnow, document: Document) -> Seen:
    tally = await w.store.scrapes.tally(document["_id"], w.clock() - RECENT)
    next_due = await w.store.finds.next_due(document["_id"]) if tally.waiting else None
    due = next_due or {"due_at": None, "outcome": None, "detail": ""}
    trouble = f"{due['outcome'].replace('_', ' ')}: {due['detail']}" if due["outcome"] else ""
    shown = {name: document[name] for name in Seen.model_fields if name in document}
    return Seen(id=document["_id"], tally=tally, due_at=due["due_at"], trouble=trouble, **shown)


async def outcomes(w: Winnow, scrape: str, outcome: str | None = None) -> AsyncIterator[dict[str, Any]]:
    """Every found image of a scrape and what became of it: rows to export, as they come from the store."""
    await w.store.scrapes.get(scrape)
    async for find in w.store.finds.of_scrape(scrape, outcome):
        yield {
            "url": find["url"],
            "name": find["name"],
            "outcome": find["outcome"] if find["state"] == FindState.DONE else "waiting",
            "detail": find["detail"],
            "image": find["image"] or "",
            "tries": find["tries"],
            **find["provenance"],
        }
