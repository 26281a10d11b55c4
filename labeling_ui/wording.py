"""Numbers and names in plain words: money, shares, spans of time, who decided. Templates use them as filters."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from active_learning.domain.label import Source


def dollars(cents: float) -> str:
    """``1234`` becomes ``$12.34``; from 1,000 dollars on whole dollars are enough."""
    amount = cents / 100
    return f"${amount:,.0f}" if amount >= 1_000 else f"${amount:,.2f}"


def count(number: float) -> str:
    """``1234567`` becomes ``1,234,567``."""
    return f"{number:,.0f}"


def percent(share: float, digits: int = 0) -> str:
    """``0.9`` becomes ``90 %``, with a space that does not break. Never rounds up to 100 or down to 0."""
    value = round(share * 100, digits)
    swallowed = (value >= 100 and share < 1) or (value <= 0 and share > 0)
    if swallowed and digits < 4:
        return percent(share, digits + 1)
    return f"{value:.{digits}f}\u00a0%"


def span(seconds: float) -> str:
    """A length of time in its two largest units: ``45 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if round(seconds) < 60:
        return f"{seconds:.0f}\u00a0s"
    if minutes < 60:
        return f"{minutes}\u00a0min"
    if hours < 24:
        return f"{minutes // 60}\u00a0h {minutes % 60}\u00a0min"
    return f"{hours // 24}\u00a0d {hours % 24}\u00a0h"


def cut(score: float | None) -> str:
    """A cut as it stands in a table; a dash where that side has none."""
    return "\u2013" if score is None else f"{score:.3f}"


def rate(per_second: float) -> str:
    """``12.34`` becomes ``12``; below ten one decimal tells more."""
    return f"{per_second:,.0f}" if per_second >= 9.95 else f"{per_second:.1f}"


def size(number: float) -> str:
    """Bytes in the unit that leaves up to three digits: ``950 B``, ``1.2 MB``, ``31 GB``."""
    units = ("B", "kB", "MB", "GB", "TB")
    at = 0
    while number >= 999.5 and at < len(units) - 1:
        number /= 1_000
        at += 1
    digits = 1 if at and number < 9.95 else 0
    return f"{number:,.{digits}f}\u00a0{units[at]}"


def when(moment: datetime) -> str:
    """A moment to the minute: ``1 Mar 2026, 12:00 UTC``."""
    return f"{moment.astimezone(UTC):%-d\u00a0%b %Y, %H:%M\u00a0UTC}"


DECIDED_BY = {
    Source.HUMAN: "people",
    Source.MODEL: "the model",
    Source.GOLD: "an expert",
    Source.IMPORTED: "an import",
}
"""Who decided, in words."""


def decided_by(source: Source) -> str:
    """``human`` becomes ``people``."""
    return DECIDED_BY[source]


FILTERS: dict[str, Callable[..., Any]] = {
    "dollars": dollars,
    "count": count,
    "percent": percent,
    "span": span,
    "cut": cut,
    "rate": rate,
    "size": size,
    "when": when,
    "decided_by": decided_by,
}
