"""Money in whole US cents. Pure arithmetic; the accounts are in ``ledger``."""

import re

from workers.turk.errors import InvalidParameter
from workers.turk.settings import TurkSettings

_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]{0,2}))?")
LARGEST_AMOUNT_CENTS = 10_000_000
"""100,000 dollars: the largest single reward or bonus. Keeps every product inside 64 bits."""

LARGE_HIT = 10
"""From this many assignments on, Amazon takes a second fee (pricing page)."""


def cents(amount: str, name: str) -> int:
    """Parses a CurrencyAmount such as "0.05". Raises InvalidParameter when it is malformed or too large."""
    match = _AMOUNT.fullmatch(amount)
    if match is None:
        raise InvalidParameter(f"{name} must be an amount in US dollars like 0.05, not {amount!r}.")
    whole, fraction = match.group(1), match.group(2) or ""
    if len(whole) > 12:
        raise InvalidParameter(f"{name} is too large.")
    value = int(whole) * 100 + int(fraction.ljust(2, "0"))
    if value > LARGEST_AMOUNT_CENTS:
        raise InvalidParameter(f"{name} may be at most {dollars(LARGEST_AMOUNT_CENTS)} dollars.")
    return value


def dollars(value: int) -> str:
    """Cents as a CurrencyAmount: 5 -> "0.05"."""
    return f"{value // 100}.{value % 100:02d}"


def fee_of_bonus(amount: int, settings: TurkSettings) -> int:
    """The marketplace's fee for a bonus, in cents."""
    return _fee(amount, settings.fee_percent, settings)


def fee_of_assignment(reward: int, max_assignments: int, settings: TurkSettings) -> int:
    """The fee for one assignment, in cents: larger for HITs with ten or more assignments."""
    extra = settings.large_hit_fee_percent if max_assignments >= LARGE_HIT else 0
    return _fee(reward, settings.fee_percent + extra, settings)


def _fee(amount: int, percent: int, settings: TurkSettings) -> int:
    if percent == 0:
        return 0
    return max(settings.minimum_fee_cents, (amount * percent + 50) // 100)
