"""The whole story of one image and the lists of images to look at, from categories in which people and model worked."""

from datetime import timedelta

import httpx
import pytest

from active_learning.domain.access import UserRole
from active_learning.domain.candidate import State
from active_learning.domain.label import Source
from api.operations import cutting, mistakes, model_reports, overview, rechecking, rounds, stories, takedown
from api.operations.context import Winnow
from api.store import Session
from labeling_ui import contexts
from labeling_ui.contexts import Answered, Decision, MistakeKind
from tests import factories
from tests.api import scored, test_deciding
from tests.api.test_model_reports import prepared

SLUG = "bright"
NOTHING = mistakes.Ground(None, over=False)
API = f"/api/v1/categories/{SLUG}"


async def worked(w: Winnow) -> tuple[list[str], set[str]]:
    """A round that ANNA and BEN have answered; on every fifth image that was asked they differ."""
    truth = factories.new_images(range(70), yes_every=5)[1]
    asked = await test_deciding.start(w, truth, max_votes=2, validation_max_votes=2)
    odd = set(asked[::5])
    opinions = {"ANNA": lambda i: truth[i], "BEN": lambda i: truth[i] is not (i in odd)}
    await test_deciding.work(w, 1, opinions)
    return asked, odd


async def images(w: Winnow, kind: MistakeKind, limit: int = 60, after: str = "") -> list[str]:
    """The images of a list, as they are shown."""
    return [
        one.image for one in (await mistakes.some(w, SLUG, await mistakes.ground(w, SLUG), kind, after, limit)).items
    ]


async def walked(w: Winnow, kind: MistakeKind, step: int) -> list[str]:
    """The same, a few at a time."""
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        part = await mistakes.some(w, SLUG, await mistakes.ground(w, SLUG), kind, after, step)
        found += [one.image for one in part.items]
        after = part.next
    return found


async def test_a_story_tells_who_said_what_and_what_followed(w: Winnow) -> None:
    asked, odd = await worked(w)
    image = next(i for i in asked if i not in odd)
    told = await stories.story(w, SLUG, image, names=True)
    joined, first, second, label = told.events
    assert joined.kind == "joined"
    assert isinstance(first, Answered) and isinstance(second, Answered) and isinstance(label, Decision)
    assert {first.who, second.who} == {"ANNA", "BEN"}
    assert (first.value, first.used, first.paid, first.gold, first.round) == (label.value, True, True, None, 1)
    assert label.in_force and label.source is Source.HUMAN and told.answer is label.value
    assert ("answers", "2 yes, 0 no" if label.value else "0 yes, 2 no") in label.because
    assert told.places[0].found_by == "test" and (told.width, told.height) == (16, 16)


async def test_only_who_may_see_workers_sees_their_names(w: Winnow, anonymous: httpx.AsyncClient) -> None:
    asked, _ = await worked(w)
    for role, sees in ((UserRole.ADMIN, True), (UserRole.RESEARCHER, False), (UserRole.VIEWER, False)):
        anonymous.cookies.clear()
        anonymous.cookies.update(await factories.cookie(w, role))
        for address in (f"{API}/images/{asked[1]}", f"/categories/{SLUG}/images/{asked[1]}"):
            reply = await anonymous.get(address)
            assert reply.status_code == 200
            assert ("ANNA" in reply.text) is sees, (role, address)
        assert "orker 1" in reply.text or sees


async def test_gold_tells_every_check(w: Winnow) -> None:
    await worked(w)
    only = {"gold": {"$ne": None}, "shown": {"$gt": 0}, "source": Source.IMPORTED.value}
    image = (await w.store.candidates.find(SLUG, only, ["image"]))[0]["image"]
    told = await stories.story(w, SLUG, image, names=False)
    answers = [event for event in told.events if isinstance(event, Answered)]
    assert [answer.who for answer in answers] == ["worker 1", "worker 2"]
    assert all(answer.gold is told.gold and answer.gold is not None for answer in answers)
    (label,) = [event for event in told.events if isinstance(event, Decision)]
    assert label.because == (("by", "test"),)


