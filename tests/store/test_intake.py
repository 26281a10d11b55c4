"""Images come in once: near-duplicates, repeats, crashes and several processes at the same time change nothing."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from api.operations import intake, recounting
from api.operations.context import Winnow
from api.operations.intake import Duplicates, Kind, NewImage
from api.store.images import MORE_PLACES
from api.store.migrations import migrate
from scraper.near import NearIndex
from tests import factories

SLUG = "bright"
RADIUS = 6


class EveryPair:
    """Near-duplicates by comparing everything with everything: what an index must say too."""

    def __init__(self) -> None:
        self.hashes: list[int] = []
        self.ids: list[str] = []

    def __len__(self) -> int:
        return len(self.ids)

    def extend(self, hashes: NDArray[np.uint64], ids: Sequence[str]) -> None:
        """Add them."""
        self.hashes += hashes[:, 0].tolist()
        self.ids += ids

    def decide(self, hashes: NDArray[np.uint64], ids: Sequence[str]) -> list[str | None]:
        """The first one near each."""
        known, names = list(self.hashes), list(self.ids)
        found: list[str | None] = []
        for value, name in zip(hashes[:, 0].tolist(), ids, strict=True):
            like = next((n for h, n in zip(known, names, strict=True) if (h ^ value).bit_count() <= RADIUS), None)
            found.append(like)
            if like is None:
                known.append(value)
                names.append(name)
        return found

    def since(self, start: int) -> set[str]:
        """The later ones."""
        return set(self.ids[start:])


def picture(number: int, phash: int | None, side: int = 100) -> NewImage:
    """An image of a name of its own with this perceptual hash."""
    data = f"picture {number}".encode()
    digest = hashlib.sha256(data).hexdigest()
    return NewImage(digest, data, "JPEG", side, side, f"{number}.jpg", "test", phash=phash)


def groups(rng: np.random.Generator, number: int, most: int) -> list[list[NewImage]]:
    """Groups of images that look alike: near each other within a group, far from all others."""
    made: list[list[NewImage]] = []
    count = 0
    for _ in range(number):
        base = int(rng.integers(0, 1 << 63)) << 1
        group = []
        for _ in range(int(rng.integers(1, most + 1))):
            bits = rng.choice(64, size=int(rng.integers(0, RADIUS // 2 + 1)), replace=False)
            group.append(picture(count, base ^ sum(1 << int(bit) for bit in bits)))
            count += 1
        made.append(group)
    return made


async def candidates(w: Winnow) -> set[str]:
    return {c["image"] async for c in w.store.candidates.stream(SLUG, {}, ["image"])}


async def test_each_image_learns_what_became_of_it_and_a_repeat_says_the_same(w: Winnow) -> None:
    await intake.create_category(w, factories.category())
    top = 1 << 63
    first, like, far, tiny = picture(0, top | 1), picture(1, top | 2), picture(2, 255), picture(3, top | 1, side=32)
    plain = picture(4, None)
    added = await intake.add_images(w, SLUG, [first, like, first, far, tiny, plain], EveryPair())
    new, again, near = Kind.ADDED, Kind.DUPLICATE, Kind.NEAR_DUPLICATE
    assert added.kinds == (new, near, again, new, new, new)
    assert added.earlier == (None, first.sha256, None, None, None, None)
    assert (added.images, added.candidates, added.duplicates) == (4, 4, 1)
    for index in (EveryPair(), EveryPair()):
        repeat = await intake.add_images(w, SLUG, [first, like, first, far, tiny, plain], index)
        assert repeat.kinds == (again, near, again, again, again, again)
        assert repeat.earlier == added.earlier
        assert (repeat.images, repeat.candidates) == (0, 0)
    assert await w.blobs.get(like.sha256) is None
    assert await w.store.images.get(like.sha256) is None
    assert (await w.store.images.get(first.sha256) or {})["phash"] == 1 - top
    assert await recounting.differences(w, SLUG) == {}


async def test_without_an_index_all_come_in_and_a_later_index_knows_them(w: Winnow) -> None:
    await intake.create_category(w, factories.category())
    first, like = picture(0, 1), picture(1, 2)
    assert (await intake.add_images(w, SLUG, [first])).kinds == (Kind.ADDED,)
    added = await intake.add_images(w, SLUG, [like], EveryPair())
    assert (added.kinds, added.earlier) == ((Kind.NEAR_DUPLICATE,), (first.sha256,))
    assert (await intake.add_images(w, SLUG, [like])).kinds == (Kind.ADDED,)


async def test_another_category_has_its_own_near_duplicates_and_shares_the_bytes(w: Winnow) -> None:
    for slug in ("bright", "dark"):
        await intake.create_category(w, factories.category(slug))
    first, like = picture(0, 1), picture(1, 2)
    await intake.add_images(w, "bright", [first, like], EveryPair())
    added = await intake.add_images(w, "dark", [like, first], EveryPair())
    assert (added.kinds, added.images) == ((Kind.ADDED, Kind.NEAR_DUPLICATE), 1)
    shared = picture(9, 0xFFFF << 40)
    both = await asyncio.gather(*(intake.add_images(w, slug, [shared], EveryPair()) for slug in ("bright", "dark")))
    assert [added.kinds for added in both] == [(Kind.ADDED,), (Kind.ADDED,)]
    assert sum(added.images for added in both) == 1


async def test_places_are_kept_up_to_a_bound(w: Winnow) -> None:
    await intake.create_category(w, factories.category())
    found = {"source": "openverse", "author": "Ann", "licence": "by", "title": ""}
    image = replace(picture(0, 1), url="https://a/0", provenance=found, status=200)
    for number in (0, 0, *range(20)):
        await intake.add_images(w, SLUG, [replace(image, url=f"https://a/{number}", name=f"{number}")])
    facts = await w.store.images.get(image.sha256)
    assert facts is not None
    assert (facts["url"], facts["source"], facts["licence"], facts["status"]) == ("https://a/0", "openverse", "by", 200)
    assert facts["provenance"] == {"source": "openverse", "author": "Ann", "licence": "by"}
    assert [place["url"] for place in facts["places"]] == [f"https://a/{n}" for n in range(1, MORE_PLACES + 1)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [EveryPair, lambda: NearIndex(RADIUS)], ids=["every pair", "index"])
async def test_four_at_once_with_crashes_leave_one_of_each_group(
    w: Winnow, seed: int, make: Callable[[], Duplicates]
) -> None:
    """Four tasks bring the same images in orders of their own; a task may die at any moment and starts again."""
    rng = np.random.default_rng(seed)
    await intake.create_category(w, factories.category())
    alike = groups(rng, number=60, most=4)
    images = [image for group in alike for image in group]
    decided: list[dict[str, Kind]] = []
    crashes = 0

    async def worker(number: int) -> None:
        nonlocal crashes
        chance = np.random.default_rng((seed, number))
        order = [images[n] for n in chance.permutation(len(images))]
        kinds: dict[str, Kind] = {}
        index, place = make(), 0
        while place < len(order):
            batch = order[place : place + 8]
            task = asyncio.create_task(intake.add_images(w, SLUG, batch, index))
            _, unfinished = await asyncio.wait([task], timeout=float(chance.exponential(0.03)))
            if unfinished and chance.random() < 0.7:  # as if the process had died, and another took its work
                task.cancel()
                await asyncio.wait([task])
                crashes += 1
                index = make()
                continue
            added = await task
            kinds |= {image.sha256: kind for image, kind in zip(batch, added.kinds, strict=True)}
            place += 8
        decided.append(kinds)

    await asyncio.gather(*(worker(number) for number in range(4)))
    assert crashes > 0
    kept = await candidates(w)
    assert [len(kept & {image.sha256 for image in group}) for group in alike] == [1] * len(alike)
    hashes = [image.phash for image in images if image.sha256 in kept and image.phash is not None]
    assert min((a ^ b).bit_count() for a, b in combinations(hashes, 2)) > RADIUS
    assert set(await w.blobs.many(sorted(kept))) == kept
    blocks = await w.store.hashes.after(SLUG, 0)
    assert sorted(image for block in blocks for image in block.images) == sorted(kept)
    assert (await w.store.categories.get(SLUG))["hashed"] == len(kept)
    assert await recounting.differences(w, SLUG) == {}
    again = {image.sha256: Kind.DUPLICATE if image.sha256 in kept else Kind.NEAR_DUPLICATE for image in images}
    for kinds in decided:
        assert {k: v for k, v in kinds.items() if v is not Kind.ADDED and v is not again[k]} == {}
    repeat = await intake.add_images(w, SLUG, images, make())
    assert dict(zip((image.sha256 for image in images), repeat.kinds, strict=True)) == again


async def test_a_category_from_before_takes_images_in_after_the_migration(w: Winnow) -> None:
    await intake.create_category(w, factories.category())
    database = w.store.connection.database
    await database["categories"].update_many({}, {"$unset": {"intakes": 1, "hashed": 1}})
    await database["images"].insert_one(
        {
            "_id": picture(0, 1).sha256,
            "format": "JPEG",
            "width": 9,
            "height": 9,
            "bytes": 9,
            "name": "0",
            "source": "test",
        }
    )
    await database["migrations"].delete_one({"_id": 5})
    await migrate(w.store.connection)
    added = await intake.add_images(w, SLUG, [replace(picture(0, 1), url="https://a/0"), picture(1, 2)], EveryPair())
    assert (added.kinds, added.images) == ((Kind.ADDED, Kind.NEAR_DUPLICATE), 0)
    facts = await w.store.images.get(picture(0, 1).sha256)
    assert facts is not None
    assert [place["url"] for place in facts["places"]] == ["https://a/0"]


async def test_pictures_without_a_hash_come_in_once_however_many_bring_them_at_the_same_time(w: Winnow) -> None:
    await intake.create_category(w, factories.category())
    tiny = [picture(number, number, side=32) for number in range(20)]
    added = await asyncio.gather(*(intake.add_images(w, SLUG, tiny, EveryPair()) for _ in range(4)))
    for kinds in zip(*(one.kinds for one in added), strict=True):
        assert sorted(kinds) == [Kind.ADDED, *[Kind.DUPLICATE] * 3]
    assert await candidates(w) == {image.sha256 for image in tiny}
    assert await recounting.differences(w, SLUG) == {}
