"""Images that somebody wants removed leave frozen dataset versions, too: the only change that a version knows."""

from collections.abc import Sequence
from typing import Any

from api.operations.context import Winnow
from api.operations.dataset_rows import Row, Tally
from api.store import Session
from api.store.connection import Document


async def strike(w: Winnow, images: Sequence[str]) -> int:
    """Take images out of every version; returns how many rows went. A repeat changes nothing.

    The versions cannot be downloaded until a job has measured and checked them again.
    """
    gone = frozenset(images)
    struck = 0
    for identifier in await w.store.datasets.holding(images):

        async def work(session: Session, identifier: str = identifier) -> int:
            return await _strike(w, identifier, gone, session)

        struck += await w.store.transact(work)
    return struck


async def _strike(w: Winnow, identifier: str, gone: frozenset[str], session: Session) -> int:
    block = await w.store.datasets.block(identifier, session)
    rows = [] if block is None else block["rows"]
    out = [Row.model_validate(row) for row in rows if row["image"] in gone]
    if block is None or not out:
        return 0
    left = [row for row in rows if row["image"] not in gone]
    await w.store.datasets.put_block(block | {"rows": left, "count": len(left)}, session)
    document = await w.store.datasets.changed(block["version"], len(out), session)
    tally = Tally(document["tally"])
    tally.add(out, -1)
    await w.store.datasets.put(block["version"], {"tally": tally.document()}, session)
    await queue(w, document, session)
    return len(out)


async def queue(w: Winnow, document: Document, session: Session | None = None) -> None:
    """Let a job make a version ready. Another revision is another job: one that runs may have seen the last already."""
    await w.store.jobs.insert("freeze", job_args(document), w.clock(), session=session)


def job_args(document: Document) -> dict[str, Any]:
    """The arguments of the job that freezes a version as it is now."""
    return {name: document[name] for name in ("category", "number", "revision")}
