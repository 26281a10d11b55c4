"""A small campaign to kill in: its options, and its worst moments."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymongo
import pytest

from scraper.sources.digits import digits
from tests.e2e.demos import Demo, wait_for
from workers.crowd import people
from workers.crowd.people import Kind
from workers.turk.identifiers import worker_id

SEED = 3
IMAGES = 400
SLUG = "threes"
SECONDS = 150
Database = pymongo.database.Database[dict[str, Any]]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """A small campaign: some hundred digits, with rounds, waves, training and cuts like the large one."""
    folder = tmp_path_factory.mktemp("images") / SLUG
    folder.mkdir()
    labels = folder.parent / "labels.csv"
    with labels.open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(("path", "label"))
        for digit in list(digits())[:IMAGES]:
            name = Path(digit.name).name
            (folder / name).write_bytes(digit.png)
            writer.writerow((name, "yes" if digit.digit == 3 else "no"))
    policy = ("--validation", 120, "--batch", 60, "--precision", 0.8, "--recall", 0.8, "--confidence", 0.8)
    question = "Does this image show a 3?"
    return ("--images", folder, "--labels", labels, "--question", question, "--seed", SEED, *policy)


def own_database(running: Demo) -> pymongo.MongoClient[dict[str, Any]]:
    """A client of the server that a demo started for itself."""
    note = running.data / "mongodb.uri"
    when(running, lambda: note.is_file() and note.read_text(), "the start of MongoDB")
    # Closing it says goodbye to the server, which is dead by then: nobody should wait half a minute for that.
    return pymongo.MongoClient(note.read_text(), serverSelectionTimeoutMS=3_000)


def when(running: Demo, look: Callable[[], Any], what: str) -> Any:
    """Wait for a moment in a campaign that goes on meanwhile."""

    def looked() -> Any:
        assert running.running(), f"the campaign was over before {what}\n{running.said}"
        return look()

    return wait_for(looked, 90, what)


def half_answered(database: Database) -> dict[str, Any] | None:
    """An assignment that somebody is in the middle of: not one that was given up half way."""
    idle = [worker_id(person.name) for person in people.crowd(SEED) if person.kind is Kind.ABANDONS]
    working = database["assignments"].find({"state": "working", "answers": {"$ne": {}}, "annotator": {"$nin": idle}})
    return next((found for found in working if len(found["answers"]) < len(found["images"])), None)


def settled_in_part(database: Database) -> bool:
    """Whether a round is under way at the market: some tasks are closed, others are not."""
    states = set(database["tasks"].distinct("state", {"round": 1}))
    return "closed" in states and "posted" in states


def kill_web_in_an_assignment(running: Demo, database: Database) -> None:
    """Kill the web process while an assignment has some of its answers; tries again where that came too late."""

    def killed() -> bool:
        found = half_answered(database)
        if found is None:
            return False
        running.kill("uvicorn", "api.app:factory")
        after = database["assignments"].find_one({"_id": found["_id"]})
        return after is not None and after["state"] == "working" and len(after["answers"]) < len(after["images"])

    when(running, killed, "an assignment half way")
