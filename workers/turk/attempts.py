"""How often somebody may try: counters in MongoDB, by the marketplace's clock, shared by all its processes.

A counter begins with its first attempt and ends a quarter of an hour later. What is tried is counted before it is
looked at, so a hundred guesses at once are a hundred guesses.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from pymongo import ReturnDocument

from workers.turk.database import Database
from workers.turk.errors import FormRefused

WINDOW = timedelta(minutes=15)
AT_ONE_NAME, AT_ONE_NAME_FROM_ANYWHERE, FROM_ONE_ADDRESS = 10, 100, 200
"""Sign-ins: few guesses at a name from one address, so that a stranger elsewhere does not lock its owner out."""


async def count(database: Database, now: datetime, limits: Mapping[str, int], what: str) -> None:
    """Counts one attempt under each key. Raises FormRefused(429) when one has had more than its limit.

    ``what`` completes "You can ... again in 5 minutes."
    """
    for key, limit in limits.items():
        fresh: dict[str, Any] = {"$gt": ["$at", now - WINDOW]}
        change = {
            "count": {"$cond": [fresh, {"$add": ["$count", 1]}, 1]},
            "at": {"$cond": [fresh, "$at", now]},
        }
        counted = await database.attempts.find_one_and_update(
            {"_id": key}, [{"$set": change}], upsert=True, return_document=ReturnDocument.AFTER
        )
        assert counted is not None
        if counted["count"] > limit:
            minutes = max(1, -((now - WINDOW - counted["at"]) // timedelta(minutes=1)))
            plural = "" if minutes == 1 else "s"
            raise FormRefused(429, "That was too often.", f"You can {what} again in {minutes} minute{plural}.")


async def forget(database: Database, key: str) -> None:
    """Forgets the attempts under this key: the last one was right."""
    await database.attempts.delete_one({"_id": key})


async def sign_in(database: Database, now: datetime, who: str, address: str) -> None:
    """Counts an attempt to sign in as ``who`` (such as "worker:A1B2") from ``address``. Raises FormRefused(429)."""
    source = _network(address)
    limits = {
        f"sign-in:{who}:{source}": AT_ONE_NAME,
        f"sign-in:{who}": AT_ONE_NAME_FROM_ANYWHERE,
        f"sign-in-from:{source}": FROM_ONE_ADDRESS,
    }
    await count(database, now, limits, "try to sign in")


async def signed_in(database: Database, who: str, address: str) -> None:
    """Notes that the attempt was right: earlier ones at this name from this address are forgotten."""
    await forget(database, f"sign-in:{who}:{_network(address)}")


def _network(address: str) -> str:
    # Who has one IPv6 address has the 2^64 of its network.
    try:
        known = ip_address(address)
    except ValueError:
        return "unknown"
    return str(ip_network((known, 64), strict=False)) if isinstance(known, IPv6Address) else str(known)
