"""The monitor, the measurements, the health of a process, and logs, with the real database."""

import asyncio
import json
import logging
from datetime import timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from active_learning.domain.access import Scope, UserRole
from active_learning.domain.task import Task
from api import logs
from api.app import create_app
from api.operations import accounts, api_tokens, monitoring, reconciling
from api.operations.context import Winnow
from api.operations.reconciling import Difference, Kind
from tests import factories
from tests.factories import FakeClock
from workers.leased import ATTEMPTS, run_leased

OWNER = "host:1/0"


def clock(w: Winnow) -> FakeClock:
    assert isinstance(w.clock, FakeClock)
    return w.clock


async def run(w: Winnow, kind: str, error: Exception | None = None) -> None:
    """Lease the job of this kind that is due and run it."""

    async def work() -> None:
        clock(w).move(2)
        if error is not None:
            raise error

    job = await w.store.jobs.lease(OWNER, [kind], w.clock(), 15)
    assert job is not None
    await run_leased(w, OWNER, job, work())


async def test_a_job_that_fails_is_told_once_and_can_be_tried_again(w: Winnow, http: httpx.AsyncClient) -> None:
    identifier = await w.store.jobs.insert("train", {"category": "bright", "round": 2}, w.clock())
    for _ in range(ATTEMPTS):
        await run(w, "train", ValueError("no <b>memory</b>"))
        clock(w).move(60)
    seen = await monitoring.look(w)
    (job,) = seen.troubled
    assert (job.state, job.words, job.attempts) == ("failed", "Train and score, round 2", ATTEMPTS)
    assert [one.words for one in seen.happened] == ["Train and score, round 2: ValueError: no <b>memory</b>"]
    assert seen.level == "bad" and any("will not be tried again" in words for words in seen.troubles)
    page = await http.get("/monitor", headers={"Accept": "text/html"})
    assert "no &lt;b&gt;memory&lt;/b&gt;" in page.text

    assert (await http.post(f"/api/v1/jobs/{identifier}/retry")).status_code == 204
    await run(w, "train")
    seen = await monitoring.look(w)
    assert seen.troubled == ()
    assert seen.happened[0].words == "Train and score, round 2: done"
    assert (await http.post(f"/api/v1/jobs/{identifier}/retry")).status_code == 409
    assert (await http.post("/api/v1/jobs/train:none/retry")).status_code == 404
    assert await w.store.jobs.all_runs() == [{"_id": "train", "failed": ATTEMPTS, "done": 1, "seconds": 12.0}]


async def test_what_comes_back_every_few_seconds_is_counted_and_not_told(w: Winnow) -> None:
    await w.store.jobs.insert("collect", {"category": "bright"}, w.clock(), every_s=2)
    for error in (None, ValueError("a"), ValueError("a"), ValueError("b"), None):
        await run(w, "collect", error)
        clock(w).move(60)
    told = [one.words for one in (await monitoring.look(w)).happened]
    assert told == ["Post tasks, collect and pay: ValueError: b", "Post tasks, collect and pay: ValueError: a"]
    (runs,) = await w.store.jobs.all_runs()
    assert (runs["done"], runs["failed"]) == (2, 3)


async def test_who_lives_and_who_went_without_a_word(w: Winnow) -> None:
    await monitoring.beat(w, "host:1", "worker", 3)
    await w.store.jobs.insert("train", {"category": "bright", "round": 1}, w.clock())
    await w.store.jobs.lease(OWNER, ["train"], w.clock(), 15)
    await w.store.jobs.report("train:bright:1", "score_range", 3, 8, w.clock())
    seen = await monitoring.look(w)
    assert [(p.id, p.alive, p.doing) for p in seen.processes] == [("host:1", True, ("Train and score, round 1",))]
    assert seen.running[0].progress is not None and seen.running[0].progress.what == "Scoring the pool"
    assert (seen.workers, seen.level) == (1, "busy")
    clock(w).move(monitoring.ALIVE.total_seconds() + 1)
    await monitoring.beat(w, "host:2", "worker", 3)
    assert [p.alive for p in (await monitoring.look(w)).processes] == [True, False]
    await w.store.processes.leave("host:2")
    assert (await monitoring.look(w)).workers == 0


async def test_a_market_that_goes_and_comes_back(w: Winnow) -> None:
    await monitoring.market_found(w, "turk", 10_000)
    first = w.clock()
    for error in ("", "It does not answer.", "It does not answer.", ""):
        clock(w).move(15)
        await monitoring.market_found(w, "turk", None if error else 9_000, error)
        (market,) = (await monitoring.look(w)).markets
        assert market.reachable is not bool(error)
    assert market.since == first + timedelta(seconds=60)
    told = [(one.level, one.words) for one in (await monitoring.look(w)).happened]
    assert told == [
        ("info", "The market turk answers again"),
        ("error", "The market turk does not answer: It does not answer."),
    ]


