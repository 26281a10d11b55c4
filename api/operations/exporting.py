"""The dataset: labels with provenance, images in class folders, whom they come from, a manifest.

The same state gives the same bytes.
"""

import csv
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from active_learning.domain.candidate import State
from active_learning.domain.errors import InputError, NotFound
from active_learning.domain.label import Label
from active_learning.domain.value import Value
from api.operations import attribution
from api.operations.attribution import Credits, Origin
from api.operations.context import Winnow
from api.store.connection import Document

BATCH = 500
MANIFEST = "manifest.json"
COLUMNS = (
    "image",
    "name",
    "label",
    "source",
    "round",
    "posterior",
    "votes_yes",
    "votes_no",
    "model",
    "score",
    "decided_at",
    "file",
    *attribution.COLUMNS,
)
FILES = ("labels.csv", "labels.jsonl", attribution.CSV, attribution.MARKDOWN)


class Exported(Value):
    """How many labeled images went out. ``left_out`` are those that no allowed licence covers."""

    yes: int
    no: int
    unknown: int
    folder: str
    left_out: int = 0


@dataclass
class _Target:
    """A dataset that is being written: its files, and how many images of each kind have come."""

    folder: Path
    licences: frozenset[str] | None
    table: "csv.DictWriter[str]"
    lines: IO[str]
    credits: Credits
    counts: Counter[str] = field(default_factory=Counter)


async def export(
    w: Winnow, slug: str, out: Path, progress: Callable[[int, int], None], licences: Collection[str] | None = None
) -> Exported:
    """Write the dataset of a category to ``out``; ``progress(done, total)`` is called after each batch.

    ``licences`` are short names: an image that was not found under any of them is left out (``None``: all go out; the
    empty name stands for licences that nobody knows). What was taken down is not in the pool, and so not here.
    It is written beside ``out`` and put in its place at the end, so an interrupted export leaves what was there.
    Raises :class:`InputError` when ``out`` holds something else, or when the disk does not take it.
    """
    document = await w.store.categories.get(slug)
    _check_target(out)
    partial = out.with_name(out.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        for word in ("yes", "no"):
            (partial / "images" / word).mkdir(parents=True)
        allowed = None if licences is None else frozenset(licences)
        counts = await _write_labels(w, slug, document, partial, allowed, progress)
        await _write_manifest(w, slug, document, partial, allowed, counts)
        _swap(partial, out)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise InputError(
            f"The dataset cannot be written to {out}: {error.strerror}.", "Free some space or choose another --out."
        ) from error
    unknown = _unknown(document, counts)
    return Exported(yes=counts["yes"], no=counts["no"], unknown=unknown, folder=str(out), left_out=counts["left_out"])


def _check_target(out: Path) -> None:
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST).exists())):
        raise InputError(f"{out} exists and is not an export of Winnow.", "Choose a new or empty folder for --out.")


