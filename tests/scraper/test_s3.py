"""S3: listing a bucket and reading objects, against a server that speaks its protocol."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from active_learning.domain.errors import InputError, Unavailable
from scraper.fetch.protocol import FetchLimits
from scraper.outcomes import Outcome, Refused
from scraper.sources import s3
from scraper.sources.s3 import S3
from tests.scraper.collecting import assert_resumes, collect, images

LIMITS = FetchLimits(max_bytes=1_000)
KEYS = {"access_key": "x", "secret_key": "x", "region": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> str:
    client: Any = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1"
    )
    client.create_bucket(Bucket="pictures")
    for number in range(25):
        client.put_object(Bucket="pictures", Key=f"cars/{number:02d}.JPG", Body=b"%d" % number)
    for key, body in {
        "cars/": b"",
        "cars/readme.txt": b"x",
        "cars/empty.jpg": b"",
        "cars/50% off? #1 + ünï.png": b"odd",
        "cars-old/1.webp": b"old",
        "big.png": b"x" * 1_001,
    }.items():
        client.put_object(Bucket="pictures", Key=key, Body=body)
    return "pictures"


@pytest.fixture
def service(endpoint: str, bucket: str) -> S3:
    return S3(endpoint=endpoint, **KEYS)  # type: ignore[arg-type]


async def test_all_images_of_a_prefix_and_from_every_cursor_on(service: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAGE_KEYS", 10)
    pages = await assert_resumes(service.images("s3://pictures/cars/"))
    found = images(pages)
    assert [one.name for one in found] == [f"{number:02d}.JPG" for number in range(25)] + ["50% off? #1 + ünï.png"]
    assert found[3].url == found[3].provenance.source_id == "s3://pictures/cars/03.JPG"
    assert found[3].read is None and found[3].provenance.source == "s3"
    assert len(pages) == 3
    for one in found:
        assert await service.read(one.url, LIMITS)


async def test_a_prefix_is_the_beginning_of_a_key_and_may_be_empty(service: S3) -> None:
    assert [one.name for one in images(await collect(service.images("s3://pictures/cars-")))] == ["cars-old/1.webp"]
    assert len(images(await collect(service.images("s3://pictures")))) == 28
    assert await collect(service.images("s3://pictures/trucks/")) == []


async def test_objects_are_read_by_any_key(service: S3) -> None:
    assert await service.read("s3://pictures/cars/07.JPG", LIMITS) == b"7"
    assert await service.read("s3://pictures/cars/50% off? #1 + ünï.png", LIMITS) == b"odd"


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("s3://pictures/gone.jpg", Outcome.NOT_FOUND),
        ("s3://no-such-bucket-here/a.jpg", Outcome.NOT_FOUND),
        ("s3://pictures/big.png", Outcome.TOO_BIG),
        ("s3://pictures", Outcome.BAD_URL),
        ("s3://Not a Bucket!/a.jpg", Outcome.BAD_URL),
        ("https://example.org/a.jpg", Outcome.BAD_URL),
    ],
)
async def test_what_cannot_be_read_has_an_outcome(service: S3, url: str, outcome: Outcome) -> None:
    with pytest.raises(Refused) as refused:
        await service.read(url, LIMITS)
    assert refused.value.outcome is outcome


async def test_wrong_buckets_are_refused(service: S3) -> None:
    for path in ("s3://no-such-bucket-here/x", "s3://Not a Bucket!"):
        with pytest.raises(InputError, match="cannot be listed"):
            await collect(service.images(path))
    for path in ("s3://", "https://example.org"):
        with pytest.raises(InputError, match="names no bucket"):
            service.images(path)


async def test_without_keys_that_is_said(endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    service = S3(endpoint=endpoint, region="us-east-1")
    with pytest.raises(InputError, match="credentials"):
        await collect(service.images("s3://pictures"))
    with pytest.raises(Refused) as refused:
        await service.read("s3://pictures/big.png", LIMITS)
    assert refused.value.outcome is Outcome.FORBIDDEN
    public = S3(endpoint=endpoint, region="us-east-1", anonymous=True)
    assert len(images(await collect(public.images("s3://pictures/cars/")))) == 26


@pytest.fixture
def scripted() -> Iterator["Scripted"]:
    with Scripted() as server:
        yield server


class Scripted:
    """A server that gives every request one answer, raw."""

    def __init__(self) -> None:
        self.answer = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "Scripted":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(self.answer)


def answer(status: str, body: bytes, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode() + body


def said(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>said so</Message></Error>".encode()


@pytest.mark.parametrize(
    ("raw", "outcome", "listing"),
    [
        (answer("403 Forbidden", said("AccessDenied")), Outcome.FORBIDDEN, InputError),
        (answer("503 Slow Down", said("SlowDown")), Outcome.RATE_LIMITED, Unavailable),
        (answer("500 Internal Error", said("InternalError")), Outcome.SERVER_ERROR, Unavailable),
        (answer("200 OK", b"xxx", length=900), Outcome.BROKEN_ANSWER, None),
        (b"", Outcome.BROKEN_ANSWER, Unavailable),
    ],
)
async def test_what_servers_answer_has_an_outcome(
    scripted: Scripted, raw: bytes, outcome: Outcome, listing: type[Exception] | None
) -> None:
    scripted.answer = raw
    service = S3(endpoint=scripted.endpoint, attempts=1, **KEYS)  # type: ignore[arg-type]
    with pytest.raises(Refused) as refused:
        await service.read("s3://pictures/a.jpg", LIMITS)
    assert refused.value.outcome is outcome
    if listing is not None:
        with pytest.raises(listing):
            await collect(service.images("s3://pictures"))


async def test_nobody_there_has_an_outcome(scripted: Scripted) -> None:
    scripted.__exit__()
    service = S3(endpoint=scripted.endpoint, attempts=1, **KEYS)  # type: ignore[arg-type]
    with pytest.raises(Refused) as refused:
        await service.read("s3://pictures/a.jpg", LIMITS)
    assert refused.value.outcome is Outcome.NO_CONNECTION
    with pytest.raises(Unavailable):
        await collect(service.images("s3://pictures"))
