"""Save the labels of a file that somebody has brought."""

from typing import Any

from api.operations import importing_labels
from workers.jobs.desk import Desk
from workers.jobs.progress import reporter


async def run(desk: Desk, args: dict[str, Any]) -> None:
    """Save file ``args["file"]`` of ``args["category"]``. A job that starts again goes on."""
    report = reporter(desk, "import_labels", args)
    await importing_labels.apply(desk.winnow, str(args["category"]), str(args["file"]), report)
