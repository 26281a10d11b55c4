"""``./winnow bench``: find the benchmarks, run one, print and store its result."""

import importlib
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from active_learning.domain.errors import InputError

FOLDER = Path(__file__).parent.parent / "tests" / "bench"


def names() -> dict[str, str]:
    """Name -> first line of what it measures. A benchmark is a module of ``tests/bench`` with a function ``run``."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "\ndef run() -> Benchmark:" in text:
            found[path.stem.replace("_", "-")] = text.split('"""')[1].splitlines()[0]
    return found


def run(name: str | None, target: Path | None, console: Console) -> int:
    """List the benchmarks, or run one; 1 when a goal is missed. Raises :class:`InputError` for an unknown name."""
    known = names()
    if not known:
        raise InputError("The benchmarks are not part of an installed package.", "Run them in a checkout of Winnow.")
    if name is None:
        for one, what in known.items():
            console.print(f"{one:12} {what}")
        return 0
    if name not in known:
        raise InputError(f"There is no benchmark '{name}'.", f"Choose one of: {', '.join(known)}.")
    module = importlib.import_module(f"tests.bench.{name.replace('-', '_')}")
    result: dict[str, Any] = module.run().to_dict()
    if target is not None:
        target.write_text(json.dumps(result, indent=2) + "\n")
    console.print(_table(result))
    console.print(result["machine"])
    return 0 if all(row["met"] for row in result["rows"]) else 1


def _table(result: dict[str, Any]) -> Table:
    peers = {row["peer"]["name"] for row in result["rows"]}
    # One peer for all rows is said once, under the table.
    caption = f"peer: {peers.pop()}" if len(peers) == 1 else None
    table = Table("", "unit", "ours", "peer", "ratio", "goal", "met", header_style="bold", caption=caption)
    for row in result["rows"]:
        peer = f"{row['peer']['value']:,}" + ("" if caption else f" ({row['peer']['name']})")
        sign = "≤" if row["less"] else "≥"
        goal = f"{sign} {row['goal']}" + (
            f", {sign} {row['limit']:g} {row['unit']}" if row["limit"] is not None else ""
        )
        met = "yes" if row["met"] else "no"
        table.add_row(row["name"], row["unit"], f"{row['ours']:,}", peer, f"{row['ratio']:.3f}", goal, met)
    return table
