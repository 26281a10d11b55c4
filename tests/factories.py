"""Small real things for tests: images, categories, open connections."""

import hashlib
import io
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image

from active_learning.domain.access import Scope, UserRole
from active_learning.domain.category import Category
from active_learning.domain.errors import StateError
from active_learning.domain.policy import Policy
from api.access import COOKIE
from api.operations import accounts, api_tokens
from api.operations.context import Winnow, open_winnow
from api.operations.intake import NewImage
from api.settings import Settings
from api.store.migrations import PLAIN, VALIDATORS


class FakeClock:
    """A clock that only moves when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def png(seed: int, yes: bool = False, size: int = 16) -> bytes:
    """A real PNG; yes images are bright in the middle, no images are not."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 80, size=(size, size), dtype=np.uint8)
    if yes:
        pixels[size // 4 : -size // 4, size // 4 : -size // 4] += 150
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


def new_image(seed: int, yes: bool = False) -> NewImage:
    """An inspected image on its way in."""
    data = png(seed, yes)
    return NewImage(hashlib.sha256(data).hexdigest(), data, "PNG", 16, 16, f"{seed}.png", "test")


def new_images(numbers: Iterable[int], yes_every: int = 4) -> tuple[list[NewImage], dict[str, bool]]:
    """Images and their truth; every ``yes_every``-th is a yes."""
    images, truth = [], {}
    for number in numbers:
        value = number % yes_every == 0
        image = new_image(number, value)
        images.append(image)
        truth[image.sha256] = value
    return images, truth


def category(slug: str = "bright", **policy: object) -> Category:
    """A category with a policy for tests."""
    return Category(slug=slug, question="Is the middle bright?", policy=Policy.model_validate(policy))


def settings(uri: str, database: str, **changes: object) -> Settings:
    """Settings of one test."""
    return Settings(mongodb_uri=uri, database=database, secret="test-secret", **changes)  # type: ignore[arg-type]


async def cookie(w: Winnow, role: UserRole = UserRole.ADMIN) -> dict[str, str]:
    """The cookie of a user who has this role and its name, and is signed in."""
    with suppress(StateError):
        await accounts.enrol(w, role, role, {})
    return {COOKIE: (await accounts.let_in(w, role)).key}


async def token(w: Winnow, *scopes: Scope, name: str = "ann") -> str:
    """An API token of an admin, which may do what is named, or everything."""
    with suppress(StateError):
        await accounts.enrol(w, name, UserRole.ADMIN, {})
    owner = await accounts.by_cookie(w, (await accounts.let_in(w, name)).key)
    assert owner is not None
    title = " ".join(sorted(scopes)) or "everything"
    return (await api_tokens.make(w, owner, title, scopes or owner.scopes, 30)).key


@asynccontextmanager
async def winnow(uri: str, database: str, clock: FakeClock | None = None) -> AsyncIterator[Winnow]:
    """Open connections to a database that is empty at the start of the block.

    Making all collections and indexes takes most of a second, so tests share a database and empty it.
    """
    async with open_winnow(settings(uri, database), clock or FakeClock()) as w:
        await emptied(w)
        yield w


async def emptied(w: Winnow) -> None:
    """Forget everything that an earlier test has left. Nothing of it may be at work any more."""
    for name in (*PLAIN, *VALIDATORS):
        await w.store.connection.database[name].delete_many({})
