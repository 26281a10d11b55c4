"""A small server of task pages that keeps what it is told: the other side of the crowd's browsers."""

import hashlib
import io
import json
import struct
import threading
from collections.abc import Callable
from html import escape
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from workers.crowd.eyes import eyes_from

PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"


def picture(task: str, slot: int) -> bytes:
    out = io.BytesIO()
    colours = hashlib.sha256(f"image {slot} of {task}".encode()).digest()
    Image.frombytes("RGB", (5, 2), colours[:30]).save(out, "PNG")
    return out.getvalue()


def truth(task: str, slot: int) -> bool:
    return hashlib.sha256(f"image {slot} of {task}".encode()).digest()[0] < 128


class TaskPages:
    """Tasks of ``size`` images. What is kept survives ``make_app`` being called again, as a database would.

    ``answers`` and ``submissions`` are kept by (task, worker, assignment); ``refused`` are workers without work;
    ``on_answers`` is called with the number of saves so far, after each.
    """

    def __init__(self, size: int = 24) -> None:
        self.size = size
        self.answers: dict[tuple[str, str, str], dict[int, dict[str, Any]]] = {}
        self.submissions: dict[tuple[str, str, str], str] = {}
        self.refused: set[str] = set()
        self.closed: set[str] = set()
        self.saves = 0
        self.on_answers: Callable[[int], None] = lambda saves: None
        self._lock = threading.Lock()

    def eyes(self, tasks: list[str]) -> dict[str, bool]:
        return eyes_from((picture(task, slot), truth(task, slot)) for task in tasks for slot in range(self.size))

    def make_app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/tasks/{task}", self.page),
                Route("/assignment/images", self.images),
                Route("/assignment/answers", self.save, methods=["PUT"]),
                Route("/assignment/submission", self.submit, methods=["POST"]),
                Route("/assignment", self.progress),
            ]
        )

    def order(self, key: tuple[str, str, str]) -> list[int]:
        task, worker, _ = key
        return sorted(range(self.size), key=lambda slot: hashlib.sha256(f"{task}:{worker}:{slot}".encode()).digest())

    async def page(self, request: Request) -> Response:
        task, query = request.path_params["task"], request.query_params
        if query["assignmentId"] == PREVIEW:
            return HTMLResponse("<h1>Preview</h1>")
        if query["workerId"] in self.refused:
            return HTMLResponse("There is no more work for you.", 403)
        key = (task, query["workerId"], query["assignmentId"])
        if task in self.closed and key not in self.answers:
            return HTMLResponse("This task is finished.", 410)
        with self._lock:
            self.answers.setdefault(key, {})
        context = {
            "token": json.dumps([*key, query["turkSubmitTo"]]),
            "of": self.size,
            "endpoints": {
                "images": "/assignment/images",
                "answers": "/assignment/answers",
                "assignment": "/assignment",
                "submission": "/assignment/submission",
            },
            "reward_cents": 60,
        }
        script = json.dumps(context).replace("<", "\\u003c")
        return HTMLResponse(f'<h1>{escape(task)}</h1><script type="application/json" id="context">{script}</script>')

    async def images(self, request: Request) -> Response:
        key, _ = self._bearer(request)
        start, count = int(request.query_params["start"]), int(request.query_params["count"])
        pictures = [picture(key[0], slot) for slot in self.order(key)[start : start + count]]
        return Response(b"".join(struct.pack(">I", len(data)) + data for data in pictures))

    async def save(self, request: Request) -> Response:
        key, _ = self._bearer(request)
        given = (await request.json())["answers"]
        assert 0 < len(given) <= 10
        with self._lock:
            assert key not in self.submissions
            self.answers[key].update({answer["position"]: answer for answer in given})
            self.saves += 1
        self.on_answers(self.saves)
        return JSONResponse({"saved": len(given)})

    async def progress(self, request: Request) -> Response:
        key, _ = self._bearer(request)
        return JSONResponse({"answers": list(self.answers[key].values()), "of": self.size})

    async def submit(self, request: Request) -> Response:
        key, submit_to = self._bearer(request)
        if len(self.answers[key]) < self.size:
            return JSONResponse({"error": {"message": "Answers are missing.", "hint": "Go back."}}, 409)
        receipt = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        with self._lock:
            self.submissions[key] = receipt
        fields = {"assignmentId": key[2], "receipt": receipt}
        return JSONResponse({"receipt": receipt, "action": f"{submit_to}/mturk/externalSubmit", "fields": fields})

    def _bearer(self, request: Request) -> tuple[tuple[str, str, str], str]:
        return self._token(request.headers["authorization"].removeprefix("Bearer "))

    def _token(self, token: str) -> tuple[tuple[str, str, str], str]:
        task, worker, assignment, submit_to = json.loads(token)
        return (task, worker, assignment), submit_to
