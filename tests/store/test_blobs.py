"""Image bytes in MongoDB and in S3: the same contract."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import boto3
import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer
from pymongo.errors import BulkWriteError

from api.blobs import Blobs, open_blobs
from api.operations.context import Winnow
from api.s3_blobs import S3Blobs
from api.store.bytes import PART
from api.store.connection import insert_new
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


async def test_single_reads_at_the_same_time_and_deletion(blobs: Blobs) -> None:
    data = {hashlib.sha256(bytes([n])).hexdigest(): bytes([n]) * 1_000 for n in range(100)}
    await blobs.put(data)
    wanted = [*data, *data, "0" * 64]
    assert await asyncio.gather(*(blobs.get(digest) for digest in wanted)) == [*data.values(), *data.values(), None]
    gone = [*list(data)[:40], "0" * 64]
    await blobs.delete(gone)
    await blobs.delete(gone)
    assert await blobs.many(wanted) == dict(list(data.items())[40:])


async def test_bytes_of_more_than_a_document_come_back_and_go(w: Winnow) -> None:
    long = bytes(range(256)) * (2 * PART // 256) + b"end"
    blobs = {"a" * 64: long, "b" * 64: b"short", "c" * 64: long[:PART]}
    await w.store.blobs.put(blobs)
    await w.store.blobs.put(blobs)
    assert await asyncio.gather(*map(w.store.blobs.get, blobs)) == list(blobs.values())
    assert await w.store.blobs.many(list(blobs)) == blobs
    assert await w.store.blobs.missing([*blobs, "d" * 64]) == {"d" * 64}
    await w.store.blobs.delete(list(blobs))
    assert await w.store.blobs.collection.count_documents({}) == 0


async def test_an_insert_that_fails_for_another_reason_is_an_error(w: Winnow) -> None:
    with pytest.raises(BulkWriteError):
        await insert_new(w.store.connection.database["images"], [{"_id": "not a digest"}])
