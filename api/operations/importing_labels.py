"""Labels that exist already come in: what a file says is matched with the pool, shown, and then saved.

Nothing is saved that would override somebody: what people or the model have decided, what is with people, and what
was drawn for validation is left alone, and counted.
"""

import asyncio
import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from active_learning.domain.candidate import Role, State
from active_learning.domain.errors import InputError, StateError
from active_learning.domain.label import Source
from active_learning.domain.value import Value
from api.operations import curating, label_files
from api.operations.context import Winnow
from api.operations.datasets import Progress, silent
from api.operations.label_files import Meaning
from api.operations.label_files.said import Said, names_of, sha256_in
from api.store.connection import Document, chunks

As = Literal["imported", "gold"]
"""``imported`` labels train and are not asked any more; ``gold`` also checks people."""

SHOWN = 5
"""Examples of each thing that is wrong."""


class Trouble(Value):
    """Images of a file that cannot be used, or not all: how many, and some of them."""

    images: int
    examples: tuple[str, ...]


class Report(Value):
    """What a file says about a category. ``fresh`` labels can be saved; of the others it says why not.

    ``missing``: no image of the category has this name; ``ambiguous``: several have; ``unclear``: words that are
    neither yes nor no; ``silent``: no word at all; ``contradicting``: the file says both. ``repeated`` are named again
    with the same answer. ``same`` have this answer already, ``other`` have the other one (by whom, and how many);
    ``busy`` are with people, drawn for validation, or excluded.
    """

    file: str
    format: str
    images: int
    fresh_yes: int
    fresh_no: int
    same: int
    other: tuple[tuple[str, int], ...]
    busy: int
    repeated: int
    missing: Trouble
    ambiguous: Trouble
    unclear: Trouble
    silent: Trouble
    contradicting: Trouble
    conflicts: tuple[str, ...] = ()

    @property
    def fresh(self) -> int:
        """Labels that can be saved."""
        return self.fresh_yes + self.fresh_no


class Brought(Value):
    """A file that was read and kept: its id, to save it by."""

    id: str
    report: Report


@dataclass
class _Found:
    """What is found out about a file, image by image."""

    answers: dict[str, bool] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    troubles: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, image: str, said: Said, value: bool) -> None:
        """The file says ``value`` of an image; it may have done so before."""
        if image in self.named and image not in self.answers:
            self.trouble("contradicting", said)
        elif self.answers.get(image, value) is not value:
            del self.answers[image]
            self.trouble("contradicting", said)
        elif image in self.answers:
            self.repeated += 1
        else:
            self.answers[image] = value
            self.named[image] = said.image

    def trouble(self, kind: str, said: Said, word: str = "") -> None:
        """The file says something of an image that cannot be used."""
        self.troubles[kind].append(f"{said.image} ({f'{word!r}, ' if word else ''}{said.where})")

    def told(self, kind: str) -> Trouble:
        """How often, and some of it."""
        return Trouble(images=len(self.troubles[kind]), examples=tuple(self.troubles[kind][:SHOWN]))


async def bring(
    w: Winnow, slug: str, name: str, data: bytes, by: str, format_: str = "auto", meaning: Meaning | None = None
) -> Brought:
    """Read a file, match it with the pool, and keep what can be saved. Changes nothing of the category.

    Raises :class:`LabelFileError` for a file that cannot be read, :class:`NotFound` for an unknown category.
    """
    await w.store.categories.get(slug)
    found_format, said = await asyncio.to_thread(label_files.read, name, data, format_)
    found = await _matched(w, slug, said, meaning or Meaning.of(slug))
    fresh, stands, conflicts = await _compared(w, slug, found)
    report = Report(
        file=name,
        format=found_format,
        images=len(said),
        fresh_yes=sum(fresh.values()),
        fresh_no=len(fresh) - sum(fresh.values()),
        same=stands.pop("same", 0),
        busy=stands.pop("busy", 0),
        other=tuple(sorted(stands.items())),
        conflicts=tuple(conflicts[:SHOWN]),
        repeated=found.repeated,
        **{kind: found.told(kind) for kind in ("missing", "ambiguous", "unclear", "silent", "contradicting")},
    )
    now = w.clock()
    fields = {
        "_id": f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(6)}",
        "category": slug,
        "by": by,
        "report": report.model_dump(mode="json"),
    }
    return Brought(id=await w.store.label_files.insert(fields, fresh, now), report=report)


