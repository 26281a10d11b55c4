"""The dashboard of workers: kept sums that a recount confirms, flags, filters, decisions, over HTTP."""

from urllib.parse import quote

import httpx
import pytest

from api.operations import conducting, reviewing, tokens, viewing_workers
from api.operations.context import Winnow
from api.store import worker_filling
from tests.api import crowded
from tests.api.working import SLUG


async def flags(http: httpx.AsyncClient, worker: str) -> dict[str, str]:
    """Kind -> state of what was noticed about somebody."""
    page = (await http.get(f"/api/v1/workers/{worker}")).json()
    return {one["kind"]: one["state"] for one in page["flags"]}


async def test_the_odd_ones_are_noticed_and_a_person_decides(w: Winnow, http: httpx.AsyncClient) -> None:
    await crowded.crowd(w)
    listed = (await http.get("/api/v1/workers", params={"flag": "open", "limit": 500})).json()["items"]
    odd = {one["worker"]: one["kinds"] for one in listed}
    assert {one["compared"] for one in listed} == {80}
    assert odd == {
        crowded.FAST: ["too_fast"],
        crowded.LAZY: ["one_answer"],
        crowded.TWINS[0]: ["shared_timing"],
        crowded.TWINS[1]: ["shared_timing"],
    }
    fast = (await http.get(f"/api/v1/workers/{crowded.FAST}")).json()
    (flag,) = fast["flags"]
    assert flag["statistic"] < flag["threshold"] <= -3
    assert flag["p"] < flag["level"]

    # Nobody is refused or stopped by a flag.
    paid = {row["pay"] for row in fast["submissions"]}
    assert paid == {"paid"}
    assert await w.store.annotators.stopped(SLUG, crowded.FAST) is None

    path = f"/api/v1/flags/{flag['id']}"
    assert (await http.post(f"{path}/confirm", json={"note": ""})).status_code == 422
    assert (await http.post(f"{path}/confirm", json={"note": "150 ms an image."})).status_code == 204
    assert await flags(http, crowded.FAST) == {"too_fast": "confirmed"}
    lazy = (await http.get(f"/api/v1/workers/{crowded.LAZY}")).json()["flags"][0]["id"]
    for _ in range(2):
        assert (await http.post(f"/api/v1/flags/{lazy}/dismiss", json={"note": "rare class"})).status_code == 204
    counts = {one["worker"]: (one["open_flags"], one["confirmed_flags"]) for one in listed}
    assert counts[crowded.FAST] == (1, 0)
    now = (await http.get("/api/v1/workers", params={"category": SLUG, "limit": 500})).json()["items"]
    after = {one["worker"]: (one["open_flags"], one["confirmed_flags"]) for one in now}
    assert (after[crowded.FAST], after[crowded.LAZY], after[crowded.TWINS[0]]) == ((0, 1), (0, 0), (1, 0))

    # A dismissed flag stays so until twice as much work speaks against somebody.
    who = await w.store.workers.get(SLUG, crowded.LAZY)
    assert who is not None
    await w.store.workers.collection.update_many({"annotator": crowded.LAZY}, {"$set": {"stale": True}})
    await conducting.look(w, SLUG)
    assert await flags(http, crowded.LAZY) == {"one_answer": "dismissed"}
    await w.store.workers.collection.update_many(
        {"annotator": crowded.LAZY, "category": SLUG}, {"$set": {"stale": True, "submissions": 4}}
    )
    await conducting.look(w, SLUG)
    assert await flags(http, crowded.LAZY) == {"one_answer": "open"}


async def test_kept_sums_are_what_a_recount_finds(w: Winnow, http: httpx.AsyncClient) -> None:
    await crowded.crowd(w, crowded.EVERYBODY[:3])
    database = w.store.connection.database
    counted = await worker_filling.counted(database)
    kept = {one["_id"]: one async for one in database["workers"].find()}
    assert set(kept) == set(counted)
    for identifier, document in counted.items():
        for name, value in document.items():
            if name not in {"stale", "log_s", "log_s2"}:
                assert kept[identifier][name] == value, (identifier, name)
        assert kept[identifier].get("log_s", 0.0) == pytest.approx(document.get("log_s", 0.0))
    before = (await http.get("/api/v1/workers")).json()
    await database["workers"].delete_many({})
    await worker_filling.fill(database)
    again = (await http.get("/api/v1/workers")).json()
    assert [(one["worker"], one["right"], one["last_at"]) for one in again["items"]] == [
        (one["worker"], one["right"], one["last_at"]) for one in before["items"]
    ]


