"""A category names its market: everything about it goes there, and nothing to another one."""

from collections.abc import AsyncIterator, Callable

import pytest

from active_learning.domain.errors import InputError
from api.operations import categories, recounting
from api.operations.context import open_winnow
from api.settings import Settings
from tests import factories
from tests.api.working import SLUG, category_with, round_of
from tests.jobs.serving import Served
from tests.turk.served import MovableClock
from workers.jobs import collect, reconcile, tell, watch
from workers.jobs.desk import Desk
from workers.market.mturk import MTurkMarket
from workers.ray_runtime import RayRuntime

POLICY = {"slots": 30, "hidden_gold": 10, "validation": 0, "lessons": 0}


@pytest.fixture
async def desk(mongod_uri: str, marketplace: Callable[[], Served]) -> AsyncIterator[Desk]:
    """An installation with two markets, and a category with one drafted task that names the second one."""
    first, second = marketplace(), marketplace()
    settings = factories.settings(mongod_uri, "choosing", market_endpoint=first.url, more_markets=("mturk-sandbox",))
    heavy = RayRuntime(settings, cpus=1)
    async with open_winnow(settings, MovableClock()) as w:
        await factories.emptied(w)
        await category_with(w, 60, 12, **POLICY)
        await w.store.categories.put(SLUG, {"category.market": "mturk-sandbox"})
        await round_of(w, 1, 20)
        others = {"mturk-sandbox": MTurkMarket(second.url, "WINNOW", "any")}
        yield Desk(w, MTurkMarket(first.url, "WINNOW", "any"), heavy, others)
        await heavy.close()


async def test_a_category_is_asked_at_the_market_that_it_names(desk: Desk) -> None:
    w, there = desk.winnow, desk.others["mturk-sandbox"]
    await collect.run(desk, {"category": SLUG})
    [task] = await w.store.tasks.of_round(SLUG, 1)
    [hit] = await there.find("winnow:")
    assert (task.hit, await desk.market.find("winnow:")) == (hit.hit, [])
    await reconcile.run(desk, {})  # the first market knows nothing of this HIT, and that is no difference
    compared = await w.store.reconciliations.all()
    assert [(one["hits"], one["found"]) for one in compared] == [(1, [])]
    assert await recounting.differences(w, SLUG) == {}


async def test_somebody_is_blocked_where_he_works(desk: Desk) -> None:
    w, there = desk.winnow, desk.others["mturk-sandbox"]
    await w.store.workers.collection.insert_one({"_id": f"{SLUG}:AANNA", "category": SLUG, "annotator": "AANNA"})
    act = {"act": "block", "annotator": "AANNA", "text": "spam", "done_at": None, "refused": ""}
    await w.store.market_acts.collection.insert_one({"_id": "block:AANNA", **act})
    await tell.run(desk, {"act": "block:AANNA"})
    assert (await desk.market.blocked(), await there.blocked()) == ([], ["AANNA"])


async def test_every_market_is_looked_after(desk: Desk) -> None:
    await watch.run(desk, {})
    found = {one["_id"]: one["reachable"] for one in await desk.winnow.store.markets.all()}
    assert found == {"turk": True, "mturk-sandbox": True}


async def test_a_market_that_is_not_set_up_is_named(desk: Desk) -> None:
    strange = factories.category("strange").model_copy(update={"market": "mturk"})
    with pytest.raises(InputError, match="no market 'mturk' here"):
        await categories.create(desk.winnow, strange, "test")
    with pytest.raises(InputError, match="'mturk-sandbox', is not set up"):
        await Desk(desk.winnow, desk.market, desk.heavy).of(SLUG)


def test_the_variable_names_several_markets() -> None:
    env = {"WINNOW_MONGODB_URI": "mongodb://db/", "WINNOW_MARKET": "turk, mturk-sandbox,turk"}
    settings = Settings.from_env(env)
    assert settings.markets == ("turk", "mturk-sandbox")
    assert Settings.from_env(settings.to_env()) == settings
    assert settings.market_origins[-1] == settings.origins("mturk-sandbox")[0] == "https://workersandbox.mturk.com"
    with pytest.raises(InputError, match="ebay"):
        Settings.from_env({**env, "WINNOW_MARKET": "ebay"})
