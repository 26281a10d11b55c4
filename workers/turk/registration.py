"""Workers' accounts: who may sign up, a name and a password, and how they are checked.

``sign_up`` in the settings says who may have an account: ``open`` anybody, ``invited`` who has an invitation, ``names``
nobody needs one, because a name alone signs in.
"""

import re
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from workers.turk import attempts, invitations, passwords
from workers.turk.database import Database, Document, Session
from workers.turk.errors import FormRefused, InvalidParameter, NotNow
from workers.turk.identifiers import worker_id

MAX_NAME = 64
NEW_ACCOUNTS = 200
"""Accounts that one address may make in a quarter of an hour: a lecture hall has one address."""

WRONG = "This name and this password do not go together."
FORGOTTEN = "Who has forgotten a password asks the people who run this marketplace for a new one."
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def clean_name(text: str) -> str:
    """The name without needless spaces. Raises FormRefused for what is none."""
    name = " ".join(text.split())
    if not name or len(name) > MAX_NAME or _CONTROL.search(name):
        raise FormRefused(400, f"A name has 1 to {MAX_NAME} characters.", "Type another one.")
    return name


async def by_name_alone(database: Database, text: str, now: datetime) -> Document:
    """The worker of this name, new if unknown: where ``sign_up`` is ``names``.

    Raises FormRefused for a worker who has a password, from a time when this marketplace asked for it.
    """
    name = clean_name(text)
    identifier = worker_id(name)
    await database.workers.update_one(
        {"_id": identifier}, {"$setOnInsert": {"name": name, "created_at": now}}, upsert=True
    )
    worker = await database.workers.find_one({"_id": identifier})
    assert worker is not None
    if "password" in worker:
        raise FormRefused(403, "This name has a password, and a name alone signs in here.", "Take another name.")
    return worker


async def sign_up(
    database: Database, kind: str, text: str, password: str, address: str, now: datetime, *, invitation: str = ""
) -> Document:
    """Makes an account and gives the worker. ``kind`` is the setting ``sign_up``.

    Raises FormRefused for a name or password that cannot be, NotNow for a name that is taken, without the invitation
    that is needed, or with one that is over.
    """
    name = clean_name(text)
    passwords.check(password, name)
    if kind != "open" and not invitation:
        raise NotNow("Accounts are made by invitation here.", "Open the link of your invitation.")
    await attempts.count(database, now, {f"sign-up-from:{address}": NEW_ACCOUNTS}, "make another account")
    worker: Document = {
        "_id": worker_id(name),
        "name": name,
        "created_at": now,
        "password": await passwords.hashed(password),
        "generation": 0,
    }

    async def act(session: Session) -> None:
        invited = {}
        if invitation:
            used = await invitations.use(database, session, invitation, now)
            invited = {"invited_by": used["requester"], "invitation": invitation}
        await database.workers.insert_one({**worker, **invited}, session=session)

    try:
        await database.atomically(act)
    except DuplicateKeyError:
        raise NotNow("Somebody has this name already.", "Take another one, or sign in if it is you.") from None
    return worker


async def sign_in(database: Database, text: str, password: str, address: str, now: datetime) -> Document:
    """The worker with this name and password. Raises FormRefused for wrong ones and after too many tries."""
    name = clean_name(text)
    who = f"worker:{worker_id(name)}"
    await attempts.sign_in(database, now, who, address)
    worker = await database.workers.find_one({"_id": worker_id(name)})
    kept = worker.get("password") if worker is not None else None
    if not await passwords.fits(kept, password) or worker is None or kept is None:
        raise FormRefused(403, WRONG, FORGOTTEN)
    await attempts.signed_in(database, who, address)
    if passwords.needs_rehash(kept):
        better = {"$set": {"password": await passwords.hashed(password)}}
        await database.workers.update_one({"_id": worker["_id"], "password": kept}, better)
    return worker


async def change_password(
    database: Database, identifier: str, old: str, new: str, address: str, now: datetime
) -> Document:
    """Changes a worker's own password: every session of hers ends. Gives the worker. Raises FormRefused."""
    worker = await database.workers.find_one({"_id": identifier})
    if worker is None or "password" not in worker:
        raise FormRefused(400, "You have no password here.", "A name alone signs in.")
    passwords.check(new, worker["name"])
    await attempts.sign_in(database, now, f"worker:{identifier}", address)
    if not await passwords.fits(worker["password"], old):
        raise FormRefused(403, "The present password is another one.", FORGOTTEN)
    await attempts.signed_in(database, f"worker:{identifier}", address)
    await set_password(database, identifier, new)
    return {**worker, "generation": worker.get("generation", 0) + 1}


async def set_password(database: Database, identifier: str, password: str) -> None:
    """Gives a worker this password and ends her sessions."""
    kept = await passwords.hashed(password)
    await database.workers.update_one({"_id": identifier}, {"$set": {"password": kept}, "$inc": {"generation": 1}})


async def reset_password(database: Database, who: str) -> tuple[Document, str]:
    """Gives a worker, known by name or WorkerId, a generated password. Raises InvalidParameter for nobody."""
    worker = await database.workers.find_one({"_id": {"$in": [who, worker_id(clean_name(who))]}})
    if worker is None:
        raise InvalidParameter(f"There is no worker {who[:80]!r}.")
    password = passwords.generated()
    await set_password(database, worker["_id"], password)
    return worker, password
