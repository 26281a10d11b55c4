"""One process that fetches: leases found images, fetches them, has them examined, settles each with an outcome.

The event loop only fetches; the processor's work runs in a thread beside it. A process that dies loses what it has in
hand, at most ``in_hand`` images: their leases run out, and somebody fetches them again.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from active_learning.domain.value import Value
from api.operations import scraping
from api.operations.context import Winnow
from api.operations.intake import NewImage
from api.operations.scraping import Lease, Settlement
from api.store import Session
from api.store.connection import UNREACHABLE
from api.store.finds import Ended, Later
from scraper.admit import Admission, Admitted, Arrived
from scraper.fetch.protocol import Fetcher, Reply, Request
from scraper.outcomes import Refused
from scraper.schemes import Read

logger = logging.getLogger(__name__)

Scrapes = Callable[[], Awaitable[Sequence[str]]]
"""Whose images may be fetched now."""

LONGEST_BACKOFF_S = 900.0
LATEST_BATCH_S = 0.05
"""A batch that is not full is settled after so long: a trickle is seen as it comes."""
LOOK_S = 0.2
"""Where everything that is leased is in hand, it looks for more so often."""
OUTAGE_S = 120.0
"""So long what was fetched is kept while MongoDB does not answer."""
WINDOW_S = 5.0
"""Rates are those of so many seconds."""


class Workload(Value):
    """How much one process takes on.

    ``lease`` finds are taken from the queue at a time. At most ``in_hand`` of them are asked for and not yet settled;
    they are settled in batches of up to ``batch``. At most ``tries`` attempts are made, the n-th some
    ``backoff * 2**n`` seconds after the one before.
    """

    lease: int = 128
    in_hand: int = 64
    batch: int = 64
    tries: int = 4
    backoff: float = 2.0


@dataclass(frozen=True, slots=True)
class _Landed:
    """A find that was asked for, and what came of it."""

    lease: Lease
    came: Reply | bytes | Refused


@dataclass(frozen=True, slots=True)
class _Looked:
    """A find after the examination: an image for intake, or what became of it without."""

    lease: Lease
    what: NewImage | Admitted | Refused
    size: int = 0
    etag: str = ""
    modified: str = ""


class Downloader:
    """Fetches for one process. ``run`` may be called again and again: what it has learned of the pool is kept."""

    def __init__(self, w: Winnow, fetcher: Fetcher, who: str, load: Workload, schemes: Mapping[str, Read]) -> None:
        self._w = w
        self._fetcher = fetcher
        self._load = load
        self._schemes = schemes
        self._row: deque[Lease] = deque()
        self._flying: set[asyncio.Task[None]] = set()
        self._credits = asyncio.Semaphore(load.in_hand)
        self._landed: asyncio.Queue[_Landed] = asyncio.Queue()
        self._looked: asyncio.Queue[_Looked] = asyncio.Queue()
        self._settled = asyncio.Event()
        self._mine: dict[str, str] = {}
        self._admission = Admission(w)
        self._settler = Settler(w, self._admission, who, load)

    async def run(self, scrapes: Scrapes, stop: asyncio.Event) -> None:
        """Work until nothing of ``scrapes()`` is due, or ``stop`` is set; what was asked for is settled at the end.

        Raises what the store raises when it does not answer for ``OUTAGE_S``.
        """
        fetching = asyncio.create_task(self._fetch_all(scrapes, stop))
        beside = [
            asyncio.create_task(work()) for work in (self._look_for_ever, self._settle_for_ever, self._keep_for_ever)
        ]
        try:
            done, _ = await asyncio.wait([fetching, *beside], return_when=asyncio.FIRST_COMPLETED)
            for task in done:  # those beside end only by an error
                task.result()
        finally:
            tasks = [fetching, *beside, *self._flying]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            row, self._row = self._row, deque()
            mine, self._mine = self._mine, {}
            await self._w.store.finds.give_back({one.find: mine[one.find] for one in row}, self._w.clock())

    def close(self) -> None:
        """End what runs beside the event loop."""
        self._admission.close()

    async def _fetch_all(self, scrapes: Scrapes, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not self._row:
                await self._lease(await scrapes())
            if self._row:
                await self._credits.acquire()
                task = asyncio.create_task(self._fetch(self._row.popleft()))
                self._flying.add(task)
                task.add_done_callback(self._flying.discard)
            elif self._mine:
                await self._landed_and_settled()
            else:
                break
        await asyncio.gather(*self._flying)
        await self._landed.join()
        await self._looked.join()

    async def _landed_and_settled(self) -> None:
        """Wait a little for what is in hand: when it is settled more may be due."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), LOOK_S)
        self._settled.clear()

    async def _lease(self, scrapes: Sequence[str]) -> None:
        if scrapes:
            leases = await scraping.lease(self._w, scrapes, self._load.lease)
            self._row.extend(leases)
            self._mine.update((lease.find, lease.owner) for lease in leases)

    async def _fetch(self, lease: Lease) -> None:
        read = self._schemes.get(lease.url.partition("://")[0])
        try:
            came: Reply | bytes | Refused
            if read is not None:
                came = await read(lease.url)
            else:
                came = await self._fetcher.fetch(Request(lease.url, lease.etag, lease.modified))
        except Refused as refused:
            came = refused
        self._landed.put_nowait(_Landed(lease, came))

    async def _look_for_ever(self) -> None:
        while True:
            some = [await self._landed.get()]
            while not self._landed.empty() and len(some) < self._load.batch // 2:
                some.append(self._landed.get_nowait())
            for looked in await self._look(some):
                self._looked.put_nowait(looked)
            for _ in some:
                self._landed.task_done()

    async def _look(self, some: Sequence[_Landed]) -> list[_Looked]:
        looked = [_Looked(one.lease, one.came) for one in some if isinstance(one.came, Refused)]
        by_category: dict[str, list[_Landed]] = defaultdict(list)
        for one in some:
            if not isinstance(one.came, Refused):
                by_category[one.lease.category].append(one)
        for slug, arrived in by_category.items():
            examined = await self._admission.examine(slug, [_arrived(one) for one in arrived])
            looked += [_look(one, what) for one, what in zip(arrived, examined, strict=True)]
        return looked

    async def _settle_for_ever(self) -> None:
        while True:
            batch = await self._next_batch()
            await self._settler.settle(batch)
            for looked in batch:
                del self._mine[looked.lease.find]
                self._credits.release()
                self._looked.task_done()
            self._settled.set()

    async def _next_batch(self) -> list[_Looked]:
        """What is examined: at least one, at most a batch, and after the first not waiting long for more."""
        batch = [await self._looked.get()]
        until = time.monotonic() + LATEST_BATCH_S
        while len(batch) < self._load.batch:
            if self._looked.empty():
                try:
                    batch.append(await asyncio.wait_for(self._looked.get(), until - time.monotonic()))
                except TimeoutError:
                    break
            else:
                batch.append(self._looked.get_nowait())
        return batch

    async def _keep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(scraping.LEASE_S / 3)
            try:
                await self._w.store.finds.prolong(dict(self._mine), self._w.clock(), scraping.LEASE_S)
            except UNREACHABLE as error:
                logger.warning("MongoDB does not answer (%s): the leases are not prolonged", error)


