"""The part of the Hugging Face Hub's API that lists and gives Parquet files, built from its published reference."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

CDN = "https://cdn.example"


class Breaking(httpx.AsyncByteStream):
    """A body whose connection breaks before its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body
        raise httpx.ReadError("connection reset")


@dataclass
class FakeHub:
    """One dataset, ann/cars: ``shards`` holds Parquet files by configuration and split.

    ``breaks`` are after how many bytes the next downloads break; ``troubles`` are statuses that the next requests for
    files get. Every file is redirected to another host, as the Hub does.
    """

    shards: dict[str, dict[str, list[bytes]]]
    card: dict[str, Any] | None = None
    token: str = ""
    breaks: list[int] = field(default_factory=list)
    troubles: list[int] = field(default_factory=list)
    etag: str = '"v1"'
    asked: list[httpx.Request] = field(default_factory=list)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.handle)

    def at_cdn(self) -> list[httpx.Request]:
        return [request for request in self.asked if request.url.host == "cdn.example"]

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path
        if request.url.host == "cdn.example":
            return self._file(request, path)
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return httpx.Response(401, json={"error": "Access to dataset ann/cars is restricted."})
        if path == "/api/datasets/ann/autos/parquet":
            return httpx.Response(307, headers={"location": "/api/datasets/ann/cars/parquet"}, text="Moved")
        if path == "/api/datasets/ann/cars":
            return httpx.Response(200, json={"id": "ann/cars", "cardData": self.card})
        if path == "/api/datasets/ann/cars/parquet":
            return httpx.Response(200, json=self._listing())
        if re.fullmatch(r"/api/datasets/ann/cars/parquet/\w+/[\w-]+/\d+\.parquet", path):
            return httpx.Response(302, headers={"location": CDN + path.removeprefix("/api/datasets/ann/cars/parquet")})
        return httpx.Response(404, json={"error": "Repository not found"})

    def _listing(self) -> dict[str, dict[str, list[str]]]:
        base = "https://huggingface.co/api/datasets/ann/cars/parquet"
        return {
            config: {
                split: [f"{base}/{config}/{split}/{number}.parquet" for number in range(len(files))]
                for split, files in splits.items()
            }
            for config, splits in self.shards.items()
        }

    def _file(self, request: httpx.Request, path: str) -> httpx.Response:
        if self.troubles:
            return httpx.Response(self.troubles.pop(0), headers={"retry-after": "7"})
        _, config, split, name = path.split("/")
        body = self.shards[config][split][int(name.removesuffix(".parquet"))]
        headers = {"etag": self.etag}
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        status = 200
        if asked and request.headers.get("if-range") == self.etag:
            start = int(asked[1])
            headers["content-range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body, status = body[start:], 206
        headers["content-length"] = str(len(body))
        if self.breaks:
            return httpx.Response(status, headers=headers, stream=Breaking(body[: self.breaks.pop(0)]))
        return httpx.Response(status, headers=headers, content=body)
