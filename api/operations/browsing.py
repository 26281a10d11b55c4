"""Looking through a pool: filters, pages by key, and never more work for a page of a large pool than of a small one.

The most telling filter names an index that lists what matches in the order of the page's keys; the other filters are
checked on what comes. A page looks at ``LOOKED`` candidates at most: where few of them match, it says so, and the next
page looks further. A range of scores is read from the blocks of scores (record 0010), in the order of image ids.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field, field_validator

from active_learning import vision
from active_learning.domain.candidate import Role, State
from active_learning.domain.choice import Standing
from active_learning.domain.errors import InputError
from active_learning.domain.label import Source
from active_learning.domain.value import Value
from api.operations import modelling, scoring
from api.operations.context import Winnow
from api.operations.scoring import Scored
from api.store import browsing as ways
from api.store.browsing import Place, Walk
from api.store.connection import Document
from api.store.scores import digests
from api.store.shards import DIGEST_BITS, Shard

LOOKED = 3_000
"""Candidates that one page looks at, at most."""

AT_ONCE = 500
BLOCKS = 4
"""Blocks of scores that one page reads, at most: some 30,000 scores."""

MOST = 500
"""Candidates on one page, at most."""

Doubt = Literal["contested", "wanted", "least_sure"]


class Filters(Value):
    """What somebody wants to see of a pool. ``None`` and empty words let everything through.

    ``score_from`` and ``score_to`` are of the newest model's scores. ``licence`` and ``origin`` are those of the place
    where an image was found first. ``round`` is the one in which it was asked last. ``doubt``: ``contested`` people
    could not agree on, ``wanted`` want another opinion, ``least_sure`` sorts what people decided by their agreement.
    """

    state: State | None = None
    answer: bool | None = None
    source: Source | None = None
    role: Role | None = None
    gold: bool | None = None
    score_from: float | None = Field(default=None, ge=0.0, le=1.0)
    score_to: float | None = Field(default=None, ge=0.0, le=1.0)
    licence: str | None = Field(default=None, max_length=200)
    origin: str | None = Field(default=None, max_length=200)
    round: int | None = Field(default=None, ge=1, le=1_000_000)
    doubt: Doubt | None = None
    excluded: bool = False

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_nothing(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("excluded", mode="before")
    @classmethod
    def _blank_is_off(cls, value: object) -> object:
        return value if value is not None else False

    @property
    def by_score(self) -> bool:
        """Whether a range of scores is asked for."""
        return self.score_from is not None or self.score_to is not None

    @property
    def by_place(self) -> bool:
        """Whether it matters where an image was found."""
        return self.licence is not None or self.origin is not None


class Seen(Value):
    """A candidate as the pool shows it.

    Of a validation image neither answer nor certainty is told: what is chosen here must not depend on them.
    ``likeness`` is the cosine to the example of a search.
    """

    image: str
    state: State
    role: Role
    answer: bool | None
    source: Source | None
    gold: bool | None
    score: float | None
    certainty: float | None
    round: int | None
    votes_wanted: bool
    disputed: bool
    excluded: bool
    name: str = ""
    licence: str = ""
    origin: str = ""
    width: int = 0
    height: int = 0
    likeness: float | None = None

    @property
    def standing(self) -> Standing:
        """What decides what may be done with it."""
        return Standing(
            state=self.state,
            role=self.role,
            gold=self.gold,
            votes_wanted=self.votes_wanted,
            disputed=self.disputed,
            excluded=self.excluded,
        )


class PoolPage(Value):
    """Some of what matches, the key of what follows (``None``: that was all), and how many candidates were looked at.

    A page that is not full and has a key has looked at as many as a page may: the next one looks further.
    """

    items: tuple[Seen, ...]
    next: str | None
    looked: int = 0


async def page(w: Winnow, slug: str, filters: Filters, after: str | None = None, size: int = 60) -> PoolPage:
    """A page of the pool; raises ``NotFound``, and ``InputError`` for a key that is none."""
    await w.store.categories.get(slug)
    key = None if after is None else read_key(after)
    scored = await scoring.in_force(w, slug)
    if filters.by_score:
        return await _by_score(w, slug, filters, key, size, scored) if scored else PoolPage(items=(), next=None)
    return await _by_index(w, slug, filters, key, size, scored)


async def seen(w: Winnow, slug: str, images: Sequence[str], cosines: Mapping[str, float] | None = None) -> list[Seen]:
    """These candidates in their order; those that are not in the pool are left out."""
    found = await w.store.browsing.some(slug, images)
    documents = [found[image] for image in images if image in found]
    return await _shown(w, slug, documents, await scoring.in_force(w, slug), cosines or {})


def walk(slug: str, filters: Filters) -> Walk:
    """The way through the pool that lists the fewest candidates beside those that match."""
    sides = [True, False] if filters.answer is None else [filters.answer]
    if filters.excluded:
        return ways.EXCLUDED
    if filters.doubt == "contested":
        return ways.DISPUTED
    if filters.doubt == "wanted":
        return ways.WANTED
    if filters.doubt == "least_sure":
        return ways.LEAST_SURE
    if filters.gold is not None:
        return ways.gold([filters.gold])
    if filters.round is not None:
        return ways.asked_in(f"{slug}-r{filters.round}-", f"{slug}-r{filters.round}.")
    if filters.state in (State.SELECTED, State.POSTED):
        return ways.with_people(filters.state)
    if filters.state is State.UNKNOWN:
        return ways.unknown([filters.role] if filters.role else list(Role))
    sources = list(Source) if filters.source is None else [filters.source]
    if filters.state is not None and filters.source is None:
        model = filters.state is State.AUTO_LABELED
        sources = [source for source in Source if (source is Source.MODEL) is model]
    if filters.state is not None or filters.answer is not None or filters.source is not None:
        return ways.decided(sides, sources)
    return ways.EVERYTHING


def matches(filters: Filters, one: Seen) -> bool:
    """Whether a candidate is what somebody wants to see; scores are not looked at."""
    wanted: list[tuple[object, object]] = [
        (filters.state, one.state),
        (filters.answer, one.answer),
        (filters.source, one.source),
        (filters.role, one.role),
        (filters.gold, one.gold),
        (filters.licence, one.licence),
        (filters.origin, one.origin),
        (filters.round, one.round),
    ]
    doubts = {"contested": one.disputed, "wanted": one.votes_wanted, "least_sure": one.certainty is not None}
    plain = all(asked is None or asked == has for asked, has in wanted)
    return plain and one.excluded is filters.excluded and (filters.doubt is None or doubts[filters.doubt])


async def _by_index(
    w: Winnow, slug: str, filters: Filters, key: Place | None, size: int, scored: Scored | None
) -> PoolPage:
    way = walk(slug, filters)
    kept: list[Document] = []
    looked = 0
    batch = min(size + 1, AT_ONCE)
    while looked < LOOKED:
        found = await w.store.browsing.page(slug, way, key, batch)
        for document, one in zip(found, await _told(w, found, filters.by_place), strict=True):
            if matches(filters, one):
                if len(kept) == size:
                    return await _page(w, slug, kept, scored, key, looked)
                kept.append(document)
            looked += 1
            key = ways.place(way, document)
        if len(found) < batch:
            return await _page(w, slug, kept, scored, None, looked)
        batch = AT_ONCE
    return await _page(w, slug, kept, scored, key, looked)


async def _by_score(w: Winnow, slug: str, filters: Filters, key: Place | None, size: int, scored: Scored) -> PoolPage:
    """Go through the blocks from the last image on; each that is passed costs one read."""
    last = "" if key is None else key[1]
    low, high = filters.score_from or 0.0, 1.0 if filters.score_to is None else filters.score_to
    first = int(last, 16) >> (DIGEST_BITS - scored.bits) if last else 0
    kept: list[Document] = []
    looked = 0
    for index in range(first, min(first + BLOCKS, 1 << scored.bits)):
        block = await w.store.scores.get(scored.model, Shard(scored.bits, index))
        if block is None:
            continue
        start = int(np.searchsorted(block.digests, digests([last])[0], side="right")) if last else 0
        rows = start + np.flatnonzero((block.scores[start:] >= low) & (block.scores[start:] <= high))
        for at in range(0, len(rows), AT_ONCE):
            images = block.take(rows[at : at + AT_ONCE]).images()
            found = await w.store.browsing.some(slug, images)
            documents = [found[image] for image in images if image in found]
            for document, one in zip(documents, await _told(w, documents, filters.by_place), strict=True):
                if matches(filters, one):
                    if len(kept) == size:
                        return await _page(w, slug, kept, scored, ("", last), looked)
                    kept.append(document)
                looked += 1
                last = document["image"]
            if looked >= LOOKED:
                return await _page(w, slug, kept, scored, ("", last), looked)
        last = f"{((index + 1) << (DIGEST_BITS - scored.bits)) - 1:064x}"  # the whole range has been looked through
    ended = first + BLOCKS >= 1 << scored.bits
    return await _page(w, slug, kept, scored, None if ended else ("", last), looked)


async def _page(
    w: Winnow, slug: str, kept: list[Document], scored: Scored | None, key: Place | None, looked: int
) -> PoolPage:
    items = await _shown(w, slug, kept, scored, {})
    return PoolPage(items=tuple(items), next=None if key is None else write_key(key), looked=looked)


async def _told(w: Winnow, documents: Sequence[Document], by_place: bool) -> list[Seen]:
    """Candidates as filters see them; where they were found only if it matters."""
    facts = await w.store.images.many([document["image"] for document in documents]) if by_place else {}
    return [_seen(document, facts.get(document["image"], {})) for document in documents]


async def _shown(
    w: Winnow, slug: str, documents: Sequence[Document], scored: Scored | None, cosines: Mapping[str, float]
) -> list[Seen]:
    """Candidates as the page shows them, with a score of the newest model where there are features."""
    images = [document["image"] for document in documents]
    facts, scores = await asyncio.gather(w.store.images.many(images), _scores(w, slug, documents, scored))
    return [
        _seen(document, facts.get(document["image"], {})).model_copy(
            update={"score": scores.get(document["image"]), "likeness": cosines.get(document["image"])}
        )
        for document in documents
    ]


async def _scores(w: Winnow, slug: str, documents: Sequence[Document], scored: Scored | None) -> Mapping[str, float]:
    """The newest model's scores of a few images: those that they carry, else those of a few blocks, else made anew."""
    if scored is None:
        return {}
    known = {d["image"]: d["score"] for d in documents if d["score"] is not None and d["model"] == scored.model}
    images = [document["image"] for document in documents if document["image"] not in known]
    shards = {Shard(scored.bits, int(image, 16) >> (DIGEST_BITS - scored.bits)) for image in images}
    if len(shards) <= BLOCKS:
        return known | (await w.store.scores.of(scored.model, sorted(shards), images) if images else {})
    model = await w.store.models.get(scored.model)
    vectors = {} if model is None else await w.store.features.some(model["backbone"], images)
    if not vectors:
        return known
    name, state, _ = await modelling.head(w, scored.model)
    found = await asyncio.to_thread(vision.score, name, state, np.stack(list(vectors.values())))
    return known | dict(zip(vectors, found.tolist(), strict=True))


