"""Script injection: what somebody types, or a stranger's site or market says, is text on every page, and never runs.

Nothing here is listed by hand: pages are found by following links, forms by reading pages, REST bodies in the OpenAPI.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import lxml.html
import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Page, expect

from active_learning.domain.access import Scope, UserRole
from api.operations import accounts, api_tokens, intake, scraping, settling
from api.operations.accounts import Whence
from api.operations.intake import NewImage
from api.routers import ROUTERS
from tests import factories
from tests.api import working
from tests.ui.office import Office

TEXT = "\"'><script>hit()</script><img src=x onerror=hit()>${hit()}{{ hit() }}"
"""Ends attributes and tags, makes elements that run, and templates of two kinds."""

RUNS = re.compile(r"<script>hit|<img src=x", re.IGNORECASE)
GET_ROUTES = [
    (route.path_regex, route.path)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and "GET" in route.methods
]
A_ROUTE = 2
"""Pages of one route that are looked at: they differ in what they show."""

TYPED = {"text", "search", "url", "email", "password", "number", None}
UNTOUCHED = ("/sign-out", "/account/password", "/account/sign-out-elsewhere")
"""What would end the sign-in of the one who tries."""


@dataclass
class Crawler:
    """Somebody with a cookie who follows every link, and keeps what he has seen."""

    http: httpx.Client
    pages: dict[str, str] = field(default_factory=dict)
    """path -> HTML"""
    forms: dict[tuple[str, ...], tuple[str, Any]] = field(default_factory=dict)
    """what a form is -> the page's path and the form"""
    ran: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def keep(self, what: str, reply: httpx.Response) -> None:
        """Notice what must not be: a reply that fails, a page that would run the text."""
        if reply.status_code >= 500:
            self.broken.append(f"{what}: {reply.status_code}")
        if "text/html" in reply.headers.get("content-type", "") and RUNS.search(reply.text):
            self.ran.append(what)

    def crawl(self, *starts: str) -> None:
        """Look at everything that can be reached; pages of one route a few times."""
        waiting, seen, looks = list(starts), set(starts), dict[str, int]()
        while waiting:
            path = waiting.pop(0)
            route = next((name for shape, name in GET_ROUTES if shape.match(urlsplit(path).path)), "")
            looks[route] = looks.get(route, 0) + 1
            if not route or route.endswith(("/events", ".csv")) or looks[route] > A_ROUTE:
                continue
            reply = self.http.get(path)
            self.keep(f"GET {path}", reply)
            if reply.status_code != 200 or "text/html" not in reply.headers["content-type"]:
                continue
            self.pages[path] = reply.text
            document = lxml.html.fromstring(reply.text)
            for form in document.forms:
                if form.method == "POST":
                    self.forms.setdefault(_kind(form, path), (path, form))
            links = {urljoin(path, link.get("href").partition("#")[0]) for link in document.iterfind(".//a[@href]")}
            for link in sorted(link for link in links if link.startswith("/") and link not in seen):
                seen.add(link)
                waiting.append(link)

    def fill(self) -> int:
        """Send each form with the text in each field that takes one; returns how many were sent."""
        sent = 0
        for path, form in list(self.forms.values()):
            action = urljoin(path, form.get("action") or path)
            if action in UNTOUCHED:
                continue
            values, typed, files = _fields(form)
            for names in [(name,) for name in typed] + [tuple(typed)] * (len(typed) > 1):
                data = {**values, **dict.fromkeys(names, TEXT)}
                reply = self.http.post(action, data=data, headers={"Referer": path})
                self.keep(f"POST {action} {names}", reply)
                sent += 1
            if files:
                sheet = dict.fromkeys(files, (f"{TEXT}.txt", f"{TEXT}\nimage,label\n{TEXT},yes\n"))
                self.keep(f"POST {action} file", self.http.post(action, data=values, files=sheet))
                sent += 1
        return sent


def _kind(form: Any, path: str) -> tuple[str, ...]:
    """What is the same form for another thing: the route it goes to, and its fields."""
    action = urlsplit(urljoin(path, form.get("action") or path)).path
    return (re.sub(r"[0-9a-f]{16,}|\d+", "0", action), *sorted(name for name in form.fields if name))


def _fields(form: Any) -> tuple[dict[str, Any], list[str], list[str]]:
    """The form as a browser would send it, the fields that take text, and those that take files."""
    values: dict[str, Any] = {}
    typed, files = [], []
    for one in form.inputs:
        kind = one.get("type") if one.tag == "input" else None
        if not one.name or kind in ("submit", "button"):
            continue
        if kind == "file":
            files.append(one.name)
        elif kind in ("checkbox", "radio"):
            if one.get("checked") is not None:
                values[one.name] = one.get("value", "on")
        elif one.tag == "select":
            values[one.name] = one.value or ""
        else:
            values[one.name] = one.value or ("x" if one.get("required") is not None else "")
            if kind in TYPED:
                typed.append(one.name)
    return values, typed, files


