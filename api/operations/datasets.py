"""Dataset versions: made, frozen, listed. A version says for ever what was known at one moment.

Labels are insert-only, so a moment is a condition on their dates: whatever people and models decide while a version is
being frozen, and afterwards, does not change it. Only a takedown does: it takes its images out of every version, which
then counts as another revision.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from active_learning import splits
from active_learning.domain.dataset import Recipe, Split
from active_learning.domain.label import Label
from active_learning.domain.round import Phase
from active_learning.domain.value import Value
from api.operations import attribution, datasheets, downloading, formats, striking
from api.operations.context import Winnow
from api.operations.dataset_rows import Row, Tally, certainty, row
from api.operations.formats import layout, tables
from api.operations.formats.layout import File
from api.store.connection import Document, chunks
from api.store.datasets import DatasetState
from api.store.shards import Shard, all_of, divide

ROWS = 1_000
"""Candidates of a key range: what is read and written at once."""

PARQUET_ROWS = 100_000
"""Rows of one Parquet file."""

PATIENCE_S = 1.0

SECOND_CLICK = timedelta(minutes=1)
"""Who asks for the same version again so soon has clicked twice."""

Progress = Callable[[str, int, int], Awaitable[None]]
"""Called with what is being done, and how many parts of how many are done."""


async def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


class FormatFile(Value):
    """A file of a version in some format."""

    path: str
    size: int
    sha256: str


async def make(w: Winnow, slug: str, recipe: Recipe, by: str) -> Document:
    """Begin a new version; a job freezes it. A second click gives the version that the first one began.

    Raises :class:`NotFound` for an unknown category.
    """
    await w.store.categories.get(slug)
    asked = {"recipe": recipe.model_dump(mode="json"), "by": by}
    for newest in await w.store.datasets.newest(slug, 1):
        same = all(newest[name] == value for name, value in asked.items())
        if same and newest["state"] == DatasetState.MAKING and newest["made_at"] > w.clock() - SECOND_CLICK:
            return newest
    fields = {**asked, "tally": Tally().document(), "taken_down": 0}
    document = await w.store.datasets.insert(slug, fields, w.clock())
    await striking.queue(w, document)
    return document


async def freeze(w: Winnow, slug: str, number: int, progress: Progress = silent) -> Document:
    """Make a version ready: collect its rows, measure and check every file. A repeat goes on where it stopped."""
    document = await w.store.datasets.get(slug, number)
    while document["state"] != DatasetState.READY or document["layout"] != formats.LAYOUT:
        if "snapshot" not in document:
            document = await _begin(w, document)
        if not document.get("collected"):
            document = await _collect(w, document, progress)
        elif document["layout"] != formats.LAYOUT:
            document = await _measure_again(w, document)
        await _check(w, document, progress)
        document = await w.store.datasets.get(slug, number)
    return document


async def _begin(w: Winnow, document: Document) -> Document:
    """Fix the moment, and how the category stood then. Not while a cut is half done: it labels range by range."""
    slug = document["category"]
    await _until_cut(w, slug)
    category = await w.store.categories.get(slug)
    total = sum(category["counts"].values())
    fields = {
        "as_of": w.clock(),
        "bits": divide(total, ROWS)[0].bits,
        "ranges": 0,
        "layout": formats.LAYOUT,
        "snapshot": await datasheets.snapshot(w, category),
    }
    return await w.store.datasets.put_once(document["_id"], "snapshot", fields)


async def _until_cut(w: Winnow, slug: str) -> None:
    while True:
        newest = await w.store.rounds.newest(slug)
        if newest is None or newest["phase"] != Phase.CUTTING.value:
            return
        await asyncio.sleep(PATIENCE_S)


async def _collect(w: Winnow, document: Document, progress: Progress) -> Document:
    shards = all_of(document["bits"])
    recipe = Recipe.model_validate(document["recipe"])
    for shard in shards[document["ranges"] :]:
        tally = Tally(document["tally"])
        rows = await _rows(w, document, recipe, shard, tally)
        for block in _blocks(document, shard, rows):
            await w.store.datasets.put_block(block)
        done = {"ranges": shard.index + 1, "tally": tally.document(), "collected": shard.index + 1 == len(shards)}
        await w.store.datasets.put(document["_id"], done)
        document = document | done
        await progress("Collecting labels", shard.index + 1, len(shards))
    return document


async def _rows(w: Winnow, document: Document, recipe: Recipe, shard: Shard, tally: Tally) -> list[Row]:
    slug = document["category"]
    labels = await w.store.labels.as_of(slug, shard, document["as_of"])
    found = await w.store.candidates.within(slug, shard, {}, ["image", "role", "excluded"])
    candidates = {candidate["image"]: candidate for candidate in found}
    facts: dict[str, Document] = {}
    for some in chunks([image for image in labels if image in candidates]):
        facts |= await w.store.images.many(some)
    licences = None if recipe.licences is None else frozenset(recipe.licences)
    rows: list[Row] = []
    for image in sorted(facts):
        origin = attribution.origin(facts[image], licences)
        why = _left_out(recipe, labels[image], candidates[image], origin is not None)
        if why or origin is None:
            tally.left_out[why] = tally.left_out.get(why, 0) + 1
            continue
        split = splits.part(recipe, slug, image)
        rows.append(row(tally.rows + len(rows), labels[image], split, candidates[image], facts[image], origin))
    tally.add(rows)
    return rows


def _left_out(recipe: Recipe, label: Label, candidate: Mapping[str, Any], licensed: bool) -> str:
    """Why an image does not come in; empty where it does."""
    if candidate.get("excluded"):
        return "excluded by hand"
    if label.source not in recipe.sources:
        return "source of the label"
    if certainty(label) < recipe.certainty:
        return "certainty of the label"
    return "" if licensed else "licence"


def _blocks(document: Document, shard: Shard, rows: Sequence[Row]) -> list[Document]:
    blocks = []
    for order, split in enumerate(Split):
        own = [one for one in rows if one.split is split]
        if own:
            place = {"version": document["_id"], "split": split.value, "order": order}
            blocks.append(_block(f"{document['_id']}:{order}:{shard.index:06}", place, own))
    return blocks


def _block(identifier: str, place: Mapping[str, Any], rows: Sequence[Row]) -> Document:
    images = [one.image for one in rows]
    return {
        "_id": identifier,
        **place,
        "first": min(images, default=""),
        "last": max(images, default=""),
        "count": len(rows),
        "sizes": layout.measure(formats.MAKERS, rows),
        "rows": [one.model_dump() | {"split": one.split.value, "source": one.source.value} for one in rows],
    }


async def _measure_again(w: Winnow, document: Document) -> Document:
    """Formats have changed since the version was measured: its rows have not."""
    for outline in await w.store.datasets.outline(document["_id"]):
        block = await w.store.datasets.block(outline["_id"])
        assert block is not None, "blocks are never removed"
        sizes = layout.measure(formats.MAKERS, [Row.model_validate(one) for one in block["rows"]])
        await w.store.datasets.put_block(block | {"sizes": sizes})
    fields = {"layout": formats.LAYOUT, "state": DatasetState.MAKING.value}
    await w.store.datasets.put(document["_id"], fields)
    return document | fields


async def _check(w: Winnow, document: Document, progress: Progress) -> None:
    """Make what is stored, then read every file once: its sha256 is noted, and every image is compared with its own."""
    texts, before = datasheets.written(document), document.get("parquet", ())
    document = document | texts | {"parquet": await _parquet(w, document)}
    version = await downloading.version_of(w, document)
    files: dict[str, list[dict[str, Any]]] = {}
    for done, chosen in enumerate(formats.FORMATS.values()):
        await progress("Checking files", done, len(formats.FORMATS))
        tree = chosen.tree(version) if chosen.single else (*formats.companions(version), *chosen.tree(version))
        files[chosen.name] = [await _digest(w, entry) for entry in tree if isinstance(entry, File)]
    fields = {**texts, "parquet": document["parquet"], "files": files}
    downloads = [await downloading.as_one(w, document | fields, chosen) for chosen in formats.FORMATS.values()]
    fields["downloads"] = {
        name: {"file": one.name, "size": one.file.size} for name, one in zip(formats.FORMATS, downloads, strict=True)
    }
    fields |= {"state": DatasetState.READY.value, "ready_at": w.clock()}
    if await w.store.datasets.put_if(document["_id"], document["revision"], fields):
        stale = {one["sha256"] for one in before} - {one["sha256"] for one in document["parquet"]}
        await w.store.dataset_files.delete(sorted(stale))  # what was taken down is in them
    await progress("Checking files", len(formats.FORMATS), len(formats.FORMATS))


async def _digest(w: Winnow, file: File) -> dict[str, Any]:
    digest = hashlib.sha256()
    async for data in downloading.read(w, file, verify=True):
        digest.update(data)
    return FormatFile(path=file.path, size=file.size, sha256=digest.hexdigest()).model_dump()


async def _parquet(w: Winnow, document: Document) -> list[dict[str, Any]]:
    """Parquet has its index at the end, so it cannot be made piece by piece: its files are stored."""
    made: list[dict[str, Any]] = []
    rows: list[Row] = []

    async def store() -> None:
        data = await asyncio.to_thread(tables.as_parquet, rows)
        digest = hashlib.sha256(data).hexdigest()
        await w.store.dataset_files.put({digest: data})
        made.append({"sha256": digest, "size": len(data)})

    for outline in await w.store.datasets.outline(document["_id"]):
        block = await w.store.datasets.block(outline["_id"])
        rows += [Row.model_validate(one) for one in (block or {"rows": ()})["rows"]]
        if len(rows) >= PARQUET_ROWS:
            await store()
            rows.clear()
    if rows or not made:
        await store()
    return made
