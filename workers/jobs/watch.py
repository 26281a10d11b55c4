"""Ask the market how it is, for the monitor: the web process has no way to it."""

from typing import Any

from active_learning.domain.errors import WinnowError
from api.operations import monitoring
from workers.jobs.desk import Desk

EVERY_S = 15.0


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Note whether the market answers and what money is free there. ``args`` is empty: there is one market."""
    try:
        balance = await desk.market.balance()
    except WinnowError as error:
        await monitoring.market_found(desk.winnow, None, error.message)
    else:
        await monitoring.market_found(desk.winnow, balance)
