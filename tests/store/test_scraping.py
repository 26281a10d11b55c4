"""Found images: a URL enters once, is leased to one process at a time, and has one outcome that is counted once."""

import asyncio
from typing import Any

import pytest

from active_learning.domain.errors import StateError
from api.operations import intake, scraping
from api.operations.context import Winnow
from api.operations.scraping import Lease, NewFind, Settlement, Wanted
from api.store.finds import Ended, Later
from api.store.scrapes import ScrapeState
from tests import factories
from tests.factories import FakeClock


async def started(w: Winnow, finds: int = 0, **wanted: Any) -> str:
    """A category with a scrape of a URL list, and so many finds in it."""
    await intake.create_category(w, factories.category("car"))
    scrape = await scraping.start(w, Wanted(category="car", source="list", options={"path": "a.txt"}, **wanted))
    if finds:
        await scraping.add_found(w, scrape, [found(number) for number in range(finds)], {"line": finds}, finds)
    return scrape


def found(number: int, **decided: Any) -> NewFind:
    return NewFind(f"http://photos.test/{number}.jpg", f"{number}.jpg", {"source": "list", "licence": "by"}, **decided)


async def settle(w: Winnow, scrape: str, leases: list[Lease], outcome: str = "stored") -> None:
    ended = [Ended(lease.find, outcome, image="a" * 64) for lease in leases]
    owned = {one.find: one.owner for one in leases}
    await scraping.settle(w, Settlement(scrape, "one", owned, 10, (0.0, 0.0)), ended)


async def test_a_url_enters_a_category_once(w: Winnow) -> None:
    scrape = await started(w, 10)
    other = await scraping.start(w, Wanted(category="car", source="list", options={"path": "b.txt"}))
    await scraping.add_found(w, scrape, [found(number) for number in range(5, 15)], {}, None)
    await scraping.add_found(w, other, [found(number) for number in range(20)], {}, None)
    assert (await scraping.seen(w, scrape)).found == 15
    assert (await scraping.seen(w, other)).found == 5


async def test_the_limit_counts_new_images_only(w: Winnow) -> None:
    scrape = await started(w, 10, limit=12)
    assert await scraping.add_found(w, scrape, [found(number) for number in range(11)], {}, None)
    assert not await scraping.add_found(w, scrape, [found(number) for number in range(20)], {}, None)
    assert (await scraping.seen(w, scrape)).found == 12


async def test_twenty_processes_lease_every_find_exactly_once(w: Winnow) -> None:
    scrape = await started(w, 300)
    taken: list[Lease] = []

    async def process() -> None:
        nothing = 0
        while nothing < 3:
            leases = await scraping.lease(w, [scrape], 16)
            nothing = 0 if leases else nothing + 1
            taken.extend(leases)

    await asyncio.gather(*(process() for _ in range(20)))
    assert len(taken) == len({lease.find for lease in taken}) == 300


async def test_what_a_dead_process_had_comes_back_and_its_late_word_does_not_count(w: Winnow) -> None:
    scrape = await started(w, 3)
    dead = await scraping.lease(w, [scrape], 3)
    assert await scraping.lease(w, [scrape], 3) == []
    _move(w, scraping.LEASE_S + 1)
    heir = await scraping.lease(w, [scrape], 3)
    assert {lease.find for lease in heir} == {lease.find for lease in dead}
    await settle(w, scrape, dead, "timeout")
    assert (await scraping.seen(w, scrape)).tally.decided == 0
    await settle(w, scrape, heir)
    await settle(w, scrape, heir)
    seen = await scraping.seen(w, scrape)
    assert (seen.tally.outcomes, seen.tally.bytes, seen.tally.waiting) == ({"stored": 3}, 30, 0)


async def test_a_lease_that_is_kept_does_not_run_out(w: Winnow) -> None:
    scrape = await started(w, 2)
    leases = await scraping.lease(w, [scrape], 2)
    for _ in range(3):
        _move(w, scraping.LEASE_S - 1)
        await w.store.finds.prolong({one.find: one.owner for one in leases}, w.clock(), scraping.LEASE_S)
    assert await scraping.lease(w, [scrape], 2) == []


