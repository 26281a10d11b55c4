"""The pool by hand: filters against a plain reading of the pool, pages by key, likeness, acts and their undo."""

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from active_learning.domain.candidate import Role, State
from active_learning.domain.errors import InputError, NotFound, StateError
from active_learning.rounds import StartRound
from api.operations import browsing, cutting, excluding, hand_acts, likeness, recounting, rounds, selecting, task_sets
from api.operations.browsing import Filters, Seen
from api.operations.context import Winnow
from api.operations.hand_acts import Act
from api.operations.spreading import here
from api.store.connection import Document
from tests import factories
from tests.api import pools, scored
from tests.api.pools import SLUG

Wanted = Callable[[Document], bool]


async def full_pool(w: Winnow) -> dict[str, float]:
    """A pool in which every state, source and doubt occurs; returns the newest scores."""
    answers = scored.truth(scored.ids(900))
    policy = {"validation": 250, "precision": 0.8, "recall": 0.8, "confidence": 0.8, "slots": 60, "hidden_gold": 10}
    await scored.pool(w, list(answers), **policy)
    gold = list(answers)[:60]
    for value, act in ((True, Act.GOLD_YES), (False, Act.GOLD_NO)):
        await hand_acts.do(w, SLUG, act, [image for image in gold if answers[image] is value], "ann")
    await scored.validated(w, answers)
    scores = scored.good_scores(answers, 0.5, 1)
    await scored.put_scores(w, scores, f"{SLUG}:1", 3)
    await scored.ready_to_cut(w, 1)
    await cutting.cut(w, SLUG, 1)
    labeled = await w.store.candidates.find(SLUG, {"state": "auto_labeled"}, ["image"], limit=120)
    number = await task_sets.create(w, SLUG, [c["image"] for c in labeled], "", "ann")
    await task_sets.arrange(w, SLUG, number, task_sets.Arrangement(slots=60, hidden_gold=10, answers=1))
    await task_sets.take_apart(w, SLUG, number)
    free = await pools.untouched(w)
    await scored.people_say(w, {image: answers[image] for image in free[:15]}, certainty=0.93, task=f"{SLUG}-r1-w1-t1")
    await rounds.start_round(w, SLUG, StartRound(number=2, strategy="random", take=30))
    await hand_acts.do(w, SLUG, Act.EXCLUDE, (await pools.untouched(w))[:6], "ann")
    left = (await pools.untouched(w))[10:14]
    await w.store.candidates.collection.update_many({"image": {"$in": left[:2]}}, {"$set": {"disputed": True}})
    await w.store.candidates.collection.update_many({"image": {"$in": left[2:]}}, {"$set": {"votes_wanted": True}})
    return scores


async def everything(w: Winnow, filters: Filters, size: int) -> list[Seen]:
    """All pages of it, one after another."""
    found: list[Seen] = []
    after: str | None = None
    while True:
        page = await browsing.page(w, SLUG, filters, after, size)
        assert len(page.items) <= size
        found += page.items
        if page.next is None:
            return found
        assert page.next != after
        after = page.next


HIDDEN = Role.VALIDATION.value
CASES: list[tuple[dict[str, Any], Wanted]] = [
    ({}, lambda c: True),
    ({"state": "unknown"}, lambda c: c["state"] == "unknown"),
    ({"state": "unknown", "role": "train"}, lambda c: c["state"] == "unknown" and c["role"] == "train"),
    ({"state": "selected"}, lambda c: c["state"] == "selected"),
    ({"state": "auto_labeled", "answer": True}, lambda c: c["state"] == "auto_labeled" and c["answer"]),
    ({"state": "labeled"}, lambda c: c["state"] == "labeled"),
    ({"answer": False}, lambda c: c["answer"] is False and c["role"] != HIDDEN),
    ({"source": "gold"}, lambda c: c["source"] == "gold"),
    ({"source": "human", "answer": True}, lambda c: c["source"] == "human" and c["answer"] and c["role"] != HIDDEN),
    ({"gold": True}, lambda c: c["gold"] is True),
    ({"role": "validation"}, lambda c: c["role"] == HIDDEN),
    ({"round": 2}, lambda c: (c["task"] or "").startswith("bright-r2-")),
    ({"doubt": "contested"}, lambda c: c["disputed"]),
    ({"doubt": "wanted"}, lambda c: c["votes_wanted"]),
    ({"doubt": "least_sure"}, lambda c: "certainty" in c and c["role"] != HIDDEN),
    ({"doubt": "least_sure", "answer": True}, lambda c: "certainty" in c and c["answer"] and c["role"] != HIDDEN),
]


