"""Categories from their making to the archive: pages and REST, on the real database."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from active_learning.domain.category import Category
from active_learning.domain.errors import InputError, StateError
from active_learning.domain.label import Source
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState
from api.operations import categories, category_files, curating, forecasts, intake, policies, rounds, scraping
from api.operations.context import Winnow
from api.operations.scraping import Wanted
from api.store.scrapes import ScrapeState
from deploy.category_commands import _wanted
from tests import factories

API = "/api/v1/categories"
CAR = {"slug": "car", "question": "Is it a car?"}
MINIMAL = "slug: car\nquestion: Is it a car?\n"
YAML = """
slug: car
question: Is it a car?
policy:
  precision: 0.95
  reward_cents: 90
"""


def typed(html: str, **changes: str) -> dict[str, str]:
    """The policy form of a page as a browser would post it, with some fields changed."""
    html = re.sub(r'<input type="checkbox"(?![^>]* checked)[^>]*>', "", html)
    fields = dict(re.findall(r'name="((?:policy|belief)\.[^"]+)" value="([^"]*)"', html))
    for name, options in re.findall(r'<select id="[^"]*" name="(policy[^"]+)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        assert chosen is not None, name
        fields[name] = chosen[1]
    return fields | {name.replace("__", "."): value for name, value in changes.items()}


async def make(w: Winnow, **policy: object) -> Policy:
    made = await categories.create(w, factories.category("car", **policy), "ann")
    return made.policy


async def test_a_category_is_made_on_the_page(w: Winnow, http: httpx.AsyncClient) -> None:
    form = typed((await http.get("/categories/new")).text, policy__precision="95", policy__reward_cents="0.75")
    reply = await http.post("/categories/new", data=CAR | form | {"instructions": " Vans count. "})
    assert (reply.status_code, reply.headers["location"]) == (303, "/categories/car")
    made = await w.store.categories.definition("car")
    assert (made.question, made.instructions) == ("Is it a car?", "Vans count.")
    assert made.policy == Policy(precision=0.95, reward_cents=75)
    assert [(v.version, v.by) for v in await policies.history(w, "car")] == [(1, "admin")]
    kinds = {job["kind"] for job in await w.store.jobs.collection.find({"args.category": "car"}).to_list()}
    assert kinds == {"collect", "advance"}
    assert "Is it a car?" in (await http.get("/")).text


async def test_a_form_that_does_not_fit_keeps_what_was_typed(w: Winnow, http: httpx.AsyncClient) -> None:
    form = {"slug": "Car!", "question": "<b>?", "instructions": "Keep me.", "policy.precision": "120"}
    reply = await http.post("/categories/new", data=form | {"policy.batch": "some"})
    assert reply.status_code == 422
    html = reply.text
    for told in ("use 1 to 64 small letters", "Less than 100\u00a0%.", "A number, please.", "Keep me.", 'value="120"'):
        assert told.lower() in html.lower()
    assert "<b>?" not in html
    assert await w.store.categories.all() == []
    await make(w)
    again = await http.post("/categories/new", data=CAR)
    assert again.status_code == 422
    assert "already a category" in again.text
    assert "is a page of Winnow" in (await http.post("/categories/new", data=CAR | {"slug": "new"})).text


async def test_the_forecast_moves_with_the_numbers_and_saves_nothing(w: Winnow, http: httpx.AsyncClient) -> None:
    def cost(html: str) -> float:
        found = re.search(r"<strong>\$([\d,.]+)</strong>", html)
        assert found is not None
        return float(found[1].replace(",", ""))

    few = {"belief.images": "200", "slug": "kept"}
    usual = await http.get("/categories/new", params=few)
    dear = await http.get("/categories/new", params=few | {"policy.reward_cents": "1.20"})
    assert 1.9 < cost(dear.text) / cost(usual.text) < 2.1
    posted = await http.post("/categories/new", data=few | {"policy.reward_cents": "1.20", "only": "forecast"})
    assert cost(posted.text) == cost(dear.text)
    assert 'value="kept"' in posted.text
    assert "Something does not fit yet" in (await http.get("/categories/new", params={"policy.slots": "1"})).text
    assert await w.store.categories.all() == []


async def test_a_file_fills_in_the_form_and_creates_nothing(w: Winnow, http: httpx.AsyncClient) -> None:
    reply = await http.post("/categories/file", files={"file": ("car.yaml", YAML)})
    assert reply.status_code == 200
    assert 'name="policy.precision" value="95"' in reply.text
    assert 'name="policy.reward_cents" value="0.90"' in reply.text
    assert await w.store.categories.all() == []
    for file, told in (
        (YAML.replace("precision", "precison"), "Did you mean &#39;policy.precision&#39;?"),
        ("slug: [", "line 1"),
        ("a: &x 1\nb: *x", "anchors"),
        ("x" * (category_files.LARGEST + 1), "256 kB"),
        ("", "No file was chosen"),
    ):
        refused = await http.post("/categories/file", files={"file": ("car.yaml", file)})
        assert refused.status_code == 422
        assert told in refused.text


async def test_json_and_yaml_make_the_same_category_and_come_back_the_same(w: Winnow, http: httpx.AsyncClient) -> None:
    made = await http.post(API, content=YAML, headers={"content-type": "application/yaml"})
    assert made.status_code == 201, made.text
    assert made.json()["policy"]["precision"] == 0.95
    text = (await http.get(f"{API}/car/yaml")).text
    assert category_files.read(text) == await w.store.categories.definition("car")
    page = await http.get("/categories/car/settings/category.yaml")
    assert page.text == text
    assert page.headers["content-disposition"] == 'attachment; filename="car.yaml"'
    other = await http.post(API, json={"slug": "van", "question": "Is it a van?", "policy": {"precision": 0.95}})
    assert other.json()["policy"] == made.json()["policy"] | {"reward_cents": 60}
    listed = (await http.get(API, params={"limit": 1})).json()
    assert ([one["slug"] for one in listed["items"]], listed["next"]) == (["car"], "car")
    rest = (await http.get(API, params={"after": "car"})).json()
    assert ([one["slug"] for one in rest["items"]], rest["next"]) == (["van"], None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("slug: car\nquestion: abc\npolicy: {precison: 1}", "application/yaml"),
        ('{"slug": "car", "question": "abc", "policy": {"batch": 1e30}}', "application/json"),
        ('{"slug": "car", "question": "abc", "seed": 99999999999999999999}', "application/json"),
        ('{"slug": "car", "question": "abc", "policy": {"backbone": "timm:x@/etc/passwd"}}', "application/json"),
        ('{"slug": "car", "question": "abc", "policy": {"head": "none"}}', "application/json"),
        ('{"slug": "car", "question": "abc", "intake": {"min_side": 99999999999999999999}}', "application/json"),
        ('{"slug": "car", "question": "abc", "examples": [{"image": "x", "answer": true}]}', "application/json"),
        ("slug: car\n\tquestion: abc", "text/yaml"),
    ],
)
async def test_what_cannot_be_is_refused_in_the_one_shape(
    w: Winnow, http: httpx.AsyncClient, body: str, kind: str
) -> None:
    reply = await http.post(API, content=body, headers={"content-type": kind})
    assert reply.status_code == 422
    assert reply.json()["error"]["message"]
    assert await w.store.categories.all() == []


async def test_every_change_of_the_policy_is_a_version(w: Winnow, http: httpx.AsyncClient) -> None:
    await make(w)
    html = (await http.get("/categories/car/settings")).text
    form = typed(html, policy__reward_cents="0.80", why="people asked")
    assert (await http.post("/categories/car/settings/policy", data=form)).status_code == 303
    assert (await w.store.categories.definition("car")).policy == Policy(version=2, reward_cents=80)
    # The same form again names a version that is in force no more; what was typed stays.
    stale = await http.post("/categories/car/settings/policy", data=form | {"policy.batch": "77"})
    assert stale.status_code == 409
    assert "Somebody was faster" in stale.text
    assert 'name="policy.batch" value="77"' in stale.text
    body: dict[str, Any] = {"policy": {"version": 2, "reward_cents": 80}, "why": "again"}
    assert (await http.put(f"{API}/car/policy", json=body)).json()["version"] == 2  # nothing new, no version
    body["policy"]["batch"] = 50
    assert (await http.put(f"{API}/car/policy", json=body)).json()["version"] == 3
    assert (await http.put(f"{API}/car/policy", json=body)).status_code == 409
    versions = (await http.get(f"{API}/car/policies")).json()["items"]
    assert [(v["version"], v["by"], v["why"], v["changes"]) for v in versions] == [
        (3, "admin", "again", [["batch", 100, 50]]),
        (2, "admin", "people asked", [["reward_cents", 60, 80]]),
        (1, "ann", "", []),
    ]
    older = (await http.get(f"{API}/car/policies", params={"before": 3, "limit": 1})).json()
    assert ([v["version"] for v in older["items"]], older["next"]) == ([2], 2)
    page = (await http.get("/categories/car/settings")).text
    assert "people asked" in page
    assert "$0.60" in page


async def test_two_who_change_the_policy_at_once_do_not_undo_each_other(w: Winnow) -> None:
    policy = await make(w)
    wanted = [policy.model_copy(update={"batch": batch}) for batch in (10, 20)]
    done = await asyncio.gather(*(policies.change(w, "car", one, "ann") for one in wanted), return_exceptions=True)
    assert sorted(type(one) for one in done if isinstance(one, Exception)) == [StateError]
    assert (await w.store.categories.definition("car")).policy.version == 2
    assert len(await policies.history(w, "car")) == 2


async def test_a_category_from_before_versions_has_a_first_one(w: Winnow) -> None:
    await intake.create_category(w, factories.category("car", batch=30))
    (first,) = await policies.history(w, "car")
    assert (first.version, first.by, first.policy.batch) == (1, "", 30)
    await policies.change(w, "car", first.policy.model_copy(update={"batch": 40}), "ann")
    assert [(v.version, v.changes) for v in await policies.history(w, "car")] == [(2, (("batch", 30, 40),)), (1, ())]


async def test_what_is_settled_stays_and_the_page_says_why(w: Winnow, http: httpx.AsyncClient) -> None:
    policy = await make(w)
    await w.store.categories.put("car", {"validation_below": 0.1, "looks": 1, "money.spent_cents": 4_000})
    html = (await http.get("/categories/car/settings")).text
    assert 'name="policy.precision"' not in html
    assert "what calibrates is drawn once" in html
    reply = await http.post("/categories/car/settings/policy", data={"policy.version": "1", "policy.recall": "50"})
    assert reply.status_code == 409
    assert "chosen after that would be chosen by them" in reply.text
    with pytest.raises(policies.Settled, match="validation images are drawn"):
        await policies.change(w, "car", policy.model_copy(update={"validation": 9}), "ann")
    cheap = typed(html, policy__budget_cents="39.99")
    refused = await http.post("/categories/car/settings/policy", data=cheap)
    assert "$40.00 are paid or promised already" in refused.text
    assert (await w.store.categories.definition("car")).policy == policy


async def test_pause_resume_archive_and_back(w: Winnow, http: httpx.AsyncClient) -> None:
    await make(w)
    await scraping.start(w, Wanted(category="car", source="openverse", options={"query": "car"}))

    async def act(what: str) -> tuple[int, str]:
        reply = await http.post(f"{API}/car/{what}")
        return reply.status_code, (await w.store.categories.get("car"))["state"]

    assert await act("pause") == (200, "paused")
    assert await act("pause") == (200, "paused")
    assert "paused by admin" in (await http.get("/")).text
    assert await act("resume") == (200, "open")
    assert await act("archive") == (200, "archived")
    assert await act("archive") == (200, "archived")
    (search,) = await scraping.of_category(w, "car")
    assert search.state is ScrapeState.PAUSED
    assert "Archive" in (await http.get("/")).text
    assert await act("resume") == (409, "archived")
    assert await act("pause") == (409, "archived")
    assert type(await rounds.next_action(w, "car")).__name__ == "Wait"
    assert await act("unarchive") == (200, "paused")
    await w.store.categories.put("car", {"state": CategoryState.FINISHED.value})
    assert await act("pause") == (409, "finished")
    assert await act("archive") == (200, "archived")
    assert await act("unarchive") == (200, "finished")
    assert await act("resume") == (200, "open")
    assert (await http.post(f"{API}/none/pause")).status_code == 404
    assert (await http.post("/categories/car/settings/archive")).status_code == 303


async def test_a_clone_is_like_its_source_and_begins_anew(w: Winnow, http: httpx.AsyncClient) -> None:
    await make(w, precision=0.8)
    images, truth = factories.new_images(range(12), yes_every=2)
    await intake.add_images(w, "car", images)
    await curating.give_gold(w, "car", truth, Source.GOLD, {"by": "ann"})
    await w.store.categories.put("car", {"looks": 2})
    assert (await http.post("/categories/car/settings/clone", data={"new": "van"})).status_code == 303
    source, copy = [await w.store.categories.definition(slug) for slug in ("car", "van")]
    assert source.examples
    assert copy == source.model_copy(update={"slug": "van"})
    assert (await categories.get(w, "van")).images == 0
    assert (await http.post("/categories/car/settings/clone", data={"new": "van"})).status_code == 422
    reply = await http.post(f"{API}/car/clone", json={"slug": "bus", "question": "Is it a bus?"})
    assert (reply.status_code, reply.json()["question"]) == (201, "Is it a bus?")
    assert 'value="80"' in (await http.get("/categories/new", params={"source": "car"})).text


async def test_texts_and_teaching_images_are_changed(w: Winnow, http: httpx.AsyncClient) -> None:
    await make(w)
    images, _ = factories.new_images(range(12), yes_every=2)
    await intake.add_images(w, "car", images)
    first, second = images[0], images[1]
    base = "/categories/car/settings"
    added = {"examples.added": "0.png", "examples.added.answer": "yes", "examples.added.why": "bright"}
    assert (await http.post(f"{base}/examples/images", data=added)).status_code == 303
    shown = (await http.get(base)).text
    assert f"/images/{first.sha256}" in shown
    for wrong, told in (
        ({"examples.added": "none.png", "examples.added.answer": "yes"}, "No image of"),
        ({"examples.added": second.sha256}, "Is it a yes or a no?"),
        ({f"examples.{first.sha256}.why": "x" * 301}, "301 letters"),
    ):
        refused = await http.post(f"{base}/examples/images", data=wrong)
        assert refused.status_code == 422
        assert told in refused.text
    changed = {
        f"examples.{first.sha256}.why": "the middle",
        "examples.added": second.sha256,
        "examples.added.answer": "no",
    }
    await http.post(f"{base}/examples/images", data=changed)
    examples = (await w.store.categories.definition("car")).examples
    assert [(e.image, e.answer, e.why) for e in examples] == [
        (first.sha256, True, "the middle"),
        (second.sha256, False, ""),
    ]
    await http.post(f"{base}/examples/images", data={f"examples.{first.sha256}.out": "on"})
    assert [e.image for e in (await w.store.categories.definition("car")).examples] == [second.sha256]
    patched = await http.patch(f"{API}/car", json={"question": "Is it <really> a car?"})
    assert patched.json()["question"] == "Is it <really> a car?"
    assert (await http.post(f"{base}/texts", data={"question": "?", "instructions": ""})).status_code == 422
    await http.post(f"{base}/texts", data={"question": "Is it a car?", "instructions": "Now."})
    assert (await w.store.categories.definition("car")).instructions == "Now."


async def test_a_forecast_under_way_begins_where_the_category_stands(w: Winnow, http: httpx.AsyncClient) -> None:
    await make(w)
    fresh = (await http.post("/api/v1/forecast", json={"beliefs": {"images": 900}})).json()
    assert fresh["answers"][0] > 0
    changes = {"counts.unknown": 50, "counts.labeled": 850, "money.spent_cents": 700}
    await w.store.categories.put("car", changes | {"validation": {"total": 360, "labeled": 360}, "looks": 1})
    await w.store.categories.put("car", {"pace": {"answers": 1_000, "visible_ms": 2_500_000}})
    left = (await http.post("/api/v1/forecast", json={"category": "car"})).json()
    assert left["answers"][2] < fresh["answers"][0]
    assert (await forecasts.believed(w, "car")).seconds == 2.5
    assert (await http.post("/api/v1/forecast", json={"category": "none"})).status_code == 404
    assert (await http.post("/api/v1/forecast", json={"beliefs": {"share_yes": 2}})).status_code == 422


async def test_a_new_category_names_images_that_are_there_once(w: Winnow) -> None:
    await make(w)
    images, _ = factories.new_images(range(2))
    await intake.add_images(w, "car", images)
    image = images[0].sha256
    given = {"slug": "van", "question": "Is it a van?", "examples": [{"image": image, "answer": True}]}
    with pytest.raises(InputError, match="twice"):
        await categories.create(w, Category.model_validate(given | {"lessons": given["examples"]}), "ann")
    await categories.create(w, Category.model_validate(given), "ann")
    assert (await w.store.categories.get("van"))["named"] == ["examples"]


def test_the_command_line_wants_a_file_or_a_question(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("files") / "car.yaml"
    file.write_text(MINIMAL)
    assert _wanted(str(file), None, "", None) == Category(slug="car", question="Is it a car?")
    policy = file.with_name("policy.json")
    policy.write_text('{"batch": 7}')
    assert _wanted("van", "Is it a van?", "", policy).policy == Policy(batch=7)
    for what, question, told in (
        (str(file), "Why?", "Leave out"),
        ("van", None, "What is asked?"),
        ("no.yaml", None, "cannot be read"),
    ):
        with pytest.raises(InputError, match=told.replace("?", r"\?")):
            _wanted(what, question, "", None)
