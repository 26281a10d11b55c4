"""Users and their roles: add, change, sign in and out. What lets somebody in is random and kept as its SHA-256 only."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from active_learning.domain.access import SCOPES, Actor, Scope, UserRole
from active_learning.domain.errors import Forbidden, InputError, NotFound, StateError
from active_learning.domain.value import Value
from api.operations import passwords, throttling
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import Document

SIGNED_IN = timedelta(days=14)
USED_STEP = timedelta(minutes=1)
"""How exactly the last use of a key is remembered: not every request should write."""


class Let(Value):
    """A key that lets somebody in, shown once, and until when."""

    key: str
    name: str
    expires_at: datetime


class Whence(Value):
    """Where a sign-in comes from: the address and what the browser calls itself."""

    address: str = ""
    agent: str = ""
    way: str = "password"


NOWHERE = Whence()


def check_name(name: str) -> str:
    """The name in small letters; raises :class:`InputError` for what is no name."""
    small = name.strip().lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9._@+-]{0,63}", small):
        raise InputError(
            f"'{name[:80]}' cannot be a user's name.",
            "Use up to 64 small letters, digits and . _ @ + -, such as 'ann'.",
        )
    return small


async def first_admin(w: Winnow) -> str | None:
    """Make the user ``admin`` where there is no user at all; returns the password, which is nowhere else."""
    if await w.store.users.any():
        return None
    try:
        return await add(w, "admin", UserRole.ADMIN)
    except StateError:  # another process was faster
        return None


async def add(w: Winnow, name: str, role: UserRole, password: str | None = None) -> str:
    """Add a user; returns the password: a generated one where none is given, to be changed by the user.

    Raises :class:`InputError` for what is no name or no password, :class:`StateError` if the name is taken.
    """
    chosen = passwords.generated() if password is None else password
    passwords.check_strength(chosen, check_name(name))
    await enrol(w, name, role, {"password": await passwords.hashed(chosen), "lent": password is None})
    return chosen


async def enrol(w: Winnow, name: str, role: UserRole, fields: Mapping[str, Any]) -> None:
    """Add a user with what lets him in; without a password only another way does. Raises :class:`StateError`."""
    small, now = check_name(name), w.clock()
    fresh: Document = {"role": role.value, "disabled": False, "password": None, "made_at": now, "seen_at": None}
    if not await w.store.users.insert(small, {**fresh, **fields}):
        raise StateError(f"There is a user '{small}' already.", "Choose another name.")


async def find(w: Winnow, name: str) -> Document:
    """A user; raises :class:`NotFound`."""
    user = await w.store.users.get(name)
    if user is None:
        raise NotFound(f"There is no user '{name[:80]}'.", "`./winnow users list` names them.")
    return user


async def sign_in(w: Winnow, name: str, password: str, whence: Whence = NOWHERE) -> Let:
    """A key for the cookie of somebody who knows the password; raises :class:`Forbidden` otherwise."""
    small = name.strip().lower()[:80]
    await throttling.begin(w, small, whence.address)
    user = await w.store.users.get(small)
    right = await passwords.fits(user["password"] if user else None, password)
    if user is None or not right or user["disabled"]:
        raise Forbidden("The name or the password is not right.", "An admin can give you a new password.")
    await throttling.succeeded(w, small, whence.address)
    return await let_in(w, small, whence)


async def let_in(w: Winnow, name: str, whence: Whence = NOWHERE) -> Let:
    """A key for the cookie of somebody who has shown who he is."""
    key, now = secrets.token_urlsafe(32), w.clock()
    known = whence.model_copy(update={"agent": whence.agent[:300]}).model_dump()
    times = {"made_at": now, "seen_at": now, "expires_at": now + SIGNED_IN}
    await w.store.sign_ins.insert(digest(key), {"user": name, **known, **times})
    await w.store.users.put(name, {"seen_at": now})
    return Let(key=key, name=name, expires_at=now + SIGNED_IN)


async def sign_out(w: Winnow, key: str) -> None:
    """Let this cookie in no more."""
    await w.store.sign_ins.remove(digest(key))


async def sign_out_elsewhere(w: Winnow, name: str, key: str = "") -> int:
    """Let none of a user's cookies in any more but the one with ``key``; returns how many there were."""
    return await w.store.sign_ins.remove_all(name, digest(key))