def _seen(document: Document, facts: Mapping[str, Any]) -> Seen:
    hidden = document["role"] == Role.VALIDATION.value
    category = document["_id"].rpartition(":")[0]
    number, _, _ = (document["task"] or "").removeprefix(f"{category}-r").partition("-")
    return Seen(
        image=document["image"],
        state=document["state"],
        role=document["role"],
        answer=None if hidden else document["answer"],
        source=None if hidden else document["source"],
        gold=document["gold"],
        score=None,
        certainty=None if hidden else document.get("certainty"),
        round=int(number) if number.isdigit() else None,
        votes_wanted=document["votes_wanted"] and not hidden,
        disputed=document["disputed"],
        excluded=bool(document.get("excluded")),
        name=facts.get("name", ""),
        licence=facts.get("licence", ""),
        origin=facts.get("source", ""),
        width=facts.get("width", 0),
        height=facts.get("height", 0),
    )


def write_key(place: Place) -> str:
    """A place in a walk as a word of an address."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read_key(text: str) -> Place:
    """The place again; raises :class:`InputError` for anything else."""
    try:
        value, image = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        digits = isinstance(image, str) and len(image) == DIGEST_BITS // 4 and int(image, 16) >= 0
    except (ValueError, TypeError, binascii.Error, RecursionError):
        digits, value, image = False, None, ""
    if not digits or not isinstance(value, str | float | int):
        raise InputError("This is not the key of a page.", "Start again from the first page.")
    return value, image
