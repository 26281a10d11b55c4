"""From a list of URLs to candidates: the whole scraper against a real site and a real MongoDB."""

import asyncio
import dataclasses
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest_asyncio

from active_learning.domain.intake import IntakePolicy
from api.operations import intake, recounting, scraping
from api.operations.context import Winnow, open_winnow
from api.operations.scraping import NewFind, Seen, Wanted
from api.store.scrapes import ScrapeState
from scraper.node import download
from scraper.work import work_on
from tests import factories
from tests.scraper.pictures import photo
from tests.scraper.site import Answer, serving, site

SLUG = "car"


@pytest_asyncio.fixture
async def w(mongod_uri: str) -> AsyncIterator[Winnow]:
    """Winnow with the real clock; the loopback network may be asked, as fast as it goes."""
    settings = factories.settings(
        mongod_uri, "scraping", scrape_networks=("127.0.0.0/8",), scrape_per_second=0.0, contact="me@lab.test"
    )
    async with open_winnow(settings) as w:
        await factories.emptied(w)
        await intake.create_category(w, factories.category(SLUG))
        yield w


async def nobody(scrape: str, stop: asyncio.Event) -> None:
    raise AssertionError("a small scrape needs no crew")


async def scrape(w: Winnow, urls: Sequence[str], folder: Path, seconds: float = 20.0) -> Seen:
    """Scrape a list until it has ended."""
    listed = folder / "urls.txt"
    listed.write_text("\n".join(urls))
    name = await scraping.start(w, Wanted(category=SLUG, source="list", options={"path": str(listed)}))
    async with asyncio.timeout(seconds):
        while (seen := await scraping.seen(w, name)).state is ScrapeState.OPEN:
            await work_on(w, name, nobody, asyncio.Event())
    assert await recounting.differences(w, SLUG) == {}
    return seen


async def first_outcome(w: Winnow, name: str) -> None:
    async for _ in w.store.scrapes.changes(SLUG):
        if (await scraping.seen(w, name)).tally.decided:
            return


async def pool(w: Winnow) -> set[str]:
    return {one["image"] async for one in w.store.candidates.stream(SLUG, {}, ["image"])}


async def test_urls_become_candidates_each_once_and_every_url_has_its_outcome(w: Winnow, tmp_path: Path) -> None:
    answers = {f"/{number}.jpg": Answer(body=photo(number)) for number in range(40)}
    answers["/again.jpg"] = answers["/7.jpg"]
    answers["/near.jpg"] = Answer(body=photo(8, quality=60))
    answers["/page.html"] = Answer(body=b"<html><body>not found, but 200</body></html>")
    answers["/cut.jpg"] = Answer(body=photo(90)[:1500])
    answers["/noai.jpg"] = Answer(body=photo(91), headers={"X-Robots-Tag": "noai"})
    answers["/robots.txt"] = Answer(body=b"User-agent: *\nDisallow: /private/\n")
    answers["/private/1.jpg"] = Answer(body=photo(92))
    with serving(site(tmp_path, answers)) as there:
        paths = [path for path in answers if path != "/robots.txt"]
        seen = await scrape(w, [there.url(path) for path in [*paths, "/gone.jpg"]] + ["ftp://x/y.jpg"], tmp_path)
        assert seen.tally.outcomes == {
            "stored": 40,
            "duplicate": 1,
            "near_duplicate": 1,
            "not_an_image": 1,
            "truncated": 1,
            "opted_out": 1,
            "robots_txt": 1,
            "not_found": 1,
            "forbidden_scheme": 1,
        }
        assert len(await pool(w)) == 40
        assert there.times("/robots.txt") == 1
        assert there.times("/private/1.jpg") == 0
        assert there.times("/gone.jpg") == there.times("/noai.jpg") == 1
        agents = {asked.headers["user-agent"] for asked in there.asked()}
        assert all("winnow" in agent and "me@lab.test" in agent for agent in agents)
        before = len(there.asked())
        again = await scrape(w, [there.url(path) for path in paths], tmp_path)
        assert again.found == seen.found
        assert len(there.asked()) == before, "what is known is not asked for again"


async def test_passing_troubles_are_tried_again_and_the_host_is_left_alone_as_long_as_it_says(
    w: Winnow, tmp_path: Path
) -> None:
    answers = {f"/{number}.jpg": Answer(body=photo(number)) for number in range(8)}
    busy = Answer(429, headers={"Retry-After": "2"})
    with serving(site(tmp_path, {**answers, "/3.jpg": [busy, answers["/3.jpg"]]})) as there:
        seen = await scrape(w, [there.url(f"/{number}.jpg") for number in range(8)], tmp_path)
        assert seen.tally.outcomes == {"stored": 8}
        log = there.asked()
        told = next(asked.at for asked in log if asked.status == 429)
        assert there.times("/3.jpg") == 2
        assert next(asked.at for asked in reversed(log) if asked.path == "/3.jpg") >= told + 2.0


