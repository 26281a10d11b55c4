"""Back pressure, as plain ASGI: a process that has too much in hand says so at once instead of letting all wait."""

import json

from starlette.types import ASGIApp, Receive, Scope, Send

BUSY = json.dumps({"error": {"message": "Winnow is busy just now.", "hint": "Nothing is lost; try again."}}).encode()


class BackPressure:
    """Turns requests away with 503 and Retry-After while ``most`` others are being answered.

    The page keeps its answers and asks again a moment later, so a crowd that is too large gets slower, not wrong.
    Paths that end in ``unlimited`` are long-lived streams: they are not counted.
    """

    def __init__(self, app: ASGIApp, most: int, unlimited: str = "/events") -> None:
        self.app = app
        self.most = most
        self.unlimited = unlimited
        self.in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or turn away."""
        if scope["type"] != "http" or scope["path"].endswith(self.unlimited):
            await self.app(scope, receive, send)
            return
        if self.in_hand >= self.most:
            await _turn_away(send)
            return
        self.in_hand += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.in_hand -= 1


async def _turn_away(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(BUSY)).encode()),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": BUSY})
