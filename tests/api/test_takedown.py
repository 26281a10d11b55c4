"""A takedown leaves nothing of an image, keeps the counters true, and is not undone by anything."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from active_learning.domain.candidate import Role, State
from active_learning.domain.errors import InputError
from active_learning.domain.label import Source
from active_learning.domain.task import Task
from active_learning.domain.verdict import Record
from active_learning.rounds import Decide
from api import renditions
from api.operations import curating, deciding, intake, picturing, recounting, settling, takedown
from api.operations.context import Winnow
from api.operations.intake import Kind, NewImage
from api.operations.takedown import TakenDown
from api.store.takedowns import image_key
from tests import factories
from tests.api import scored, working
from tests.api.test_assignments import answer_all, auth, open_task, submit
from tests.api.test_pictures import everything
from workers.crowd.eyes import sight

SLUG = "bright"
ANN = {"source": "flickr", "author": "Ann", "licence": "by"}


def found(numbers: range) -> list[NewImage]:
    """Images at URLs of their own, every third by Ann."""
    images, _ = factories.new_images(numbers)
    return [
        replace(image, url=f"https://a/{n}", provenance=ANN if n % 3 == 0 else {"source": "flickr", "author": "Ben"})
        for n, image in zip(numbers, images, strict=True)
    ]


async def nothing_left(w: Winnow, image: str) -> None:
    assert await w.blobs.get(image) is None
    assert await w.store.images.get(image) is None
    assert await w.store.renditions.many(renditions.keys(image)) == {}
    for category in await w.store.categories.all():
        assert await w.store.candidates.get(category["_id"], image) is None
        assert image not in str(category["category"]["examples"]) + str(category["category"]["lessons"])
        assert await recounting.differences(w, category["_id"]) == {}
    assert image_key(image) in {r["_id"] async for r in w.store.takedowns.collection.find()}


async def test_by_url_by_author_and_by_hash_from_every_category(w: Winnow) -> None:
    images = found(range(12))
    for slug in (SLUG, "dark"):
        await intake.create_category(w, factories.category(slug))
        await intake.add_images(w, slug, images)
    await picturing.prepare(w, [image.sha256 for image in images])
    await intake.add_images(w, SLUG, [replace(images[1], url="https://b/1", provenance=ANN)])  # Ann's too, elsewhere
    done = await takedown.by_url(w, "https://a/2", "Ben", "my house")
    assert (done.images, done.candidates) == ((images[2].sha256,), 2)
    theirs = await takedown.by_author(w, "flickr", "Ann", "Ann", "all of mine")
    assert set(theirs.images) == {images[n].sha256 for n in (0, 1, 3, 6, 9)}
    await takedown.by_image(w, images[4].sha256, "a court", "order 12")
    for n in (0, 1, 2, 3, 4, 6, 9):
        await nothing_left(w, images[n].sha256)
    assert (await w.store.categories.get(SLUG))["counts"]["unknown"] == 5
    again = await intake.add_images(w, SLUG, images)
    assert {n for n, kind in enumerate(again.kinds) if kind is Kind.TAKEN_DOWN} == {0, 1, 2, 3, 4, 6, 9}
    assert (again.candidates, again.images) == (0, 0)
    asked = await takedown.refused(
        w, ["https://a/2", "https://a/5"], [("flickr", "Ann"), ("flickr", "Ben")], [images[n].sha256 for n in (2, 4, 5)]
    )
    assert asked.urls == {"https://a/2"}
    assert asked.authors == {("flickr", "Ann")}
    assert asked.images == {images[2].sha256, images[4].sha256}
    records = [(r["_id"], r["by"], r["why"], r["done_at"]) for r in await w.store.takedowns.named()]
    assert sorted(records) == [
        ("author:flickr\0Ann", "Ann", "all of mine", w.clock()),
        (f"image:{images[4].sha256}", "a court", "order 12", w.clock()),
        ("url:https://a/2", "Ben", "my house", w.clock()),
    ]


async def test_the_same_bytes_from_elsewhere_and_the_same_url_with_other_bytes_stay_out(w: Winnow) -> None:
    images = found(range(4))
    await intake.create_category(w, factories.category())
    await intake.add_images(w, SLUG, images[:2])
    await takedown.by_url(w, "https://a/1", "Ben", "mine")
    moved = replace(images[1], url="https://elsewhere", provenance={})
    other = replace(images[2], url="https://a/1")
    assert (await intake.add_images(w, SLUG, [moved, other, images[3]])).kinds == (
        *(Kind.TAKEN_DOWN, Kind.TAKEN_DOWN, Kind.ADDED),
    )
    assert await w.blobs.get(other.sha256) is None


async def test_what_is_not_here_yet_is_refused_when_it_comes_and_a_repeat_keeps_the_record(w: Winnow) -> None:
    await intake.create_category(w, factories.category())
    image = found(range(1))[0]
    for by in ("Ann", "somebody else"):
        assert await takedown.by_image(w, image.sha256, by, "mine") == TakenDown(images=(image.sha256,), candidates=0)
    assert (await w.store.takedowns.get(image_key(image.sha256)) or {})["by"] == "Ann"
    assert (await intake.add_images(w, SLUG, [image])).kinds == (Kind.TAKEN_DOWN,)
    with pytest.raises(InputError, match="reason is missing"):
        await takedown.by_url(w, "https://a/1", "Ann", " ")


async def test_counters_stay_true_whatever_the_image_is(w: Winnow, task: Task) -> None:
    """Gold, examples, lessons, validation images, selected, posted, labeled ones: one of each kind after another."""
    await settling.posted(w, task, "HIT1")
    seen: set[Any] = set()
    kinds = ("state", "role", "gold", "answer")
    async for candidate in w.store.candidates.stream(SLUG, {}, ["image", *kinds]):
        if (kind := tuple(candidate[name] for name in kinds)) not in seen:
            seen.add(kind)
            await takedown.by_image(w, candidate["image"], "Ann", "mine")
            await nothing_left(w, candidate["image"])
    assert {State.POSTED, State.LABELED} <= {kind[0] for kind in seen}
    assert {Role.GOLD, Role.VALIDATION, Role.TRAIN} == {kind[1] for kind in seen}
    category = await w.store.categories.definition(SLUG)
    for example in (*category.examples[:1], *category.lessons[:1]):
        await takedown.by_image(w, example.image, "Ann", "mine")
        await nothing_left(w, example.image)


async def test_who_has_the_task_open_sees_a_grey_picture_and_who_opens_it_later_does_not(
    w: Winnow, http: httpx.AsyncClient, task: Task
) -> None:
    context = await open_task(http, task, "ANNA")
    before = [sight(picture) for picture in await everything(http, context)]
    gone = {slot.image for slot in task.slots[:3]}
    for image in gone:
        await takedown.by_image(w, image, "Ann", "mine")
    after = [sight(picture) for picture in await everything(http, context)]
    changed = [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert len(changed) == 3
    assert len({after[n] for n in changed}) == 1
    full = await http.get(f"/assignment/images/{changed[0]}/full", headers=auth(context))
    assert sight(full.content) == sight(renditions.removed(picturing.FULL_REMOVED))
    assert await w.store.renditions.many([key for image in gone for key in renditions.keys(image)]) == {}
    await answer_all(http, context)
    assert (await submit(http, context)).status_code == 200
    later = await open_task(http, task, "BEN")
    assert later["of"] <= context["of"]
    assert not {after[changed[0]]} & {sight(picture) for picture in await everything(http, later)}


async def test_gold_that_was_taken_down_checks_nobody(w: Winnow) -> None:
    truth = await working.category_with(w, 60, 15, slots=40, hidden_gold=20, redundancy=1, lessons=0)
    task = (await working.round_of(w, 1, 10))[0]
    await settling.posted(w, task, "HIT1")
    gold = [slot.image for slot in task.slots if slot.gold is not None]
    submission = await working.submit(w, task, "ANNA", lambda image: truth[image] != (image in gold[:10]))
    policy = (await w.store.categories.definition(SLUG)).policy
    wrong = settling.check(submission, task, policy, Record())
    fair = settling.check(submission, task, policy, Record(), set(gold[:10]))
    assert (wrong.gold - wrong.correct, fair.gold - fair.correct) == (10, 0)
    for image in gold[:10]:
        await takedown.by_image(w, image, "Ann", "mine")
    await settling.judge(w, task, "ASGANNA" + task.id, "ANNA")
    verdict = await w.store.verdicts.get(submission.id)
    assert verdict == fair
    await settling.closed(w, task, 1)
    asked = task.asked[0]
    await takedown.by_image(w, asked, "Ann", "mine")
    await deciding.decide(w, SLUG, Decide(round=1, wave=1))
    assert await w.store.labels.history(SLUG, asked) == []
    assert await recounting.differences(w, SLUG) == {}


async def test_scores_of_the_image_go_and_a_running_cut_is_waited_for(w: Winnow) -> None:
    ids = scored.ids(300)
    answers = scored.truth(ids)
    await scored.pool(w, ids, validation=20)
    await scored.put_scores(w, scored.good_scores(answers, 0.5, 1), f"{SLUG}:1", bits=1)
    await scored.ready_to_cut(w, 1)
    waiting = await takedown.by_image(w, ids[0], "Ann", "mine")
    assert (waiting.waiting, waiting.candidates) == ((SLUG,), 0)
    assert await takedown.finish(w) == 0
    await w.store.rounds.collection.update_one({}, {"$set": {"phase": "done"}})
    assert await takedown.finish(w) == 1
    assert await takedown.finish(w) == 0
    assert await w.store.candidates.get(SLUG, ids[0]) is None
    assert await recounting.differences(w, SLUG) == {}
    blocks = [document async for document in w.store.scores.collection.find()]
    assert sum(block["n"] for block in blocks) == 299
    assert all(bytes.fromhex(ids[0]) not in block["images"] for block in blocks)


@pytest.mark.parametrize("seed", range(3))
async def test_a_crash_anywhere_is_mended_by_finish_and_intakes_at_the_same_time_bring_nothing_back(
    w: Winnow, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    images = found(range(60))
    hers = {image.sha256 for n, image in enumerate(images) if n % 3 == 0}
    for slug in (SLUG, "dark"):
        await intake.create_category(w, factories.category(slug))
    await intake.add_images(w, SLUG, images[:30])

    async def keep_adding(slug: str) -> None:
        for _ in range(3):
            for start in range(0, 60, 6):
                await intake.add_images(w, slug, images[start : start + 6])

    async def take_down() -> None:
        await asyncio.sleep(float(rng.uniform(0, 0.1)))
        tries = 0
        while tries < 5 or await w.store.takedowns.get("author:flickr\0Ann") is None:
            tries += 1
            await _interrupted(takedown.by_author(w, "flickr", "Ann", "Ann", "mine"), rng)

    await asyncio.gather(keep_adding(SLUG), keep_adding("dark"), take_down())
    await takedown.finish(w)
    assert await w.store.takedowns.unfinished() == []
    for slug in (SLUG, "dark"):
        left = {candidate["image"] async for candidate in w.store.candidates.stream(slug, {}, ["image"])}
        assert left == {image.sha256 for image in images} - hers
        assert await recounting.differences(w, slug) == {}
    assert await w.blobs.many(sorted(hers)) == {}
    assert await w.store.images.many(sorted(hers)) == {}


async def _interrupted(work: Coroutine[Any, Any, TakenDown], rng: np.random.Generator) -> None:
    """Run it, and end it at a random moment."""
    task = asyncio.create_task(work)
    await asyncio.wait([task], timeout=float(rng.exponential(0.02)))
    task.cancel()
    await asyncio.wait([task])


async def test_a_picture_that_is_made_during_a_takedown_is_not_kept(w: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    image = found(range(1))[0]
    await intake.create_category(w, factories.category())
    await intake.add_images(w, SLUG, [image])
    put = w.store.renditions.put

    async def slowly(made: dict[str, bytes]) -> None:
        await takedown.by_image(w, image.sha256, "Ann", "mine")
        await put(made)

    monkeypatch.setattr(w.store.renditions, "put", slowly)
    assert await picturing.one(w, image.sha256, 160) == renditions.removed(160)
    await nothing_left(w, image.sha256)


async def test_teaching_goes_on_with_what_is_left(w: Winnow) -> None:
    images, truth = factories.new_images(range(40), yes_every=2)
    await intake.create_category(w, factories.category(lessons=4, hidden_gold=4))
    await intake.add_images(w, SLUG, images)
    await curating.give_gold(w, SLUG, truth, Source.IMPORTED, {"by": "test"})
    before = (await w.store.categories.definition(SLUG)).examples
    await takedown.by_image(w, before[0].image, "Ann", "mine")
    assert (await w.store.categories.definition(SLUG)).examples == before[1:]
