"""Fixtures for all tests: a real MongoDB for the session and a database of its own for every test."""

import uuid
from collections.abc import Iterator

import pytest

from deploy import mongodb


@pytest.fixture(scope="session")
def mongod_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a replica set of one member, started for this test process and stopped at its end."""
    with mongodb.start(tmp_path_factory.mktemp("mongodb")) as server:
        yield server.uri


@pytest.fixture
def database_name() -> str:
    """A name that no other test has, so that tests share the server and nothing else."""
    return f"test_{uuid.uuid4().hex[:16]}"
