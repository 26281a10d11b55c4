"""Look at how people work, and raise flags for a person to decide about."""

from typing import Any

from api.operations import conducting
from workers.jobs.desk import Desk


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Look at everybody of one category (``args["category"]``) who has submitted something since the last look."""
    await conducting.look(desk.winnow, str(args["category"]))
