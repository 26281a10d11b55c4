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


@pytest.fixture(scope="session")
def serve(mongod_uri: str) -> Iterator[Callable[..., Site]]:
    """Starts marketplaces, each with a database of its own unless told, and stops them at the end."""
    servers: list[tuple[uvicorn.Server, threading.Thread]] = []
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(mongod_uri, tz_aware=True)

    def start(clock: Clock | None = None, **settings: Any) -> Site:
        port = free_port()
        known = turk_settings(mongod_uri, port, **{"sweep_seconds": 3600.0, "delivery_seconds": 0.02, **settings})
        movable = MovableClock()
        app = create_app(known, clock or movable)
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the marketplace did not start"
            time.sleep(0.01)
        servers.append((server, thread))
        return Site(known.public_url, known, movable, client[known.database])

    yield start
    for server, _ in servers:
        server.should_exit = True
    for _, thread in servers:
        thread.join(10)
    client.close()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Where notifications of the run's marketplaces go: stands for SQS, SNS and requesters' webhooks."""
    with listening() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def site(serve: Callable[..., Site], receiver: Receiver) -> Site:
    """One marketplace for most tests; each test uses tenants and workers of its own. Its clock only moves forward."""
    return serve(aws_endpoint=receiver.url, private_webhooks="yes")


@pytest.fixture
def requester(site: Site) -> Any:
    return site.requester()
