"""From a source to the pool: read, inspect, hand over in batches. Every file's outcome is counted."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from active_learning.domain.errors import ImageRefused
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.operations.intake import NewImage, add_images
from scraper.inspect import inspect
from scraper.sources import digits, folder

BATCH = 200

Progress = Callable[[int, int], None]


class Refusal(Value):
    """A file that did not become an image, and why."""

    name: str
    reason: str
    message: str


class Imported(Value):
    """What became of every file. ``names`` maps each accepted file's name to its image (sha256)."""

    images: int
    candidates: int
    duplicates: int
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
    refused: list[Refusal] = []
    names: dict[str, str] = {}
    images = candidates = done = 0
    for batch in _batches(items):
        fresh, bad = await asyncio.to_thread(_inspect_all, batch, source)
        refused += bad
        names.update({image.name: image.sha256 for image in fresh})
        added = await add_images(w, slug, fresh)
        images, candidates, done = images + added.images, candidates + added.candidates, done + len(batch)
        progress(done, total)
    return Imported(
        images=images,
        candidates=candidates,
        duplicates=len(names) - len(set(names.values())),
        refused=tuple(refused),
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


def _inspect_all(batch: Sequence[tuple[str, Read]], source: str) -> tuple[list[NewImage], list[Refusal]]:
    fresh: list[NewImage] = []
    refused: list[Refusal] = []
    for name, read in batch:
        try:
            data = read()
            facts = inspect(data)
        except ImageRefused as error:
            refused.append(Refusal(name=name, reason=error.reason, message=str(error)))
        except OSError as error:
            refused.append(Refusal(name=name, reason="unreadable", message=f"It cannot be read: {error.strerror}."))
        else:
            fresh.append(
                NewImage(facts.sha256, data, facts.format, facts.width, facts.height, name=name, source=source)
            )
    return fresh, refused
