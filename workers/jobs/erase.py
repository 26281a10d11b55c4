"""Erase what unfinished assignments left behind."""

from typing import Any

from api.operations import unfinished
from workers.jobs.desk import Desk


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Erase the answers of assignments whose time is over. ``args`` is empty: it concerns every category."""
    await unfinished.erase(desk.winnow)
