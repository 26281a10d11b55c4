"""Wages by measured work: how long somebody worked, what that makes an hour, and what is missing to a floor.

Work is the time that images were on screen with the page visible. It counts whether the answers were used, paid,
refused or never submitted: time that only counts when it went well makes every wage look better than it is (Hara et
al. 2018). Looking at one image for more than a minute is being away, and nobody worked longer than the clock says.
"""

from collections.abc import Iterable
from math import ceil

AWAY_MS = 60_000
"""Who looks at one image for longer has left: more does not count as time that the work takes."""

HOUR_MS = 3_600_000

ENOUGH_MS = 60_000
"""Work from which on it says something about an hourly wage."""


def active_ms(visible_ms: Iterable[float], elapsed_ms: float | None = None) -> int:
    """Time worked: what each image was visible, at most :data:`AWAY_MS` of it, and ``elapsed_ms`` together.

    The browser measures ``visible_ms``; ``elapsed_ms`` is the server's own time from opening to submission, which no
    browser can stretch. ``None``: not known.
    """
    looked = sum(min(max(0.0, one), AWAY_MS) for one in visible_ms)
    return round(looked if elapsed_ms is None else min(looked, max(0.0, elapsed_ms)))


def hourly_cents(cents: int, worked_ms: int) -> float | None:
    """What ``cents`` for so much work make an hour; ``None`` for less work than :data:`ENOUGH_MS`."""
    return cents * HOUR_MS / worked_ms if worked_ms >= ENOUGH_MS else None


def top_up(reward_cents: int, worked_ms: int, floor_cents: int) -> int:
    """Cents that are missing for ``floor_cents`` an hour, rounded up to a whole one; 0 where the reward is enough."""
    return max(0, ceil(floor_cents * worked_ms / HOUR_MS - reward_cents - 1e-9))
