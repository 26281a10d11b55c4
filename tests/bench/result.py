"""The one shape of every benchmark's result."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One measured thing. ``goal`` is a ratio to the peer; ``runs`` are the single measurements behind ``ours``.

    ``less`` says that less is better; ``limit`` is an aim for ``ours`` itself, in its unit, beside the ratio's.
    """

    name: str
    what: str
    unit: str
    ours: float
    peer: dict[str, Any]
    goal: float
    runs: Sequence[float]
    less: bool = False
    limit: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON wants it, with ratio and verdict."""
        ratio = self.ours / self.peer["value"]
        met = self._reaches(ratio, self.goal) and (self.limit is None or self._reaches(self.ours, self.limit))
        return asdict(self) | {"ratio": round(ratio, 3), "met": met, "runs": list(self.runs)}

    def _reaches(self, value: float, aim: float) -> bool:
        return value <= aim if self.less else value >= aim


@dataclass
class Benchmark:
    """A named list of rows; the first row is the headline."""

    rows: list[Row] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object: the headline's fields, all rows, the machine."""
        rows = [row.to_dict() for row in self.rows]
        return {**rows[0], "machine": machine(), "rows": rows}


def machine() -> str:
    """The machine in words."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{os.cpu_count()} cores, {pages / 2**30:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def median(values: Sequence[float]) -> float:
    """The median, rounded to something readable."""
    return round(statistics.median(values), 1)
