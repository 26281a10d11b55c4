"""Image bytes in MongoDB and in S3: the same contract."""

import hashlib
from collections.abc import AsyncIterator

import boto3
import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer

from api.blobs import Blobs, S3Blobs, open_blobs
from api.operations.context import Winnow
from tests import factories


@pytest_asyncio.fixture(params=["mongodb", "s3"])
async def blobs(request: pytest.FixtureRequest, w: Winnow, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Blobs]:
    if request.param == "mongodb":
        yield open_blobs(w.settings, w.store)
        return
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="pictures")
    changed = factories.settings("mongodb://unused", "unused", blobs="s3://pictures/winnow", s3_endpoint=endpoint)
    opened = open_blobs(changed, w.store)
    assert isinstance(opened, S3Blobs)
    yield opened
    server.stop()


async def test_bytes_come_back_and_a_second_write_changes_nothing(blobs: Blobs) -> None:
    data = {hashlib.sha256(bytes([n])).hexdigest(): bytes([n]) * 1_000 for n in range(5)}
    await blobs.put(data)
    first = next(iter(data))
    await blobs.put({first: b"something else"})
    assert await blobs.get(first) == data[first]
    assert await blobs.get("0" * 64) is None
    assert await blobs.many([*data, "0" * 64]) == data
