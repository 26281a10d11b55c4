"""Passwords of workers and requesters: kept as Argon2id hashes, made and compared in threads.

The only home of argon2 in the marketplace. A hash takes 64 MiB and tens of milliseconds: two at a time, so that a crowd
that signs in waits its turn instead of filling the memory.
"""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from workers.turk.errors import FormRefused

SHORTEST, LONGEST = 10, 200
THREADS = ThreadPoolExecutor(2, "turk-argon2")
HASHER = PasswordHasher()


def check(password: str, name: str = "") -> None:
    """Raises FormRefused for a password that is too short, too long, or easy to guess for who knows the name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise FormRefused(
            400, f"A password has {SHORTEST} to {LONGEST} characters.", "A few words in a row are easy to remember."
        )
    if len(set(password)) < 4 or (len(name) > 3 and name.casefold() in password.casefold()):
        raise FormRefused(400, "This password is easy to guess.", "Take a few words that have nothing to do with you.")


def generated() -> str:
    """A password that nobody has to invent: 96 bits of chance."""
    return secrets.token_urlsafe(12)


async def hashed(password: str) -> str:
    """The hash to be kept."""
    return await asyncio.get_running_loop().run_in_executor(THREADS, HASHER.hash, _bytes(password))


async def fits(kept: str | None, password: str) -> bool:
    """Whether this is the password whose hash was kept. ``None`` fits nothing, and takes as long to say so."""
    return await asyncio.get_running_loop().run_in_executor(THREADS, _fits, kept, _bytes(password[: LONGEST + 1]))


def needs_rehash(kept: str) -> bool:
    """Whether the hash was made with weaker parameters than those of today."""
    return HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return HASHER.hash(secrets.token_urlsafe(16))


def _fits(kept: str | None, password: bytes) -> bool:
    try:
        return HASHER.verify(kept or _nobodys(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