async def test_open_hits_and_people_at_work(w: Winnow, task: Task) -> None:
    standing = {"category": task.category, "hit": "HIT1", "pending": 2, "available": 3, "completed": 1}
    for _ in range(2):
        await w.store.markets.put_hit(task.id, standing)
    (loop,) = (await monitoring.look(w)).loops
    assert (loop.slug, loop.round, loop.hits, loop.places, loop.people) == ("bright", 1, 1, 3, 2)
    await w.store.markets.forget_hit(task.id)
    assert (await monitoring.look(w)).loops[0].hits == 0


async def test_measurements_need_a_token_and_are_what_prometheus_reads(
    w: Winnow, task: Task, anonymous: httpx.AsyncClient
) -> None:
    assert (await anonymous.get("/metrics")).status_code == 401
    await accounts.enrol(w, "ann", UserRole.ADMIN, {})
    owner = await accounts.by_cookie(w, (await accounts.let_in(w, "ann")).key)
    assert owner is not None
    let = await api_tokens.make(w, owner, "prometheus", [Scope.READ], 30)
    headers = {"Authorization": f"Bearer {let.key}"}
    await anonymous.get("/categories/bright", headers=headers)
    reply = await anonymous.get("/metrics", headers=headers)
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }
    assert found["winnow_http_requests_total", "/categories/{slug}", "200", "GET"] == 1
    assert found["winnow_http_requests_total", "/metrics", "401", "GET"] == 1
    assert found["winnow_http_requests_in_hand",] == 1
    kept = await w.store.categories.get("bright")
    assert found["winnow_images", "bright", "unknown"] == kept["counts"]["unknown"]
    assert found["winnow_budget_dollars", "bright"] == 100
    assert found["winnow_jobs", "advance", "ready"] == 1
    openly = await anonymous.get("/metrics", headers=headers | {"Accept": "application/openmetrics-text"})
    assert openly.text.endswith("# EOF\n") and openly.text.count("# EOF") == 1


async def test_health(anonymous: httpx.AsyncClient) -> None:
    for path in ("/health", "/health/live", "/health/ready"):
        assert (await anonymous.get(path)).json() == {"status": "ok"}


@pytest.mark.parametrize("given", ["a-b.1", "bad id", "x" * 65])
async def test_every_request_has_an_id(anonymous: httpx.AsyncClient, given: str) -> None:
    replied = (await anonymous.get("/health/live", headers={"X-Request-ID": given})).headers["x-request-id"]
    assert (replied == given) is (given == "a-b.1")
    assert 0 < len(replied) <= 64


async def test_json_logs_say_who_asked_for_what_and_no_address(w: Winnow, capfd: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:]
    try:
        logs.configure("json")
        app = create_app(factories.settings("mongodb://unused", "unused", logs="json"), w.clock)
        app.state.winnow = w
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://winnow") as client:
            client.cookies.update(await factories.cookie(w, UserRole.VIEWER))
            await client.get("/categories/none?secret=1", headers={"X-Request-ID": "r1"})
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    finally:
        logging.getLogger().handlers[:] = before
    (line,) = [one for one in lines if one["logger"] == "winnow.requests"]
    assert {**line, "ms": 0, "time": ""} == {
        **{"time": "", "level": "INFO", "logger": "winnow.requests", "request_id": "r1", "ms": 0},
        **{"message": line["message"], "method": "GET", "route": "/categories/{slug}", "status": 404, "user": "viewer"},
    }
    assert "secret" not in str(lines)


async def test_the_news_never_end(w: Winnow, http: httpx.AsyncClient) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(http.get("/monitor/events"), 0.3)


async def test_what_comparing_with_the_market_has_found(w: Winnow) -> None:
    assert (await monitoring.look(w)).compared == ()
    mended = Difference(kind=Kind.UNPAID, task="t", hit="HIT1", assignment="ASG1", mended=True, outcome="Paid there.")
    left = Difference(kind=Kind.TWICE, task="t", hit="HIT1", assignment="ASG2", outcome="It stays paid.")
    await reconciling.keep(w, "bright", 3, 1, [mended, left])
    state = await monitoring.look(w)
    (line,) = state.compared
    assert (line.slug, line.hits, line.left, line.at) == ("bright", 3, 1, w.clock())
    assert [(one.words, one.mended) for one in line.found] == [
        ("paid here, not there", True),
        ("paid twice: a bonus, and the reward as well", False),
    ]
    assert any("differ in 1 thing:" in words for words in state.troubles)
    assert {one.level for one in state.happened} == {"info", "error"}
    await reconciling.keep(w, "bright", 3, 0, [])
    assert not any("differ" in words for words in (await monitoring.look(w)).troubles)
