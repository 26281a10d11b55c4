"""The page Images in over HTTP, on the real database."""

import asyncio
import csv
import io
import itertools
import re
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from active_learning.domain.errors import InputError
from active_learning.domain.intake import IntakePolicy
from active_learning.domain.sources import SOURCES
from api import replies
from api.operations import intake, intake_policy, scrape_forms, scraping
from api.operations.context import Winnow
from api.operations.scraping import NewFind, Settlement, Wanted
from api.routers import scrapes as router
from api.store.finds import Ended
from api.store.scrapes import ScrapeState
from labeling_ui import licences, outcomes
from scraper.licences import LICENCES
from scraper.outcomes import Outcome
from tests import factories

PAGE = "/categories/car/images-in"
CAR = {"source": "openverse", "openverse.query": "car"}


@pytest_asyncio.fixture(autouse=True)
async def category(w: Winnow) -> None:
    """A category that nobody has looked for images for."""
    await intake.create_category(w, factories.category("car"))


async def scraped(w: Winnow, ends: list[str], **wanted: Any) -> str:
    """A search that has found as many images as ``ends`` and two more; these ended so."""
    scrape = await scraping.start(w, Wanted(category="car", source="openverse", options={"query": "car"}, **wanted))
    finds = [
        NewFind(f"https://photos.test/{n}.jpg", f"{n}.jpg", {"title": f"<car> {n}", "page": "https://photos.test/"})
        for n in range(len(ends) + 2)
    ]
    await scraping.add_found(w, scrape, finds, {"page": 1}, 1_000)
    leases = await scraping.lease(w, [scrape], len(ends))
    ended = [Ended(lease.find, end, f"about {end}") for lease, end in zip(leases, ends, strict=True)]
    owned = {one.find: one.owner for one in leases}
    await scraping.settle(w, Settlement(scrape, "one", owned, 5_000_000, (12.0, 2.5e6)), ended)
    return scrape


async def only(w: Winnow) -> scraping.Seen:
    (seen,) = await scraping.of_category(w, "car")
    return seen


def value(html: str, field: str) -> str:
    found = re.search(rf'name="{re.escape(field)}" value="([^"]*)"', html)
    assert found is not None, field
    return found[1]


async def test_a_form_starts_a_search_and_leads_back_to_it(w: Winnow, http: httpx.AsyncClient) -> None:
    typed = CAR | {"openverse.licences": "by, cc0", "openverse.expand": "on", "openverse.queries": "200"}
    reply = await http.post(PAGE, data=typed | {"limit": "1000", "every_h": "24", "commons.query": "not this"})
    seen = await only(w)
    assert (reply.status_code, reply.headers["location"]) == (303, f"{PAGE}#{seen.id.partition(':')[2]}")
    assert seen.options == {"query": "car", "licences": ["by", "cc0"], "expand": True}
    assert (seen.source, seen.limit, seen.every_h, seen.state) == ("openverse", 1_000, 24.0, ScrapeState.OPEN)
    assert await w.store.jobs.lease("test", ["scrape"], w.clock(), 1.0) is not None, "nobody is asked to work on it"


