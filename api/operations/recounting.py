"""Counters derived from the documents themselves, to check the kept ones. Reads the whole pool: never for a page."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from active_learning.domain.candidate import Role, State
from active_learning.domain.task import TaskState
from api.operations.context import Winnow
from api.store.categories import COUNTERS
from api.store.connection import Document
from api.store.wages import COUNTS


async def recount(w: Winnow, slug: str) -> dict[str, Any]:
    """The same tree as the kept counters of a category, counted anew."""
    tree = empty()
    for group in await w.store.candidates.recount(slug):
        tally(tree, group["_id"], group["n"])
    totals = await w.store.payments.totals(slug)
    tree["money"]["spent_cents"] = totals["approve"][1] + totals["bonus"][1]
    tree["submissions"]["approved"] = totals["approve"][0]
    tree["bonuses"]["paid"] = totals["bonus"][0]
    return tree


def empty() -> dict[str, Any]:
    """The counters of a category without anything."""
    return {name: dict(v) if isinstance(v, dict) else v for name, v in COUNTERS.items()}


async def showings(w: Winnow, slug: str) -> dict[str, tuple[int, int]]:
    """Images whose counter of showings is wrong, as image -> (kept, counted).

    An image is shown to everybody whom its tasks ask, and to those for whom it stood in for other gold.
    """
    tasks = {task.id: task for state in TaskState for task in await w.store.tasks.in_state(slug, state)}
    counted: Counter[str] = Counter()
    for task in tasks.values():
        counted.update({slot.image: task.assignments for slot in task.slots})
    stood_in = {
        (task, annotator, image)
        async for task, annotator, images in w.store.assignments.shown(slug)
        for image in set(images) - {slot.image for slot in tasks[task].slots}
    }
    counted.update(image for _, _, image in stood_in)
    kept = {c["image"]: int(c["shown"]) async for c in w.store.candidates.stream(slug, {}, ["image", "shown"])}
    return {image: (n, counted[image]) for image, n in kept.items() if n != counted[image]}


def tally(tree: dict[str, Any], kind: Mapping[str, Any], n: int) -> None:
    """Add ``n`` candidates of one kind (their fields) to a tree of counters."""
    tree["counts"][kind["state"]] += n
    if kind["answer"] is not None:
        word = "yes" if kind["answer"] else "no"
        source = {"imported": "gold"}.get(kind["source"], kind["source"])
        tree["decided"][f"{source}_{word}"] += n
    if kind["role"] == Role.VALIDATION.value:
        tree["validation"]["total"] += n
        tree["validation"]["labeled"] += n if kind["state"] == State.LABELED.value else 0
    if kind["gold"] is not None:
        tree["gold"]["yes" if kind["gold"] else "no"] += n
    tree["disputed"] += n if kind["disputed"] else 0
    if kind["votes_wanted"]:
        tree["wants_votes"][kind["role"]] += n
    tree["embedded"] += n if kind["embedded"] else 0


async def differences(w: Winnow, slug: str) -> dict[str, tuple[Any, Any]]:
    """Where the kept counters and a recount differ, as name -> (kept, counted); empty when all is well.

    Counters that only the ledger and the market can tell (committed money, excluded submissions) are not compared.
    """
    kept = await w.store.categories.get(slug)
    counted = await recount(w, slug)
    wrong: dict[str, tuple[Any, Any]] = {}
    for name in ("counts", "decided", "validation", "gold", "wants_votes"):
        for key, value in counted[name].items():
            if kept[name][key] != value:
                wrong[f"{name}.{key}"] = (kept[name][key], value)
    for name in ("disputed", "embedded"):
        if kept[name] != counted[name]:
            wrong[name] = (kept[name], counted[name])
    for name, key in (("money", "spent_cents"), ("submissions", "approved"), ("bonuses", "paid")):
        if kept[name][key] != counted[name][key]:
            wrong[f"{name}.{key}"] = (kept[name][key], counted[name][key])
    wrong |= {f"shown.{image}": pair for image, pair in (await showings(w, slug)).items()}
    return wrong | await _money(w, slug, kept)


async def _money(w: Winnow, slug: str, kept: Document) -> dict[str, tuple[Any, Any]]:
    """Where wages and spending by day differ from submissions, assignments and the ledger."""
    wrong: dict[str, tuple[Any, Any]] = {}
    totals = dict.fromkeys(COUNTS, 0)
    for annotator, counted in (await w.store.wages.counted(slug)).items():
        found = await w.store.wages.get(slug, annotator) or {}
        for name, n in counted.items():
            totals[name] += n
            if found.get(name, 0) != n:
                wrong[f"wages.{annotator}.{name}"] = (found.get(name, 0), n)
    for name, n in totals.items():
        if kept["wages"][name] != n:
            wrong[f"wages.{name}"] = (kept["wages"][name], n)
    by_day = sum(spent.cents for spent in await w.store.spending.since("", slug))
    if by_day != kept["money"]["spent_cents"]:
        wrong["spending"] = (by_day, kept["money"]["spent_cents"])
    return wrong
