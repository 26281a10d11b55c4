"""kill -9 of worker and web process: whatever dies and starts again, the campaign ends, nothing is lost or doubled."""

import uuid
from pathlib import Path
from typing import Any

import pymongo
import pytest

from tests.e2e.demos import demo
from tests.e2e.invariants import check
from tests.kills.campaign import SECONDS, SEED, SLUG, kill_web_in_an_assignment, options, settled_in_part, when

__all__ = ["options"]


@pytest.mark.long
def test_worker_and_web_process_are_killed(mongod_uri: str, options: tuple[object, ...], tmp_path: Path) -> None:
    """The database is somebody else's here, so that only Winnow's own processes start and die."""
    name = f"kill_{uuid.uuid4().hex[:12]}"
    env = {"WINNOW_MONGODB_URI": mongod_uri, "WINNOW_DATABASE": name}
    with pymongo.MongoClient[dict[str, Any]](mongod_uri) as client:
        database = client[name]
        try:
            with demo(tmp_path, tmp_path / "data", *options, env=env) as running:
                kill_web_in_an_assignment(running, database)
                when(running, lambda: settled_in_part(database), "half a round")
                running.kill("deploy.cli", "work")
                when(running, lambda: database["jobs"].find_one({"kind": "train", "state": "running"}), "training")
                running.kill("deploy.cli", "work")
                assert running.end(SECONDS) == 0, running.said
                assert "web runs again" in running.said
                assert running.said.count("worker runs again") == 2
                assert running.child("mongod", "--dbpath") is None
                report = running.report()
            assert report["state"] == "finished"
            check(mongod_uri, name, SLUG, SEED, report["totals"])
        finally:
            client.drop_database(name)
            client.drop_database(f"{name}_turk")
