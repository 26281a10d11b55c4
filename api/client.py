"""A client of the REST API, for scripts and notebooks: the values that the API speaks of go in and come out.

    from api.client import Client

    with Client("https://winnow.example.org", token="winnow_...") as winnow:
        for image in winnow.candidates("car", state="unknown", score_from=0.8):
            print(image.image, image.score)
        version = winnow.make_dataset("car")
        winnow.download("car", version.number, "webdataset", Path("car.tar"))

Make a token on the page *Your account*. Errors are those of ``active_learning.domain.errors``. What has no method of
its own here is a :meth:`Client.call` away, by the name that the API's description gives it (``/api/v1/openapi.json``).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

import httpx

from active_learning.domain import errors
from active_learning.domain.category import Category
from active_learning.domain.dataset import Recipe
from active_learning.domain.policy import Policy
from api.errors import STATUS
from api.operations.browsing import Seen as Candidate
from api.operations.categories import Seen as CategorySeen
from api.operations.choosing import Preview
from api.operations.forecasts import Outlook
from api.operations.task_sets import Arrangement, TaskSet
from api.routers.rest.categories import Categories
from api.routers.rest.datasets import DatasetList, DatasetOut, DatasetWithSheet, LabelsBrought
from api.routers.rest.pool import Candidates, GoldDone, Likeness
from api.routers.rest.scrapes import Scrapes, ScrapeStarted
from api.routers.rest.workers import Done, SubmissionOut, WorkerOut
from api.schemas import ErrorOut
from labeling_ui.contexts import CategorySummary, Money
from labeling_ui.contexts.mistakes import MistakesFound
from labeling_ui.contexts.story import Story

T = TypeVar("T")

KINDS = {status: kind for kind, status in STATUS}
"""The server's own table of replies, read the other way."""

TRIES = 4
"""Reads that find the server busy or gone are tried so often, after 1, 2, 4 seconds or what the server says."""
CHUNK = 1 << 20