async def test_filters_show_what_a_plain_reading_of_the_pool_finds_whatever_the_page(w: Winnow) -> None:
    scores = await full_pool(w)
    pool = [c async for c in w.store.candidates.stream(SLUG, {}, browsing.ways.FIELDS)]
    for given, wanted in CASES:
        expected = {c["image"] for c in pool if wanted(c) and not c.get("excluded")}
        assert expected, given
        for size in (7, 400):
            found = await everything(w, Filters(**given), size)
            images = [one.image for one in found]
            assert set(images) == expected, given
            assert len(images) == len(expected), "nothing twice"
    assert {one.image for one in await everything(w, Filters(excluded=True), 4)} == {
        c["image"] for c in pool if c.get("excluded")
    }
    sure = [one.certainty for one in await everything(w, Filters(doubt="least_sure"), 7)]
    assert sure == sorted(sure, key=float)  # type: ignore[arg-type]
    for given, low, high in (
        ({"score_from": 0.9}, 0.9, 1.0),
        ({"score_from": 0.2, "score_to": 0.4, "state": "unknown"}, 0.2, 0.4),
    ):
        found = await everything(w, Filters(**given), 9)
        states = {"unknown"} if "state" in given else {state.value for state in State}
        expected = {c["image"] for c in pool if c["state"] in states and low <= scores[c["image"]] <= high}
        expected -= {c["image"] for c in pool if c.get("excluded")}
        assert {one.image for one in found} == expected and len(found) == len(expected)
        assert all(one.score == scores[one.image] for one in found)


async def test_of_validation_images_no_answer_is_told(w: Winnow) -> None:
    await full_pool(w)
    found = await everything(w, Filters(role=Role.VALIDATION), 100)
    assert found and {(one.answer, one.source, one.certainty) for one in found} == {(None, None, None)}
    assert any(one.state is State.LABELED for one in found)


async def test_every_way_through_the_pool_is_a_range_of_an_index(w: Winnow) -> None:
    """No more is read than is shown, with or without a key; so nothing that grows is sorted in memory."""
    await full_pool(w)
    asked = [case for case, _ in CASES] + [{"excluded": True}, {"state": "posted"}, {"state": "auto_labeled"}]
    for given in asked:
        way = browsing.walk(SLUG, Filters(**given))
        first = await w.store.browsing.page(SLUG, way, None, 3)
        after = browsing.ways.place(way, first[-1]) if first else None
        for beyond in browsing.ways._beyond(SLUG, way, after):
            only = {"category": SLUG, "$and": [way.only, beyond]}
            order = [(field, way.way[0]) for field in dict.fromkeys((way.by, way.tie))]
            cursor = w.store.browsing.collection.find(only, browsing.ways.FIELDS, hint=way.index).sort(order).limit(5)
            plan = await cursor.explain()
            stages = str(plan["queryPlanner"]["winningPlan"])
            assert "COLLSCAN" not in stages, given
            read = plan["executionStats"]["totalDocsExamined"]
            assert read <= 5 + 6, (given, read)


