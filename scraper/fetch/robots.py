"""robots.txt as RFC 9309 wants it: asked once per host, kept for a day, obeyed.

No robots.txt (4xx) allows everything. One that cannot be had (5xx, 429, no answer) forbids everything for a while: its
refusals then carry the outcome of asking for it.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from protego import Protego

from scraper.fetch.guard import Url
from scraper.fetch.protocol import Pace
from scraper.outcomes import Outcome, Refused

MAX_BYTES = 500 * 1024
REDIRECTS = 5
RETRY_S = 300.0
"""So long a host whose robots.txt cannot be had is left alone, unless it names a time itself."""
READ_AGAIN_S = 3_600.0
MANY_HOSTS = 5_000

_ABSENT = frozenset({Outcome.NOT_FOUND, Outcome.FORBIDDEN, Outcome.OTHER_STATUS, Outcome.TOO_MANY_REDIRECTS})
"""What asking for a robots.txt ends with where there is none."""

Ask = Callable[[Url], Awaitable[str]]
"""Get a robots.txt, redirects included; raises ``Refused``."""


class _Rules:
    """What one host says. ``refused`` is set where it cannot be had; without rules for us everything is allowed."""

    __slots__ = ("parsed", "refused", "until")

    def __init__(self, until: float, parsed: Protego | None = None, refused: Refused | None = None) -> None:
        self.until = until
        self.parsed = parsed
        self.refused = refused


class Robots:
    """The robots.txt of all hosts, for the agent ``token``. ``ask`` gets one that nobody has fetched lately."""

    def __init__(self, pace: Pace, ask: Ask, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._ask = ask
        self._token = token
        self._clock = clock
        self._hosts: OrderedDict[str, _Rules] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Rules]] = {}

    async def check(self, url: Url) -> None:
        """Return if ``url`` may be fetched; raises ``Refused`` with ROBOTS, or with what asking has ended with."""
        rules = self._hosts.get(url.host)
        if rules is None or rules.until < self._clock():
            rules = await self._read(url)
        if rules.refused is not None:
            failed = rules.refused
            left = max(rules.until - self._clock(), 1.0)
            raise Refused(failed.outcome, f"robots.txt: {failed.detail}", left, failed.asked)
        if rules.parsed is not None and not rules.parsed.can_fetch(url.text, self._token):
            raise Refused(Outcome.ROBOTS)

    async def close(self) -> None:
        """Stop asking."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, url: Url) -> _Rules:
        """Read the host's rules, together with everybody else who wants them now."""
        task = self._asking.get(url.host)
        if task is None:
            task = self._asking[url.host] = asyncio.create_task(self._load(url))
            task.add_done_callback(lambda _: self._asking.pop(url.host, None))
        # nobody's cancellation is the others' concern
        rules = await asyncio.shield(task)
        self._hosts[url.host] = rules
        self._hosts.move_to_end(url.host)
        if len(self._hosts) > MANY_HOSTS:
            self._hosts.popitem(last=False)
        return rules

    async def _load(self, url: Url) -> _Rules:
        text = await self._pace.robots(url.host)
        if text is None:
            try:
                text = await self._ask(Url(f"{url.origin}/robots.txt", url.origin, url.host))
            except Refused as refused:
                if refused.outcome not in _ABSENT:
                    return _Rules(self._clock() + (refused.retry_after or RETRY_S), refused=refused)
                text = ""
            await self._pace.keep_robots(url.host, text)
        return await self._parse(url.host, text)

    async def _parse(self, host: str, text: str) -> _Rules:
        parsed = Protego.parse(text.removeprefix("\ufeff"))
        rate = parsed.request_rate(self._token)
        interval = max(
            parsed.crawl_delay(self._token) or 0.0, rate.seconds / rate.requests if rate and rate.requests else 0.0
        )
        if interval > 0:
            await self._pace.slow_down(host, interval)
        return _Rules(self._clock() + READ_AGAIN_S, parsed if text else None)
