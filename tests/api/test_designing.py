"""The stratified validation draw: a simple random sample of each stratum, the same whatever the shards."""

import hashlib

import numpy as np
import pytest

from active_learning import splits
from active_learning.domain.category import Category
from api.operations import cutting, designing, recounting, rounds, selecting
from api.operations.context import Winnow
from api.operations.scoring import Scored
from api.operations.spreading import here
from api.store import Session
from api.store.shards import all_of
from tests import factories
from tests.api import scored
from tests.api.scored import SLUG

N = 3_000
POLICY = {"validation": 500, "precision": 0.8, "recall": 0.8, "confidence": 0.8}
RARE = 0.05


async def prepared(w: Winnow, bits: int, **policy: object) -> dict[str, bool]:
    """A pool that a first model has scored after one random batch, before its validation draw."""
    answers = scored.truth(scored.ids(N), RARE)
    await scored.pool(w, list(answers), **POLICY)
    design = {"category.policy.validation_design": "stratified"}
    await w.store.categories.put(SLUG, design)
    batch = list(await selecting.select(w, SLUG, "random", 150, 1, here))
    await scored.people_say(w, {image: answers[image] for image in batch}, chosen_by="random")
    assert isinstance(w.clock, factories.FakeClock)
    w.clock.move(60)
    model = {"category": SLUG, "version": 1, "checkpoint": "", "backbone": "", "head": "", "trained_at": w.clock()}
    await w.store.models.insert(f"{SLUG}:1", model)
    await scored.put_scores(w, scored.good_scores(answers, 0.7, 1), f"{SLUG}:1", bits)
    return answers


async def drawn(w: Winnow) -> dict[str, int]:
    found = await w.store.candidates.find(SLUG, {"role": "validation"}, ["image", "stratum"])
    return {c["image"]: c["stratum"] for c in found}


@pytest.mark.parametrize("bits", [0, 3])
async def test_each_stratum_gives_its_smallest_draws(w: Winnow, bits: int) -> None:
    answers = await prepared(w, bits)
    await rounds.draw_validation(w, SLUG)
    design = await designing.in_force(w, SLUG)
    assert design is not None and design.design.strata > 1
    sample = await drawn(w)
    scores = scored.good_scores(answers, 0.7, 1)
    seed = (await w.store.categories.definition(SLUG)).seed
    labeled = {c["image"] for c in await w.store.candidates.find(SLUG, {"state": "labeled"}, ["image"])}
    free = sorted(set(answers) - labeled)
    strata = design.design.stratum(np.array([scores[image] for image in free], dtype=np.float32))
    for h, size in enumerate(design.sizes):
        mine = [image for image, stratum in zip(free, strata, strict=True) if stratum == h]
        mine.sort(key=lambda image: splits.draw(seed, image))
        assert {image for image, stratum in sample.items() if stratum == h} == set(mine[:size])
    document = await w.store.categories.get(SLUG)
    assert document["validation"]["total"] == len(sample) == POLICY["validation"]
    yes = sum(answers[image] for image in sample)
    assert yes > 1.3 * RARE * len(sample), "rare yes images are met more often than by chance"
    await rounds.draw_validation(w, SLUG)
    assert await drawn(w) == sample, "drawing again changes nothing"
    assert await recounting.differences(w, SLUG) == {}


async def test_a_late_image_joins_by_its_own_draw_and_old_ones_never(w: Winnow) -> None:
    answers = await prepared(w, 1)
    held = (await w.store.candidates.find(SLUG, {"state": "unknown"}, ["image"], 300))[-20:]
    waiting = [c["image"] for c in held]

    async def wait(session: Session) -> None:
        n = await w.store.candidates.mark(SLUG, waiting, {"votes_wanted": True}, session, only={})
        await w.store.categories.count(SLUG, {"wants_votes.train": n}, session)

    async def go_on(session: Session) -> None:
        n = await w.store.candidates.mark(SLUG, waiting, {"votes_wanted": False}, session, only={})
        await w.store.categories.count(SLUG, {"wants_votes.train": -n}, session)

    await w.store.transact(wait)
    await rounds.draw_validation(w, SLUG)
    before = await drawn(w)
    await w.store.transact(go_on)
    await designing.join_late(w, SLUG, here)
    assert await drawn(w) == before
    late = [hashlib.sha256(f"late {n}".encode()).hexdigest() for n in range(400)]
    assert isinstance(w.clock, factories.FakeClock)
    w.clock.move(60)
    await add(w, await w.store.categories.definition(SLUG), late)
    both = answers | scored.truth(late, RARE)
    await scored.put_scores(w, scored.good_scores(both, 0.7, 1), f"{SLUG}:1", 1)
    await designing.join_late(w, SLUG, here)
    after = await drawn(w)
    assert set(before) < set(after) and set(after) - set(before) <= set(late)
    assert await recounting.differences(w, SLUG) == {}


async def add(w: Winnow, category: Category, images: list[str]) -> None:
    async def work(session: Session) -> None:
        draws = {image: splits.draw(category.seed, image) for image in images}
        n = await w.store.candidates.insert(SLUG, draws, w.clock(), session)
        await w.store.candidates.mark(SLUG, images, {"embedded": True}, session, only={})
        await w.store.categories.count(SLUG, {"counts.unknown": n, "embedded": n}, session)

    await w.store.transact(work)


async def test_the_cut_counts_by_strata_of_the_pilot(w: Winnow) -> None:
    """The pilot's ranges and the newer model's need not be the same."""
    answers = await prepared(w, 1)
    await rounds.draw_validation(w, SLUG)
    await scored.people_say(w, {image: answers[image] for image in await drawn(w)})
    design = await designing.in_force(w, SLUG)
    assert design is not None
    tallies = []
    for bits in (3, 0):
        await scored.put_scores(w, scored.good_scores(answers, 0.4, 2), f"{SLUG}:2", bits)
        parts = [
            await cutting.count_range(w, SLUG, Scored(model=f"{SLUG}:2", bits=bits), np.array([0.2, 0.8]), design, one)
            for one in all_of(bits)
        ]
        tallies.append(sum((tally for tally, _ in parts[1:]), parts[0][0]))
    assert tallies[0].rest.shape == (design.design.strata, 5)
    assert (tallies[0].rest == tallies[1].rest).all()
    pilot = np.array(list(scored.good_scores(answers, 0.7, 1).values()), dtype=np.float32)
    sizes = np.bincount(design.design.stratum(pilot), minlength=design.design.strata)
    open_now = (await w.store.categories.get(SLUG))["counts"]["unknown"]
    assert tallies[0].rest.sum() == open_now and (tallies[0].rest.sum(axis=1) < sizes).all()
    await scored.ready_to_cut(w, 2)
    await cutting.cut(w, SLUG, 2)
    report = (await w.store.rounds.all(SLUG))[-1]["report"]
    assert report["in_force"] and report["calibration"]["n"] == POLICY["validation"]
    assert await recounting.differences(w, SLUG) == {}
