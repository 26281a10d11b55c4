"""What the sources of files have in common: pages made of single steps, several files in a row, harmless names."""

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from active_learning.domain.errors import InputError, WinnowError
from scraper.found import Cursor, Found, Page
from scraper.inspect import DEFAULT_LIMITS
from scraper.outcomes import Outcome, Refused

PAGE_IMAGES = 500
PAGE_BYTES = 32 * 1024 * 1024
"""So much image data is held for a page, and not more than one step beyond it. Two pages may be in memory at a time."""
PAGE_STEPS = 5_000
"""A page ends after so many steps even if few of them were images: there a source can be stopped and goes on."""

MAX_BYTES = DEFAULT_LIMITS.max_bytes

_LONGEST_NAME = 500


@dataclass(frozen=True, slots=True)
class Step:
    """A few images that belong together, mostly one, and where their source stands after them (``at``, as JSON).

    None are there where it has only come further. ``size`` is how many bytes are held for them, ``total`` how many
    images there are in all, where that is known.
    """

    at: Any
    images: tuple[Found, ...] = ()
    size: int = 0
    total: int | None = None


Steps = Generator[Step, None, None]


@dataclass(frozen=True, slots=True)
class _Taken:
    images: tuple[Found, ...]
    last: Step | None
    ended: bool
    error: WinnowError | None = None


class _Reader:
    """Takes steps in threads, a page at a time. Stopping waits for nothing: the thread ends after the step at hand."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._lock = threading.Lock()
        self._stopped = False

    def take(self) -> _Taken:
        with self._lock:
            try:
                return self._take()
            finally:
                if self._stopped:
                    self._steps.close()

    def _take(self) -> _Taken:
        images: list[Found] = []
        last: Step | None = None
        size = 0
        for _ in range(PAGE_STEPS):
            if self._stopped:
                return _Taken(tuple(images), last, ended=True)
            try:
                last = next(self._steps)
            except StopIteration:
                return _Taken(tuple(images), last, ended=True)
            except WinnowError as error:
                return _Taken(tuple(images), last, ended=True, error=error)
            images += last.images
            size += last.size
            if len(images) >= PAGE_IMAGES or size >= PAGE_BYTES:
                break
        return _Taken(tuple(images), last, ended=False)

    def stop(self) -> None:
        self._stopped = True
        if self._lock.acquire(blocking=False):
            self._steps.close()
            self._lock.release()


async def paged(steps: Steps) -> AsyncGenerator[Page, None]:
    """Give pages of the images of ``steps``, whose ``at`` are cursors; the steps are taken in threads.

    An error of Winnow in the middle is raised after the page of what came before it.
    """
    reader = _Reader(steps)
    try:
        while True:
            taken = await asyncio.to_thread(reader.take)
            if taken.last is not None and (taken.images or not taken.ended):
                yield Page(taken.images, taken.last.at, taken.last.total)
            if taken.error is not None:
                raise taken.error
            if taken.ended:
                return
    finally:
        reader.stop()


Walk = Callable[[str, Any], Iterable[Step]]
"""The steps of the file with a name, after a place in it (``None``: from its beginning)."""


def one_after_another(names: list[str], walk: Walk, cursor: Cursor | None) -> Steps:
    """Walk through files in the order of ``names``, which are sorted.

    A file that ``walk`` finds damaged (``InputError``) does not keep the others from coming in: after the last one,
    an ``InputError`` says how many there were, and what is wrong with the first. A single file's error is raised as
    it is.
    """
    damaged: int = cursor["damaged"] if cursor else 0
    first: str = cursor["first"] if cursor else ""
    for name in names:
        if cursor and name < cursor["file"]:
            continue
        at = cursor["at"] if cursor and name == cursor["file"] else None
        try:
            for step in walk(name, at):
                here = {"file": name, "at": step.at, "damaged": damaged, "first": first}
                yield Step(here, step.images, step.size, step.total if len(names) == 1 else None)
        except InputError as error:
            if len(names) == 1:
                raise
            damaged, first = damaged + 1, first or str(error)
    if damaged:
        raise InputError(
            f"{damaged:,} of {len(names):,} files could not be read to their end. The first: {first}",
            "Everything else came in. Replace these files and start again.",
        )


def read_file(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return a file's bytes; raises OSError, and ``Refused`` for one with more than ``max_bytes``."""
    size = path.stat().st_size
    if size > max_bytes:
        raise too_big(size, max_bytes)
    return path.read_bytes()


def too_big(size: int, max_bytes: int = MAX_BYTES) -> Refused:
    """Return the refusal of an image of ``size`` bytes."""
    return Refused(Outcome.TOO_BIG, f"It has {size:,} bytes; at most {max_bytes:,} are accepted.")


def held(data: bytes | Refused) -> Callable[[], bytes]:
    """Return a ``read`` for bytes that are in memory, or for what is known to be wrong with them."""

    def read() -> bytes:
        if isinstance(data, Refused):
            raise data
        return data

    return read


def harmless(name: str) -> str:
    """Return a name from an archive or a table as a relative path that leads nowhere else and can be printed."""
    parts = [part for part in re.split(r"[/\\]", name) if part not in {"", ".", ".."}]
    if parts and re.fullmatch(r"[A-Za-z]:", parts[0]):
        parts = parts[1:]
    plain = "".join(letter if letter.isprintable() else "_" for letter in "/".join(parts))
    return plain[-_LONGEST_NAME:].lstrip("/") or "unnamed"
