"""What must hold of an installation however its campaign went: looked up afterwards, on both sides of the market."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import boto3

from active_learning.domain.task import TaskState
from api.operations import recounting
from api.operations.context import Winnow, open_winnow
from api.settings import Settings
from api.store.connection import Document
from deploy import mongodb
from tests.jobs.serving import Served
from tests.turk.served import SECRET, free_port
from workers.crowd import people
from workers.crowd.people import Kind
from workers.turk.app import create_app
from workers.turk.identifiers import worker_id
from workers.turk.settings import TurkSettings

UNUSABLE = frozenset({Kind.RANDOM, Kind.ALWAYS_NO})


def check_data(data: Path, slug: str, seed: int, totals: dict[str, Any]) -> None:
    """Start the database of a data folder and check it: see :func:`check`."""
    with mongodb.start(data) as server:
        check(server.uri, "winnow", slug, seed, totals)


def check(uri: str, database: str, slug: str, seed: int, totals: dict[str, Any]) -> None:
    """Every invariant. ``totals`` are those of the report, ``seed`` that of the crowd."""
    asyncio.run(_check(uri, database, slug, seed, totals))


async def _check(uri: str, database: str, slug: str, seed: int, totals: dict[str, Any]) -> None:
    settings = Settings(mongodb_uri=uri, database=database)
    async with open_winnow(settings) as w:
        assert await recounting.differences(w, slug) == {}
        await _check_labels(w, slug)
        await _check_nothing_twice(w, slug)
        await _check_odd_people(w, slug, seed)
        submissions = await _all(w, "submissions", slug)
        payments = await _all(w, "payments", slug)
        tasks = await _all(w, "tasks", slug)
        verdicts = await _all(w, "verdicts", slug)
    _check_each_once(submissions, payments, verdicts)
    turk = TurkSettings(
        mongodb_uri=uri,
        secret=SECRET,
        sign_up="names",
        database=f"{database}_turk",
        public_url="http://127.0.0.1:1",
        first_key=f"{settings.market_access_key}:{settings.market_secret_key}",
    )
    served = Served(lambda: create_app(turk), free_port())
    try:
        requester = boto3.client(
            "mturk",
            endpoint_url=served.url,
            region_name="us-east-1",
            aws_access_key_id=settings.market_access_key,
            aws_secret_access_key=settings.market_secret_key,
        )
        _check_market(requester, tasks, payments, submissions, totals)
        _check_money(requester, turk.starting_balance_cents, payments, totals)
    finally:
        served.stop()


async def _all(w: Winnow, collection: str, slug: str) -> list[Document]:
    return await w.store.connection.database[collection].find({"category": slug}).to_list()


async def _check_labels(w: Winnow, slug: str) -> None:
    """The newest label says what the candidate says, and it names what it rests on."""
    used = set(await w.store.verdicts.used(slug))
    decided = [candidate async for candidate in w.store.candidates.stream(slug, {}, ["image", "answer", "source"])]
    newest = await w.store.labels.newest(slug, [candidate["image"] for candidate in decided])
    for candidate in decided:
        label = newest.get(candidate["image"])
        assert candidate["answer"] == (label.value if label else None)
        if label is None or label.value is None:
            continue
        assert candidate["source"] == label.source
        if label.source == "human":
            assert label.provenance["submissions"]
            assert set(label.provenance["submissions"]) <= used
        if label.source == "model":
            model = await w.store.models.get(label.provenance["model"])
            assert model is not None


async def _check_nothing_twice(w: Winnow, slug: str) -> None:
    """Nobody was shown an image with two tasks, no lesson was ever a vote, and what teaches checks nobody."""
    shown: dict[tuple[str, str], set[str]] = {}
    for assignment in await _all(w, "assignments", slug):
        for image in assignment["images"]:
            shown.setdefault((assignment["annotator"], image), set()).add(assignment["task"])
    assert {len(tasks) for tasks in shown.values()} == {1}
    visible = (await w.store.categories.definition(slug)).visible
    for submission in await _all(w, "submissions", slug):
        taught = {answer["image"] for answer in submission["lessons"]}
        answered = {answer["image"] for answer in submission["answers"]}
        assert not taught & answered
        assert not visible & answered


async def _check_odd_people(w: Winnow, slug: str, seed: int) -> None:
    """Who answers at random, or always the same, has tried and was never used."""
    odd = {worker_id(person.name) for person in people.crowd(seed) if person.kind in UNUSABLE}
    record = await w.store.verdicts.by_annotator(slug)
    assert odd & set(record), "none of the odd people came to work: nothing is shown"
    assert {who: record[who][0] for who in odd & set(record)} == dict.fromkeys(odd & set(record), 0)


def _check_each_once(submissions: list[Document], payments: list[Document], verdicts: list[Document]) -> None:
    """One submission, verdict and payment for each assignment, and every payment is done."""
    assignments = Counter(submission["market_assignment"] for submission in submissions)
    assert set(assignments.values()) == {1}
    assert {submission["_id"] for submission in submissions} == {verdict["_id"] for verdict in verdicts}
    reviews = [payment for payment in payments if payment["act"] != "bonus"]
    assert {payment["_id"] for payment in reviews} == set(assignments)
    open_ones = [p["_id"] for p in payments if p["done_at"] is None and p["refused_at"] is None]
    assert open_ones == []


def _check_market(
    requester: Any,
    tasks: list[Document],
    payments: list[Document],
    submissions: list[Document],
    totals: dict[str, Any],
) -> None:
    hits = _pages(requester, "list_hits", "HITs")
    annotations = Counter(hit["RequesterAnnotation"].split(":", 2)[2] for hit in hits)
    assert annotations == Counter(task["_id"] for task in tasks), "each task is one HIT"
    assert {task["hit"]: task["_id"] for task in tasks} == {
        hit["HITId"]: hit["RequesterAnnotation"].split(":", 2)[2] for hit in hits
    }
    assert {task["state"] for task in tasks} == {TaskState.CLOSED.value}
    found = [
        a for hit in hits for a in _pages(requester, "list_assignments_for_hit", "Assignments", HITId=hit["HITId"])
    ]
    status = {assignment["AssignmentId"]: assignment["AssignmentStatus"] for assignment in found}
    words = {"approve": "Approved", "reject": "Rejected"}
    reviews = [payment for payment in payments if payment["act"] != "bonus"]
    assert status == {payment["_id"]: words[payment["act"]] for payment in reviews}
    assert {(a["AssignmentId"], a["WorkerId"]) for a in found} == {
        (submission["market_assignment"], submission["annotator"]) for submission in submissions
    }
    approved = [payment for payment in reviews if payment["act"] == "approve"]
    assert (totals["approved"], totals["rejected"]) == (len(approved), len(reviews) - len(approved))


def _check_money(requester: Any, deposited: int, payments: list[Document], totals: dict[str, Any]) -> None:
    """What Winnow's ledger says was paid has left the market's account, to the cent, and nothing is held back."""
    balance = requester.get_account_balance()
    left = round(100 * float(balance["AvailableBalance"]))
    assert float(balance.get("OnHoldBalance", 0)) == 0
    paid = sum(payment["cents"] for payment in payments if payment["act"] != "reject" and payment["done_at"])
    assert paid == round(100 * totals["paid_usd"])
    assert deposited - left == paid


def _pages(requester: Any, operation: str, items: str, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following: dict[str, str] = {}
    while True:
        page = getattr(requester, operation)(MaxResults=100, **parameters, **following)
        found += page.get(items, [])
        if not page.get("NextToken"):
            return found
        following = {"NextToken": page["NextToken"]}