async def test_what_is_to_be_tried_again_is_due_later_and_remembers_its_tries(w: Winnow) -> None:
    scrape = await started(w, 2)
    first, second = await scraping.lease(w, [scrape], 2)
    owned = {one.find: one.owner for one in (first, second)}
    again = [Later(first.find, 10.0, "server_error"), Later(second.find, 20.0, "rate_limited", tried=False)]
    await scraping.later(w, again, owned)
    assert await scraping.lease(w, [scrape], 2) == []
    _move(w, 11)
    (lease,) = await scraping.lease(w, [scrape], 2)
    assert (lease.find, lease.tries) == (first.find, 1)
    _move(w, 10)
    (lease,) = await scraping.lease(w, [scrape], 2)
    assert (lease.find, lease.tries) == (second.find, 0)


async def test_an_image_that_ends_every_process_is_given_up(w: Winnow) -> None:
    scrape = await started(w, 1)
    for _ in range(scraping.MOST_LEASES):
        assert len(await scraping.lease(w, [scrape], 1)) == 1
        _move(w, scraping.LEASE_S + 1)
    assert await scraping.lease(w, [scrape], 1) == []
    assert (await scraping.seen(w, scrape)).tally.outcomes == {scraping.GAVE_UP: 1}


async def test_a_scrape_ends_when_everything_has_an_outcome_and_looks_again_for_what_is_new(w: Winnow) -> None:
    scrape = await started(w, 3)
    await settle(w, scrape, await scraping.lease(w, [scrape], 3))
    assert not await scraping.finish_if_done(w, scrape)
    await scraping.gathered(w, scrape)
    assert await scraping.finish_if_done(w, scrape)
    assert (await scraping.seen(w, scrape)).state is ScrapeState.DONE
    assert await scraping.start(w, Wanted(category="car", source="list", options={"path": "a.txt"})) == scrape
    seen = await scraping.seen(w, scrape)
    assert (seen.state, seen.gathered, seen.found) == (ScrapeState.OPEN, False, 3)
    assert (await w.store.scrapes.get(scrape))["cursor"] is None


async def test_a_scheduled_scrape_sleeps_and_wakes(w: Winnow) -> None:
    scrape = await started(w, 0, every_h=24.0)
    await scraping.gathered(w, scrape)
    await scraping.finish_if_done(w, scrape)
    assert (await scraping.seen(w, scrape)).state is ScrapeState.ASLEEP
    await scraping.wake(w, scrape)
    assert (await scraping.seen(w, scrape)).state is ScrapeState.ASLEEP
    _move(w, 24 * 3_600 + 1)
    await scraping.wake(w, scrape)
    assert (await scraping.seen(w, scrape)).state is ScrapeState.OPEN


async def test_stop_and_go_on(w: Winnow) -> None:
    scrape = await started(w, 3)
    await scraping.stop(w, scrape)
    assert await w.store.scrapes.running() == []
    with pytest.raises(StateError):
        await scraping.stop(w, scrape)
    await scraping.go_on(w, scrape)
    assert await w.store.scrapes.running() == [scrape]
    assert (await w.store.scrapes.get(scrape))["cursor"] == {"line": 3}


async def test_outcomes_can_be_visited_again(w: Winnow) -> None:
    scrape = await started(w, 4)
    leases = await scraping.lease(w, [scrape], 4)
    await settle(w, scrape, leases[:1])
    await settle(w, scrape, leases[1:], "not_found")
    assert await scraping.visit_again(w, scrape, ["not_found"]) == 3
    seen = await scraping.seen(w, scrape)
    assert (seen.tally.outcomes["stored"], seen.tally.outcomes["not_found"], seen.tally.waiting) == (1, 0, 3)
    assert len(await scraping.lease(w, [scrape], 9)) == 3


async def test_what_is_decided_without_a_request_is_counted_and_exported(w: Winnow) -> None:
    scrape = await started(w)
    finds = [found(0), found(1, outcome="licence_not_allowed", detail="by-nc")]
    for _ in range(2):
        await scraping.add_found(w, scrape, finds, {}, None)
    assert (await scraping.seen(w, scrape)).tally.outcomes == {"licence_not_allowed": 1}
    rows = {row["url"]: row async for row in scraping.outcomes(w, scrape)}
    assert rows["http://photos.test/0.jpg"]["outcome"] == "waiting"
    assert rows["http://photos.test/1.jpg"]["detail"] == "by-nc"
    assert rows["http://photos.test/1.jpg"]["licence"] == "by"


def _move(w: Winnow, seconds: float) -> None:
    assert isinstance(w.clock, FakeClock)
    w.clock.move(seconds)
