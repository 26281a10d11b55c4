"""The audit log: entries that fit, entries that were touched, its page."""

import csv
import io
import re

import httpx
import pytest

from active_learning.domain.access import command_line
from active_learning.domain.errors import InputError
from api.operations import audit_log
from api.operations.audit_log import Wanted
from api.operations.context import Winnow
from tests import factories

HTML = {"Accept": "text/html"}


async def acts(w: Winnow, number: int) -> None:
    me = command_line("root")
    for i in range(number):
        about = {"name": f"user{i}", "role": "viewer", "slug": "car" if i % 2 else "", "password": "hidden"}
        await audit_log.record(w, me, "users.add_user" if i % 3 else "takedown", about)


async def test_an_entry_that_was_changed_or_removed_does_not_fit(w: Winnow) -> None:
    await acts(w, 12)
    good = await audit_log.check(w)
    assert (good.to, good.newest, good.broken) == (12, 12, None)
    noted = f"{good.to}:{good.head}"
    assert await audit_log.stands_as_noted(w, noted)
    parts = [await audit_log.check(w, after, 5) for after in (0, 5, 10)]
    assert [(part.to, part.broken) for part in parts] == [(5, None), (10, None), (12, None)]
    entries = w.store.audit_log.collection
    await entries.update_one({"_id": 7}, {"$set": {"about.name": "nobody"}})
    assert (await audit_log.check(w)).broken == 7
    await entries.delete_one({"_id": 3})
    assert (await audit_log.check(w)).broken == 3
    await entries.delete_many({"_id": {"$gt": 2}})
    assert (await audit_log.check(w)).broken is None
    assert not await audit_log.stands_as_noted(w, noted)
    with pytest.raises(InputError):
        await audit_log.stands_as_noted(w, "12")


async def test_what_is_odd_is_noted_all_the_same(w: Winnow) -> None:
    about = {"a\0b": "c\0d", "\ud800": "\ud800", "": 10**30, "nan": float("nan"), "nested": {"a": ["b"]}, "$set": None}
    await audit_log.record(w, None, "x", {**about, **{f"k{i}": i for i in range(100)}, "Password": "hidden"})
    (entry,) = await audit_log.newest(w, Wanted(), None, 9)
    assert "hidden" not in str(entry)
    assert entry["about"]["and"] == "66 more"
    assert (await audit_log.check(w)).broken is None


async def test_the_audit_log_page(w: Winnow, http: httpx.AsyncClient) -> None:
    clock = w.clock
    assert isinstance(clock, factories.FakeClock)
    await acts(w, 104)
    page = (await http.get("/audit-log", headers=HTML)).text
    assert page.count('<td class="number soft">') == 100
    assert "<b>root</b> added the user user103 as viewer" in page
    assert "command line" in page and ">password<" not in page
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older is not None
    rest = (await http.get(older[1].replace("&amp;", "&"), headers=HTML)).text
    assert rest.count('<td class="number soft">') == 4
    assert "All 104 entries fit together." in (await http.get("/audit-log?check=0", headers=HTML)).text
    clock.move(86_400)
    await audit_log.record(w, None, "takedown", {"why": "he asked"})
    for query, number in (
        ("by=root&act=takedown", 35),
        ("act=accounts.create_user", 69),
        ("category=car&act=takedown", 17),
        ("by=nobody", 0),
        ("until=2026-03-01", 100),
        ("until=9999-12-31", 100),
        ("until=2026-02-28", 0),
    ):
        found = (await http.get(f"/audit-log?{query}", headers=HTML)).text
        assert found.count('<td class="number soft">') == number, query
    wrong = await http.get("/audit-log?until=soon", headers=HTML)
    assert (wrong.status_code, "is no day" in wrong.text) == (422, True)
    table = list(csv.DictReader(io.StringIO((await http.get("/audit-log/entries.csv?until=2026-03-01")).text)))
    assert (len(table), table[0]["number"], table[-1]["words"]) == (104, "1", "root added the user user103 as viewer")
    items = (await http.get("/api/v1/audit-log?limit=5&before=11&by=root")).json()
    assert ([one["number"] for one in items["items"]], items["next"]) == ([10, 9, 8, 7, 6], 6)
    assert (await http.get("/api/v1/audit-log/check")).json()["broken"] is None
