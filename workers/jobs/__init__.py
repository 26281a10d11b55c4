"""One file a job, one literal registry. Adding a job is one file and one line here."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from workers.jobs import (
    advance,
    collect,
    conduct,
    embed,
    erase,
    freeze,
    import_labels,
    likeness,
    reconcile,
    scrape,
    tell,
    train,
    watch,
)
from workers.jobs.desk import Desk

Runner = Callable[[Desk, dict[str, Any]], Coroutine[Any, Any, None]]

JOBS: Mapping[str, Runner] = {
    "advance": advance.run,
    "collect": collect.run,
    "conduct": conduct.run,
    "embed": embed.run,
    "erase": erase.run,
    "likeness": likeness.run,
    "freeze": freeze.run,
    "import_labels": import_labels.run,
    "reconcile": reconcile.run,
    "scrape": scrape.run,
    "tell": tell.run,
    "train": train.run,
    "watch": watch.run,
}
