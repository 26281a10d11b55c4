"""Over the network, politely and bounded. ``protocol`` says what a fetcher is; ``open_fetcher`` opens one."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from active_learning.domain.errors import InputError
from scraper.fetch.guard import Guard
from scraper.fetch.names import Names, Resolve
from scraper.fetch.polite import PoliteFetcher, Transport
from scraper.fetch.protocol import Fetcher, FetchLimits, Pace

CURL = find_spec("pycurl") is not None
"""Whether the faster engine is installed."""

Engine = Literal["auto", "aiohttp", "curl"]

__all__ = ["CURL", "Engine", "open_fetcher"]


def open_fetcher(
    limits: FetchLimits,
    pace: Pace,
    engine: Engine = "auto",
    resolve: Resolve | None = None,
    ca_file: Path | None = None,
) -> Fetcher:
    """Open a fetcher inside the running event loop; whoever opens it closes it.

    ``auto`` takes the faster engine that is installed. ``resolve`` gives the addresses of a name instead of the
    system's resolver; ``ca_file`` holds the certificate authorities to trust instead of the system's. Raises
    ``InputError`` when ``curl`` is wanted and not installed, or one of ``limits.networks`` is none.
    """
    if engine == "curl" and not CURL:
        raise InputError("The engine 'curl' is not installed.", "Install it: pip install 'winnow[curl]'.")
    guard = Guard(limits.allow_private, limits.networks)
    resolve = resolve or Names()
    # Only the engine that is used is loaded.
    curl = engine != "aiohttp" and CURL
    module, name = ("curl", "CurlTransport") if curl else ("engine", "AiohttpTransport")
    transport: Transport = getattr(import_module(f"scraper.fetch.{module}"), name)(limits, guard, resolve, ca_file)
    return PoliteFetcher(limits, pace, transport)
