"""Fixtures for all tests: a real MongoDB for the session and a database of its own for every test."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from deploy import mongodb
from tests.mongod import expire_nothing

ROOT = Path(__file__).resolve().parent.parent

MEMORY, ROOM = Path("/dev/shm"), 8 << 30

LONGEST = (
    *("tests/kills/test_everything.py", "tests/e2e/test_demo.py", "tests/jobs/test_reconcile_faults.py"),
    *("tests/jobs/test_ray_scale.py", "tests/turk/test_laws.py", "tests/e2e/test_bad_input.py"),
    *("tests/jobs/test_reconcile.py", "tests/jobs/test_crowd.py", "tests/kills/test_marketplace.py"),
    *("tests/turk/test_browser.py", "tests/api/test_images_in.py", "tests/turk/test_requester_browser.py"),
    *("tests/api/test_cutting.py", "tests/e2e/test_one_image.py", "tests/e2e/test_scrape.py"),
    *("tests/e2e/test_simulate.py", "tests/kills/test_scrape.py", "tests/turk/test_conformance.py"),
    *("tests/ui/test_faults.py", "tests/ui/test_accessibility.py", "tests/ui/test_whole_assignment.py"),
    *("tests/ui/test_workers.py", "tests/ui/test_curating.py", "tests/ui/test_injection.py"),
)
"""Files of tests that take long, the longest of a group first: begun last, one would keep all processes waiting."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and the examples of property tests."""
    config.addinivalue_line("markers", "long: takes long, and is shown in small elsewhere; runs with WINNOW_LONG=1")
    # The usual run tries the same examples each time, so what it says is about the change. A long one looks further.
    hypothesis.settings.register_profile("usual", derandomize=True)
    if not os.environ.get("WINNOW_LONG"):
        hypothesis.settings.load_profile("usual")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first. Leave out what takes long, unless it is asked for.

    The usual run has to end within 20 minutes.
    """
    rank = {ROOT / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))
    if not os.environ.get("WINNOW_LONG"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes long: WINNOW_LONG=1 ./winnow test"))


@pytest.fixture(scope="session")
def mongod_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a replica set of one member, started for this test process and stopped at its end.

    Its data lie in memory where there is room: it is killed in tests, the machine is not, and a disk is slow to sync.
    """
    with ExitStack() as exits:
        folder = tmp_path_factory.mktemp("mongodb")
        if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM and os.access(MEMORY, os.W_OK):
            folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="winnow-tests-", dir=MEMORY)))
        server = exits.enter_context(mongodb.start(folder))
        expire_nothing(server.uri)
        yield server.uri


@pytest.fixture
def database_name() -> str:
    """A name that no other test has, so that tests share the server and nothing else."""
    return f"test_{uuid.uuid4().hex[:16]}"
