"""Requesters as people who sign in: a name, which is the tenant, and a password. Access keys are in ``tenants``."""

from datetime import datetime

from workers.turk import attempts, passwords
from workers.turk.database import Database, Document
from workers.turk.errors import FormRefused, InvalidParameter

WRONG = "This name and this password do not go together."
FORGOTTEN = "Who runs this marketplace can set a new password: ./winnow requesters password NAME"


async def set_password(database: Database, requester: str, password: str) -> None:
    """Gives a requester this password and ends the sessions that are open.

    Raises InvalidParameter for who has no account, FormRefused for a password that cannot be.
    """
    passwords.check(password, requester)
    if await database.accounts.find_one({"_id": requester}) is None:
        raise InvalidParameter(f"There is no requester {requester[:80]!r}. Make one: ./winnow requesters add NAME")
    change = {"$set": {"password": await passwords.hashed(password)}, "$inc": {"generation": 1}}
    await database.requesters.update_one({"_id": requester}, change, upsert=True)


async def sign_in(database: Database, name: str, password: str, address: str, now: datetime) -> Document:
    """The requester with this name and password. Raises FormRefused for wrong ones and after too many tries."""
    who = f"requester:{name[:64]}"
    await attempts.sign_in(database, now, who, address)
    found = await database.requesters.find_one({"_id": name})
    if not await passwords.fits(found["password"] if found else None, password) or found is None:
        raise FormRefused(403, WRONG, FORGOTTEN)
    await attempts.signed_in(database, who, address)
    return found


async def change_password(
    database: Database, requester: str, old: str, new: str, address: str, now: datetime
) -> Document:
    """Changes the requester's own password; every session ends. Gives the requester. Raises FormRefused."""
    passwords.check(new, requester)
    await sign_in(database, requester, old, address, now)
    await set_password(database, requester, new)
    found = await database.requesters.find_one({"_id": requester})
    assert found is not None
    return found
