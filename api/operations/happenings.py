"""What became of jobs, noted for the monitor by whoever runs them: download nodes too, which know nothing of pages."""

from collections.abc import Mapping
from typing import Any

from api.operations.context import Winnow
from api.store.jobs import Job

WORDS: Mapping[str, str] = {
    "advance": "Decide on the next step",
    "collect": "Post tasks, collect and pay",
    "embed": "Compute features",
    "train": "Train and score",
    "scrape": "Bring images in",
    "erase": "Erase unfinished work",
    "watch": "Ask the market how it is",
    "freeze": "Freeze a dataset version",
    "import_labels": "Import labels",
    "likeness": "Search by example",
    "conduct": "Look at how people work",
    "reconcile": "Compare the ledger with the market",
    "tell": "Pass decisions on to the market",
}
"""What a job does, for people; others are called by their kind."""


async def ran(w: Winnow, job: Job, seconds: float) -> None:
    """Note that a run of a job went well; what comes back every few seconds is counted and not told."""
    await w.store.jobs.ran(job.kind, "done", seconds)
    if not job.every_s:
        await w.store.happenings.note(w.clock(), f"{in_words(job.kind, job.args)}: done", category_of(job.args))


async def failed(w: Winnow, job: Job, seconds: float, message: str, news: bool) -> None:
    """Note that a run of a job failed; the same error again is counted and not told."""
    await w.store.jobs.ran(job.kind, "failed", seconds)
    if news:
        words = f"{in_words(job.kind, job.args)}: {message}"
        await w.store.happenings.note(w.clock(), words, category_of(job.args), "error")


def in_words(kind: str, args: Mapping[str, Any]) -> str:
    """What a job does."""
    words = WORDS.get(kind, kind.replace("_", " ").capitalize())
    return f"{words}, round {args['round']}" if "round" in args else words


def category_of(args: Mapping[str, Any]) -> str | None:
    """The category that a job is for, if it is for one."""
    if "scrape" in args:
        return str(args["scrape"]).partition(":")[0]
    return str(args["category"]) if "category" in args else None
