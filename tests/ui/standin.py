"""The assignment API in memory behind a real HTTP server: what a browser needs to work on the pages.

It speaks the protocol of the web process and keeps a log of what it was sent. Headers are as strict as in production.
"""

import asyncio
import io
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import lru_cache

import uvicorn
from PIL import Image, ImageDraw
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from active_learning.domain.submission import Response as GivenAnswer
from api.static import Versioned
from labeling_ui.contexts import CategoryPage, CategorySummary, ErrorPage, IndexPage, Lesson, Page
from labeling_ui.render import render, vega_bundle
from tests.ui import pages, story_pages

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'"
)


ORIGINAL = 1_000
"""The longest side of every original picture, in pixels."""

MOST_THUMBNAILS, MOST_IMAGES = 150, 24


@lru_cache(maxsize=1_000)
def picture(number: int, size: int = 320) -> bytes:
    """A circle (every third) or a square, in colours that differ from image to image."""
    hue = (number * 47) % 360
    image = Image.new("RGB", (size, size * 3 // 4), f"hsl({hue}, 35%, 80%)")
    draw = ImageDraw.Draw(image)
    box = (size * 0.3, size * 0.17, size * 0.7, size * 0.57)
    shape = draw.ellipse if number % 3 == 0 else draw.rectangle
    shape(box, fill=f"hsl({(hue + 180) % 360}, 55%, 40%)")
    draw.text((8, 8), str(number), fill="black")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def error(status: int, message: str, hint: str = "") -> JSONResponse:
    """The one shape of errors."""
    return JSONResponse({"error": {"message": message, "hint": hint}}, status)


class Standin:
    """One category, and one assignment of ``of`` images a token."""

    def __init__(self) -> None:
        self.of = 150
        self.market = True
        self.by_code = False
        """The market takes a code at a page of its own, instead of a form."""
        self.lessons: tuple[Lesson, ...] = ()
        self.presumed: bool | None = None
        self.language = "en"
        self.answers: dict[str, dict[int, GivenAnswer]] = {}
        self.receipts: dict[str, str] = {}
        self.submissions: list[str] = []
        self.posted_forms: list[dict[str, str]] = []
        self.gold: dict[str, bool] = {}
        self.summary: CategorySummary = pages.full_summary()
        self.loads = 0
        self.batches: list[tuple[int, int, int]] = []
        """(start, count, size) of every request for images."""
        self.fulls: list[int] = []
        self.saves = 0
        self.pause = 0.0
        """Seconds that each image of a batch takes on the line."""
        self.down = False
        self.refuse = 0
        """The status that every call gets instead of an answer."""
        self.receipt_numbers = itertools.count(1)
        self.base = ""

    def app(self) -> Starlette:
        """All routes, with CORS open as the pages inside a sandboxed frame have no origin of their own."""
        cors = Middleware(
            CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["authorization", "content-type"]
        )
        routes = [
            Route("/", lambda _: self.page(IndexPage(categories=pages.cards()))),
            Route("/empty", lambda _: self.page(IndexPage())),
            Route("/error", lambda _: self.page(pages.FULL[-1])),
            Route("/categories/circle", lambda _: self.page(CategoryPage(summary=self.summary))),
            Route("/categories/circle/images-in", lambda _: self.page(pages.images_in_page())),
            Route("/categories/circle/mistakes", lambda _: self.page(story_pages.mistakes_page())),
            Route(
                "/categories/circle/images/{sha256}",
                lambda request: self.page(story_pages.story_page(int(request.path_params["sha256"], 16))),
            ),
            Route("/categories/circle/expert", lambda _: self.page(pages.expert_page())),
            Route("/categories/circle/gold", self.save_gold, methods=["POST"]),
            Route("/categories/circle/events", lambda _: Response(status_code=503)),
            Route("/images/{sha256}", lambda request: self.image(int(request.path_params["sha256"], 16))),
            Route("/examples/{number:int}", lambda request: self.image(request.path_params["number"])),
            Route("/preview", lambda _: self.page(pages.task_page(None, language=self.language))),
            Route("/tasks/{token}", self.task),
            Route("/assignment/images", self.task_images),
            Route("/assignment/images/{position:int}/full", self.full_image),
            Route("/assignment/answers", self.save_answers, methods=["PUT"]),
            Route("/assignment/submission", self.submit, methods=["POST"]),
            Route("/assignment", self.resume),
            Route("/market/{token}", self.market_page),
            Route("/mturk/externalSubmit", self.external_submit, methods=["POST"]),
            Route("/submissions/complete", self.complete),
            Route("/static/{version}/vega.js", lambda _: Response(vega_bundle(), media_type="text/javascript")),
            Mount("/static", Versioned()),
        ]
        return Starlette(routes=routes, middleware=[cors])

    def page(self, page: Page) -> Response:
        """A page under the strict policy."""
        self.loads += 1
        status = page.status if isinstance(page, ErrorPage) else 200
        return HTMLResponse(render(page), status, {"Content-Security-Policy": POLICY})

    def image(self, number: int) -> Response:
        """A drawn picture."""
        return Response(picture(number), media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})

    def task(self, request: Request) -> Response:
        """The working page."""
        work = pages.work(request.path_params["token"], self.of, lessons=self.lessons, presumed=self.presumed)
        return self.page(pages.task_page(work, self.of, self.language))

    def token(self, request: Request) -> str:
        """The token of a call to the assignment API."""
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def refusal(self, request: Request) -> Response | None:
        """What a call gets instead of an answer; ``None`` on a good day."""
        if self.down:
            return error(503, "Busy.")
        if self.refuse:
            return error(self.refuse, "This assignment has ended.", "Return to the marketplace.")
        if not self.token(request) or "token" in str(request.url):
            return error(403, "No token.")
        return None

    def task_images(self, request: Request) -> Response:
        """Several images in one stream, each behind its length."""
        start, count, size = (int(request.query_params[name]) for name in ("start", "count", "size"))
        self.batches.append((start, count, size))
        refusal = self.refusal(request)
        if refusal:
            return refusal
        if size not in pages.SIZES or not 1 <= count <= (MOST_THUMBNAILS if size <= 160 else MOST_IMAGES):
            return error(422, "So many images of this size do not fit into one reply.")
        if start >= self.of:
            return error(404, "There is no such image.")

        async def stream() -> AsyncIterator[bytes]:
            for position in range(start, min(start + count, self.of)):
                await asyncio.sleep(self.pause)
                image = picture(position, min(size, ORIGINAL))
                yield len(image).to_bytes(4, "big") + image

        headers = {"Cache-Control": "private, max-age=600, immutable", "Vary": "Authorization"}
        return StreamingResponse(stream(), media_type="application/octet-stream", headers=headers)

    def full_image(self, request: Request) -> Response:
        """One image as big as it is."""
        position = request.path_params["position"]
        self.fulls.append(position)
        return self.refusal(request) or Response(picture(position, ORIGINAL), media_type="image/jpeg")

    async def save_answers(self, request: Request) -> Response:
        """Last writer wins per position; nothing more once it is submitted."""
        self.saves += 1
        refusal = self.refusal(request)
        if refusal:
            return refusal
        if self.token(request) in self.receipts:
            return error(410, "This assignment is not open any more.", "What you had submitted is safe.")
        mine = self.answers.setdefault(self.token(request), {})
        batch = [GivenAnswer.model_validate(answer) for answer in (await request.json())["answers"]]
        mine.update({answer.position: answer for answer in batch})
        return JSONResponse({"saved": len(batch)})

    def resume(self, request: Request) -> Response:
        """What is answered already."""
        mine = self.answers.get(self.token(request), {})
        answers = [mine[position].model_dump(mode="json") for position in sorted(mine)]
        return self.refusal(request) or JSONResponse(
            {"of": self.of, "answers": answers, "submitted": self.token(request) in self.receipts}
        )

    async def submit(self, request: Request) -> Response:
        """Store the submission once; every repetition gets the first receipt."""
        token = self.token(request)
        refusal = self.refusal(request)
        if refusal:
            return refusal
        if len(self.answers.get(token, {})) < self.of:
            return error(409, "Some images are not answered.", "Go back and answer them.")
        if token not in self.receipts:
            self.receipts[token] = f"R-{next(self.receipt_numbers)}"
        self.submissions.append(token)
        fields = {"assignmentId": token, "receipt": self.receipts[token]}
        action = f"{self.base}/mturk/externalSubmit" if self.market else ""
        how = {"action": action, "method": "post", "fields": fields}
        if self.by_code:
            how = {"action": f"{self.base}/submissions/complete", "method": "get", "fields": {"cc": "A1 B&2"}}
        return JSONResponse({"receipt": self.receipts[token], **how})

    def market_page(self, request: Request) -> Response:
        """A market's page: the task in a sandboxed frame without an origin, cookies or storage."""
        frame = f'<iframe id="task" sandbox="allow-scripts allow-forms" src="/tasks/{request.path_params["token"]}"'
        return HTMLResponse(f'<!doctype html><title>Market</title>{frame} width="1000" height="640"></iframe>')

    def complete(self, request: Request) -> Response:
        """The page of a market that takes a code."""
        return HTMLResponse(f"<!doctype html><title>Done</title><p>{request.query_params['cc']}</p>")

    async def external_submit(self, request: Request) -> Response:
        """What the market's own submit address gets."""
        body = (await request.body()).decode()
        self.posted_forms.append(dict(pair.split("=") for pair in body.split("&")))
        return HTMLResponse("<!doctype html><title>Submitted</title><p>Thank you, submitted.</p>")

    async def save_gold(self, request: Request) -> Response:
        """The researcher's answers."""
        answers = (await request.json())["answers"]
        self.gold.update({answer["image"]: answer["value"] for answer in answers})
        yes = sum(self.gold.values())
        return JSONResponse({"saved": len(answers), "gold_yes": 3 + yes, "gold_no": 5 + len(self.gold) - yes})


@contextmanager
def serving(standin: Standin) -> Iterator[str]:
    """Serve it on a free port of the loopback; gives the address."""
    config = uvicorn.Config(standin.app(), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the stand-in server did not start"
        time.sleep(0.02)
    standin.base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield standin.base
    finally:
        server.should_exit = True
        thread.join(timeout=10)
