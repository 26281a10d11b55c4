"""One annotator at a browser: the marketplace's pages, the task page in its frame, answer by answer, submit."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import urljoin

import httpx
from pydantic import BaseModel

from active_learning.domain.errors import InputError, StateError
from active_learning.domain.submission import Response
from active_learning.domain.value import Value
from workers.crowd.eyes import SIZE, sight
from workers.crowd.pages import Context, Page, files_in
from workers.crowd.patience import Patient
from workers.crowd.people import TURN_MS, Kind, Person

BATCH = 10
VIEWPORT = (1280, 720)


class Outcome(StrEnum):
    """How a visit to a HIT ended."""

    SUBMITTED = "submitted"
    ABANDONED = "abandoned"  # given back half way, by choice
    DECLINED = "declined"  # the task page has no work for this person; given back
    MISSED = "missed"  # no place was left, or the person has done it before


class Visit(Value):
    """One person's visit to one HIT."""

    title: str
    person: str
    outcome: Outcome


class ListedHit(BaseModel):
    """A HIT in the marketplace's list."""

    hit_id: str
    title: str


class TurnedAway(Exception):
    """A page answers that there is nothing to do here for this person. Never leaves this module."""


class MarketSite:
    """The marketplace's site as one signed-in worker sees it."""

    def __init__(self, http: Patient, url: str) -> None:
        self.http = http
        self._url = url.rstrip("/")

    async def sign_in(self, name: str) -> None:
        """Sign in by name; raises :class:`InputError` when the marketplace does not want the name."""
        reply = await self.http.send("POST", f"{self._url}/sign-in", data={"name": name})
        if reply.status_code != httpx.codes.SEE_OTHER:
            raise InputError(
                f"The marketplace at {self._url} does not let '{name}' in (status {reply.status_code}).",
                "Simulated people have no passwords: WINNOW_TURK_SIGN_UP=names lets them in.",
            )

    async def hits(self) -> list[ListedHit]:
        """HITs with a free place that this worker has not taken."""
        reply = await self.http.send("GET", f"{self._url}/hits.json")
        if reply.status_code != httpx.codes.OK:
            raise StateError(f"The marketplace's list answers with status {reply.status_code}.", "Sign in first.")
        return [ListedHit.model_validate(hit) for hit in reply.json()]

    async def unfinished(self) -> list[str]:
        """Addresses of this worker's own work in progress."""
        page = Page(_ok(await self.http.send("GET", f"{self._url}/")).text)
        return [urljoin(self._url, path) for path in page.work]

    async def accept(self, hit_id: str) -> str:
        """Look at the preview, then take a place; gives the address of the assignment."""
        page = Page(_ok(await self.http.send("GET", f"{self._url}/hits/{hit_id}")).text)
        if page.frame:
            _ok(await self.http.send("GET", page.frame))
        reply = await self.http.send("POST", f"{self._url}/hits/{hit_id}/accept", data={"csrf": page.csrf})
        if reply.status_code != httpx.codes.SEE_OTHER:
            raise TurnedAway(f"status {reply.status_code}")
        return urljoin(self._url, reply.headers["location"])

    async def open(self, assignment: str) -> Page:
        """The page of an assignment in progress."""
        page = Page(_ok(await self.http.send("GET", assignment)).text)
        if not page.frame:
            raise TurnedAway("it has ended")
        return page

    async def give_back(self, assignment: str, csrf: str) -> None:
        """Return an assignment: its place is free again."""
        await self.http.send("POST", f"{assignment}/return", data={"csrf": csrf})


