"""The marketplace served by uvicorn in a thread, on the test run's real MongoDB."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pymongo
import pytest
import uvicorn

from tests.turk.receivers import Receiver, listening
from tests.turk.served import MovableClock, Site, free_port, turk_settings
from workers.turk.app import create_app
from workers.turk.clock import Clock


class Servers:
    """Marketplaces in threads, each with a database of its own unless told.

    None may live longer than its tests: it asks MongoDB many times a second what there is to deliver.
    """

    def __init__(self, mongod_uri: str) -> None:
        self._uri = mongod_uri
        self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(mongod_uri, tz_aware=True)
        self._running: list[tuple[uvicorn.Server, threading.Thread]] = []
        self._databases: set[str] = set()

    def start(self, clock: Clock | None = None, **settings: Any) -> Site:
        port = free_port()
        known = turk_settings(self._uri, port, **{"sweep_seconds": 3600.0, "delivery_seconds": 0.02, **settings})
        self._databases.add(known.database)
        movable = MovableClock()
        app = create_app(known, clock or movable)
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the marketplace did not start"
            time.sleep(0.01)
        self._running.append((server, thread))
        return Site(known.public_url, known, movable, self._client[known.database])

    def stop(self) -> None:
        """End them all and leave nothing of them on MongoDB, which gets slower by every index that it has."""
        for server, _ in self._running:
            server.should_exit = True
        for _, thread in self._running:
            thread.join(10)
        for name in self._databases:
            self._client.drop_database(name)
        self._client.close()


@pytest.fixture(scope="module")
def serve(mongod_uri: str) -> Iterator[Callable[..., Site]]:
    """Starts marketplaces, which stop after the last test of the file."""
    servers = Servers(mongod_uri)
    yield servers.start
    servers.stop()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Where notifications of the run's marketplaces go: stands for SQS, SNS and requesters' webhooks."""
    with listening() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def site(mongod_uri: str, receiver: Receiver) -> Iterator[Site]:
    """One marketplace for most tests; each test uses tenants and workers of its own. Its clock only moves forward."""
    servers = Servers(mongod_uri)
    yield servers.start(aws_endpoint=receiver.url, private_webhooks="yes", delivery_seconds=0.1)
    servers.stop()


@pytest.fixture
def requester(site: Site) -> Any:
    return site.requester()