async def test_the_same_question_is_the_same_search_as_on_the_command_line(w: Winnow, http: httpx.AsyncClient) -> None:
    await scraping.start(w, Wanted(category="car", source="openverse", options={"query": "car"}))
    await http.post(PAGE, data=CAR | {"openverse.queries": "200", "openverse.collection": " "})
    assert (await only(w)).options == {"query": "car"}


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"openverse.query": ""}, "openverse-query", "This is needed."),
        ({"openverse.query": "x" * 201}, "openverse-query", "At most 200 characters."),
        ({"openverse.queries": "many"}, "openverse-queries", "A whole number, please."),
        ({"openverse.queries": "9999"}, "openverse-queries", "At most 5,000."),
        ({"source": "commons", "commons.query": "car", "commons.depth": "-1"}, "commons-depth", "At least 0."),
        ({"source": "commons", "commons.query": "car", "commons.width": "9" * 30}, "commons-width", "At most 1,000,"),
        ({"source": "flickr", "flickr.query": "car", "flickr.size": "vast"}, "flickr-size", "One of"),
        ({"source": "web", "web.path": ""}, "web-path", "This is needed."),
        ({"limit": "0"}, "limit", "At least 1."),
        ({"limit": "9" * 30}, "limit", "At most 1,000,000,000."),
        ({"every_h": "9000"}, "every_h", "At most 8,760."),
        ({"every_h": "inf"}, "every_h", "A number, please."),
        ({"every_h": "nan"}, "every_h", "A number, please."),
    ],
)
async def test_what_does_not_fit_is_said_beside_its_field_and_nothing_typed_is_lost(
    w: Winnow, http: httpx.AsyncClient, typed: dict[str, str], field: str, said: str
) -> None:
    given = CAR | {"openverse.synonyms": 'a "car", Auto', "openverse.expand": "on", "sitemap.path": "kept"} | typed
    reply = await http.post(PAGE, data=given)
    assert reply.status_code == 422
    found = re.search(rf'id="{field}-error"><span aria-hidden="true">!</span> ([^<]*)', reply.text)
    assert found is not None and said in found[1], reply.text
    assert f'aria-describedby="{field}-error' in reply.text
    assert value(reply.text, "openverse.synonyms") == "a &#34;car&#34;, Auto"
    assert value(reply.text, "sitemap.path") == "kept"
    assert re.search(r'name="openverse.expand" checked', reply.text)
    assert re.search(rf'value="{given["source"]}" checked', reply.text)
    assert await scraping.of_category(w, "car") == []


@pytest.mark.parametrize("source", ["", "list", "s3", "folder", "table", "nowhere"])
async def test_files_of_the_machine_cannot_be_asked_for_here(w: Winnow, http: httpx.AsyncClient, source: str) -> None:
    reply = await http.post(PAGE, data={"source": source, f"{source}.path": "/etc"})
    assert (reply.status_code, "Choose a source." in reply.text) == (422, True)
    assert await scraping.of_category(w, "car") == []


async def test_an_option_that_the_page_does_not_offer_is_not_taken(w: Winnow, http: httpx.AsyncClient) -> None:
    assert "openverse.address" not in (await http.get(PAGE)).text
    await http.post(PAGE, data=CAR | {"openverse.address": "http://169.254.169.254"})
    assert (await only(w)).options == {"query": "car"}


