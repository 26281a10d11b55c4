"""Users, signing in, and API tokens. What lets somebody in is random and kept as its SHA-256 only."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from active_learning.domain.access import SCOPES, Actor, Scope, UserRole
from active_learning.domain.errors import Forbidden, InputError, NotFound, StateError
from active_learning.domain.value import Value
from api.operations import passwords
from api.operations.context import Winnow
from api.store.connection import Document

SIGNED_IN = timedelta(days=14)
TOKEN_PREFIX = "winnow_"
FREE_TRIES = 5
"""Wrong passwords in a row before the next try has to wait: 2, 4, 8, ... seconds, at most five minutes."""
LONGEST_WAIT = timedelta(minutes=5)
USED_STEP = timedelta(minutes=1)
"""How exactly a token's last use is remembered: not every request should write."""


class Let(Value):
    """A key that lets somebody in, shown once, and until when."""

    key: str
    name: str
    expires_at: datetime


def check_name(name: str) -> str:
    """The name in small letters; raises :class:`InputError` for what is no name."""
    small = name.strip().lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9._@+-]{0,63}", small):
        raise InputError(
            f"'{name}' cannot be a user's name.", "Use up to 64 small letters, digits and . _ @ + -, such as 'ann'."
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
    """Add a user; returns the password: a generated one where none is given. Raises :class:`StateError` if taken."""
    chosen = passwords.generated() if password is None else password
    passwords.check_strength(chosen)
    await enrol(w, name, role, {"password": await passwords.hashed(chosen)})
    return chosen


async def enrol(w: Winnow, name: str, role: UserRole, fields: Mapping[str, Any]) -> None:
    """Add a user with what lets him in; without a password only another way does. Raises :class:`StateError`."""
    small, now = check_name(name), w.clock()
    fresh: Document = {
        "role": role.value,
        "disabled": False,
        "password": None,
        "failures": 0,
        "not_before": now,
        "made_at": now,
        "seen_at": None,
    }
    if not await w.store.users.insert(small, {**fresh, **fields}):
        raise StateError(f"There is a user '{small}' already.", "Choose another name.")


async def sign_in(w: Winnow, name: str, password: str) -> Let:
    """A key for the cookie of somebody who knows the password; raises :class:`Forbidden` otherwise."""
    small = name.strip().lower()
    user = await w.store.users.get(small)
    now = w.clock()
    if user and user["not_before"] > now:
        seconds = (user["not_before"] - now).total_seconds()
        raise Forbidden("Too many wrong passwords.", f"Try again in {seconds:.0f} seconds.")
    right = await passwords.fits(user["password"] if user else None, password)
    if user is None or not right or user["disabled"]:
        if user is not None:
            await _failed(w, user)
        raise Forbidden("The name or the password is not right.", "An admin can give you a new password.")
    await w.store.users.put(small, {"failures": 0, "seen_at": now})
    return await let_in(w, small)


async def _failed(w: Winnow, user: Document) -> None:
    failures = user["failures"] + 1
    wait = min(timedelta(seconds=2.0 ** min(failures - FREE_TRIES, 30)), LONGEST_WAIT)
    pause = wait if failures > FREE_TRIES else timedelta()
    await w.store.users.put(user["_id"], {"failures": failures, "not_before": w.clock() + pause})


async def let_in(w: Winnow, name: str) -> Let:
    """A key for the cookie of somebody who has shown who he is."""
    key, now = secrets.token_urlsafe(32), w.clock()
    await w.store.sign_ins.insert(_digest(key), {"user": name, "made_at": now, "expires_at": now + SIGNED_IN})
    return Let(key=key, name=name, expires_at=now + SIGNED_IN)


async def sign_out(w: Winnow, key: str) -> None:
    """Let this cookie in no more."""
    await w.store.sign_ins.remove(_digest(key))


async def by_cookie(w: Winnow, key: str) -> Actor | None:
    """Whose cookie this is, if it still lets in."""
    found = await w.store.sign_ins.get(_digest(key), w.clock())
    return await _actor(w, found["user"], frozenset(Scope), "page") if found else None


async def by_token(w: Winnow, token: str) -> Actor | None:
    """Whose API token this is, if it still lets in."""
    found = await w.store.tokens.get(_digest(token), w.clock())
    if found is None:
        return None
    now = w.clock()
    if found["used_at"] is None or found["used_at"] < now - USED_STEP:
        await w.store.tokens.put(found["_id"], {"used_at": now})
    return await _actor(w, found["user"], frozenset(Scope(s) for s in found["scopes"]), f"token {found['name']}")


async def _actor(w: Winnow, name: str, allowed: frozenset[Scope], via: str) -> Actor | None:
    user = await w.store.users.get(name)
    if user is None or user["disabled"]:
        return None
    role = UserRole(user["role"])
    return Actor(name=name, role=role, scopes=SCOPES[role] & allowed, via=via)


async def make_token(w: Winnow, actor: Actor, name: str, scopes: Iterable[Scope], days: int) -> Let:
    """A new API token of somebody; it may do what is named, as long as its owner may.

    Raises :class:`InputError` for a name that is in use, no scope, one that the owner lacks, or an odd time.
    """
    wanted = frozenset(scopes)
    if not wanted or not all(actor.may(scope) for scope in wanted):
        raise InputError("A token may do what you may, and at least one thing.", "Choose other scopes.")
    if not 1 <= days <= 366:
        raise InputError("A token lasts from 1 to 366 days.", "Make a new one when it has ended.")
    title = name.strip()
    if not 1 <= len(title) <= 60:
        raise InputError("A token needs a name of at most 60 characters.", "Say what it is for: 'night export'.")
    if any(token["name"] == title for token in await w.store.tokens.of(actor.name)):
        raise InputError(f"You have a token '{title}' already.", "Revoke it, or choose another name.")
    key, now = f"{TOKEN_PREFIX}{secrets.token_urlsafe(32)}", w.clock()
    expires = now + timedelta(days=days)
    await w.store.tokens.insert(
        _digest(key),
        {
            "user": actor.name,
            "name": title,
            "scopes": sorted(wanted),
            "made_at": now,
            "used_at": None,
            "expires_at": expires,
        },
    )
    return Let(key=key, name=title, expires_at=expires)


async def revoke_token(w: Winnow, user: str, name: str) -> None:
    """End a user's API token; raises :class:`NotFound` where there is none of the name."""
    if not await w.store.tokens.remove_named(user, name):
        raise NotFound(f"'{user}' has no token '{name}'.")


async def change(
    w: Winnow, name: str, role: UserRole | None = None, disabled: bool | None = None, password: str | None = None
) -> None:
    """Change a user. Who is disabled or has a new password is signed out everywhere.

    Raises :class:`NotFound`, and :class:`StateError` where nobody would be left who can manage users.
    """
    user = await w.store.users.get(name)
    if user is None:
        raise NotFound(f"There is no user '{name}'.")
    weaker = (role is not None and role is not UserRole.ADMIN) or disabled is True
    if user["role"] == UserRole.ADMIN and weaker and not await w.store.users.other_admins(name):
        raise StateError("This is the last admin.", "Make somebody else an admin first.")
    fields: Document = {}
    if role is not None:
        fields["role"] = role.value
    if disabled is not None:
        fields["disabled"] = disabled
    if password is not None:
        passwords.check_strength(password)
        fields |= {"password": await passwords.hashed(password), "failures": 0, "not_before": w.clock()}
    await w.store.users.put(name, fields)
    if disabled or password is not None:
        await w.store.sign_ins.remove_all(name)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