async def _matched(w: Winnow, slug: str, said: Sequence[Said], meaning: Meaning) -> _Found:
    found = _Found()
    for some in chunks(said):
        images = await _images(w, slug, some)
        for one in some:
            own = images[one]
            if len(own) != 1:
                found.trouble("ambiguous" if own else "missing", one)
                continue
            try:
                value = meaning.answer(one.words)
            except KeyError as unknown:
                found.trouble("unclear", one, str(unknown.args[0])[:60])
                continue
            if value is None:
                found.trouble("contradicting" if one.words else "silent", one)
            else:
                found.add(own[0], one, value)
    return found


async def _images(w: Winnow, slug: str, said: Sequence[Said]) -> dict[Said, list[str]]:
    """The images of the category that each of ``said`` may mean: by sha256, else by the likeliest name that fits."""
    digests = {one: digest for one in said if (digest := sha256_in(one.image))}
    names = {one: names_of(one.image) for one in said}
    wanted = sorted({name for own in names.values() for name in own if name})
    by_name: dict[str, set[str]] = defaultdict(set)
    for some in chunks(wanted):
        for document in await w.store.images.named(some):
            by_name[document["name"]].add(document["_id"])
    there: set[str] = set()
    for group in chunks(sorted({*digests.values(), *(image for own in by_name.values() for image in own)})):
        there |= await w.store.candidates.present(slug, group)
    found = {}
    for one in said:
        fitting = [digests[one]] if digests.get(one) in there else []
        for name in names[one]:
            fitting = fitting or sorted(by_name.get(name, set()) & there)
        found[one] = fitting
    return found


async def _compared(w: Winnow, slug: str, found: _Found) -> tuple[dict[str, bool], Counter[str], list[str]]:
    """Answers that can be saved; how the others stand in the pool; those that the pool answers otherwise."""
    fresh: dict[str, bool] = {}
    stands: Counter[str] = Counter()
    conflicts: list[str] = []
    fields = ("image", "state", "role", "answer", "source", "votes_wanted", "disputed", "excluded")
    for some in chunks(list(found.answers)):
        for candidate in await w.store.candidates.find(slug, {"image": {"$in": list(some)}}, fields):
            image, value = candidate["image"], found.answers[candidate["image"]]
            if candidate["answer"] is value:
                stands["same"] += 1
            elif candidate["answer"] is not None:
                stands[candidate["source"]] += 1
                conflicts.append(f"{found.named[image]} ({'yes' if value else 'no'} in the file)")
            elif _free(candidate):
                fresh[image] = value
            else:
                stands["busy"] += 1
    return fresh, stands, conflicts


def _free(candidate: Mapping[str, Any]) -> bool:
    return (
        candidate["state"] == State.UNKNOWN.value
        and candidate["role"] == Role.TRAIN.value
        and not (candidate["votes_wanted"] or candidate["disputed"] or candidate.get("excluded"))
    )


async def save(w: Winnow, slug: str, identifier: str, as_: As, by: str) -> Document:
    """Let a job save a file's labels; the same again changes nothing. Raises :class:`StateError` for another use."""
    document = await w.store.label_files.get(slug, identifier)
    if not Report.model_validate(document["report"]).fresh:
        raise InputError("The file has no label that can be saved.", "The preview says why.")
    if not await w.store.label_files.decide(identifier, {"as": as_, "saved_by": by}):
        document = await w.store.label_files.get(slug, identifier)
        if document["as"] != as_:
            raise StateError(f"This file was saved as {document['as']} already.", "Bring it again.")
    await w.store.jobs.insert("import_labels", job_args(slug, identifier), w.clock())
    return await w.store.label_files.get(slug, identifier)


def job_args(slug: str, identifier: str) -> dict[str, Any]:
    """The arguments of the job that saves a file."""
    return {"category": slug, "file": identifier}


async def apply(w: Winnow, slug: str, identifier: str, progress: Progress = silent) -> int:
    """Save the labels of a file; a repeat goes on where it stopped. Returns how many are saved by now."""
    document = await w.store.label_files.get(slug, identifier)
    provenance = {
        "by": document["saved_by"],
        "file": document["report"]["file"],
        "format": document["report"]["format"],
        "act": identifier,
    }
    done = document["done"]
    async for answers in w.store.label_files.answers(identifier, done):
        saved = 0
        for some in chunks(list(answers.items())):
            saved += await _save(w, slug, dict(some), document["as"], provenance)
        done += 1
        await w.store.label_files.worked(identifier, done, saved)
        await progress("Saving labels", done, document["blocks"])
    return int((await w.store.label_files.get(slug, identifier))["saved"])


async def _save(w: Winnow, slug: str, answers: Mapping[str, bool], as_: As, provenance: dict[str, Any]) -> int:
    if as_ == "gold":
        return (await curating.give_gold(w, slug, answers, Source.IMPORTED, provenance)).saved
    return await curating.give_known(w, slug, answers, provenance)