async def test_a_second_visit_is_conditional(w: Winnow, tmp_path: Path) -> None:
    tagged = Answer(body=photo(1), headers={"ETag": '"one"'})
    with serving(site(tmp_path, {"/1.jpg": [tagged, Answer(304)]})) as there:
        seen = await scrape(w, [there.url("/1.jpg")], tmp_path)
        assert await scraping.visit_again(w, seen.id, ["stored"]) == 1
        await scraping.go_on(w, seen.id)
        again = await scrape(w, [there.url("/1.jpg")], tmp_path)
        assert {k: n for k, n in again.tally.outcomes.items() if n} == {"unchanged": 1}
        assert there.asked()[-1].headers["if-none-match"] == '"one"'


async def test_licences_are_judged_before_a_request_and_stay_with_the_image(w: Winnow, tmp_path: Path) -> None:
    definition = await w.store.categories.definition(SLUG)
    policy = IntakePolicy(licences=("by", "cc0"))
    await w.store.categories.put(SLUG, {"category": definition.model_copy(update={"intake": policy}).model_dump()})
    with serving(site(tmp_path, {f"/{n}.jpg": Answer(body=photo(n)) for n in range(3)})) as there:
        listed = tmp_path / "urls.csv"
        rows = [("/0.jpg", "CC BY 4.0", "Ann"), ("/1.jpg", "CC BY-NC 2.0", "Bob"), ("/2.jpg", "", "Cem")]
        lines = [f"{there.url(path)},{licence},{author}" for path, licence, author in rows]
        listed.write_text("\n".join(["url,licence,author", *lines]))
        name = await scraping.start(w, Wanted(category=SLUG, source="list", options={"path": str(listed)}))
        await work_on(w, name, nobody, asyncio.Event())
        assert (await scraping.seen(w, name)).tally.outcomes == {"licence_not_allowed": 2, "stored": 1}
        assert {asked.path for asked in there.asked()} == {"/robots.txt", "/0.jpg"}
        (image,) = await pool(w)
        provenance = (await w.store.images.many([image]))[image]["provenance"]
        assert (provenance["licence"], provenance["author"]) == ("by", "Ann")


async def test_a_scrape_that_is_stopped_gives_back_what_it_has_not_asked_for(w: Winnow, tmp_path: Path) -> None:
    slow = {f"/{n}.jpg": Answer(body=photo(n), delay=0.15) for n in range(300)}
    with serving(site(tmp_path, slow)) as there:
        listed = tmp_path / "urls.txt"
        listed.write_text("\n".join(there.url(path) for path in slow))
        name = await scraping.start(w, Wanted(category=SLUG, source="list", options={"path": str(listed)}))
        stop = asyncio.Event()
        working = asyncio.create_task(work_on(w, name, nobody, stop))
        await first_outcome(w, name)
        stop.set()
        async with asyncio.timeout(10):
            await working
        seen = await scraping.seen(w, name)
        assert 0 < seen.tally.decided < 300
        assert seen.state is ScrapeState.OPEN
        assert len(there.asked()) - 1 == seen.tally.decided, "what was asked for was settled"
        async with asyncio.timeout(20):
            while (await scraping.seen(w, name)).state is ScrapeState.OPEN:
                await work_on(w, name, nobody, asyncio.Event())
        assert Counter(asked.path for asked in there.asked()).most_common(1)[0][1] == 1
        assert len(await pool(w)) == 300


async def test_two_workers_together_keep_each_hosts_pace(w: Winnow, tmp_path: Path) -> None:
    """Each for itself would take half the time, and a request that was held up on its way brings others nearer."""
    per_second, held_up = 10.0, 0.5
    paced = dataclasses.replace(w.settings, scrape_per_second=per_second)
    hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    with serving(site(tmp_path, {f"/{n}.jpg": Answer(body=photo(n)) for n in range(60)}, hosts)) as there:
        urls = [there.url(f"/{n}.jpg", hosts[n % 3]) for n in range(60)]
        name = await scraping.start(w, Wanted(category=SLUG, source="list", options={"path": "urls.txt"}))
        await scraping.add_found(w, name, [NewFind(url, url, {}) for url in urls], {}, None)
        await scraping.gathered(w, name)
        async with open_winnow(paced) as one, open_winnow(paced) as two:
            async with asyncio.timeout(30):
                await asyncio.gather(download(one, name), download(two, name))
        assert (await scraping.seen(w, name)).tally.outcomes == {"stored": 60}
        for host in hosts:
            times = sorted(asked.at for asked in there.asked() if asked.host.startswith(host))
            assert len(times) == 21  # robots.txt too
            for i, j in itertools.combinations(range(21), 2):
                assert times[j] - times[i] > (j - i) / per_second - held_up
