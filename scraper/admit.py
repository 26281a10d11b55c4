"""The gate of the pool: bytes that have arrived are examined, put into the category's form, and handed to intake."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module

from active_learning.domain.errors import ImageRefused
from active_learning.domain.intake import IntakePolicy
from api.operations.context import Winnow
from api.operations.intake import Added, Kind, NewImage, add_images
from api.store import Session
from scraper.inspect import ImageFacts, examine, facts_of
from scraper.near import NearIndex
from scraper.outcomes import Outcome

OUTCOMES: Mapping[Kind, Outcome] = {
    Kind.ADDED: Outcome.STORED,
    Kind.DUPLICATE: Outcome.DUPLICATE,
    Kind.NEAR_DUPLICATE: Outcome.NEAR_DUPLICATE,
    Kind.TAKEN_DOWN: Outcome.TAKEN_DOWN,
}


@dataclass(frozen=True, slots=True)
class Arrived:
    """The bytes of one found image. ``url`` is where they were found, ``status`` what the server said (0: no server).

    ``unchanged`` stands for bytes that an earlier visit has brought already.
    """

    name: str
    url: str
    data: bytes
    provenance: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of one of them: the outcome, in words what is special about it, and the image (sha256) it became."""

    outcome: Outcome
    detail: str = ""
    image: str | None = None


Settle = Callable[[Sequence[Admitted], Session], Awaitable[None]]
"""Writes what depends on the outcomes; it may run more than once, with other outcomes."""


POLICY_S = 1.0
"""What a category lets in is read again after so long: reading it takes as long as examining a picture."""


class Admission:
    """Examines in one thread beside the event loop, and remembers the perceptual hashes of the categories it serves."""

    def __init__(self, w: Winnow) -> None:
        self._w = w
        self._policies: dict[str, tuple[IntakePolicy, float]] = {}
        self._thread = ThreadPoolExecutor(1, "examine")
        self._near: dict[str, NearIndex] = {}

    async def admit(self, slug: str, arrived: Sequence[Arrived]) -> list[Admitted]:
        """Examine and store some images of one category; says of each, in order, what became of it.

        Repeating it after a crash at any point changes nothing more and gives the same images.
        """
        return await self.store(slug, await self.examine(slug, arrived))

    async def examine(self, slug: str, arrived: Sequence[Arrived]) -> list[NewImage | Admitted]:
        """Examine images and bring them into the category's form: what intake takes, or why it is not handed on."""
        policy = await self._policy(slug)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, _examine_all, arrived, policy)

    async def store(
        self, slug: str, examined: Sequence[NewImage | Admitted], also: Settle | None = None
    ) -> list[Admitted]:
        """Store what was examined, and in the same transaction what ``also`` makes of the outcomes."""
        near = (await self._policy(slug)).near
        fresh = [image for image in examined if isinstance(image, NewImage)]

        def outcomes(added: Added) -> list[Admitted]:
            admitted = map(_admitted, fresh, added.kinds, added.earlier)
            return [next(admitted) if isinstance(image, NewImage) else image for image in examined]

        async def write(added: Added, session: Session) -> None:
            if also is not None:
                await also(outcomes(added), session)

        known = None if near is None else self._near.setdefault(f"{slug} {near}", NearIndex(near))
        return outcomes(await add_images(self._w, slug, fresh, known, None if also is None else write))

    async def _policy(self, slug: str) -> IntakePolicy:
        now = time.monotonic()
        policy, until = self._policies.get(slug, (None, now))
        if policy is None or now >= until:
            policy = (await self._w.store.categories.definition(slug)).intake
            self._policies[slug] = policy, now + POLICY_S
        return policy

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _examine_all(arrived: Sequence[Arrived], policy: IntakePolicy) -> list[NewImage | Admitted]:
    return [_examine(one, policy) for one in arrived]


def _examine(one: Arrived, policy: IntakePolicy) -> NewImage | Admitted:
    if one.unchanged:
        return Admitted(Outcome.UNCHANGED)
    try:
        examined = examine(one.data, policy)
        data, facts = _formed(one.data, examined.facts, policy)
    except ImageRefused as refused:
        return Admitted(Outcome(refused.reason), str(refused))
    return NewImage(
        sha256=facts.sha256,
        data=data,
        format=facts.format,
        width=facts.width,
        height=facts.height,
        name=one.name,
        source=one.provenance.get("source", ""),
        phash=examined.phash,
        fine=examined.fine or 0,
        sharpness=examined.sharpness,
        provenance=one.provenance,
        url=one.url,
        status=one.status,
    )


def _formed(data: bytes, facts: ImageFacts, policy: IntakePolicy) -> tuple[bytes, ImageFacts]:
    if policy.form == "original":
        return data, facts
    formed: bytes = import_module("scraper.forms").shape(data, facts, policy.form)  # what scales is large
    return formed, facts_of(formed)


def _admitted(image: NewImage, kind: Kind, earlier: str | None) -> Admitted:
    match kind:
        case Kind.NEAR_DUPLICATE:
            return Admitted(Outcome.NEAR_DUPLICATE, f"it looks like {earlier}", earlier)
        case Kind.TAKEN_DOWN:
            return Admitted(Outcome.TAKEN_DOWN)
        case _:
            return Admitted(OUTCOMES[kind], "", image.sha256)