FOREIGN: tuple[dict[str, str], ...] = (
    {"sec-fetch-site": "cross-site", "origin": "https://elsewhere.test"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://elsewhere.test"},
    {"origin": "null"},
)
OWN: tuple[dict[str, str], ...] = (
    {"sec-fetch-site": "same-origin", "origin": "https://winnow.behind.a.proxy"},
    {"origin": "http://winnow"},
    {},
)


@pytest.mark.parametrize("path", ["", "/intake", "/NAME/stop", "/NAME/go-on", "/NAME/again"])
async def test_a_page_of_somebody_else_cannot_post(w: Winnow, http: httpx.AsyncClient, path: str) -> None:
    name = (await scraped(w, ["timeout"])).partition(":")[2]
    before = await only(w)
    for headers in FOREIGN:
        reply = await http.post(PAGE + path.replace("NAME", name), data=CAR, headers=headers)
        assert reply.status_code == 403, headers
    assert await only(w) == before
    for headers in OWN:
        reply = await http.post(PAGE + path.replace("NAME", name), data=CAR, headers=headers)
        assert reply.status_code in {303, 422}, headers


async def test_browsers_say_where_the_pages_forms_come_from(http: httpx.AsyncClient) -> None:
    reply = await http.get(PAGE)
    assert reply.headers["referrer-policy"] == "same-origin"
    assert "form-action 'self'" in reply.headers["content-security-policy"]


async def test_the_page_says_how_far_a_search_is(w: Winnow, http: httpx.AsyncClient) -> None:
    await scraped(w, ["stored", "stored", "duplicate", "near_duplicate", "timeout", "not_an_image"], limit=500)
    html = (await http.get(PAGE)).text
    text = " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())
    for words in ("found 8 of 500", "decided 6", "waiting 2", "images/s 12", "bytes/s 2.5 MB", "5.0 MB so far"):
        assert words in text, words
    for words in ("In the pool 3", "Not wanted 1", "Not an image 1", "Did not come 1", "Try 1 failed one again"):
        assert words in text, words


async def test_examples_of_an_outcome_are_shown_when_asked_for(w: Winnow, http: httpx.AsyncClient) -> None:
    name = (await scraped(w, ["timeout"] * 9 + ["stored"])).partition(":")[2]
    assert "about timeout" not in (await http.get(PAGE)).text
    html = (await http.get(PAGE, params={"search": name, "outcome": "timeout"})).text
    assert html.count("about timeout") == 6
    assert "about stored" not in html
    assert "&lt;car&gt;" in html and "<car>" not in html
    assert 'href="https://photos.test/" rel="noreferrer external"' in html
    assert "about" not in (await http.get(PAGE, params={"search": name, "outcome": "$where"})).text


async def test_stop_and_go_on_and_try_again(w: Winnow, http: httpx.AsyncClient) -> None:
    name = (await scraped(w, ["stored", "timeout", "server_error", "not_found"])).partition(":")[2]
    for _ in range(2):  # somebody else may have stopped it a moment ago
        reply = await http.post(f"{PAGE}/{name}/stop")
        assert (reply.status_code, reply.headers["location"]) == (303, f"{PAGE}#{name}")
        assert (await only(w)).state is ScrapeState.PAUSED
    assert f"{name}/go-on" in (await http.get(PAGE)).text
    await http.post(f"{PAGE}/{name}/go-on")
    assert (await only(w)).state is ScrapeState.OPEN
    await http.post(f"{PAGE}/{name}/again")
    tally = (await only(w)).tally
    assert {outcome: n for outcome, n in tally.outcomes.items() if n} == {"stored": 1, "not_found": 1}
    assert tally.waiting == 4


async def test_what_is_not_there_is_said(w: Winnow, http: httpx.AsyncClient) -> None:
    await scraped(w, ["stored"])
    for path in ("/nothing/stop", "/nothing/go-on", "/nothing/again"):
        assert (await http.post(PAGE + path)).status_code == 404
    assert (await http.get(f"{PAGE}/nothing/outcomes.csv")).status_code == 404
    assert (await http.get("/categories/cat/images-in")).status_code == 404
    assert (await http.get("/categories/cat/images-in/events")).status_code == 404
    assert (await http.post("/categories/cat/images-in", data=CAR)).status_code == 404


async def test_every_outcome_can_be_taken_home(
    w: Winnow, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "ROWS", 3)
    name = (await scraped(w, ["stored", "timeout", "not_found"] * 4)).partition(":")[2]
    reply = await http.get(f"{PAGE}/{name}/outcomes.csv")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"car-{name}-outcomes.csv" in reply.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert len(rows) == len({row["url"] for row in rows}) == 14
    counted = {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in {row["outcome"] for row in rows}}
    assert counted == {"stored": 4, "timeout": 4, "not_found": 4, "waiting": 2}
    assert {row["title"].partition(" ")[0] for row in rows} == {"<car>"}


async def test_many_changes_are_one_piece_of_news(w: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "EVERY_S", 0.5)
    scrape = await scraped(w, ["stored"])
    stream = replies.news(router._changes(w, "car"), w.clock).body_iterator
    assert isinstance(stream, AsyncGenerator)
    try:
        assert await anext(stream) == "retry: 2000\n\n"
        first = asyncio.create_task(anext(stream))
        for number in itertools.count(100):  # the stream is open from some moment on
            await w.store.scrapes.put(scrape, {"total": number})
            await asyncio.sleep(0.02)
            if first.done():
                break
        assert first.result().startswith("data: ")
        for number in range(20):
            await w.store.scrapes.put(scrape, {"total": number})
        assert (await anext(stream)).startswith("data: ")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 2.0)
    finally:
        await stream.aclose()