class Client:
    """One server, one token. Use it as a context manager, or close it."""

    def __init__(self, url: str, token: str, timeout_s: float = 60.0) -> None:
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=timeout_s
        )
        self._paths: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Categories

    def categories(self) -> Iterator[CategorySeen]:
        """Every category, by slug."""
        return self._pages("categories", Categories, lambda page: page.items)

    def category(self, slug: str) -> CategorySeen:
        """One category."""
        return self._get(f"categories/{slug}", CategorySeen)

    def create_category(self, category: Category | str) -> CategorySeen:
        """Make a category of a value, or of the text of a YAML file."""
        if isinstance(category, str):
            kind = {"Content-Type": "application/yaml"}
            return self._read("POST", "categories", CategorySeen, content=category.encode(), headers=kind)
        body = category.model_dump(mode="json", exclude={"retired"})
        return self._post("categories", CategorySeen, body)

    def put_policy(self, slug: str, policy: Policy, why: str = "") -> Policy:
        """Put a policy in force in the place of ``policy.version``."""
        body = {"policy": policy.model_dump(mode="json"), "why": why}
        return self._read("PUT", f"categories/{slug}/policy", Policy, json=body)

    def pause(self, slug: str) -> CategorySeen:
        """Plan no new work."""
        return self._post(f"categories/{slug}/pause", CategorySeen)

    def resume(self, slug: str) -> CategorySeen:
        """Go on."""
        return self._post(f"categories/{slug}/resume", CategorySeen)

    def forecast(self, policy: Policy | None = None, category: str | None = None) -> Outlook:
        """What a policy will take: answers, cents and days, each as (low, middle, high)."""
        body = {"category": category, "policy": policy.model_dump(mode="json") if policy else None}
        return self._post("forecast", Outlook, body)

    def overview(self, slug: str) -> CategorySummary:
        """How a category stands: what its page says."""
        return self._get(f"categories/{slug}/overview", CategorySummary)

    # The pool

    def candidates(self, slug: str, **filters: object) -> Iterator[Candidate]:
        """The candidates of a pool that match: ``state``, ``answer``, ``source``, ``score_from``, ``licence``, ..."""
        return self._pages(f"categories/{slug}/candidates", Candidates, lambda page: page.items, filters)

    def like(self, slug: str, image: str, limit: int = 100, wait_s: float = 0.5, **filters: object) -> Likeness:
        """What looks like an image, the likest first; waits while a large pool is compared."""
        asked = {"limit": limit, **filters}
        while True:
            found = self._get(f"categories/{slug}/candidates/like/{image}", Likeness, asked)
            if found.ready:
                return found
            time.sleep(wait_s)

    def story(self, slug: str, image: str) -> Story:
        """Everything that is known of one candidate."""
        return self._get(f"categories/{slug}/images/{image}", Story)

    def mistakes(self, slug: str, kind: str) -> MistakesFound:
        """Images worth a look: ``kind`` says which."""
        return self._get(f"categories/{slug}/mistakes", MistakesFound, {"kind": kind})

    def mark_gold(self, slug: str, answers: Mapping[str, bool]) -> GoldDone:
        """Make your own answers (image -> yes/no) gold."""
        body = {"answers": [{"image": image, "value": value} for image, value in answers.items()]}
        return self._post(f"categories/{slug}/gold", GoldDone, body)

    # Task sets

    def preview_task_set(self, slug: str, images: list[str]) -> Preview:
        """What a list of ids or file names would make of a task set; nothing is saved."""
        return self._post(f"categories/{slug}/task-sets/preview", Preview, {"images": images})

    def make_task_set(self, slug: str, images: list[str], name: str = "", number: int | None = None) -> TaskSet:
        """Save a draft of those of the images that can be chosen."""
        body = {"images": images, "name": name, "number": number}
        return self._post(f"categories/{slug}/task-sets", TaskSet, body)

    def arrange(self, slug: str, number: int, arrangement: Arrangement) -> TaskSet:
        """Make tasks of a draft."""
        path = f"categories/{slug}/task-sets/{number}/arrange"
        return self._post(path, TaskSet, arrangement.model_dump(mode="json"))

    def post_task_set(self, slug: str, number: int) -> TaskSet:
        """Let an arranged set go to the market; a second time changes nothing."""
        return self._post(f"categories/{slug}/task-sets/{number}/post", TaskSet)

    # Images in

    def scrapes(self, slug: str) -> Scrapes:
        """The searches for images of a category."""
        return self._get(f"categories/{slug}/scrapes", Scrapes)

    def scrape(self, slug: str, source: str, options: Mapping[str, Any], limit: int | None = None) -> ScrapeStarted:
        """Start a search for images, or go on with it."""
        return self._post(
            f"categories/{slug}/scrapes", ScrapeStarted, {"source": source, "options": dict(options), "limit": limit}
        )

    # Datasets

    def datasets(self, slug: str) -> Iterator[DatasetOut]:
        """The versions of a dataset, the newest first."""
        return self._pages(f"categories/{slug}/datasets", DatasetList, lambda page: page.items)

    def dataset(self, slug: str, number: int) -> DatasetWithSheet:
        """One version with its datasheet."""
        return self._get(f"categories/{slug}/datasets/{number}", DatasetWithSheet)

    def make_dataset(self, slug: str, recipe: Recipe | None = None, wait_s: float = 0.5) -> DatasetWithSheet:
        """Make a version and wait until it is frozen."""
        body = (recipe or Recipe()).model_dump(mode="json")
        number = self._post(f"categories/{slug}/datasets", DatasetOut, body).number
        while (made := self.dataset(slug, number)).state == "making":
            time.sleep(wait_s)
        return made

    def download(self, slug: str, number: int, format: str, out: Path) -> Path:
        """Write a version in one format to ``out``. Broken off, the next call goes on where it ended."""
        partial = out.with_name(f"{out.name}.partial")
        path = f"categories/{slug}/datasets/{number}/files/{format}"
        try:
            for attempt in range(TRIES):
                try:
                    with partial.open("ab") as file:
                        self._download(path, file)
                    break
                except httpx.TransportError as error:
                    if attempt == TRIES - 1:
                        raise errors.Unavailable(f"The download broke off: {error}.", "Call again to go on.") from error
                    self._wait(attempt, None)
        finally:
            if partial.exists() and not partial.stat().st_size:
                partial.unlink()
        partial.replace(out)
        return out

    def _download(self, path: str, file: BinaryIO) -> None:
        have = file.tell()
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._http.stream("GET", path, headers=headers) as reply:
            if reply.status_code == 416:  # all of it is there
                return
            if reply.is_error:
                reply.read()
            _check(reply)
            if have and reply.status_code != 206:
                file.truncate(0)
            for part in reply.iter_bytes(CHUNK):
                file.write(part)

    def import_labels(self, slug: str, file: Path, preview: bool = False, **asked: object) -> LabelsBrought:
        """Bring labels that exist, in any of the formats; ``preview=True`` only says what would be saved."""
        with file.open("rb") as stream:
            query = {"preview": preview, **asked}
            path = f"categories/{slug}/labels"
            return self._read("POST", path, LabelsBrought, params=query, files={"file": (file.name, stream)})

    # Workers and money

    def worker(self, worker: str) -> WorkerOut:
        """How one worker works."""
        return self._get(f"workers/{worker}", WorkerOut)

    def submission(self, submission: str) -> SubmissionOut:
        """One submission, answer by answer."""
        return self._get(f"submissions/{submission}", SubmissionOut)

    def approve(self, submission: str, note: str = "") -> Done:
        """Pay a submission that waits for a decision, or that was refused."""
        return self._post(f"submissions/{submission}/approve", Done, {"note": note})

    def refuse(self, submission: str, reason: str) -> Done:
        """Refuse pay for a submission that waits for a decision."""
        return self._post(f"submissions/{submission}/refuse", Done, {"reason": reason})

    def money(self) -> Money:
        """Budgets, spend and forecast."""
        return self._get("money", Money)

    # Anything

    def call(
        self, operation: str, body: object = None, query: Mapping[str, object] | None = None, **path: object
    ) -> Any:
        """Call an operation by its name in the API's description; gives the JSON that it replies.

        ``winnow.call("archive_category", slug="car")``. Raises ``InputError`` where there is no such operation.
        """
        if not self._paths:
            described = self._send("GET", "openapi.json").json()
            self._paths = {
                one["operationId"]: (method.upper(), address.removeprefix("/api/v1/"))
                for address, methods in described["paths"].items()
                for method, one in methods.items()
            }
        if operation not in self._paths:
            raise errors.InputError(f"The API has no operation '{operation}'.", f"It has {', '.join(self._paths)}.")
        method, address = self._paths[operation]
        reply = self._send(method, address.format_map(path), json=body, params=query)
        return reply.json() if reply.content else None

    def _pages(
        self, path: str, kind: type[T], items: Callable[[T], tuple[Any, ...]], query: Mapping[str, object] | None = None
    ) -> Iterator[Any]:
        """Everything that a list has, page after page."""
        asked: dict[str, object] = dict(query or {})
        while True:
            page = self._get(path, kind, asked)
            yield from items(page)
            after = getattr(page, "next", None)
            if after is None:
                return
            asked["after"] = after

    def _get(self, path: str, kind: type[T], query: Mapping[str, object] | None = None) -> T:
        return self._read("GET", path, kind, params=query)

    def _post(self, path: str, kind: type[T], body: object = None) -> T:
        return self._read("POST", path, kind, json=body)

    def _read(self, method: str, path: str, kind: type[T], **request: Any) -> T:
        read: Callable[[bytes], T] = kind.model_validate_json  # type: ignore[attr-defined]
        return read(self._send(method, path, **request).content)

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        for attempt in range(TRIES):
            last = attempt == TRIES - 1 or method != "GET"
            try:
                reply = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                if last:
                    raise errors.Unavailable(f"{self._http.base_url} does not answer.", str(error)) from error
                self._wait(attempt, None)
                continue
            if reply.status_code == 503 and not last:
                self._wait(attempt, reply.headers.get("Retry-After"))
                continue
            _check(reply)
            return reply
        raise AssertionError("unreachable")

    def _wait(self, attempt: int, asked: str | None) -> None:
        time.sleep(float(asked) if asked and asked.isdigit() else 2.0**attempt)


def _check(reply: httpx.Response) -> None:
    """Raise what the server says is wrong."""
    if reply.is_success:
        return
    kind = KINDS.get(reply.status_code, errors.WinnowError)
    try:
        said = ErrorOut.model_validate_json(reply.content).error
    except ValueError:
        raise kind(f"The server replied {reply.status_code}.", reply.text[:200]) from None
    raise kind(said.message, said.hint)
