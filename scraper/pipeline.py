"""Files of this machine into the pool, for commands that need to know at once what became of each."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from active_learning.domain.value import Value
from api.operations.context import Winnow
from scraper.admit import Admission, Admitted, Arrived
from scraper.outcomes import Outcome
from scraper.sources import digits, folder

BATCH = 200
SAME = (Outcome.STORED, Outcome.DUPLICATE)
"""The file's own bytes are in the pool."""

Progress = Callable[[int, int], None]


class Refusal(Value):
    """A file that did not become an image, and why."""

    name: str
    reason: str
    message: str


class Imported(Value):
    """What became of every file. ``names`` maps each accepted file's name to its image (sha256).

    ``candidates`` are new to the category; ``duplicates`` have the bytes of another file.
    """

    candidates: int
    duplicates: int
    near_duplicates: int
    refused: tuple[Refusal, ...]
    names: dict[str, str]

    @property
    def accepted(self) -> int:
        """Files that are images, duplicates among them."""
        return len(self.names)


def folder_files(where: Path) -> list[tuple[str, Path]]:
    """(name, path) of the image files below ``where``; raises ``InputError`` when there are none."""
    return [(found.path, found.absolute) for found in folder.find(where)]


async def import_files(
    w: Winnow, slug: str, files: Sequence[tuple[str, Path]], source: str, progress: Progress
) -> Imported:
    """Import files into a category. Damaged files are counted and left out; repeating the call adds nothing."""
    return await _import(w, slug, ((name, path.read_bytes) for name, path in files), len(files), source, progress)


async def import_digits(w: Winnow, slug: str, progress: Progress) -> Imported:
    """Import scikit-learn's handwritten digits."""
    all_digits = list(digits.digits())
    pairs = ((digit.name, lambda png=digit.png: png) for digit in all_digits)
    return await _import(w, slug, pairs, len(all_digits), "scikit-learn digits", progress)


def threes() -> dict[str, bool]:
    """The truth of "Does this image show a 3?" for each digit's name."""
    return {digit.name: digit.digit == 3 for digit in digits.digits()}


Read = Callable[[], bytes]


async def _import(
    w: Winnow, slug: str, items: Iterable[tuple[str, Read]], total: int, source: str, progress: Progress
) -> Imported:
    admission = Admission(w)
    became: dict[str, Admitted] = {}
    try:
        for batch in _batches(items):
            read = await asyncio.to_thread(_read_all, batch, source)
            arrived = [one for one in read if isinstance(one, Arrived)]
            admitted = await admission.admit(slug, arrived)
            became |= {one.name: what for one, what in zip(arrived, admitted, strict=True)}
            became |= {name: one for (name, _), one in zip(batch, read, strict=True) if isinstance(one, Admitted)}
            progress(len(became), total)
    finally:
        admission.close()
    return _imported(became)


def _read_all(batch: Sequence[tuple[str, Read]], source: str) -> list[Arrived | Admitted]:
    return [_read(name, read, source) for name, read in batch]


def _read(name: str, read: Read, source: str) -> Arrived | Admitted:
    try:
        return Arrived(name, "", read(), {"source": source})
    except OSError as error:
        return Admitted(Outcome.UNREADABLE, f"It cannot be read: {error.strerror}.")


def _imported(became: Mapping[str, Admitted]) -> Imported:
    names = {name: what.image for name, what in became.items() if what.outcome in SAME and what.image is not None}
    return Imported(
        candidates=sum(what.outcome is Outcome.STORED for what in became.values()),
        duplicates=len(names) - len(set(names.values())),
        near_duplicates=sum(what.outcome is Outcome.NEAR_DUPLICATE for what in became.values()),
        refused=tuple(
            Refusal(name=name, reason=what.outcome.value, message=what.detail)
            for name, what in became.items()
            if what.outcome not in {*SAME, Outcome.NEAR_DUPLICATE}
        ),
        names=names,
    )


def _batches(items: Iterable[tuple[str, Read]]) -> Iterator[list[tuple[str, Read]]]:
    batch: list[tuple[str, Read]] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
