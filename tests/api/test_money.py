"""Money and wages as pages, REST and tables show them, from the real database."""

import csv
import io

import httpx
import pytest

from active_learning.domain.access import UserRole
from active_learning.domain.task import Task
from api.operations import bonuses, money, recounting
from api.operations.context import Winnow
from api.store import Session
from tests import factories
from tests.api.test_wages import judged_and_paid, posted, works
from tests.api.working import SLUG
from tests.factories import FakeClock


async def crew(w: Winnow, **policy: object) -> Task:
    """Three people who were paid, the second and third of them a day later."""
    task, truth = await posted(w, **policy)
    for who, ms in (("ANNA", 15_000), ("BEN", 4_000), ("CARO", 9_000)):
        document = await works(w, task, who, truth, ms)
        await judged_and_paid(w, task, who, document["market_assignment"])
        assert isinstance(w.clock, FakeClock)
        w.clock.move(24 * 3_600 if who == "ANNA" else 1)
    return task


async def test_what_was_spent_by_day_and_for_what(w: Winnow) -> None:
    await crew(w)
    seen = await money.look(w, 30)
    (fund,) = seen.funds
    kept = (await w.store.categories.get(SLUG))["money"]
    assert (fund.spent, fund.committed) == (kept["spent_cents"], kept["committed_cents"])
    assert seen.lately == seen.spent == sum(kind.cents for kind in seen.kinds)
    assert [(k.kind, k.acts, k.people_cents) for k in seen.kinds] == [("reward", 3, 180), ("floor", 2, 128 + 53)]
    assert [(d.day, d.kind, d.acts) for d in seen.by_day] == [
        ("2026-03-01", "reward", 1),
        ("2026-03-01", "floor", 1),
        ("2026-03-02", "reward", 2),
        ("2026-03-02", "floor", 1),
    ]
    assert [(k.kind, k.acts) for k in (await money.look(w, 1)).kinds] == [("reward", 2), ("floor", 1)]
    # 361 cents for 450 + 120 + 270 seconds
    assert fund.hourly == pytest.approx(361 * 3_600 / 840)
    assert (seen.spread.people, seen.spread.middle) == (3, pytest.approx(1_800 * 1_507 / 1_800, abs=4))


async def test_wages_are_paged_from_the_lowest_on(w: Winnow, http: httpx.AsyncClient) -> None:
    await crew(w, wage_floor_cents=0)
    names, after = [], None
    while True:
        reply = (
            await http.get("/api/v1/money/wages", params={"limit": 1} | ({"after": after} if after else {}))
        ).json()
        names += [line["annotator"] for line in reply["items"]]
        after = reply["next"]
        if after is None:
            break
    assert names == ["ANNA", "CARO", "BEN"]
    assert (await http.get("/api/v1/money/wages?after=nonsense")).status_code == 422
    table = list(csv.DictReader(io.StringIO((await http.get("/money/wages.csv")).text)))
    assert [row["annotator"] for row in table] == names
    assert [float(row["hourly_cents"]) for row in table] == [480.0, 800.0, 1800.0]


async def test_the_ledger_is_paged_from_the_newest_on(w: Winnow, http: httpx.AsyncClient) -> None:
    await crew(w)
    everything = (await http.get("/api/v1/money/ledger")).json()["items"]
    assert [entry["kind"] for entry in everything].count("floor") == 2
    ids, after = [], ""
    while after is not None:
        reply = (
            await http.get("/api/v1/money/ledger", params={"limit": 2} | ({"after": after} if after else {}))
        ).json()
        ids += [entry["id"] for entry in reply["items"]]
        after = reply["next"]
    assert ids == [entry["id"] for entry in everything] and len(ids) == 5
    rows = list(csv.DictReader(io.StringIO((await http.get("/money/ledger.csv")).text)))
    assert {row["id"] for row in rows} == set(ids)
    assert sum(int(row["cents"]) for row in rows) == (await money.look(w, 30)).spent
    page = (await http.get("/money/ledger", headers={"Accept": "text/html"})).text
    assert "Nobody here earns less than $15.00 an hour" in page
    assert (await http.get("/api/v1/money/ledger?after=yesterday")).status_code == 422


async def test_what_the_budget_did_not_cover_is_paid_once_it_does(w: Winnow, http: httpx.AsyncClient) -> None:
    task, truth = await posted(w, budget_cents=200)
    document = await works(w, task, "ANNA", truth, 15_000)
    await judged_and_paid(w, task, "ANNA", document["market_assignment"])
    (fund,) = (await money.look(w, 30)).funds
    assert (fund.owed, fund.owed_cents) == (1, 154)
    assert (await http.post(f"/api/v1/money/{SLUG}/owed")).json() == {"paid": 0}
    await w.store.categories.put(SLUG, {"category.policy.budget_cents": 1_000})
    for paid in (1, 0):
        assert (await http.post(f"/api/v1/money/{SLUG}/owed")).json() == {"paid": paid}
    await judged_and_paid(w, task, "ANNA", document["market_assignment"])
    entry = await w.store.payments.get(f"{document['_id']}:floor")
    assert entry is not None and entry["done_at"] is not None and bonuses.NO_MONEY not in entry.values()
    assert (await w.store.categories.get(SLUG))["bonuses"] == {"paid": 1, "refused": 0}
    assert await recounting.differences(w, SLUG) == {}
    assert (await http.post("/api/v1/money/none/owed")).status_code == 404


async def test_workers_names_are_for_those_who_may_see_them(w: Winnow, anonymous: httpx.AsyncClient) -> None:
    await crew(w)
    seen = {}
    for role in (UserRole.ADMIN, UserRole.VIEWER):
        anonymous.cookies.clear()
        anonymous.cookies.update(await factories.cookie(w, role))
        seen[role] = (await anonymous.get("/money", headers={"Accept": "text/html"})).text
    assert "ANNA" in seen[UserRole.ADMIN]
    assert "ANNA" not in seen[UserRole.VIEWER]


@pytest.mark.parametrize("query", ["days=0", "days=99999", "category=none"])
async def test_what_cannot_be_shown_is_said(http: httpx.AsyncClient, query: str) -> None:
    for path in ("/money", "/api/v1/money"):
        reply = await http.get(f"{path}?{query}")
        assert reply.status_code == (404 if "none" in query else 422)
        assert reply.json()["error"]["message"]


async def test_nothing_yet(http: httpx.AsyncClient) -> None:
    assert "No category has a budget yet" in (await http.get("/money", headers={"Accept": "text/html"})).text


async def test_a_category_that_is_put_away_keeps_its_money(w: Winnow, http: httpx.AsyncClient) -> None:
    await crew(w)
    before = (await money.look(w, 30)).spent

    async def labels(session: Session) -> None:
        await w.store.rounds.count(SLUG, 1, {"human_labels": 5}, session)

    await w.store.transact(labels)
    assert (await money.look(w, 30)).funds[0].to_come is not None
    await w.store.categories.put(SLUG, {"state": "archived"})
    (fund,) = (await money.look(w, 30)).funds
    assert (fund.state, fund.spent, fund.to_come) == ("archived", before, None)
    assert (await http.get("/money", headers={"Accept": "text/html"})).status_code == 200
    assert (await http.get("/monitor", headers={"Accept": "text/html"})).status_code == 200