POLICY = {
    **{"everything": "no", "licence.by": "on", "licence.cc0": "on", "min_side": "64", "max_side": "9000"},
    **{"max_aspect": "3.5", "min_sharpness": "80", "near": "", "form": "lsun"},
}


async def test_what_is_let_in_is_said_and_changed(w: Winnow, http: httpx.AsyncClient) -> None:
    before = await w.store.categories.get("car")
    html = (await http.get(PAGE)).text
    assert "any, unknown ones too" in html and f"stay out, up to {IntakePolicy().near} bits" in html
    reply = await http.post(f"{PAGE}/intake", data=POLICY)
    assert (reply.status_code, reply.headers["location"]) == (303, f"{PAGE}#intake")
    category = await w.store.categories.definition("car")
    assert category.intake == IntakePolicy(
        licences=("by", "cc0"), min_side=64, max_side=9_000, max_aspect=3.5, min_sharpness=80, form="lsun", near=None
    )
    after = await w.store.categories.get("car")
    del before["category"]["intake"], after["category"]["intake"]
    assert after == before, "something else was changed, too"
    html = (await http.get(PAGE)).text
    assert "CC BY, CC0" in html and "at most 3.5 to 1" in html
    assert (value(html, "near"), value(html, "min_sharpness")) == ("", "80")
    assert re.search(r'name="licence.by" checked', html) and not re.search(r'name="licence.by-nc" checked', html)


async def test_a_posted_form_that_nobody_has_changed_changes_nothing(w: Winnow, http: httpx.AsyncClient) -> None:
    policy = IntakePolicy(licences=("by", "homemade"), max_aspect=2.25, min_sharpness=1_234_567.0)
    await intake_policy.change(w, "car", policy)
    await http.post(f"{PAGE}/intake", data=scrape_forms._typed_policy(policy))
    assert (await w.store.categories.definition("car")).intake == policy
    assert "homemade" in (await http.get(PAGE)).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"licence.by": "", "min_side": "ten"}, "A whole number, please."),
        ({"max_side": ""}, "This is needed."),
        ({"max_aspect": "0.5"}, "At least 1"),
        ({"max_aspect": "inf"}, "Shape and sharpness are numbers with an end."),
        ({"near": "17"}, "At most 16."),
        ({"form": "vast"}, "One of"),
        ({"min_side": "9001"}, "The shortest side is longer than the longest."),
        ({"max_side": "9" * 30}, "No image has a side of"),
    ],
)
async def test_a_policy_that_does_not_fit_is_said_and_kept_as_typed(
    w: Winnow, http: httpx.AsyncClient, typed: dict[str, str], said: str
) -> None:
    reply = await http.post(f"{PAGE}/intake", data=POLICY | typed)
    assert (reply.status_code, said in reply.text) == (422, True)
    assert value(reply.text, "min_sharpness") == "80"
    assert re.search(r'name="licence.cc0" checked', reply.text)
    assert (await w.store.categories.definition("car")).intake == IntakePolicy()


async def test_no_licence_at_all_is_a_mistake(w: Winnow, http: httpx.AsyncClient) -> None:
    typed = {name: value for name, value in POLICY.items() if not name.startswith("licence.")}
    reply = await http.post(f"{PAGE}/intake", data=typed)
    assert (reply.status_code, "No licence is let in." in reply.text) == (422, True)
    with pytest.raises(InputError):
        await intake_policy.change(w, "car", IntakePolicy(licences=()))


def test_every_outcome_source_and_licence_has_words() -> None:
    assert set(outcomes.OUTCOMES) == {one.value for one in Outcome}
    assert set(outcomes.AGAIN) == {one.value for one in Outcome if one.passing}
    accepted = {one.value for one in Outcome if one.accepted}
    assert {name for name, said in outcomes.OUTCOMES.items() if said.group == "pool"} == accepted
    assert {name: licence.title for name, licence in LICENCES.items()} == licences.TITLES
    assert set(scrape_forms.TITLED) == set(SOURCES)
    fields = {(group.name, field.name) for group in scrape_forms.start_form({}, {}).sources for field in group.fields}
    assert {source for source, _ in fields} == {name for name, kind in SOURCES.items() if not kind.local}
