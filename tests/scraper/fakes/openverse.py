"""Openverse's image search as its published source validates, limits and answers it."""

import math
import secrets
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.scraper.fakes.timing import Time
from tests.scraper.fakes.troubles import Troubles

LICENCES = {"by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "cc0", "pdm", "sampling+", "nc-sampling+"}
CLIENT = ("an id", "a secret")


def image(number: int, licence: str = "by", **fields: Any) -> dict[str, Any]:
    """A result with the fields of the published example."""
    family = "publicdomain/zero/1.0" if licence == "cc0" else f"licenses/{licence}/2.0"
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "title": f"Car {number}",
        "foreign_landing_url": f"https://www.flickr.com/photos/ann/{number}",
        "url": f"https://live.staticflickr.com/1/{number}_b.jpg",
        "creator": "Ann",
        "creator_url": "https://www.flickr.com/photos/ann",
        "license": licence,
        "license_version": "2.0",
        "license_url": f"https://creativecommons.org/{family}/",
        "provider": "flickr",
        "source": "flickr",
        "filetype": None,
        "filesize": None,
        "mature": False,
        "width": 1024,
        "height": 768,
        "thumbnail": f"https://api.openverse.org/v1/images/{number}/thumb/",
        **fields,
    }


class Throttle:
    """Django REST framework's: a sliding window, and a Retry-After that spreads what is left."""

    def __init__(self, scope: str, requests: int, period: str) -> None:
        self.scope, self.requests, self.period = scope, requests, period
        self.seconds = {"min": 60.0, "day": 86_400.0}[period]
        self.history: list[float] = []

    def allow(self, now: float) -> float | None:
        """Count a request and return nothing, or return how long to wait."""
        self.history = [at for at in self.history if at > now - self.seconds]
        if len(self.history) < self.requests:
            self.history.append(now)
            return None
        return self.seconds - (now - self.history[0])

    def headers(self) -> dict[str, str]:
        return {
            f"X-RateLimit-Limit-{self.scope}": f"{self.requests}/{self.period}",
            f"X-RateLimit-Available-{self.scope}": str(self.requests - len(self.history)),
        }


class FakeOpenverse:
    """The service: its ``images`` answer every query but those in ``answers``."""

    def __init__(self, time: Time, images: list[dict[str, Any]]) -> None:
        self.time = time
        self.images = images
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.troubles = Troubles()
        self.dead: set[str] = set()
        self.searches: list[dict[str, str]] = []
        self.agents: set[str] = set()
        self.times: list[float] = []
        self.granted: list[str] = []
        self.valid: set[str] = set()
        self.expires_in = 36_000
        self.retry_after = True
        self.sizes = {False: 20, True: 50}
        self.depth = 240
        self.throttles = {
            False: [Throttle("anon_burst", 20, "min"), Throttle("anon_sustained", 200, "day")],
            True: [
                Throttle("oauth2_client_credentials_burst", 100, "min"),
                Throttle("oauth2_client_credentials_sustained", 10_000, "day"),
            ],
        }
        self.app = Starlette(
            routes=[
                Route("/v1/images/", self.search),
                Route("/v1/auth_tokens/token/", self.token, methods=["POST"]),
            ]
        )

    async def token(self, request: Request) -> Response:
        form = await request.form()
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if (form.get("client_id"), form.get("client_secret")) != CLIENT:
            return JSONResponse({"error": "invalid_client"}, 401)
        token = secrets.token_hex(8)
        self.granted.append(token)
        self.valid.add(token)
        return JSONResponse(
            {"access_token": token, "expires_in": self.expires_in, "token_type": "Bearer", "scope": "read write groups"}
        )

    async def search(self, request: Request) -> Response:
        params = dict(request.query_params)
        self.searches.append(params)
        self.agents.add(request.headers["user-agent"])
        self.times.append(self.time.now)
        if trouble := self.troubles.next(request):
            return trouble
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if bearer and bearer not in self.valid:
            return JSONResponse({"detail": "Incorrect authentication credentials."}, 401)
        headers: dict[str, str] = {}
        for throttle in self.throttles[bool(bearer)]:
            wait = throttle.allow(self.time.now)
            headers |= throttle.headers()
            if wait is not None:
                if self.retry_after:
                    headers["Retry-After"] = str(math.ceil(wait))
                detail = f"Request was throttled. Expected available in {math.ceil(wait)} seconds."
                return JSONResponse({"detail": detail}, 429, headers)
        answer = self.answer(params, bool(bearer))
        answer.headers.update(headers)
        return answer

    def answer(self, params: dict[str, str], known: bool) -> Response:
        level = "authenticated" if known else "anonymous"
        size, page = int(params.get("page_size", 20)), int(params.get("page", 1))
        if size > self.sizes[known]:
            return JSONResponse({"detail": f"page_size may not exceed {self.sizes[known]} for {level} requests"}, 401)
        if size * page > self.depth:
            return JSONResponse({"detail": f"pagination depth may not exceed {self.depth} for {level} requests"}, 401)
        licences = set(params["license"].split(",")) if "license" in params else LICENCES
        for licence in licences - LICENCES:
            return JSONResponse({"detail": {"license": [f"License '{licence}' does not exist."]}}, 400)
        if "mature" in params:
            # as the service does: any value, "false" too, lets mature images in
            raise AssertionError("mature is asked for")
        everything = self.answers.get(params["q"][:200], self.images)
        found = [one for one in everything if one["license"] in licences]
        if "source" in params:
            found = [one for one in found if one["source"] in params["source"].split(",")]
        count = min(len(found), self.depth)
        results = [one for one in found[(page - 1) * size : page * size] if one["url"] not in self.dead]
        return JSONResponse(
            {
                "result_count": count,
                "page_count": min(math.ceil(count / size), self.depth // size),
                "page_size": size,
                "page": page,
                "results": results,
            }
        )
