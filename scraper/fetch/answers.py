"""What a server's answer means: its status as an outcome, and how long it wants to be left alone."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from scraper.outcomes import Outcome, Refused

Fields = list[tuple[str, str]]
"""Header fields in the order in which they came; names in small letters, values as Latin-1 text."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})

LONGEST_HOLD_S = 86_400.0
UNSAID_HOLD_S = 10.0
"""How long a host is left alone that answers 429 without saying for how long."""

_STATUSES = {
    401: Outcome.FORBIDDEN,
    403: Outcome.FORBIDDEN,
    404: Outcome.NOT_FOUND,
    410: Outcome.NOT_FOUND,
    429: Outcome.RATE_LIMITED,
    451: Outcome.FORBIDDEN,
}


def refusal(status: int, headers: dict[str, str], clock: Callable[[], float] = time.time) -> Refused:
    """The refusal that a status other than 200 and 304 is. ``retry_after`` is set where the server asked to wait."""
    outcome = _STATUSES.get(status, Outcome.SERVER_ERROR if 500 <= status <= 599 else Outcome.OTHER_STATUS)
    seconds = None
    if outcome.passing and "retry-after" in headers:
        seconds = retry_after(headers["retry-after"], headers.get("date", ""), clock)
    return Refused(outcome, f"status {status}", seconds)


def retry_after(value: str, date: str = "", clock: Callable[[], float] = time.time) -> float | None:
    """Seconds to wait, from a Retry-After of seconds or of an HTTP date; ``None`` where it is neither.

    A date is read by the server's own clock where it says what that is. More than a day is a day.
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_HOLD_S)
    until = _timestamp(value)
    if until is None:
        return None
    now = _timestamp(date)
    return min(max(until - (clock() if now is None else now), 0.0), LONGEST_HOLD_S)


def _timestamp(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