async def test_a_page_looks_at_so_many_and_the_next_one_looks_further(
    w: Winnow, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = await pools.pool(w, images=90)
    last = sorted(truth)[-1]
    await w.store.images.collection.update_one({"_id": last}, {"$set": {"licence": "by", "source": "flickr"}})
    monkeypatch.setattr(browsing, "LOOKED", 30)
    monkeypatch.setattr(browsing, "AT_ONCE", 10)
    for given in ({"licence": "by"}, {"origin": "flickr"}, {"licence": "by", "origin": "flickr"}):
        pages = [await browsing.page(w, SLUG, Filters(**given), None, 5)]
        while pages[-1].next is not None:
            pages.append(await browsing.page(w, SLUG, Filters(**given), pages[-1].next, 5))
        assert [one.image for page in pages for one in page.items] == [last]
        assert all(page.looked <= 40 for page in pages) and len(pages) >= 3


@pytest.mark.parametrize("key", ["", "x", "bm90anNvbg", "WzEsICJ4Il0", "rank1", "W1tdLCAiIl0"])
async def test_a_key_that_is_none_is_refused(w: Winnow, key: str) -> None:
    await pools.pool(w, images=12)
    with pytest.raises(InputError, match="not the key"):
        await browsing.page(w, SLUG, Filters(), key)


async def embedded(w: Winnow, images: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Give a pool features of chance."""
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((len(images), 8)).astype(np.float32)
    await w.store.features.put("backbone", images, vectors)
    await w.store.categories.put(SLUG, {"backbone": "backbone"})
    return dict(zip(images, vectors, strict=True))


async def test_the_likest_are_those_of_a_plain_comparison_whatever_the_ranges(
    w: Winnow, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = scored.ids(300)
    await scored.pool(w, images)
    vectors = await embedded(w, images)
    example = vectors[images[0]]
    cosines = {i: float(v @ example / np.linalg.norm(v) / np.linalg.norm(example)) for i, v in vectors.items()}
    expected = sorted(images, key=lambda image: -cosines[image])
    monkeypatch.setattr(likeness, "AT_ONCE", 40)
    monkeypatch.setattr(likeness, "LIKE", 100)
    found: list[Seen] = []
    after = None
    while True:
        page = (await likeness.like(w, SLUG, images[0], Filters(), after, 30)).page
        assert page is not None
        found += page.items
        after = page.next
        if after is None:
            break
    assert [one.image for one in found] == expected[:100]
    assert [one.likeness for one in found] == pytest.approx([cosines[one.image] for one in found], abs=1e-5)
    assert (await w.store.likenesses.get(SLUG, images[0]) or {})["looked"] == 300


async def test_a_large_pool_is_searched_by_a_job_and_nothing_without_features(
    w: Winnow, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = scored.ids(50)
    await scored.pool(w, images)
    with pytest.raises(StateError, match="no features"):
        await likeness.like(w, SLUG, images[0], Filters())
    await embedded(w, images)
    with pytest.raises(NotFound):
        await likeness.like(w, SLUG, "f" * 64, Filters())
    monkeypatch.setattr(likeness, "WHILE_WAITING", 20)
    for _ in range(2):
        assert (await likeness.like(w, SLUG, images[0], Filters())).page is None
    job = await w.store.jobs.lease("test", ["likeness"], w.clock(), 10.0)
    assert job is not None and await w.store.jobs.lease("test", ["likeness"], w.clock(), 10.0) is None
    await w.store.jobs.report(job.id, "nearest_range", 1, 4, w.clock())
    assert (await likeness.like(w, SLUG, images[0], Filters())).total == 4
    await likeness.search(w, SLUG, images[0])
    page = (await likeness.like(w, SLUG, images[0], Filters())).page
    assert page is not None and page.items[0].image == images[0]


async def test_an_act_says_what_it_left_and_undo_restores_everything(w: Winnow) -> None:
    await pools.pool(w)
    before = (await w.store.categories.get(SLUG))["counts"]
    free, validation = (await pools.untouched(w))[:6], (await pools.in_role(w, "validation"))[:2]
    for act in (Act.GOLD_YES, Act.GOLD_NO, Act.EXCLUDE, Act.ASK):
        done = await hand_acts.do(w, SLUG, act, [*free, *validation, "f" * 64], "ann")
        expected = [*free, *validation] if act is Act.EXCLUDE else free
        assert sorted(done.changed) == sorted(expected), act
        assert done.left["not in this pool"] == 1
        again = await hand_acts.do(w, SLUG, act, free, "bob", done.set)
        assert not again.changed and sum(again.left.values()) == 6, act
        assert await recounting.differences(w, SLUG) == {}
        undone = await hand_acts.undo(w, SLUG, done.id, "ann")
        assert undone.undone and (await hand_acts.undo(w, SLUG, done.id, "ann")) == undone
        assert await recounting.differences(w, SLUG) == {}
        assert (await w.store.categories.get(SLUG))["counts"] == before
        assert {c["image"] for c in await w.store.candidates.find(SLUG, {"excluded": None}, ["image"])} >= set(free)
    labels = await w.store.labels.history(SLUG, free[0])
    assert sorted([label.value for label in labels], key=str) == [False, None, None, True]


async def test_gold_that_somebody_has_seen_stays(w: Winnow) -> None:
    await pools.pool(w, slots=30, hidden_gold=16)
    free = (await pools.untouched(w))[:4]
    done = await hand_acts.do(w, SLUG, Act.GOLD_YES, free, "ann")
    await rounds.start_round(w, SLUG, StartRound(number=1, strategy="random", take=10, validation=10))
    with pytest.raises(StateError, match="cannot be taken back"):
        await hand_acts.undo(w, SLUG, done.id, "ann")
    assert await recounting.differences(w, SLUG) == {}


async def test_what_is_excluded_is_not_chosen_but_still_measures_and_is_still_cut(w: Winnow) -> None:
    answers = scored.truth(scored.ids(900))
    policy = {"validation": 250, "precision": 0.8, "recall": 0.8, "confidence": 0.8, "slots": 60, "hidden_gold": 10}
    await scored.pool(w, list(answers), **policy)
    await hand_acts.do(w, SLUG, Act.GOLD_YES, [i for i in list(answers)[:60] if answers[i]], "ann")
    await hand_acts.do(w, SLUG, Act.GOLD_NO, [i for i in list(answers)[:60] if not answers[i]], "ann")
    unseen = await selecting.select(w, SLUG, "random", 40, 7, here)
    drawn = await scored.validated(w, answers)
    await scored.put_scores(w, scored.good_scores(answers, 0.3, 1), f"{SLUG}:1", 1)
    await scored.ready_to_cut(w, 1)
    by = excluding.By(act="a", name="ann", at=w.clock())
    wrong = [image for image in drawn if answers[image]][:40]
    open_now = [image for image in unseen if image not in drawn]
    assert len(await excluding.exclude(w, SLUG, [*wrong, *open_now], by)) == len(wrong) + len(open_now)
    chosen = await selecting.select(w, SLUG, "random", 400, 7, here)
    assert not set(chosen) & set(open_now)
    await cutting.cut(w, SLUG, 1)
    report = (await w.store.rounds.all(SLUG))[0]["report"]
    assert report["calibration"]["n"] == 250, "what was excluded measures as before"
    labeled = await w.store.candidates.find(SLUG, {"image": {"$in": open_now}, "state": "auto_labeled"}, ["image"])
    assert labeled, "the cuts count and label what is excluded"
    assert await w.store.candidates.excluded_unknown(SLUG) == len(open_now) - len(labeled)
    assert await recounting.differences(w, SLUG) == {}


async def test_gold_that_is_excluded_checks_nobody_until_it_is_brought_back(w: Winnow) -> None:
    await pools.pool(w)
    category = await w.store.categories.definition(SLUG)
    gold = await pools.in_role(w, "gold")
    shown = [image for image in gold if image in category.visible]
    hidden = next(image for image in gold if image not in category.visible)
    await hand_acts.do(w, SLUG, Act.EXCLUDE, [hidden, shown[0]], "ann")
    assert hidden not in {c["image"] for c in await w.store.candidates.gold(SLUG)}
    now = await w.store.categories.definition(SLUG)
    assert shown[0] in now.retired and shown[0] not in {e.image for e in (*now.examples, *now.lessons)}
    assert await recounting.differences(w, SLUG) == {}
    await hand_acts.do(w, SLUG, Act.BRING_BACK, [hidden], "ann")
    assert hidden in {c["image"] for c in await w.store.candidates.gold(SLUG)}
    assert await recounting.differences(w, SLUG) == {}


async def test_rest_browses_acts_and_makes_task_sets(w: Winnow, http: httpx.AsyncClient) -> None:
    await pools.pool(w)
    api = f"/api/v1/categories/{SLUG}"
    first = (await http.get(f"{api}/candidates?state=unknown&role=train&limit=5")).json()
    second = (await http.get(f"{api}/candidates?state=unknown&role=train&limit=5&after={first['next']}")).json()
    images = [one["image"] for one in first["items"] + second["items"]]
    assert len(set(images)) == 10
    gold = {"answers": [{"image": images[0], "value": True}, {"image": images[1], "value": False}]}
    done = (await http.post(f"{api}/gold", json=gold)).json()
    assert sorted(done["changed"]) == sorted(images[:2])
    assert (await http.post(f"{api}/hand-acts/{done['acts'][0]}/undo")).json()["undone"] is True
    excluded = (await http.post(f"{api}/exclusions", json={"images": images[2:4]})).json()
    assert len(excluded["changed"]) == 2
    back = await http.request("DELETE", f"{api}/exclusions", json={"images": images[2:3]})
    assert back.json()["changed"] == images[2:3]
    seen = (await http.post(f"{api}/task-sets/preview", json={"images": [*images[3:8], "nowhere.png"]})).json()
    assert seen["available"] == images[4:8] and len(seen["missing"]) == len(seen["hindered"]) == 1
    made = await http.post(f"{api}/task-sets", json={"images": images[3:8], "name": "Night", "number": 7})
    assert (made.status_code, made.json()["images"]) == (201, images[4:8])
    assert (await http.post(f"{api}/task-sets", json={"images": images[3:8], "number": 7})).status_code == 422
    arranged = await http.post(f"{api}/task-sets/7/arrange", json={"slots": 10, "hidden_gold": 4, "answers": 2})
    assert arranged.json()["state"] == "arranged"
    assert (await http.post(f"{api}/task-sets/7/post")).json()["tasks"][0]["state"] == "drafted"
    assert (await http.post(f"{api}/task-sets/7/cancel")).status_code == 409
    assert (await http.get(f"{api}/task-sets")).json()["items"][0]["number"] == 7
    assert (await http.get(f"{api}/candidates?after=x")).status_code == 422
    assert (await http.get("/api/v1/categories/nowhere/candidates")).status_code == 404


async def test_pages_say_what_does_not_fit_and_lose_nothing(w: Winnow, http: httpx.AsyncClient) -> None:
    await pools.pool(w)
    page = f"/categories/{SLUG}/task-sets"
    for data, said in (
        ({"ids": "", "name": "Night"}, "names no image"),
        ({"ids": "1.png", "name": "Night", "number": "0"}, "is not a number"),
        ({"ids": "x\n" * 20_001, "name": "Night"}, "more than 20,000 lines"),
    ):
        reply = await http.post(f"{page}/preview", data=data)
        assert reply.status_code == 422 and said in reply.text and 'value="Night"' in reply.text
    reply = await http.post(f"{page}/preview", files={"file": ("a.txt", b"\xff\xfe\x00x", "text/plain")})
    assert reply.status_code == 422 and "not a text file" in reply.text
    free = await pools.untouched(w)
    saved = await http.post(page, data={"ids": " ".join(free[:4]), "number": "1"})
    assert saved.headers["location"] == f"{page}/1"
    taken = await http.post(page, data={"ids": " ".join(free[:4]), "number": "1"})
    assert taken.status_code == 422 and "already a task set 1" in taken.text and free[0] in taken.text
    bad = await http.post(f"{page}/1/arrange", data={"slots": "many", "hidden_gold": "4", "answers": "1"})
    assert bad.status_code == 422 and "Images in a task" in bad.text
    none = await http.post(f"/categories/{SLUG}/pool/acts", data={"act": "exclude"})
    assert none.status_code == 422
    assert (await http.get(f"/categories/{SLUG}/pool?state=nonsense")).status_code == 422


async def test_a_viewer_looks_and_has_nothing_to_act_with(w: Winnow, anonymous: httpx.AsyncClient) -> None:
    await pools.pool(w)
    number = (await hand_acts.do(w, SLUG, Act.ASK, (await pools.untouched(w))[:3], "ann")).set
    anonymous.cookies.update(await factories.cookie(w, factories.UserRole.VIEWER))
    for address in ("pool", "task-sets", f"task-sets/{number}"):
        html = (await anonymous.get(f"/categories/{SLUG}/{address}")).text
        assert "<img" in html or "Task sets" in html
        assert 'method="post" action="/categories' not in html, address
