"""Freeze a dataset version: collect its rows, read every file once, note its checksums."""

from typing import Any

from api.operations import datasets
from workers.jobs.desk import Desk
from workers.jobs.progress import reporter


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Make version ``args["number"]`` of ``args["category"]`` ready. A job that starts again goes on."""
    report = reporter(desk, "freeze", args)
    await datasets.freeze(desk.winnow, str(args["category"]), int(args["number"]), report)
