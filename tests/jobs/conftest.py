"""A marketplace and a page server in threads of the test process, which can be killed and started again."""

from collections.abc import Callable, Iterator

import pytest
from pymongo import MongoClient

from api.store.connection import Document
from tests.jobs.serving import Served
from tests.turk.served import free_port, turk_settings
from workers.turk.app import create_app
from workers.turk.clock import Clock, system_clock


@pytest.fixture
def marketplace(mongod_uri: str, database_name: str) -> Iterator[Callable[..., Served]]:
    """Starts marketplaces, each with a database of its own and a clock if given; they stop at the end of the test."""
    started: list[Served] = []
    databases: list[str] = []

    def start(clock: Clock = system_clock) -> Served:
        port = free_port()
        databases.append(f"{database_name}_{len(started)}")
        settings = turk_settings(mongod_uri, port, database=databases[-1], first_key="WINNOW:any")
        started.append(Served(lambda: create_app(settings, clock), port))
        return started[-1]

    yield start
    for served in started:
        served.stop()
    # MongoDB gets slower by every index that it has
    with MongoClient[Document](mongod_uri) as client:
        for name in databases:
            client.drop_database(name)
