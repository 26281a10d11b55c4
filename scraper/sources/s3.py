"""Images in S3 buckets, and in everything that speaks S3's protocol."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)

from active_learning.domain.errors import InputError, Unavailable
from scraper.found import Cursor, Found, Page, Provenance
from scraper.outcomes import Outcome, Refused
from scraper.sources import folder
from scraper.sources.at_hand import harmless, too_big

SCHEME = "s3://"
PAGE_KEYS = 1_000
"""What S3 lists in one request, at most."""

_WRONG = frozenset({"NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled"})
_OUTCOMES = {404: Outcome.NOT_FOUND, 403: Outcome.FORBIDDEN, 401: Outcome.FORBIDDEN, 429: Outcome.RATE_LIMITED}
_SLOW = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"})


class Bounded(Protocol):
    """Limits that say how many bytes an image may have."""

    @property
    def max_bytes(self) -> int:
        """Bytes."""


class S3:
    """One account at one service: lists buckets and reads objects.

    Without ``endpoint`` it is Amazon's; without keys they come from the AWS environment; ``anonymous`` sends none, for
    public buckets. At most ``connections`` requests are under way at a time, each in a thread. ``timeout`` seconds
    bound the connecting and each wait for bytes; boto3 repeats what failed in passing, up to ``attempts`` in all.
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        session_token: str | None = None,
        region: str | None = None,
        anonymous: bool = False,
        timeout: float = 20.0,
        connections: int = 32,
        attempts: int = 3,
    ) -> None:
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="s3")
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=session_token,
            region_name=region,
            config=Config(
                connect_timeout=timeout,
                read_timeout=timeout,
                max_pool_connections=connections,
                retries={"mode": "standard", "max_attempts": attempts},
                **({"signature_version": UNSIGNED} if anonymous else {}),
            ),
        )

    def images(self, path: str) -> "S3Images":
        """Return the source of the images under ``path``, which is ``s3://bucket/prefix``."""
        return S3Images(self, path)

    async def keys(self, bucket: str, prefix: str, after: str) -> tuple[list[tuple[str, int]], bool]:
        """Return some (key, bytes) behind the key ``after``, in S3's order, and whether there are more.

        Raises ``InputError`` for a bucket that is not there or not open to these keys, and ``Unavailable``.
        """
        try:
            answer = await self._beside(
                self._client.list_objects_v2, Bucket=bucket, Prefix=prefix, StartAfter=after, MaxKeys=PAGE_KEYS
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _WRONG or _status(error) in {400, 403, 404}:
                raise _wrong(bucket, error) from error
            raise _unavailable(bucket, error) from error
        except (HTTPClientError, ConnectionError) as error:
            raise _unavailable(bucket, error) from error
        except BotoCoreError as error:  # no credentials, an impossible name
            raise _wrong(bucket, error) from error
        found = [(item["Key"], int(item["Size"])) for item in answer.get("Contents", ())]
        return found, bool(answer["IsTruncated"])

    async def read(self, url: str, limits: Bounded) -> bytes:
        """Return the bytes behind ``s3://bucket/key``; raises ``Refused``, also for more than ``limits.max_bytes``."""
        data: bytes = await self._beside(self._read, url, limits.max_bytes)
        return data

    async def _beside(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Run what blocks in a thread of our own: the event loop's few are for other work."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, functools.partial(call, *arguments, **named))

    def _read(self, url: str, max_bytes: int) -> bytes:
        bucket, key = split(url)
        if not bucket or not key:
            raise Refused(Outcome.BAD_URL, "An object is called s3://bucket/key.")
        try:
            answer = self._client.get_object(Bucket=bucket, Key=key)
            size = int(answer["ContentLength"])
            with contextlib.closing(answer["Body"]) as body:
                if size > max_bytes:
                    raise too_big(size, max_bytes)
                return bytes(body.read())
        except ClientError as error:
            raise Refused(_outcome(error), str(error)) from error
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            raise Refused(Outcome.TIMEOUT, str(error)) from error
        except NoCredentialsError as error:
            raise Refused(Outcome.FORBIDDEN, str(error)) from error
        except SSLError as error:
            raise Refused(Outcome.TLS, str(error)) from error
        except ConnectionError as error:
            raise Refused(Outcome.NO_CONNECTION, str(error)) from error
        except (HTTPClientError, IncompleteReadError) as error:
            raise Refused(Outcome.BROKEN_ANSWER, str(error)) from error
        except BotoCoreError as error:
            raise Refused(Outcome.BAD_URL, str(error)) from error


class S3Images:
    """The images under a prefix, by their extensions, in the order of their keys.

    The prefix is S3's: the beginning of the key, so ``s3://bucket/cars`` holds ``cars/1.jpg`` and ``cars-old/1.jpg``.
    """

    def __init__(self, service: S3, path: str) -> None:
        self._service = service
        self._bucket, self._prefix = split(path)
        if not self._bucket:
            raise InputError(f"'{path}' names no bucket.", "Write s3://bucket or s3://bucket/prefix.")

    async def pages(self, cursor: Cursor | None = None) -> AsyncIterator[Page]:
        """Give the pages after ``cursor``, as :class:`scraper.found.Source` says."""
        after = cursor["after"] if cursor else ""
        more = True
        while more:
            keys, more = await self._service.keys(self._bucket, self._prefix, after)
            if not keys:
                return
            after = keys[-1][0]
            yield Page(tuple(self._found(key) for key, size in keys if size and _is_image(key)), {"after": after})

    def _found(self, key: str) -> Found:
        url = f"{SCHEME}{self._bucket}/{key}"
        name = harmless(key.removeprefix(self._prefix) if self._prefix.endswith("/") else key)
        return Found(url, name, Provenance("s3", source_id=url))


def split(url: str) -> tuple[str, str]:
    """Return the bucket and the key of ``s3://bucket/key``; both are empty for anything else.

    A key is taken as it stands: in it, %, ? and # are letters like any other.
    """
    if not url.startswith(SCHEME):
        return "", ""
    bucket, _, key = url.removeprefix(SCHEME).partition("/")
    return bucket, key


def _is_image(key: str) -> bool:
    return key.lower().endswith(tuple(folder.EXTENSIONS))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _outcome(error: ClientError) -> Outcome:
    if error.response["Error"]["Code"] in _SLOW:
        return Outcome.RATE_LIMITED
    status = _status(error)
    return _OUTCOMES.get(status, Outcome.SERVER_ERROR if status >= 500 else Outcome.OTHER_STATUS)


def _wrong(bucket: str, error: Exception) -> InputError:
    return InputError(f"The bucket '{bucket}' cannot be listed: {error}.", "Check its name and the keys.")


def _unavailable(bucket: str, error: Exception) -> Unavailable:
    return Unavailable(f"The bucket '{bucket}' does not answer: {error}.", "The listing goes on from here later.")