async def by_cookie(w: Winnow, key: str) -> Actor | None:
    """Whose cookie this is, if it still lets in."""
    now = w.clock()
    found = await w.store.sign_ins.get(digest(key), now)
    if found is None:
        return None
    if found["seen_at"] < now - USED_STEP:
        await w.store.sign_ins.put(found["_id"], {"seen_at": now})
    return await actor(w, found["user"], frozenset(Scope), "page")


async def actor(w: Winnow, name: str, allowed: frozenset[Scope], via: str) -> Actor | None:
    """A user on some way in that allows no more than ``allowed``; ``None`` for one who is disabled or unknown."""
    user = await w.store.users.get(name)
    if user is None or user["disabled"]:
        return None
    role = UserRole(user["role"])
    return Actor(name=name, role=role, scopes=SCOPES[role] & allowed, via=via)


async def change(
    w: Winnow, name: str, role: UserRole | None = None, disabled: bool | None = None, password: str | None = None
) -> None:
    """Change a user. Who is disabled or has a new password is signed out everywhere.

    Raises :class:`NotFound`, and :class:`StateError` where nobody would be left who can manage users.
    """
    await find(w, name)
    fields: Document = {}
    if password is not None:
        passwords.check_strength(password, name)
        fields |= {"password": await passwords.hashed(password), "lent": True}
    if role is not None:
        fields["role"] = role.value
    if disabled is not None:
        fields["disabled"] = disabled

    async def write(session: Session) -> None:
        weaker = (role is not None and role is not UserRole.ADMIN) or disabled is True
        now = await w.store.users.get(name, session)
        was_admin = now is not None and now["role"] == UserRole.ADMIN and not now["disabled"]
        if was_admin and weaker and not await w.store.users.other_admins(name, session):
            raise StateError("This is the last admin.", "Make somebody else an admin first.")
        await w.store.users.put(name, fields, session)

    if fields:
        await w.store.transact(write)
    if disabled or password is not None:
        await w.store.sign_ins.remove_all(name)


async def new_password(w: Winnow, name: str) -> str:
    """Give a user a generated password, to be changed at the next sign-in; returns it, which is nowhere else."""
    password = passwords.generated()
    await change(w, name, password=password)
    return password


async def change_own_password(w: Winnow, name: str, old: str, new: str, whence: Whence = NOWHERE) -> Let:
    """Change one's own password: every sign-in ends, and the caller gets a new one.

    Raises :class:`Forbidden` where the old one is not right, :class:`InputError` for a new one that is too weak or the
    same, :class:`StateError` for somebody who has none because he signs in elsewhere.
    """
    user = await find(w, name)
    if user["password"] is None:
        raise StateError("You have no password here.", "You sign in with your organisation's account.")
    passwords.check_strength(new, name)
    if old == new:
        raise InputError("The new password is the old one.", "Choose another.")
    await throttling.begin(w, name, whence.address)
    if not await passwords.fits(user["password"], old):
        raise Forbidden("The present password is not right.", "An admin can give you a new one.")
    await throttling.succeeded(w, name, whence.address)
    await w.store.users.put(name, {"password": await passwords.hashed(new), "lent": False})
    await w.store.sign_ins.remove_all(name)
    return await let_in(w, name, whence)


async def end_everything(w: Winnow, name: str) -> tuple[int, int]:
    """End a user's sign-ins and API tokens; returns how many there were of each. Raises :class:`NotFound`."""
    await find(w, name)
    return await w.store.sign_ins.remove_all(name), await w.store.tokens.remove_all(name)


def digest(key: str) -> str:
    """What is kept of a key: it cannot be turned back."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
