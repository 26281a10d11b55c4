"""What every request handler is given: the settings, the clock and the open database."""

from dataclasses import dataclass

from starlette.requests import Request

from workers.turk.chaos import CALM, Chaos
from workers.turk.clock import Clock
from workers.turk.database import Database
from workers.turk.errors import FormRefused
from workers.turk.settings import TurkSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Marketplace:
    """One running marketplace."""

    settings: TurkSettings
    clock: Clock
    database: Database
    chaos: Chaos = CALM


def marketplace_of(request: Request) -> Marketplace:
    """The marketplace that this request came to."""
    marketplace: Marketplace = request.app.state.marketplace
    return marketplace


async def read_body(request: Request, limit: int) -> bytes:
    """The request's body. Raises FormRefused(413) as soon as it is longer than ``limit`` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise FormRefused(413, f"The request is larger than {limit} bytes.", "Send less.")
    return bytes(body)