class Settler:
    """Brings finds into the pool, or back into the row, or to their end, and counts them."""

    def __init__(self, w: Winnow, admission: Admission, who: str, load: Workload) -> None:
        self._w = w
        self._admission = admission
        self._who = who
        self._load = load
        self._rate = Rate()
        self._jitter = Random(who)

    async def settle(self, batch: Sequence[_Looked]) -> None:
        """Settle some finds. While MongoDB does not answer it tries again: what is fetched is not thrown away."""
        by_scrape: dict[str, list[_Looked]] = defaultdict(list)
        for looked in batch:
            by_scrape[looked.lease.scrape].append(looked)
        deadline = time.monotonic() + OUTAGE_S
        for scrape, some in by_scrape.items():
            while True:
                try:
                    await self._settle(scrape, some)
                    break
                except UNREACHABLE as error:
                    if time.monotonic() > deadline:
                        raise
                    logger.warning("MongoDB does not answer (%s); trying again", error)
                    await asyncio.sleep(0.5 + self._jitter.random())

    async def _settle(self, scrape: str, some: Sequence[_Looked]) -> None:
        owned = {one.lease.find: one.lease.owner for one in some}
        refused = [(one.lease, one.what) for one in some if isinstance(one.what, Refused)]
        later = list(self._again(refused))
        postponed = {one.find for one in later}
        over = [
            Ended(lease.find, what.outcome.value, what.detail) for lease, what in refused if lease.find not in postponed
        ]
        got = [(one, one.what) for one in some if not isinstance(one.what, Refused)]
        rates = self._rate.after(len(some) - len(later), sum(one.size for one in some))
        settlement = Settlement(scrape, self._who, owned, sum(one.size for one in some), rates)

        async def write(admitted: Sequence[Admitted], session: Session) -> None:
            ended = [_ended(one, what) for (one, _), what in zip(got, admitted, strict=True)]
            await settlement.write(self._w, over + ended, session)

        await scraping.later(self._w, later, owned)
        await self._admission.store(some[0].lease.category, [what for _, what in got], write)

    def _again(self, refused: Iterable[tuple[Lease, Refused]]) -> Iterable[Later]:
        """Those that are tried again, and when: the host says, or each time twice as long as the time before."""
        waiting: Counter[str] = Counter()
        for lease, refusal in refused:
            tried = lease.tries + refusal.asked
            if not refusal.outcome.passing or tried >= self._load.tries:
                continue
            backoff = self._load.backoff * 2**lease.tries * (0.5 + self._jitter.random())
            seconds = max(refusal.retry_after or 0.0, min(LONGEST_BACKOFF_S, backoff) if refusal.asked else 0.0)
            if not refusal.asked:  # those who wait for the same host's turn do not all come back at the same moment
                host = lease.url.partition("://")[2].partition("/")[0]
                seconds += waiting[host] * seconds / 8
                waiting[host] += 1
            yield Later(lease.find, seconds, refusal.outcome.value, refusal.detail, refusal.asked)