def body_of(schema: Any, spec: Any, depth: int = 0) -> Any:
    """A body of this schema in which every text is the text."""
    if "$ref" in schema:
        return body_of(spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]], spec, depth + 1)
    for choice in schema.get("anyOf", schema.get("oneOf", ())):
        if choice.get("type") != "null":
            return body_of(choice, spec, depth)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: body_of(below, spec, depth + 1) for name, below in properties.items()} if depth < 6 else {}
    if kind == "array":
        return [body_of(schema.get("items", {}), spec, depth + 1)]
    return {"string": TEXT, "integer": 1, "number": 1.0, "boolean": False}.get(kind, TEXT)


@pytest.fixture
def office(mongod_uri: str) -> Iterator[Office]:
    """An installation in which everything that comes from outside is the text."""
    with ExitStack() as exits:
        office = Office(mongod_uri, exits)
        office.do(_fill(office))
        yield office


async def _fill(office: Office) -> None:
    w = office.w
    truth = await working.category_with(w, 60, 8, slots=20, hidden_gold=6, validation=0, batch=8, lessons=0)
    await w.store.categories.collection.update_one(
        {"_id": working.SLUG}, {"$set": {"category.question": TEXT, "category.instructions": TEXT}}
    )
    told = {"title": TEXT, "author": TEXT, "licence": "by", "page": f"javascript:{TEXT}", "source": "flickr"}
    data = factories.png(999)
    await intake.add_images(w, working.SLUG, [NewImage("f" * 64, data, "PNG", 16, 16, TEXT, TEXT, provenance=told)])
    (task, *_) = await working.round_of(w, 1, 8)
    for annotator, opinion in ((TEXT[:60], lambda image: truth.get(image, True)), ("B", lambda image: True)):
        submission = await working.submit(w, task, annotator, opinion)
        await settling.judge(w, task, submission.market_assignment, annotator)
    wanted = scraping.Wanted(category=working.SLUG, source="openverse", options={"query": TEXT})
    name = await scraping.start(w, wanted)
    await w.store.scrapes.collection.update_one({"_id": name}, {"$set": {"state": "failed", "error": TEXT}})
    await w.store.jobs.collection.update_many({}, {"$set": {"error": TEXT, "state": "failed"}})
    await accounts.enrol(w, "admin", UserRole.ADMIN, {})
    let = await accounts.let_in(w, "admin", Whence(agent=f"{TEXT} Firefox/140.0", address=TEXT[:60]))
    owner = await accounts.by_cookie(w, let.key)
    assert owner is not None
    await api_tokens.make(w, owner, "night", [Scope.READ], 9)


def test_whatever_is_typed_or_comes_from_outside_is_text(page: Page, office: Office, quiet: list[str]) -> None:
    cookie = office.do(factories.cookie(office.w))
    with httpx.Client(base_url=office.web, cookies=cookie, headers={"Accept": "text/html"}, timeout=30) as http:
        crawler = Crawler(http)
        slug = f"/categories/{working.SLUG}"
        starts = ("/", slug, "/account", "/users", "/audit-log", "/workers", "/money", "/monitor", "/categories/new")
        crawler.crawl(*starts)
        assert crawler.fill() > 40
        _send_rest(crawler, http)
        crawler.crawl(*starts)
        assert http.get("/account").status_code == 200
    assert (crawler.ran, crawler.broken) == ([], [])
    told = {}
    for path, html in crawler.pages.items():
        if "&lt;script&gt;hit()" in html or "\\u003cscript\\u003ehit()" in html:
            told.setdefault(next(name for shape, name in GET_ROUTES if shape.match(urlsplit(path).path)), path)
    assert {"/", "/categories/{slug}", "/categories/{slug}/images-in", "/audit-log", "/account"} <= set(told)

    office.sign_in(page)
    page.add_init_script("window.hits = 0; window.hit = () => { window.hits += 1; };")
    for path in told.values():
        page.goto(office.web + path, wait_until="load")
        page.locator("details").evaluate_all("all => all.forEach((details) => (details.open = true))")
        assert page.evaluate("window.hits") == 0, path
        assert page.locator("img[src='x'], [onerror], script:not([src]):not([type])").count() == 0, path
    page.goto(office.web + told["/categories/{slug}"])
    expect(page.get_by_role("heading", level=1)).to_have_text(TEXT)


def test_a_page_that_lets_text_run_would_be_found(page: Page) -> None:
    page.add_init_script("window.hits = 0; window.hit = () => { window.hits += 1; };")
    html = f"<h1 title='{TEXT}'></h1>"
    page.route("http://winnow.test/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto("http://winnow.test/", wait_until="load")
    assert page.evaluate("window.hits") > 0
    assert RUNS.search(f"<h1>{TEXT}</h1>")


def _send_rest(crawler: Crawler, http: httpx.Client) -> None:
    """Every act of the REST API with the text in every text of its body and its path."""
    spec = http.get("/api/v1/openapi.json").json()
    sent = 0
    for path, operations in spec["paths"].items():
        for method in ("post", "put", "patch", "delete"):
            content = operations.get(method, {}).get("requestBody", {}).get("content", {})
            if "application/json" not in content:
                continue
            body = body_of(content["application/json"]["schema"], spec)
            for slug in (working.SLUG, "%22%3E%3Cscript%3Ehit()%3C%2Fscript%3E"):
                address = re.sub(r"\{[^}]*\}", "f" * 64, path.replace("{slug}", slug))
                crawler.keep(f"{method} {address}", http.request(method, address, json=body))
                sent += 1
    assert sent > 10
