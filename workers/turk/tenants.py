"""Access keys: what a requester's programs sign with. A requester is known by a name; several keys may be his.

The name is the tenant that HITs, assignments and money carry. The first key comes from the settings, and its id is its
tenant: a stack such as Winnow's has it without anybody making one.
"""

import re
import secrets
import string
from datetime import datetime

from pymongo import ReturnDocument

from workers.turk import ledger
from workers.turk.database import Database, Document
from workers.turk.errors import InvalidParameter
from workers.turk.identifiers import new_id, secret_of
from workers.turk.settings import TurkSettings
from workers.turk.signatures import AccessKey

MAX_KEYS = 20
_KEY_LETTERS = string.ascii_uppercase + string.digits
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+=-]{0,63}")


async def find_key(database: Database, settings: TurkSettings, key: str) -> AccessKey | None:
    """The access key with this id; None for an unknown or revoked one."""
    first = first_key(settings)
    if first is not None and first[0] == key:
        return AccessKey(key, first[1])
    found = await database.access_keys.find_one({"_id": key, "revoked_at": None})
    return AccessKey(found["requester"], secret_of(key, settings.secret)) if found is not None else None


async def signing_key(database: Database, settings: TurkSettings, requester: str) -> tuple[str, str] | None:
    """Id and secret of a requester's newest access key in use; None when all are revoked."""
    first = first_key(settings)
    if first is not None and first[0] == requester:
        return first
    mine = {"requester": requester, "revoked_at": None}
    found = await database.access_keys.find_one(mine, sort=[("created_at", -1)])
    return (found["_id"], secret_of(found["_id"], settings.secret)) if found is not None else None


def first_key(settings: TurkSettings) -> tuple[str, str] | None:
    """Id and secret of the key in the settings. Without a secret of its own it has the one that ``secret`` gives it."""
    key, _, given = settings.first_key.partition(":")
    return (key, given or secret_of(key, settings.secret)) if key else None


async def make_key(database: Database, settings: TurkSettings, requester: str, now: datetime) -> tuple[str, str]:
    """A new access key of a requester, who is new with his first one: its id and its secret, which is kept nowhere.

    Raises InvalidParameter for what is no name, and beyond 20 keys in use.
    """
    if not _NAME.fullmatch(requester):
        raise InvalidParameter(
            f"{requester[:80]!r} cannot be a requester's name: take up to 64 letters, digits and _ . @ + = -."
        )
    if await database.access_keys.count_documents({"requester": requester, "revoked_at": None}) >= MAX_KEYS:
        raise InvalidParameter(f"{requester} has {MAX_KEYS} access keys. Revoke one that nobody uses.")
    await ledger.open_account(database, requester, settings.starting_balance_cents, now)
    key = "WTKA" + "".join(secrets.choice(_KEY_LETTERS) for _ in range(16))
    await database.access_keys.insert_one({"_id": key, "requester": requester, "created_at": now, "revoked_at": None})
    return key, secret_of(key, settings.secret)


async def keys(database: Database, requester: str | None = None) -> list[Document]:
    """All access keys but the first, or one requester's, by requester and age, revoked ones too."""
    wanted = {} if requester is None else {"requester": requester}
    return await database.access_keys.find(wanted).sort([("requester", 1), ("created_at", 1)]).to_list()


async def accounts(database: Database) -> list[Document]:
    """What every requester has and has spent, in cents, by name."""
    return await database.accounts.find().sort("_id", 1).to_list()


async def revoke(database: Database, key: str, now: datetime, requester: str | None = None) -> Document:
    """Ends a key at once; returns it. A revoked one stays as it is.

    Raises InvalidParameter for an unknown one, or one that is not this requester's.
    """
    wanted = {"_id": key} if requester is None else {"_id": key, "requester": requester}
    ended = [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", now]}}}]
    found = await database.access_keys.find_one_and_update(wanted, ended, return_document=ReturnDocument.AFTER)
    if found is None:
        raise InvalidParameter(f"There is no access key {key[:80]!r}. The first key ends where the settings name it.")
    return found


async def deposit(database: Database, requester: str, amount: int, now: datetime) -> Document:
    """Adds prepaid money, in cents, to a requester's account; returns it. Raises InvalidParameter for no account."""
    if amount <= 0:
        raise InvalidParameter("A deposit is above 0.")
    if await database.accounts.find_one({"_id": requester}) is None:
        raise InvalidParameter(f"There is no requester {requester[:80]!r}.")
    entry = f"deposit:{requester}:{new_id()}"
    amounts = {"deposited": amount, "available": amount}
    await database.atomically(lambda session: ledger.Books(database, session, requester, now).post(entry, amounts))
    account = await database.accounts.find_one({"_id": requester})
    assert account is not None
    return account
