"""Markets by name: one line a market."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from active_learning.domain.errors import InputError
from api.settings import Settings
from workers.market.mturk import LIVE, SANDBOX, MTurkMarket
from workers.market.prolific import ENDPOINT, ProlificMarket
from workers.market.protocol import Marketplace


@dataclass(frozen=True)
class MarketOptions:
    """What a market's client needs to know.

    ``endpoint`` is the address of a marketplace of one's own; it tells ``events_url``, where given, what happens, and
    is called as fast as it goes. Other people's markets get ``per_second`` calls (0: as fast as it goes).
    """

    endpoint: str
    access_key: str
    secret_key: str
    events_url: str = ""
    per_second: float = 0.0
    prolific_token: str = ""
    prolific_workspace: str = ""
    prolific_project: str = ""
    prolific_endpoint: str = ENDPOINT

    @classmethod
    def of(cls, settings: Settings) -> "MarketOptions":
        """What the settings of this process say."""
        events = f"{settings.public_url}/market/events" if settings.market_events else ""
        keys = settings.market_access_key, settings.market_secret_key
        prolific = settings.prolific_token, settings.prolific_workspace, settings.prolific_project
        pace = settings.market_per_second
        return cls(settings.market_endpoint, *keys, events, pace, *prolific, settings.prolific_endpoint)


def _own(options: MarketOptions) -> Marketplace:
    return MTurkMarket(options.endpoint, options.access_key, options.secret_key, events_url=options.events_url)


def _sandbox(options: MarketOptions) -> Marketplace:
    return MTurkMarket(SANDBOX, options.access_key, options.secret_key, per_second=options.per_second)


def _live(options: MarketOptions) -> Marketplace:
    return MTurkMarket(LIVE, options.access_key, options.secret_key, per_second=options.per_second)


def _prolific(options: MarketOptions) -> Marketplace:
    return ProlificMarket(
        options.prolific_token,
        options.prolific_workspace,
        options.prolific_project,
        options.prolific_endpoint,
        per_second=options.per_second,
    )


MARKETS: Mapping[str, Callable[[MarketOptions], Marketplace]] = {
    "turk": _own,
    "mturk-sandbox": _sandbox,
    "mturk": _live,
    "prolific": _prolific,
}


def open_market(name: str, options: MarketOptions) -> Marketplace:
    """The client of the market called ``name``; raises :class:`InputError` for an unknown name."""
    if name not in MARKETS:
        raise InputError(f"There is no market '{name}'.", f"Choose one of {', '.join(MARKETS)}.")
    return MARKETS[name](options)


def open_markets(settings: Settings) -> dict[str, Marketplace]:
    """The clients of all markets that the settings name."""
    return {name: open_market(name, MarketOptions.of(settings)) for name in settings.markets}
