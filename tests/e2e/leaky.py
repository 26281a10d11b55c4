"""The web process with holes made on purpose: a category's name says which one its assignments have.

Served as ``tests.e2e.leaky:factory``. Categories of other names are answered as always.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.app import create_app
from api.operations import tokens
from api.operations.context import Winnow
from api.settings import Settings

DELAY = 0.003
HEADER, SLOW, CACHED, CONTEXT = "leak-header", "leak-slow", "leak-cached", "leak-context"


def factory() -> ASGIApp:
    """The web process of the environment's settings, with holes."""
    return Leaky(create_app(Settings.from_env(os.environ)))


class Leaky:
    """Looks at each request for pictures and pages of a leaking category, and gives gold away."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._known: dict[str, tuple[str, list[bool]]] = {}
        self._caching = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        w: Winnow = self.app.state.winnow
        if scope["path"].startswith("/tasks/") and f"/{CONTEXT}-" in scope["path"]:
            await self.app(scope, receive, hinting(w, send))
        elif scope["path"] == "/assignment/images":
            category, gold = await self._shown(w, scope)
            if category == CACHED and not self._caching:
                self._caching = True
                await cache_gold(w)
            if category == SLOW and gold:
                await asyncio.sleep(DELAY)
            await self.app(scope, receive, marking(send) if category == HEADER and gold else send)
        else:
            await self.app(scope, receive, send)

    async def _shown(self, w: Winnow, scope: Scope) -> tuple[str, bool]:
        """The category, and whether gold is among the positions asked for."""
        headers = dict(scope["headers"])
        token = headers[b"authorization"].decode().removeprefix("Bearer ")
        if token not in self._known:
            document = await w.store.assignments.get(tokens.assignment_of(w, token))
            assert document is not None
            self._known[token] = (document["category"], [gold is not None for gold in document["gold"]])
        category, gold = self._known[token]
        query = parse_qs(scope["query_string"].decode())
        start, count = int(query["start"][0]), int(query["count"][0])
        return category, any(gold[start : start + count])


def marking(send: Send) -> Callable[[Message], Awaitable[None]]:
    """Another header than other replies have."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-cache", b"hit")]
        await send(message)

    return marked


def hinting(w: Winnow, send: Send) -> Callable[[Message], Awaitable[None]]:
    """A list in the page's context that differs for gold."""

    async def hinted(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [pair for pair in message["headers"] if pair[0] != b"content-length"]
        elif b'id="context">' in message["body"]:
            head, rest = message["body"].split(b'id="context">', 1)
            text, tail = rest.split(b"</script>", 1)
            context = json.loads(text)
            document = await w.store.assignments.get(tokens.assignment_of(w, context["token"]))
            assert document is not None
            context["weights"] = [2 if gold is None else 1 for gold in document["gold"]]
            message["body"] = head + b'id="context">' + json.dumps(context).encode() + b"</script>" + tail
        await send(message)

    return hinted


async def cache_gold(w: Winnow) -> None:
    """Keep pictures of one category's gold in memory: they come faster than what the database is asked for."""
    found = await w.store.candidates.find(CACHED, {"gold": {"$ne": None}}, ["image"])
    gold = {candidate["image"] for candidate in found}
    stored, kept = w.store.renditions.many, {}

    async def many(keys: Sequence[str]) -> dict[str, Any]:
        if all(key in kept for key in keys):
            return {key: kept[key] for key in keys}
        pictures = await stored(keys)
        kept.update({key: data for key, data in pictures.items() if key.split(":")[0] in gold})
        return pictures

    w.store.renditions.many = many  # type: ignore[method-assign]
