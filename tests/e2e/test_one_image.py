"""One image through the whole of Winnow, step by step: a file at the start, a line of the dataset at the end."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import pytest_asyncio

from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Source
from active_learning.domain.round import Phase
from active_learning.domain.task import Task, TaskState
from api.app import create_app
from api.operations import curating, exporting, intake, recounting
from api.operations.context import open_winnow
from api.settings import Settings
from api.store.connection import Document
from scraper import pipeline
from tests import factories
from tests.jobs.serving import Served
from tests.turk.served import TLS, free_port, turk_settings
from workers.crowd.browser import Browser, MarketSite, Outcome, TaskFrame, TurnedAway
from workers.crowd.eyes import sight
from workers.crowd.patience import Patient
from workers.crowd.people import Kind, Person
from workers.jobs import JOBS
from workers.jobs.desk import Desk
from workers.market import MarketOptions, open_market
from workers.ray_runtime import RayRuntime
from workers.turk.app import create_app as create_marketplace
from workers.turk.identifiers import worker_id

SLUG = "bright"
IMAGES = 300
GOLD_A_SIDE = 15
POLICY = {
    **{"precision": 0.8, "recall": 0.8, "confidence": 0.8, "validation": 100, "batch": 40, "finish_unknown": 0},
    **{"slots": 90, "hidden_gold": 16},
}
NAMES = tuple(f"Annotator {number}" for number in range(1, 31))
"""More than are ever asked: who meets which task is chance, and a disputed image needs up to a dozen."""


@dataclass
class World:
    """One installation, and everybody who touches it."""

    desk: Desk
    settings: Settings
    requester: Any
    people: dict[str, Browser] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """What is seen of an image -> its id."""

    async def candidate(self, image: str) -> Document:
        found = await self.desk.winnow.store.candidates.get(SLUG, image)
        assert found is not None
        return found

    async def state(self, image: str) -> str:
        return str((await self.candidate(image))["state"])

    async def category(self) -> Document:
        return await self.desk.winnow.store.categories.get(SLUG)

    async def job(self, kind: str) -> None:
        """Lease the waiting job of this kind as a worker does, run it by its name, finish it."""
        w, owner = self.desk.winnow, "the test"
        job = None
        while job is None:  # a recurring job is due again a moment later
            job = await w.store.jobs.lease(owner, [kind], w.clock(), 60.0)
        await JOBS[kind](self.desk, job.args)
        await w.store.jobs.finish(job, owner, w.clock())
        assert await recounting.differences(w, SLUG) == {}


@pytest.fixture
def served(mongod_uri: str, database_name: str) -> Any:
    """The marketplace and the web process, each in a thread, with what they were told."""
    market_port, web_port = free_port(), free_port()
    turk = turk_settings(mongod_uri, market_port, database=f"{database_name}_turk", first_key="winnow:winnow-local")
    settings = factories.settings(
        mongod_uri,
        database_name,
        public_url=f"http://127.0.0.1:{web_port}",
        market_endpoint=turk.public_url,
        poll_seconds=0.001,
    )
    servers = [
        Served(lambda: create_marketplace(turk), market_port),
        Served(lambda: create_app(settings), web_port),
    ]
    yield settings
    for server in servers:
        server.stop()


@pytest_asyncio.fixture
async def world(served: Settings) -> AsyncIterator[World]:
    heavy = RayRuntime(served, cpus=1)
    options = MarketOptions(served.market_endpoint, served.market_access_key, served.market_secret_key)
    requester = boto3.client(
        "mturk",
        endpoint_url=served.market_endpoint,
        region_name="us-east-1",
        aws_access_key_id=served.market_access_key,
        aws_secret_access_key=served.market_secret_key,
    )
    async with open_winnow(served) as w:
        try:
            yield World(Desk(w, open_market(served.market, options), heavy), served, requester)
        finally:
            await heavy.close()
            await w.store.connection.client.drop_database(served.database)
            await w.store.connection.client.drop_database(f"{served.database}_turk")


def person(name: str) -> Person:
    return Person(name=name, kind=Kind.HONEST, seed=1, accuracy_yes=0.99, accuracy_no=0.99, median_s=1.0, spread=0.3)


async def invite(world: World, truth: dict[str, bool], https: list[httpx.AsyncClient]) -> None:
    """Sign everybody in at the marketplace."""
    eyes = {seen: truth[image] for seen, image in world.names.items()}
    for name, http in zip(NAMES, https, strict=True):
        site = MarketSite(Patient(http, asyncio.Event(), 20.0), world.settings.market_endpoint)
        await site.sign_in(name)
        world.people[name] = Browser(person(name), site, eyes)


async def a_folder_becomes_a_pool(world: World, folder: Path) -> dict[str, bool]:
    """Source, fetch, inspect, dedup, intake. Returns image -> truth."""
    w = world.desk.winnow
    words = {f"{number:03}.png": number % 3 == 0 for number in range(IMAGES)}
    for name, yes in words.items():
        picture = factories.png(int(name[:3]), yes)
        (folder / name).write_bytes(picture)
        world.names[sight(picture)] = hashlib.sha256(picture).hexdigest()
    (folder / "again.png").write_bytes((folder / "000.png").read_bytes())
    (folder / "broken.png").write_bytes((folder / "001.png").read_bytes()[:-40])
    await intake.create_category(w, factories.category(SLUG, **POLICY))
    imported = await pipeline.import_files(w, SLUG, pipeline.folder_files(folder), "folder", lambda done, total: None)
    assert (imported.candidates, imported.duplicates) == (IMAGES, 1)
    assert [(refusal.name, refusal.reason) for refusal in imported.refused] == [("broken.png", "truncated")]
    truth = {imported.names[name]: yes for name, yes in words.items()}
    for image in truth:
        candidate = await world.candidate(image)
        assert (candidate["state"], candidate["role"], candidate["answer"]) == ("unknown", "train", None)
        assert not candidate["embedded"]
    return truth


async def the_researcher_gives_gold(world: World, truth: dict[str, bool]) -> set[str]:
    gold = {i: v for v in (True, False) for i in [k for k, x in truth.items() if x is v][:GOLD_A_SIDE]}
    given = await curating.give_gold(world.desk.winnow, SLUG, gold, Source.IMPORTED, {"file": "gold.csv"})
    assert (given.saved, given.gold_yes, given.gold_no) == (2 * GOLD_A_SIDE, GOLD_A_SIDE, GOLD_A_SIDE)
    return set(gold)


async def it_gets_features(world: World, truth: dict[str, bool], gold: set[str]) -> None:
    """The first plan draws validation and asks for features; the job computes them in Ray."""
    await world.job("advance")
    category = await world.category()
    assert category["validation"] == {"total": POLICY["validation"], "labeled": 0}
    assert category["phase"] == "Computing features"
    drawn = {image for image in truth if (await world.candidate(image))["role"] == Role.VALIDATION}
    assert len(drawn) == POLICY["validation"]
    assert not drawn & gold
    await world.job("embed")
    category = await world.category()
    assert category["embedded"] == IMAGES
    features = await world.desk.winnow.store.features.get(category["backbone"], sorted(truth))
    assert features.shape[0] == IMAGES


async def visible(world: World) -> frozenset[str]:
    return (await world.desk.winnow.store.categories.definition(SLUG)).visible


async def a_round_chooses_it(world: World, gold: set[str]) -> tuple[str, Task]:
    """The plan starts a round. Returns an image that was chosen for training, and its task."""
    await world.job("advance")
    tasks = await world.desk.winnow.store.tasks.of_round(SLUG, 1)
    asked = [image for task in tasks for image in task.asked]
    assert len(asked) == len(set(asked)) == int(str(POLICY["batch"])) + int(str(POLICY["validation"]))
    for task in tasks:
        assert task.state is TaskState.DRAFTED
        assert {slot.image for slot in task.slots if slot.gold is not None} <= gold - await visible(world)
    chosen = [image for image in asked if (await world.candidate(image))["role"] == Role.TRAIN]
    hero = chosen[0]
    task = next(task for task in tasks if hero in task.asked)
    candidate = await world.candidate(hero)
    assert (candidate["state"], candidate["chosen_by"], candidate["task"]) == ("selected", "random", task.id)
    return hero, task


async def it_is_posted(world: World, hero: str, task: Task) -> Task:
    """The task becomes a HIT of the marketplace, once, with the task page's address in its question."""
    await world.job("collect")
    posted = await world.desk.winnow.store.tasks.get(task.id)
    assert posted.state is TaskState.POSTED
    assert await world.state(hero) == "posted"
    found = world.requester.get_hit(HITId=posted.hit)["HIT"]
    assert found["HITStatus"] == "Assignable"
    assert found["MaxAssignments"] == task.assignments == 2
    assert found["RequesterAnnotation"].endswith(f":{task.id}")
    assert f"{world.settings.public_url}/tasks/{task.id}" in found["Question"]
    await world.job("collect")
    assert len(world.requester.list_hits()["HITs"]) == len(await world.desk.winnow.store.tasks.of_round(SLUG, 1))
    return posted