async def test_pages_of_every_order_show_everybody_once(w: Winnow, http: httpx.AsyncClient) -> None:
    people = crowded.EVERYBODY[:7]
    await crowded.crowd(w, people)
    for order in ("last", "submissions", "accuracy", "speed"):
        found: list[str] = []
        after = ""
        while True:
            reply = await http.get("/api/v1/workers", params={"order": order, "after": after, "limit": 2})
            page = reply.json()
            found += [one["worker"] for one in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert sorted(found) == sorted(people), order
    for wrong in ("x~y", "0001-01-01T00:00:00~y", "~"):
        assert (await http.get("/api/v1/workers", params={"after": wrong})).status_code == 422
    table = (await http.get("/workers.csv", params={"category": SLUG})).text.splitlines()
    assert table[0] == ",".join(viewing_workers.COLUMNS)
    assert len(table) == 1 + len(people)


async def test_every_page_shows_what_it_is_about(w: Winnow, http: httpx.AsyncClient) -> None:
    (task, _) = await crowded.crowd(w, crowded.EVERYBODY[:3])
    one = crowded.HONEST[0]
    submission = f"ASG{task.number}{one}:{one}"
    pages = {
        "/workers": one,
        f"/workers/{one}": "right on check images",
        f"/workers/{one}?category={SLUG}": "Give a bonus",
        f"/workers/{one}/submissions/{submission}": "The time of every image",
        f"/workers/compare?w={one}&w={crowded.HONEST[1]}": "Time an image",
        "/workers/compare": "Nobody is chosen",
        "/workers/appeals": "Nobody waits for an answer",
    }
    for path, words in pages.items():
        reply = await http.get(path)
        assert (reply.status_code, words in reply.text) == (200, True), path
    assert (await http.get("/workers/ANOBODY")).status_code == 404
    assert (await http.get(f"/workers/ANOTHER/submissions/{submission}")).status_code == 404
    seen = (await http.get(f"/api/v1/submissions/{submission}")).json()
    assert len(seen["answers"]) == seen["submission"]["answers"] == 60
    assert sum(one["gold"] is not None for one in seen["answers"]) == seen["submission"]["gold"]
    assert seen["answers"][7]["hidden_s"] == 2.5


async def test_decisions_through_forms_keep_what_was_typed(w: Winnow, http: httpx.AsyncClient) -> None:
    (task, _) = await crowded.crowd(w, crowded.EVERYBODY[:3])
    one = crowded.HONEST[0]
    base = f"/workers/{one}"
    submission = f"{base}/submissions/ASG{task.number}{one}:{one}"
    wrong = await http.post(f"{submission}/bonus", data={"number": "1", "dollars": "a lot", "reason": "Thanks <3"})
    assert wrong.status_code == 422
    assert "is not an amount of dollars" in wrong.text
    assert "Thanks &lt;3" in wrong.text
    for _ in range(2):
        paid = await http.post(f"{submission}/bonus", data={"number": "1", "dollars": "0,50", "reason": "Thanks"})
        assert paid.status_code == 303
    entries = await w.store.payments.collection.find({"act": "bonus"}).to_list()
    assert [(one["bonus"], one["by"]) for one in entries] == [(50, "admin")]
    assert (await http.post(f"{base}/block", data={"reason": ""})).status_code == 422
    assert (await http.post(f"{base}/block", data={"reason": "two accounts"})).status_code == 303
    assert "blocked" in (await http.get(base)).text
    blocked = (await http.get("/api/v1/workers", params={"blocked": True})).json()["items"]
    assert [found["worker"] for found in blocked] == [one]
    assert (await http.post(f"{base}/invite", data={"number": "2", "subject": "x", "text": "y"})).status_code == 422
    assert (await http.post(f"{base}/unblock")).status_code == 303
    assert (await http.post(f"{base}/stop", data={"category": SLUG})).status_code == 303
    assert await w.store.annotators.stopped(SLUG, one)
    assert (await http.post(f"{base}/ask-again", data={"category": SLUG})).status_code == 303
    assert await w.store.annotators.stopped(SLUG, one) is None
    assert (await http.post(f"{base}/stop", data={"category": "nothing"})).status_code == 404


async def test_the_link_of_a_refusal_is_the_annotators_alone(w: Winnow, http: httpx.AsyncClient) -> None:
    (task, _) = await crowded.crowd(w, (*crowded.HONEST[:2], crowded.LAZY), refusals="by_hand", false_refusal=0.2)
    submission = f"ASG{task.number}{crowded.LAZY}:{crowded.LAZY}"
    link = f"/appeals/{quote(tokens.appeal(w, submission))}"
    waits = await http.get(link)
    assert (waits.status_code, "Nobody has decided" in waits.text) == (200, True)
    assert (await http.post(link, data={"text": "Too early"})).status_code == 422
    assert (await http.get("/workers")).text.count("wait for a decision") == 1
    assert "Pay to decide about" in (await http.get("/workers/appeals")).text
    await reviewing.refuse(w, submission, "ann", "You said no to everything.")
    await crowded.pay_all(w)

    http.cookies.clear()
    german = await http.get(link, headers={"Accept-Language": "de-CH"})
    assert "Ihre Arbeit wurde nicht bezahlt" in german.text
    assert "You said no to everything." in german.text
    assert 'dir="rtl"' in (await http.get(f"{link}?lang=ar")).text
    assert (await http.post(link, data={"text": " "})).status_code == 422
    assert (await http.post(link, data={"text": "x" * 2_001})).status_code == 422
    foreign = await http.post(link, data={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    sent = await http.post(link, data={"text": "Es <i>waren</i> keine Autos."})
    assert sent.status_code == 303
    assert "Es &lt;i&gt;waren" in (await http.get(link)).text
    for forged in (link[:-1] + ("A" if link[-1] != "A" else "B"), f"/appeals/{quote(submission)}", "/appeals/x"):
        assert (await http.get(forged)).status_code == 403
    assert (await http.get("/workers/appeals")).status_code == 401