class TaskFrame:
    """The task page in its frame: what its script would do."""

    def __init__(self, http: Patient, url: str, context: Context) -> None:
        self._http = http
        self._url = url
        self._context = context
        self._authorization = {"Authorization": f"Bearer {context.token}"}

    @classmethod
    async def load(cls, http: Patient, url: str) -> "TaskFrame":
        """Load the page and read the context of its script."""
        page = Page(_ok(await http.send("GET", url)).text)
        return cls(http, url, Context.model_validate_json(page.context))

    @property
    def of(self) -> int:
        """How many images there are."""
        return self._context.of

    async def missing(self) -> list[int]:
        """Positions without an answer, in order."""
        reply = _ok(await self._call("GET", self._context.endpoints.assignment))
        answered = {answer["position"] for answer in reply.json()["answers"]}
        return [position for position in range(self.of) if position not in answered]

    async def images(self, positions: Sequence[int]) -> list[str]:
        """What is seen at these positions (see :func:`workers.crowd.eyes.sight`), a request for each run of them."""
        seen: dict[int, str] = {}
        while missing := [position for position in positions if position not in seen]:
            start = missing[0]
            run = [at for index, at in enumerate(missing[:BATCH]) if at == start + index]
            query = {"start": start, "count": len(run), "size": SIZE}
            reply = _ok(await self._call("GET", self._context.endpoints.images, params=query))
            seen |= zip(run, map(sight, files_in(reply.content)), strict=True)
        return [seen[position] for position in positions]

    def taught(self, response: Response) -> Response:
        """The response once the page has had its say: on a lesson a wrong answer is put right."""
        lessons = self._context.lessons
        if response.position >= len(lessons) or response.value is lessons[response.position].answer:
            return response
        return response.model_copy(update={"value": not response.value, "changes": response.changes + 1})

    async def save(self, responses: list[Response]) -> None:
        """Send answers."""
        body = {"answers": [response.model_dump(mode="json") for response in responses]}
        _ok(await self._call("PUT", self._context.endpoints.answers, json=body))

    async def submit(self) -> None:
        """Submit, and post the form to the market that the reply asks for."""
        reply = await self._call("POST", self._context.endpoints.submission, json={"viewport": VIEWPORT})
        receipt = _ok(reply).json()
        if receipt["action"]:
            _ok(await self._http.send("POST", receipt["action"], data=receipt["fields"]))

    async def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self._http.send(method, urljoin(self._url, path), headers=self._authorization, **options)


class Browser:
    """One person at work.

    ``eyes`` is the truth by what is seen. ``pace`` is the share of the person's own time that is really
    spent: 0 none, 1 all of it.
    """

    def __init__(self, person: Person, site: MarketSite, eyes: Mapping[str, bool], pace: float = 0.0) -> None:
        self.person = person
        self.site = site
        self._eyes = eyes
        self._pace = pace

    async def do(self, hit_id: str, title: str) -> Visit:
        """Take a HIT and work on it to its end. A HIT that is gone meanwhile is given up quietly.

        Raises :class:`Unavailable` when one of the sites stays away: the assignment is kept, and ``do`` goes on with
        it. Raises :class:`InputError` for an image that the crowd has no eyes for.
        """
        try:
            assignment = await self.site.accept(hit_id)
        except TurnedAway:
            return self._visit(title, Outcome.MISSED)
        return await self.finish(assignment)

    async def finish(self, assignment: str) -> Visit:
        """Work on an accepted assignment to its end, from wherever it stands."""
        try:
            page = await self.site.open(assignment)
        except TurnedAway:
            return self._visit("", Outcome.MISSED)
        try:
            frame = await TaskFrame.load(self.site.http, page.frame)
            await self._answer(frame)
            if self.person.kind is not Kind.ABANDONS:
                await frame.submit()
                return self._visit(page.title, Outcome.SUBMITTED)
            outcome = Outcome.ABANDONED
        except TurnedAway:
            outcome = Outcome.DECLINED
        await self.site.give_back(assignment, page.csrf)
        return self._visit(page.title, outcome)

    def _visit(self, title: str, outcome: Outcome) -> Visit:
        return Visit(title=title, person=self.person.name, outcome=outcome)

    async def _answer(self, frame: TaskFrame) -> None:
        """Answer what is not answered yet: all of it, or half by somebody who abandons."""
        positions = await frame.missing()
        if self.person.kind is Kind.ABANDONS:
            positions = [position for position in positions if position < frame.of // 2]
        clock_ms = 0.0
        for start in range(0, len(positions), BATCH):
            batch = positions[start : start + BATCH]
            responses: list[Response] = []
            for position, image in zip(batch, await frame.images(batch), strict=True):
                shown_ms = clock_ms + TURN_MS
                given = self.person.responds(position, image, self._see(image), shown_ms)
                responses.append(frame.taught(given))
                clock_ms = given.decided_ms
            await self.site.http.pause(self._pace * (clock_ms - responses[0].shown_ms) / 1000)
            await frame.save(responses)

    def _see(self, image: str) -> bool:
        try:
            return self._eyes[image]
        except KeyError:
            raise InputError(
                f"The crowd was shown an image that it has no label for ({image}).",
                "Give the simulated people the labels of every image of the pool.",
            ) from None


def _ok(reply: httpx.Response) -> httpx.Response:
    """The reply itself, or :class:`TurnedAway` where it is not what was hoped for."""
    if reply.status_code != httpx.codes.OK:
        raise TurnedAway(f"{reply.request.method} {reply.request.url.path}: status {reply.status_code}")
    return reply