async def an_annotator_answers(world: World, name: str, task: Task, hero: str, truth: dict[str, bool]) -> str:
    """Accept, answer half, reload, answer the rest, submit; first Winnow has it, then the market. Returns its id."""
    w, browser = world.desk.winnow, world.people[name]
    address = await browser.site.accept(str(task.hit))
    page = await browser.site.open(address)
    frame = await TaskFrame.load(browser.site.http, page.frame)
    lessons = [lesson.image for lesson in (await w.store.categories.definition(SLUG)).lessons]
    assert frame.of == len(lessons) + len(task.slots)
    shown = [world.names[seen] for seen in await frame.images(range(frame.of))]
    assert shown[: len(lessons)] == lessons
    assert sorted(shown[len(lessons) :]) == sorted(slot.image for slot in task.slots)
    assignment = address.rsplit("/", 1)[1]
    identifier = f"{assignment}:{worker_id(name)}"
    seen = [browser.person.responds(n, image, truth[image], 900.0 * n) for n, image in enumerate(shown)]
    await frame.save(seen[: frame.of // 2])
    with pytest.raises(TurnedAway, match="409"):
        await frame.submit()
    assert await w.store.submissions.get(identifier) is None
    frame = await TaskFrame.load(browser.site.http, page.frame)
    assert await frame.missing() == list(range(frame.of // 2, frame.of))
    await frame.save(seen[frame.of // 2 :])
    await frame.submit()
    submission = await w.store.submissions.get(identifier)
    assert submission is not None
    assert [answer.image for answer in (*submission.lessons, *submission.answers)] == shown
    assert world.requester.get_assignment(AssignmentId=assignment)["Assignment"]["AssignmentStatus"] == "Submitted"
    assert await world.state(hero) == "posted"
    return identifier


async def the_others_answer(world: World, names: tuple[str, ...]) -> None:
    """Everybody in ``names``, one after another, does every HIT that he finds."""
    for name in names:
        for hit in await world.people[name].site.hits():
            visit = await world.people[name].do(hit.hit_id, hit.title)
            assert visit.outcome in {Outcome.SUBMITTED, Outcome.MISSED}


async def it_is_settled(world: World, task: Task, submissions: list[str]) -> None:
    """Verdicts on the hidden gold, approval at the market, money on both sides, the task closed."""
    w = world.desk.winnow
    await world.job("collect")
    for identifier in submissions:
        verdict = await w.store.verdicts.get(identifier)
        assert verdict is not None
        assert (verdict.pay, verdict.use) == (True, True)
        assert verdict.gold == sum(slot.gold is not None for slot in task.slots)
        assignment = identifier.split(":")[0]
        assert world.requester.get_assignment(AssignmentId=assignment)["Assignment"]["AssignmentStatus"] == "Approved"
    assert (await w.store.tasks.get(task.id)).state is TaskState.CLOSED
    category = await world.category()
    approved, cents = (await w.store.payments.totals(SLUG))["approve"]
    assert (category["submissions"]["approved"], category["money"]["spent_cents"]) == (approved, cents)
    assert approved == 2 * len(await w.store.tasks.of_round(SLUG, 1))
    assert category["money"]["committed_cents"] == 0


async def people_decide_it(world: World, hero: str, truth: bool, submissions: list[str]) -> None:
    """Consensus: a human label that names the submissions it rests on; more opinions for whatever needs them."""
    w = world.desk.winnow
    await world.job("advance")
    candidate = await world.candidate(hero)
    assert (candidate["state"], candidate["source"], candidate["answer"]) == ("labeled", "human", truth)
    (label,) = await w.store.labels.history(SLUG, hero)
    assert (label.value, label.source, label.round) == (truth, Source.HUMAN, 1)
    assert set(label.provenance["submissions"]) >= set(submissions)
    assert label.provenance["votes_yes" if truth else "votes_no"] == 2
    for pair in zip(NAMES[2::2], NAMES[3::2], strict=True):
        round_one = await w.store.rounds.newest(SLUG)
        assert round_one is not None
        if round_one["phase"] != Phase.COLLECTING:
            break
        await world.job("collect")
        await the_others_answer(world, pair)
        await world.job("collect")
        await world.job("advance")
    assert (await world.category())["validation"]["labeled"] == POLICY["validation"]


async def the_model_decides_others(world: World, truth: dict[str, bool]) -> str:
    """Training, scoring and cuts; what lies beyond them gets a label that names its model. Returns such an image."""
    w = world.desk.winnow
    await world.job("train")
    model = await w.store.models.get(f"{SLUG}:1")
    assert model is not None
    decided = [image for image in truth if (await world.candidate(image))["state"] == State.LABELED]
    assert model["labels"] == len(decided) - int(str(POLICY["validation"])), "validation answers are never trained on"
    await world.job("advance")
    finished = (await w.store.rounds.all(SLUG))[0]
    assert finished["phase"] == Phase.DONE
    calibration = finished["report"]["calibration"]
    assert calibration["n"] == POLICY["validation"]
    assert min(calibration["precision_bound"], calibration["recall_bound"]) >= 0.8
    labeled = [image for image in truth if (await world.candidate(image))["state"] == State.AUTO_LABELED]
    assert len(labeled) > 0.5 * (IMAGES - len(decided))
    right = [image for image in labeled if (await world.candidate(image))["answer"] is truth[image]]
    assert len(right) >= 0.9 * len(labeled)
    other = labeled[0]
    label = (await w.store.labels.history(SLUG, other))[-1]
    candidate = await world.candidate(other)
    assert (label.source, label.value) == (Source.MODEL, candidate["answer"])
    assert label.provenance == {"model": f"{SLUG}:1", "score": candidate["score"], "cuts": calibration["cuts"]}
    assert await w.store.checkpoints.get(model["checkpoint"]) is not None
    return other


async def both_are_in_the_dataset(world: World, out: Path, hero: str, other: str, truth: dict[str, bool]) -> None:
    await exporting.export(world.desk.winnow, SLUG, out, lambda done, total: None)
    lines = {line["image"]: line for line in map(json.loads, (out / "labels.jsonl").read_text().splitlines())}
    assert (lines[hero]["source"], lines[other]["source"]) == ("human", "model")
    for image in (hero, other):
        label = (await world.desk.winnow.store.labels.history(SLUG, image))[-1]
        assert lines[image]["provenance"] == label.provenance
        assert lines[image]["label"] == ("yes" if label.value else "no")
        assert (out / lines[image]["file"]).read_bytes() == await world.desk.winnow.blobs.get(image)
    assert lines[hero]["label"] == ("yes" if truth[hero] else "no")
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["guarantee"]["held"]
    assert manifest["guarantee"]["model"] == lines[other]["provenance"]["model"]


async def test_one_image_from_a_folder_to_the_dataset(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    truth = await a_folder_becomes_a_pool(world, folder)
    gold = await the_researcher_gives_gold(world, truth)
    await it_gets_features(world, truth, gold)
    hero, drafted = await a_round_chooses_it(world, gold)
    task = await it_is_posted(world, hero, drafted)
    https = [httpx.AsyncClient(timeout=30, verify=TLS, trust_env=False) for _ in NAMES]
    try:
        await invite(world, truth, https)
        submissions = [await an_annotator_answers(world, name, task, hero, truth) for name in NAMES[:2]]
        await the_others_answer(world, NAMES[:2])
        await it_is_settled(world, task, submissions)
        await people_decide_it(world, hero, truth[hero], submissions)
    finally:
        for http in https:
            await http.aclose()
    other = await the_model_decides_others(world, truth)
    await both_are_in_the_dataset(world, tmp_path / "dataset", hero, other, truth)
