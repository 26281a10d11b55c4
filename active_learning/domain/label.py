"""A label: a decided yes/no for a candidate with its source and provenance. Insert-only; the newest wins."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from active_learning.domain.value import Value


class Source(StrEnum):
    """Who decided."""

    HUMAN = "human"
    MODEL = "model"
    GOLD = "gold"
    IMPORTED = "imported"


class Label(Value):
    """One decision. ``value`` is ``None`` where an earlier label is withdrawn (back to unknown).

    ``provenance`` names everything that led to it: for people the submissions, their votes and the consensus; for the
    model its version, score and cuts; for imports the file.
    """

    id: str
    category: str
    image: str
    value: bool | None
    source: Source
    round: int
    provenance: dict[str, Any]
    decided_at: datetime
