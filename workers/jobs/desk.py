"""What a job's runner works with."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from active_learning.domain.errors import InputError
from api.operations.context import Winnow
from workers.market import open_markets
from workers.market.protocol import Marketplace
from workers.ray_runtime import RayRuntime


@dataclass(frozen=True)
class Desk:
    """The store, the market and the heavy machinery. ``others`` are markets that a category may name, by name."""

    winnow: Winnow
    market: Marketplace
    heavy: RayRuntime
    others: Mapping[str, Marketplace] = field(default_factory=dict)

    @property
    def markets(self) -> Mapping[str, Marketplace]:
        """Every market by name; the first is that of the installation."""
        return {self.winnow.settings.market: self.market, **self.others}

    async def of(self, slug: str) -> "Desk":
        """The desk at the market of a category; raises :class:`InputError` where that is not set up."""
        settings = self.winnow.settings
        name = (await self.winnow.store.categories.definition(slug)).market or settings.market
        if name not in self.markets:
            named = ",".join((*settings.markets, name))
            raise InputError(f"The market of {slug}, '{name}', is not set up.", f"Set WINNOW_MARKET to {named}.")
        return replace(self, market=self.markets[name])


@asynccontextmanager
async def open_desk(w: Winnow) -> AsyncIterator[Desk]:
    """A desk with the markets that the settings name; they and the heavy machinery are closed at the end."""
    heavy, markets = RayRuntime(w.settings), open_markets(w.settings)
    try:
        yield Desk(w, markets[w.settings.market], heavy, markets)
    finally:
        await heavy.close()
        for market in markets.values():
            await market.close()
