"""API tokens: what scripts and notebooks sign in with. Each has a name, some of its owner's scopes, and an end."""

import re
import secrets
from collections.abc import Iterable
from datetime import timedelta

from active_learning.domain.access import Actor, Scope
from active_learning.domain.errors import InputError, NotFound
from api.operations.accounts import USED_STEP, Let, actor, digest
from api.operations.context import Winnow

PREFIX = "winnow_"
"""What tokens begin with, so that those who look for leaked secrets know one when they see it."""

VIA = "token "
MOST_DAYS = 366
MOST_TOKENS = 50


async def by_token(w: Winnow, token: str) -> Actor | None:
    """Whose API token this is, if it still lets in."""
    now = w.clock()
    found = await w.store.tokens.get(digest(token), now)
    if found is None:
        return None
    if found["used_at"] is None or found["used_at"] < now - USED_STEP:
        await w.store.tokens.put(found["_id"], {"used_at": now})
    return await actor(w, found["user"], frozenset(Scope(s) for s in found["scopes"]), f"{VIA}{found['name']}")


async def make(w: Winnow, owner: Actor, name: str, scopes: Iterable[Scope], days: int) -> Let:
    """A new API token of somebody; it may do what is named, as long as its owner may.

    Raises :class:`InputError` for a name that is in use, no scope, one that the owner lacks, or an odd time. A token
    that is made through another one does not outlive it.
    """
    wanted = frozenset(scopes)
    if not wanted or not all(owner.may(scope) for scope in wanted):
        raise InputError("A token may do what you may, and at least one thing.", "Choose other scopes.")
    if not 1 <= days <= MOST_DAYS:
        raise InputError(f"A token lasts from 1 to {MOST_DAYS} days.", "Make a new one when it has ended.")
    title = name.strip()
    if not re.fullmatch(r"[^\W_][\w .,:+()@-]{0,59}", title):
        raise InputError(
            "A token needs a name of at most 60 letters, digits, spaces and . , : + ( ) @ - _",
            "Say what it is for: 'night export'.",
        )
    now = w.clock()
    tokens = await w.store.tokens.of(owner.name)
    if any(token["name"] == title and token["expires_at"] > now for token in tokens):
        raise InputError(f"You have a token '{title}' already.", "Revoke it, or choose another name.")
    if len(tokens) >= MOST_TOKENS:
        raise InputError(f"You have {MOST_TOKENS} tokens already.", "Revoke those that nobody uses.")
    key, expires = f"{PREFIX}{secrets.token_urlsafe(32)}", now + timedelta(days=days)
    if owner.via.startswith(VIA):
        parent = await w.store.tokens.named(owner.name, owner.via.removeprefix(VIA))
        if parent is None or parent["expires_at"] < expires:
            raise InputError("A token cannot make one that lasts longer.", "Sign in at the page and make it there.")
    await w.store.tokens.remove_named(owner.name, title)  # one that has ended, and is not swept up yet
    fields = {"user": owner.name, "name": title, "scopes": sorted(wanted), "made_at": now, "used_at": None}
    await w.store.tokens.insert(digest(key), {**fields, "expires_at": expires})
    return Let(key=key, name=title, expires_at=expires)


async def revoke(w: Winnow, user: str, name: str) -> None:
    """End a user's API token; raises :class:`NotFound` where there is none of the name."""
    if not await w.store.tokens.remove_named(user, name):
        raise NotFound(f"'{user}' has no token '{name[:80]}'.")