async def test_disagreement_is_counted_and_listed(w: Winnow) -> None:
    asked, odd = await worked(w)
    summary = await overview.summary(w, SLUG)
    (round_,) = await w.store.rounds.all(SLUG)
    found_disputed = await w.store.candidates.find(SLUG, {"disputed": True}, ["image"])
    disputed = {c["image"] for c in found_disputed}
    agreement = round_["agreement"]
    assert agreement["disputed"] == len(disputed) > 0
    assert agreement["contested"] == len(odd - disputed) > 0, "validation images keep the likelier answer"
    assert agreement["agreed"] == len(asked) - len(disputed | odd) > 0
    assert (agreement["pairs"], agreement["alike"]) == (len(asked), len(asked) - len(odd))
    assert {s.words: s.images for s in summary.standings}["given up: people do not agree"] == len(disputed)
    found = await images(w, "contested")
    assert set(found[: len(disputed)]) == disputed
    rest = (await mistakes.some(w, SLUG, NOTHING, "contested", found[len(disputed) - 1])).items
    certain = [one.certainty or 0.0 for one in rest]
    assert certain == sorted(certain), "after what was given up come labels, the least certain first"
    assert {one.image for one in rest} >= odd - disputed
    assert await walked(w, "contested", 7) == found


async def test_what_people_and_model_contradict(w: Winnow) -> None:
    answers, scores = await prepared(w)
    await cutting.cut(w, SLUG, 1)
    report = await model_reports.newest(w, SLUG)
    assert report is not None
    auto = await w.store.candidates.find(SLUG, {"state": State.AUTO_LABELED.value}, ["image", "answer"], 400)
    audited = {value: [c["image"] for c in auto if c["answer"] is value][:6] for value in (True, False)}

    async def work(session: Session) -> None:
        for value, some in audited.items():
            fields = {"audited": {"round": 1, "value": value, "checked": True}, "answer": not value}
            await w.store.candidates.mark(SLUG, some, fields | {"state": State.LABELED.value}, session, only={})

    await w.store.transact(work)
    for kind, value in (("false-yes", True), ("false-no", False)):
        assert await images(w, kind) == sorted(audited[value]), "validation images are told at the end"
    measuring = report.false_yes[0].image
    told = await stories.story(w, SLUG, measuring, names=True)
    assert told.measures and told.opinion is None
    await rounds.finish(w, SLUG, "the budget is spent")
    known = await mistakes.ground(w, SLUG)
    told = await stories.story(w, SLUG, measuring, names=True)
    assert not told.measures and told.opinion is not None and told.opinion.score > 0.5
    for kind, value, kept in (("false-yes", True, report.false_yes), ("false-no", False, report.false_no)):
        expected = sorted(audited[value]) + [listed.image for listed in kept]
        assert await images(w, kind) == expected
        assert await walked(w, kind, 4) == expected
    kinds = {one.why for one in (await mistakes.some(w, SLUG, known, "false-yes")).items}
    assert kinds == {"audit", "validation"}
    before, after = await mistakes.beside(w, SLUG, "false-yes", sorted(audited[True])[1])
    assert (before, after) == (sorted(audited[True])[0], sorted(audited[True])[2])
    uncertain = await images(w, "uncertain", 10)
    assert uncertain == sorted(uncertain, key=lambda i: (abs(scores[i] - 0.5), i))
    (listed,) = (await mistakes.some(w, SLUG, known, "uncertain", limit=1)).items
    opinion = (await stories.story(w, SLUG, listed.image, names=True)).opinion
    assert opinion is not None and opinion.score == pytest.approx(scores[listed.image]) and not opinion.learned
    summary = await overview.summary(w, SLUG)
    assert summary.scores is not None and summary.scores.adopted and summary.scores.in_force == 1
    assert (summary.scores.lower, summary.scores.upper) == (opinion.lower, opinion.upper)
    assert sum(one.images for one in summary.scores.bins) == len(answers) - 400
    assert [one.image for one in summary.mistakes["false-yes"]] == (await images(w, "false-yes"))[: mistakes.FIRST]


