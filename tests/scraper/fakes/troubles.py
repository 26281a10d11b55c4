"""Answers that a fake gives instead of its own, in order: what servers do on bad days."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
from starlette.requests import Request
from starlette.responses import Response


@dataclass
class Trouble:
    """One answer: ``when`` chooses the requests that get it, ``times`` how many of them."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    when: Callable[[Request], bool] = lambda request: True


class Troubles:
    """The troubles ahead."""

    def __init__(self) -> None:
        self.ahead: list[Trouble] = []

    def add(self, status: int, body: str = "", times: int = 1, **headers: str) -> None:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.ahead.append(Trouble(status, body, names, times))

    def next(self, request: Request) -> Response | None:
        for trouble in self.ahead:
            if trouble.times and trouble.when(request):
                trouble.times -= 1
                return Response(trouble.body, trouble.status, dict(trouble.headers))
        return None


class Flaky(httpx.AsyncBaseTransport):
    """A transport whose first ``failures`` requests raise ``error``."""

    def __init__(self, inner: httpx.AsyncBaseTransport, failures: int, error: type[httpx.TransportError]) -> None:
        self.inner = inner
        self.failures = failures
        self.error = error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.failures:
            self.failures -= 1
            raise self.error("the connection broke", request=request)
        return await self.inner.handle_async_request(request)
