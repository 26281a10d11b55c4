"""Image bytes in an S3 bucket."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from active_learning.domain.errors import Unavailable

DELETED_AT_ONCE = 1_000
"""What S3 takes in one request."""


class S3Blobs:
    """Bytes in an S3 bucket, under ``prefix``. boto3 blocks, so each call runs in a thread."""

    def __init__(self, bucket: str, prefix: str, endpoint: str | None) -> None:
        self._client: Any = boto3.client("s3", endpoint_url=endpoint)
        self._bucket = bucket
        self._prefix = prefix

    async def put(self, blobs: Mapping[str, bytes]) -> None:
        """Store each value; a key that exists keeps its bytes."""
        await asyncio.gather(*(asyncio.to_thread(self._put, digest, data) for digest, data in blobs.items()))

    async def get(self, digest: str) -> bytes | None:
        """The bytes, or ``None``."""
        return await asyncio.to_thread(self._get, digest)

    async def many(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Several at once; missing ones are left out."""
        found = await asyncio.gather(*(self.get(digest) for digest in digests))
        return {digest: data for digest, data in zip(digests, found, strict=True) if data is not None}

    async def delete(self, digests: Sequence[str]) -> None:
        """Remove them, up to ``DELETED_AT_ONCE`` in one request."""
        for start in range(0, len(digests), DELETED_AT_ONCE):
            await asyncio.to_thread(self._delete, digests[start : start + DELETED_AT_ONCE])

    def _key(self, digest: str) -> str:
        # Two leading characters spread the keys over S3's partitions.
        return f"{self._prefix}{digest[:2]}/{digest}"

    def _put(self, digest: str, data: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._key(digest), Body=data, IfNoneMatch="*")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
                raise _unavailable(self._bucket, error) from error
        except BotoCoreError as error:
            raise _unavailable(self._bucket, error) from error

    def _get(self, digest: str) -> bytes | None:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=self._key(digest))["Body"]
            return bytes(body.read())
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise _unavailable(self._bucket, error) from error
        except BotoCoreError as error:
            raise _unavailable(self._bucket, error) from error

    def _delete(self, digests: Sequence[str]) -> None:
        objects = [{"Key": self._key(digest)} for digest in digests]
        try:
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
        except (ClientError, BotoCoreError) as error:
            raise _unavailable(self._bucket, error) from error
        for failed in answer.get("Errors", ()):
            raise _unavailable(self._bucket, RuntimeError(f"{failed['Key']}: {failed['Message']}"))


def _unavailable(bucket: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"The S3 bucket '{bucket}' does not take or give bytes: {error}.", "Check WINNOW_BLOBS and the AWS credentials."
    )
