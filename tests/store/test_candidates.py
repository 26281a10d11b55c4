"""Candidates move only by compare-and-set along the table, and counters stay true."""

import asyncio

import pytest

from active_learning.domain.candidate import MOVES, State
from active_learning.domain.errors import IllegalMove, InputError
from api.operations import intake, recounting
from api.operations.context import Winnow
from api.store import Session
from tests import factories


async def pool(w: Winnow, n: int = 12) -> list[str]:
    images, _ = factories.new_images(range(n))
    await intake.create_category(w, factories.category())
    await intake.add_images(w, "bright", images)
    return [image.sha256 for image in images]


async def move(w: Winnow, images: list[str], source: State, target: State) -> int:
    async def work(session: Session) -> int:
        return await w.store.candidates.move("bright", images, source, target, {}, session)

    return await w.store.transact(work)


@pytest.mark.parametrize(("source", "target"), [(a, b) for a in State for b in State if (a, b) not in MOVES])
async def test_a_move_outside_the_table_is_refused(w: Winnow, source: State, target: State) -> None:
    with pytest.raises(IllegalMove):
        await move(w, ["0" * 64], source, target)


async def test_only_one_of_many_racing_movers_gets_each_candidate(w: Winnow) -> None:
    images = await pool(w)
    moved = await asyncio.gather(*(move(w, images, State.UNKNOWN, State.SELECTED) for _ in range(8)))
    assert sum(moved) == len(images)


async def test_importing_again_adds_nothing_and_counts_stay_true(w: Winnow) -> None:
    await pool(w)
    images, _ = factories.new_images(range(15))
    added = await intake.add_images(w, "bright", [*images, images[0]])
    assert (added.images, added.candidates, added.duplicates) == (3, 3, 13)
    again = await intake.add_images(w, "bright", images)
    assert (again.images, again.candidates) == (0, 0)
    assert (await w.store.categories.get("bright"))["counts"]["unknown"] == 15
    assert await recounting.differences(w, "bright") == {}


async def test_a_recount_notices_a_wrong_counter(w: Winnow) -> None:
    await pool(w)
    await w.store.categories.count("bright", {"counts.unknown": 1})
    assert await recounting.differences(w, "bright") == {"counts.unknown": (13, 12)}


async def test_the_database_itself_refuses_an_unknown_state(w: Winnow) -> None:
    images = await pool(w)
    with pytest.raises(Exception, match="Document failed validation"):
        await w.store.candidates.collection.update_one({"image": images[0]}, {"$set": {"state": "lost"}})


async def test_a_negative_counter_is_refused_by_the_database(w: Winnow) -> None:
    await pool(w)
    with pytest.raises(Exception, match="Document failed validation"):
        await w.store.categories.count("bright", {"counts.posted": -1})


async def test_a_second_category_of_the_same_name_is_an_error(w: Winnow) -> None:
    await pool(w)
    with pytest.raises(InputError, match="already a category"):
        await intake.create_category(w, factories.category())


async def test_an_image_that_comes_late_joins_validation_by_its_own_draw(w: Winnow) -> None:
    await pool(w, 40)
    await w.store.categories.put_once("bright", "validation_below", 0.5)
    images, _ = factories.new_images(range(40, 80))
    await intake.add_images(w, "bright", images)
    drawn = await w.store.candidates.find("bright", {"role": "validation"}, ["draw"])
    assert drawn and all(candidate["draw"] < 0.5 for candidate in drawn)
    late = await w.store.candidates.find("bright", {"role": "train", "added_at": w.clock()}, ["draw", "image"])
    known = {image.sha256 for image in images}
    assert all(candidate["draw"] >= 0.5 for candidate in late if candidate["image"] in known)
