"""Erase what unfinished assignments left behind, and what takedowns could not remove at once."""

from typing import Any

from api.operations import takedown, unfinished
from workers.jobs.desk import Desk


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Erase the answers of assignments whose time is over, and finish takedowns. ``args`` is empty: it is for all."""
    await unfinished.erase(desk.winnow)
    await takedown.finish(desk.winnow)
