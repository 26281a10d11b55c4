"""Passwords are kept as Argon2id hashes; the only home of argon2. Hashing takes tens of milliseconds: in threads."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from active_learning.domain.errors import InputError

SHORTEST = 10
HASHER = PasswordHasher()
"""The library's defaults: RFC 9106's second recommendation, Argon2id with 64 MiB and three passes."""

THREADS = ThreadPoolExecutor(2, "argon2")
"""Each hash takes 64 MiB: a crowd that signs in waits its turn instead of filling the memory."""


@cache
def nobodys() -> str:
    """What the password of somebody who does not exist is compared with: it must take as long as a real one."""
    return HASHER.hash(secrets.token_urlsafe(16))


def generated() -> str:
    """A password that nobody has to invent: 96 bits of chance."""
    return secrets.token_urlsafe(12)


def check_strength(password: str, name: str = "") -> None:
    """Raise :class:`InputError` for a password that is too short, far too long, or says the user's name."""
    if not SHORTEST <= len(password) <= 1_000:
        raise InputError(f"A password has at least {SHORTEST} characters.", "A few words in a row do well.")
    if len(set(password)) < 4 or (len(name) > 3 and name in password.lower()):
        raise InputError("This password is easy to guess.", "A few words in a row that have nothing to do with you.")


async def hashed(password: str) -> str:
    """The hash to be kept."""
    return await asyncio.get_running_loop().run_in_executor(THREADS, HASHER.hash, _text(password))


async def fits(kept: str | None, password: str) -> bool:
    """Whether the password is the one whose hash was kept; ``None`` fits nothing, and takes as long."""
    return await asyncio.get_running_loop().run_in_executor(THREADS, _fits, kept, _text(password))


def _fits(kept: str | None, password: bytes) -> bool:
    try:
        return HASHER.verify(kept or nobodys(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def _text(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
