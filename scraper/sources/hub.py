"""The Hugging Face Hub: which Parquet files a dataset has, what its licence is, and getting the files.

Built from the published API: ``GET /api/datasets/{owner}/{name}/parquet`` gives the URLs of the Parquet files by
configuration and split; every public dataset with a viewer has them.
"""

import asyncio
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from active_learning.domain.errors import InputError, Unavailable
from scraper import licences
from scraper.sources.api import Answer, Api, Clock, Connection, Sleep, agent, retry_after

BASE_URL = "https://huggingface.co"
LARGEST_FILE = 32 * 1024**3
"""Bytes. A Parquet file of the Hub has some 0.5 GB."""

_LONGEST_WAIT = 60.0
_DATASET = re.compile(r"[\w.-]+/[\w.-]+")
_CC = re.compile(r"cc-(by(?:-(?:nc|nd|sa))*)-(\d\.\d)")

Progress = Callable[[str, int, int | None], None]
"""Told while a file comes: its name, the bytes that are here, and how many it has, if that is known."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A Parquet file. ``name`` is its configuration, split and number: ``default/train/0``."""

    name: str
    url: str


class Hub:
    """Requests to the Hub. ``token`` opens private and gated datasets that its owner may read."""

    def __init__(
        self,
        *,
        base_url: str = BASE_URL,
        token: str = "",
        contact: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
        progress: Progress = lambda name, done, total: None,
        attempts: int = 5,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._agent = agent(contact)
        self._transport = transport
        self._progress = progress
        self._attempts = attempts
        self._sleep = sleep
        self._jitter = jitter
        self._api = Api(
            "The Hugging Face Hub",
            self.base_url,
            contact=contact,
            per_minute=60,
            transport=transport,
            sleep=sleep,
            clock=clock,
            jitter=jitter,
            attempts=attempts,
        )

    async def files(self, dataset: str, config: str = "", split: str = "") -> list[HubFile]:
        """Return the Parquet files of a dataset (``owner/name``), in the Hub's order.

        Without ``config`` its only one or the one called ``default`` is taken. Raises ``InputError`` for a dataset that
        is not there or not open, and for a configuration or split that it does not have.
        """
        if not _DATASET.fullmatch(dataset):
            raise InputError(f"'{dataset}' is no dataset of the Hub.", "Write hf://owner/name.")
        async with self._api.connected() as connection:
            answer = await self._get(connection, dataset, "/parquet")
        configs = answer.body
        if not isinstance(configs, dict) or not configs:
            raise InputError(f"{dataset} has no Parquet files on the Hub.", "Give a dataset that its viewer shows.")
        config = config or _only(dataset, configs)
        splits: Mapping[str, Sequence[str]] = _chosen(dataset, "configuration", configs, config)
        if split:
            # a dataset of more than 5 GB that is not in Parquet is converted in part
            split = split if split in splits else f"partial-{split}"
            splits = {split: _chosen(dataset, "split", splits, split)}
        return [
            HubFile(f"{config}/{name}/{number}", str(url))
            for name, urls in splits.items()
            for number, url in enumerate(urls)
        ]

    async def licence(self, dataset: str) -> tuple[str, str]:
        """Return the short name and the address of the licence on the dataset's card; empty where it says none."""
        async with self._api.connected() as connection:
            answer = await self._get(connection, dataset, "")
        card = answer.body.get("cardData") if isinstance(answer.body, dict) else None
        if not isinstance(card, dict):
            return "", ""
        said = card.get("license")
        names = [str(name) for name in said] if isinstance(said, list) else [str(said or "")]
        if len(names) != 1:
            return "", ""  # nobody can tell which of them holds for an image
        match = _CC.fullmatch(names[0].lower())
        link = str(card.get("license_link") or "")
        url = link if link.startswith(("https://", "http://")) else ""
        if match:
            url = f"https://creativecommons.org/licenses/{match[1]}/{match[2]}/"
        return licences.normalise(names[0], str(card.get("license_name") or ""), url), url

    async def download(self, file: HubFile, target: Path) -> None:
        """Bring a file to ``target``. After a broken connection it goes on where it stood, if the file is the same.

        Raises ``InputError`` where the Hub refuses, and ``Unavailable`` when several attempts in a row bring nothing.
        """
        client = httpx.AsyncClient(
            headers={"User-Agent": self._agent, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(30.0),
            follow_redirects=True,
            transport=self._transport,
        )
        async with client:
            with target.open("wb") as out:
                part = _Part(file, out, self._progress)
                failures = 0
                while True:
                    before = part.size
                    try:
                        wait = await self._attempt(client, part)
                        if wait is None:
                            return
                        reason = "it is too busy"
                    except httpx.TransportError as error:
                        wait, reason = 0.0, f"{type(error).__name__}: {error}".rstrip(": ")
                    failures = 1 if part.size > before else failures + 1
                    if failures >= self._attempts:
                        raise Unavailable(
                            f"The Hub does not give {file.name} ({reason}, {failures} times).", "It goes on later."
                        )
                    back_off = min(_LONGEST_WAIT, 2.0 ** (failures - 1)) * (1.0 + self._jitter() / 2)
                    await self._sleep(max(wait, back_off))

    async def _attempt(self, client: httpx.AsyncClient, part: "_Part") -> float | None:
        """Return ``None`` when the file is here, or how many seconds the Hub asks to wait (0: it does not say)."""
        headers = self._authorization(part.file.url) | part.headers()
        async with client.stream("GET", part.file.url, headers=headers) as response:
            status = response.status_code
            if status == 429 or status >= 500:
                return retry_after(response.headers) or 0.0
            if status == 416:
                part.start_again()
                return 0.0
            if status not in {200, 206}:
                raise InputError(f"The Hub refuses {part.file.name} (status {status}).", _hint(status))
            await part.receive(response)
            return None

    def _authorization(self, url: str) -> dict[str, str]:
        """The token is for the Hub alone; httpx drops it where a redirect leads to another host."""
        ours = httpx.URL(url).host == httpx.URL(self.base_url).host
        return {"Authorization": f"Bearer {self._token}"} if self._token and ours else {}

    async def _get(self, connection: Connection, dataset: str, what: str) -> Answer:
        answer = await connection.get(f"/api/datasets/{dataset}{what}", {}, self._authorization(self.base_url))
        if 300 <= answer.status < 400:
            moved = answer.headers.get("location", "another name").partition("/api/datasets/")[2]
            raise InputError(f"{dataset} has another name now.", f"Ask for hf://{moved.removesuffix(what)}.")
        if answer.status != 200:
            raise InputError(f"The Hub does not show {dataset}: {answer.detail}.", _hint(answer.status))
        return answer


class _Part:
    """What is here of a file."""

    def __init__(self, file: HubFile, out: BinaryIO, progress: Progress) -> None:
        self.file = file
        self.size = 0
        self._out = out
        self._etag = ""
        self._progress = progress

    def headers(self) -> dict[str, str]:
        if not (self.size and self._etag):
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self._etag}

    def start_again(self) -> None:
        self.size = 0
        self._out.seek(0)
        self._out.truncate()

    async def receive(self, response: httpx.Response) -> None:
        if response.status_code == 200:
            self.start_again()
        tag = response.headers.get("etag", "")
        self._etag = "" if tag.startswith("W/") else tag
        length = response.headers.get("content-length", "")
        total = self.size + int(length) if length.isdigit() else None
        self._check(total or 0)
        async for chunk in response.aiter_bytes():
            await asyncio.to_thread(self._out.write, chunk)
            self.size += len(chunk)
            self._check(self.size)
            self._progress(self.file.name, self.size, total)

    def _check(self, size: int) -> None:
        if size > LARGEST_FILE:
            raise InputError(f"{self.file.name} has more than {LARGEST_FILE:,} bytes.", "Choose another split.")


def _only(dataset: str, configs: Mapping[str, object]) -> str:
    if len(configs) == 1 or "default" in configs:
        return "default" if "default" in configs else next(iter(configs))
    names = ", ".join(list(configs)[:30])
    raise InputError(f"{dataset} has several configurations: {names}.", f"Choose one: hf://{dataset}/NAME.")


def _chosen(dataset: str, what: str, choices: Mapping[str, Any], name: str) -> Any:
    if name not in choices:
        names = ", ".join(list(choices)[:30])
        raise InputError(f"{dataset} has no {what} '{name}'.", f"It has {names}.")
    return choices[name]


def _hint(status: int) -> str:
    if status in {401, 403}:
        return "If it is private or asks for consent, set a token whose owner may read it."
    return "Check its name: hf://owner/name."