def _swap(partial: Path, out: Path) -> None:
    old = out.with_name(out.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    partial.rename(out)
    shutil.rmtree(old, ignore_errors=True)


async def _write_labels(
    w: Winnow,
    slug: str,
    document: Document,
    folder: Path,
    licences: frozenset[str] | None,
    progress: Callable[[int, int], None],
) -> Counter[str]:
    total = document["counts"][State.LABELED] + document["counts"][State.AUTO_LABELED]
    with (
        (folder / "labels.csv").open("w", newline="", encoding="utf-8") as table,
        (folder / "labels.jsonl").open("w", encoding="utf-8") as lines,
        Credits(folder) as credits_,
    ):
        target = _Target(folder, licences, csv.DictWriter(table, COLUMNS), lines, credits_)
        target.table.writeheader()
        async for batch in _decided(w, slug, target.counts):
            await _write_batch(w, slug, batch, target)
            progress(target.counts.total(), total)
    return target.counts


def _unknown(document: Document, counts: Counter[str]) -> int:
    return int(sum(document["counts"].values())) - counts.total()


async def _decided(w: Winnow, slug: str, counts: Counter[str]) -> AsyncIterator[list[str]]:
    """The decided images in the order of their ids, some at a time; what was excluded by hand is only counted."""
    batch: list[str] = []
    only = {"state": {"$in": [State.LABELED.value, State.AUTO_LABELED.value]}}
    async for candidate in w.store.candidates.stream(slug, only, ["image", "excluded"]):
        if candidate.get("excluded"):
            counts["excluded"] += 1
            continue
        batch.append(candidate["image"])
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _write_batch(w: Winnow, slug: str, batch: list[str], target: _Target) -> None:
    labels = await w.store.labels.newest(slug, batch)
    facts = await w.store.images.many(batch)
    found = {image: attribution.origin(fact, target.licences) for image, fact in facts.items()}
    wanted = [image for image in batch if found.get(image)]
    blobs = await w.blobs.many(wanted)
    missing = [image for image in batch if image not in facts] + [image for image in wanted if image not in blobs]
    gone = await w.store.takedowns.images(missing) if missing else set()
    for image in batch:
        if image in gone:  # while this was written
            continue
        if image in missing:
            raise NotFound(f"The bytes of image {image} are missing.", "Import them again, then export.")
        where = found[image]
        if where is None:
            target.counts["left_out"] += 1
        else:
            _write_image(target, labels[image], facts[image], where, blobs[image])


def _write_image(target: _Target, label: Label, fact: Document, where: Origin, data: bytes) -> None:
    word = "yes" if label.value else "no"
    suffix = {"jpeg": "jpg"}.get(fact["format"].lower(), fact["format"].lower())
    file = f"images/{word}/{label.image}.{suffix}"
    (target.folder / file).write_bytes(data)
    target.table.writerow(_row(label, fact, word, file) | where.model_dump())
    entry = {"image": label.image, "name": fact["name"], "label": word, "file": file, **_provenance(label)}
    target.lines.write(json.dumps(entry | {"origin": where.model_dump()}, sort_keys=True, ensure_ascii=False) + "\n")
    target.credits.add(label.image, file, where)
    target.counts[word] += 1


def _row(label: Label, fact: Document, word: str, file: str) -> dict[str, Any]:
    known = {name: label.provenance.get(name, "") for name in ("posterior", "votes_yes", "votes_no", "model", "score")}
    return {
        "image": label.image,
        "name": fact["name"],
        "label": word,
        "source": label.source.value,
        "round": label.round,
        "decided_at": label.decided_at.isoformat(),
        "file": file,
        **known,
    }


def _provenance(label: Label) -> dict[str, Any]:
    return {
        "id": label.id,
        "source": label.source.value,
        "round": label.round,
        "decided_at": label.decided_at.isoformat(),
        "provenance": label.provenance,
    }


async def _write_manifest(
    w: Winnow, slug: str, document: Document, folder: Path, licences: frozenset[str] | None, counts: Counter[str]
) -> None:
    models = [
        {
            "model": model["_id"],
            "round": model["round"],
            "backbone": model["backbone"],
            "head": model["head"],
            "checkpoint_sha256": model["checkpoint"],
            "trained_on": model["labels"],
            "loss": model["loss"],
        }
        for model in await w.store.models.all(slug)
    ]
    category = document["category"]
    manifest = {
        "winnow": 1,
        "category": {name: value for name, value in category.items() if name != "policy"},
        "policy": category["policy"],
        "state": document["state"],
        "reason": document["reason"],
        "counts": {
            "yes": counts["yes"],
            "no": counts["no"],
            "unknown": _unknown(document, counts),
            "left_out": counts["left_out"],
            "excluded": counts["excluded"],
        },
        "licences": None if licences is None else sorted(licences),
        "decided": document["decided"],
        "guarantee": _guarantee(document),
        "models": models,
        "files": {name: _digest(folder / name) for name in FILES},
    }
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _guarantee(document: Document) -> dict[str, Any]:
    """What is promised of the model's labels, and on what grounds; nothing where no rule is in force."""
    rule = document["rule"]
    if rule is None:
        return {"held": False, "why": "no cuts are in force: people decided every label"}
    calibration = rule["calibration"]
    return {"held": True, "model": rule["model"], "round": rule["round"], **calibration}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