class Rate:
    """Images and bytes a second over the last seconds."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, int, int]] = deque([(time.monotonic(), 0, 0)])

    def after(self, images: int, size: int) -> tuple[float, float]:
        """Count these and return the rates."""
        now = time.monotonic()
        self._past.append((now, images, size))
        while len(self._past) > 2 and now - self._past[1][0] > WINDOW_S:
            self._past.popleft()
        seconds = max(0.1, now - self._past[0][0])
        counted = list(self._past)[1:]
        return sum(one[1] for one in counted) / seconds, sum(one[2] for one in counted) / seconds


def _arrived(landed: _Landed) -> Arrived:
    lease, came = landed.lease, landed.came
    if isinstance(came, Reply):
        return Arrived(lease.name, came.url, came.body, lease.provenance, came.status, came.unchanged)
    assert isinstance(came, bytes)
    return Arrived(lease.name, lease.url, came, lease.provenance)


def _look(landed: _Landed, what: NewImage | Admitted) -> _Looked:
    if isinstance(landed.came, Reply):
        headers = landed.came.headers
        etag, modified = headers.get("etag", ""), headers.get("last-modified", "")
        return _Looked(landed.lease, what, len(landed.came.body), etag, modified)
    return _Looked(landed.lease, what, len(landed.came) if isinstance(landed.came, bytes) else 0)


def _ended(looked: _Looked, what: Admitted) -> Ended:
    return Ended(looked.lease.find, what.outcome.value, what.detail, what.image, looked.etag, looked.modified)
