"""The crowd at work: who does which HIT, until told to stop.

Who works on what does not depend on timing. Every HIT has its own order of people, which follows from the seed and the
HIT's title (its id is random); one after another takes a place until none is left. Who is busy elsewhere is waited for.
"""

import asyncio
import contextlib
import logging
import ssl
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from active_learning.domain.errors import InputError, Unavailable
from active_learning.domain.value import Value
from active_learning.splits import draw
from workers.crowd.browser import Browser, ListedHit, MarketSite, Outcome, Visit
from workers.crowd.patience import Patient
from workers.crowd.people import Person

logger = logging.getLogger(__name__)

SCOUT = "Simulated crowd"
"""The worker whose list of HITs is watched; it never takes one, so it sees every free place."""

TIMEOUT_S = 30.0
CONNECTIONS = 6
"""As many as a browser opens to one site."""


@dataclass(frozen=True)
class CrowdSettings:
    """What a shift needs to know.

    ``seed`` decides who turns to which HIT first, ``eyes`` is the truth by what is seen (see ``eyes_from``),
    ``concurrency`` how many HITs are worked on at a time, ``pace`` the share of the people's own time that is really
    spent (0: none), ``patience_s`` how long a site may be away before somebody turns to it anew.
    """

    market_url: str
    people: Sequence[Person]
    seed: int
    eyes: Mapping[str, bool]
    concurrency: int = 4
    pace: float = 0.0
    poll_s: float = 0.2
    patience_s: float = 60.0


class CrowdReport(Value):
    """Every visit of a shift, in the order of their ends."""

    visits: tuple[Visit, ...]

    @property
    def counts(self) -> dict[Outcome, int]:
        """Visits by outcome."""
        return dict(Counter(visit.outcome for visit in self.visits))

    @property
    def submitted(self) -> tuple[tuple[str, str], ...]:
        """Who submitted what, as sorted pairs of title and person."""
        return tuple(sorted((v.title, v.person) for v in self.visits if v.outcome is Outcome.SUBMITTED))


def turns(people: Sequence[Person], seed: int, title: str) -> list[Person]:
    """Who turns to a HIT of this title first, second, and so on."""
    return sorted(people, key=lambda person: draw(seed, f"{title}:{person.name}"))


async def work(settings: CrowdSettings, stop: asyncio.Event) -> CrowdReport:
    """Work on every HIT of the marketplace until ``stop`` is set; then finish what is in hand.

    Sites that do not answer are waited for. Raises :class:`InputError` when the crowd sees an image without a label.
    """
    async with contextlib.AsyncExitStack() as stack:
        return await _Shift(settings, stop, stack).run()


@dataclass
class _Seat:
    """A person's browser; the lock keeps the person at one thing at a time."""

    browser: Browser
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class _Shift:
    """The state of one shift."""

    def __init__(self, settings: CrowdSettings, stop: asyncio.Event, stack: contextlib.AsyncExitStack) -> None:
        if not settings.people:
            raise InputError("The crowd is empty.", "Give it people, such as people.crowd(seed).")
        self._settings = settings
        self._stop = stop
        self._stack = stack
        self._tls = ssl.create_default_context()  # made once: reading the certificates takes 40 ms
        self._room = asyncio.Semaphore(settings.concurrency)
        self._visits: list[Visit] = []
        self._queues: dict[str, deque[_Seat]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> CrowdReport:
        """Sign in, take up what an earlier shift left, then staff HIT after HIT."""
        settings = self._settings
        self._scout = await self._site()
        self._seats = {
            person.name: _Seat(Browser(person, await self._site(), settings.eyes, settings.pace))
            for person in settings.people
        }
        try:
            if await self._open_shop():
                await self._watch()
            await asyncio.gather(*self._running.values())
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
        return CrowdReport(visits=tuple(self._visits))

    async def _site(self) -> MarketSite:
        http = httpx.AsyncClient(
            timeout=TIMEOUT_S,
            verify=self._tls,
            trust_env=False,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )
        await self._stack.enter_async_context(http)
        return MarketSite(Patient(http, self._stop, self._settings.patience_s), self._settings.market_url)

    async def _open_shop(self) -> bool:
        """Sign everybody in, and finish what they had in hand; ``False`` when the shift ended meanwhile."""
        while not self._stop.is_set():
            try:
                await self._scout.sign_in(SCOUT)
                arrivals = (self._take_up(seat) for seat in self._seats.values())
                for failure in await asyncio.gather(*arrivals, return_exceptions=True):
                    if failure is not None:
                        raise failure
            except Unavailable as error:
                logger.warning("%s", error)
            else:
                return True
        return False

    async def _take_up(self, seat: _Seat) -> None:
        await seat.browser.site.sign_in(seat.browser.person.name)
        async with seat.lock:
            for assignment in await seat.browser.site.unfinished():
                self._note(await seat.browser.finish(assignment), seat)

    async def _watch(self) -> None:
        """Look at the list again and again; every HIT on it gets a task of its own."""
        while not self._stop.is_set():
            for hit in await self._listed():
                if hit.hit_id not in self._running:
                    self._running[hit.hit_id] = asyncio.create_task(self._staff(hit))
            await self._scout.http.pause(self._settings.poll_s)
            for hit_id in [hit_id for hit_id, task in self._running.items() if task.done()]:
                self._running.pop(hit_id).result()  # what went wrong there ends the shift

    async def _listed(self) -> list[ListedHit]:
        try:
            return await self._scout.hits()
        except Unavailable as error:
            logger.warning("%s", error)
            return []

    async def _staff(self, hit: ListedHit) -> None:
        """Send people to a HIT, in its order, as long as it has free places."""
        async with self._room:
            queue = self._queues.setdefault(hit.hit_id, self._order(hit.title))
            while queue and not self._stop.is_set() and await self._has_place(hit):
                if await self._send(queue[0], hit):
                    queue.popleft()

    def _order(self, title: str) -> deque[_Seat]:
        return deque(self._seats[p.name] for p in turns(self._settings.people, self._settings.seed, title))

    async def _has_place(self, hit: ListedHit) -> bool:
        return any(listed.hit_id == hit.hit_id for listed in await self._listed())

    async def _send(self, seat: _Seat, hit: ListedHit) -> bool:
        """Let one person do a HIT; ``False`` when a site was away for so long that the shift ended."""
        async with seat.lock:
            while True:
                try:
                    visit = await seat.browser.do(hit.hit_id, hit.title)
                except Unavailable as error:
                    logger.warning("%s waits: %s", seat.browser.person.name, error)
                    if self._stop.is_set():
                        return False
                else:
                    self._note(visit, seat)
                    return True

    def _note(self, visit: Visit, seat: _Seat) -> None:
        logger.info("%s (%s): %s %s", visit.person, seat.browser.person.kind, visit.title, visit.outcome)
        self._visits.append(visit)
