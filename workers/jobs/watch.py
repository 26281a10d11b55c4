"""Ask the markets how they are, for the monitor: the web process has no way to them."""

from typing import Any

from active_learning.domain.errors import WinnowError
from api.operations import monitoring
from workers.jobs.desk import Desk

EVERY_S = 15.0


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Note of every market whether it answers and what money is free there. ``args`` is empty."""
    for name, market in desk.markets.items():
        try:
            balance = await market.balance()
        except WinnowError as error:
            await monitoring.market_found(desk.winnow, name, None, error.message)
        else:
            await monitoring.market_found(desk.winnow, name, balance)
