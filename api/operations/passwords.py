"""Passwords are kept as Argon2id hashes; the only home of argon2. Hashing takes tens of milliseconds: in a thread."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from active_learning.domain.errors import InputError

SHORTEST = 10
HASHER = PasswordHasher()
"""The library's defaults: RFC 9106's second recommendation, Argon2id with 64 MiB and three passes."""

NOBODYS = HASHER.hash(secrets.token_urlsafe(16))
"""What the password of somebody who does not exist is compared with: it must take as long as a real one."""


def generated() -> str:
    """A password that nobody has to invent: 96 bits of chance."""
    return secrets.token_urlsafe(12)


def check_strength(password: str) -> None:
    """Raise :class:`InputError` for a password that is too short or far too long."""
    if not SHORTEST <= len(password) <= 1_000:
        raise InputError(f"A password has at least {SHORTEST} characters.", "A few words in a row do well.")


async def hashed(password: str) -> str:
    """The hash to be kept."""
    return await asyncio.to_thread(HASHER.hash, password)


async def fits(kept: str | None, password: str) -> bool:
    """Whether the password is the one whose hash was kept; ``None`` fits nothing, and takes as long."""
    try:
        return await asyncio.to_thread(HASHER.verify, kept or NOBODYS, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
