"""Counters derived from the documents themselves, to check the kept ones. Reads the whole pool: never for a page."""

from typing import Any

from active_learning.domain.candidate import Role, State
from api.operations.context import Winnow
from api.store.categories import COUNTERS


async def recount(w: Winnow, slug: str) -> dict[str, Any]:
    """The same tree as the kept counters of a category, counted anew."""
    tree: dict[str, Any] = {name: dict(v) if isinstance(v, dict) else v for name, v in COUNTERS.items()}
    for group in await w.store.candidates.recount(slug):
        _add(tree, group["_id"], group["n"])
    approved, spent = await w.store.payments.totals(slug)
    tree["money"]["spent_cents"] = spent
    tree["submissions"]["approved"] = approved
    return tree


def _add(tree: dict[str, Any], kind: dict[str, Any], n: int) -> None:
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
    for name, key in (("money", "spent_cents"), ("submissions", "approved")):
        if kept[name][key] != counted[name][key]:
            wrong[f"{name}.{key}"] = (kept[name][key], counted[name][key])
    return wrong