async def test_labels_that_went_back_say_what_they_were(w: Winnow) -> None:
    asked, _ = await worked(w)
    decided = await w.store.candidates.find(
        SLUG, {"source": "human", "role": "train", "gold": None, "image": {"$in": asked}}, ["image", "answer"]
    )
    was = {c["image"]: c["answer"] for c in decided[:3]}
    assert len(was) == 3
    assert isinstance(w.clock, factories.FakeClock)
    w.clock.move(60)
    assert await rechecking.give_back(w, SLUG, 1, list(was)) == 3
    found = (await mistakes.some(w, SLUG, NOTHING, "rechecked")).items
    assert {one.image: one.said for one in found} == was
    assert all(one.answer is None and "not decided" in one.words for one in found)
    told = await stories.story(w, SLUG, found[0].image, names=False)
    last = told.events[-1]
    assert isinstance(last, Decision) and last.value is None and not last.in_force
    assert last.because[0][0] == "because"
    assert await walked(w, "rechecked", 2) == [one.image for one in found]


async def test_a_takedown_is_asked_for_and_carried_out_by_a_worker(
    w: Winnow, http: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    asked, _ = await worked(w)
    address = f"/categories/{SLUG}/images/{asked[0]}"
    assert (await http.post(f"{address}/takedown", data={"why": " "})).status_code == 422
    assert (await http.post(f"{address}/takedown", data={"why": "its author asks"})).status_code == 303
    assert "is taken down" in (await http.get(address)).text
    record = await w.store.takedowns.get(f"image:{asked[0]}")
    assert record is not None and (record["by"], record["why"]) == ("admin", "its author asks")
    assert await takedown.finish(w) == 1
    assert (await http.get(address)).status_code == 404
    assert (await http.post(f"{address}/takedown", data={"why": "again"})).status_code == 404


async def test_the_pages_and_the_api_say_the_same(w: Winnow, http: httpx.AsyncClient) -> None:
    await prepared(w)
    await cutting.cut(w, SLUG, 1)
    told = (await http.get(f"{API}/overview")).json()
    assert told["scores"]["round"] == 1 and "chart" not in told
    page = (await http.get(f"/categories/{SLUG}")).text
    assert f"{told['scores']['upper']:.3f}" in page
    part = (await http.get(f"{API}/mistakes", params={"kind": "uncertain", "limit": 5})).json()
    assert [len(part["items"]), part["next"]] == [5, part["items"][-1]["image"]]
    following = (await http.get(f"{API}/mistakes", params={"kind": "uncertain", "after": part["next"]})).json()
    assert part["next"] not in {one["image"] for one in following["items"]}
    for query, status in (({"kind": "x"}, 422), ({"limit": 0}, 422), ({"after": "no image"}, 422)):
        assert (await http.get(f"{API}/mistakes", params=query)).status_code == status
    assert (await http.get(f"{API}/overview", params={"model": 7})).json()["scores"] is None
    assert (await http.get("/api/v1/categories/none/overview")).status_code == 404
    assert (await http.get("/api/v1/categories/none/mistakes")).status_code == 404
    assert (await http.get(f"{API}/images/{'0' * 64}")).status_code == 404
    for kind in ("false-yes", "uncertain", "contested", "doubtful", "rechecked"):
        assert (await http.get(f"/categories/{SLUG}/mistakes", params={"kind": kind})).status_code == 200


async def test_every_page_of_a_list_ends(w: Winnow) -> None:
    """In an empty category each list is empty and ends at once."""
    await scored.pool(w, scored.ids(3))
    for kind in contexts.KINDS:
        found = await mistakes.some(w, SLUG, NOTHING, kind)
        assert (found.items, found.next) == ((), None)
    assert (await overview.summary(w, SLUG)).scores is None
    image = scored.ids(1)[0]
    told = await stories.story(w, SLUG, image, names=True)
    assert told.places == () and [event.kind for event in told.events] == ["joined"]
    page = await stories.page(w, SLUG, image, None, names=True)
    ordered = sorted(scored.ids(3))
    at = ordered.index(image)
    assert page.beside.before == (ordered[at - 1] if at else None)
    assert page.beside.after == (ordered[at + 1] if at < 2 else None)
    assert timedelta(0) == told.events[0].at - w.clock()
