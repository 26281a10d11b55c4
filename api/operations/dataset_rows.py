"""One row of a dataset: everything that any format says of an image."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from active_learning.domain.dataset import Split
from active_learning.domain.label import Label, Source
from active_learning.domain.value import Value
from api.operations.attribution import Origin
from api.store.connection import Document

SUFFIXES = {"jpeg": "jpg"}
EVIDENCE = ("posterior", "votes_yes", "votes_no", "model", "score")
"""What tables say of a label's provenance."""


class Row(Value):
    """A label and its image as they were when the version was frozen. ``number`` is the row's place, from 0.

    ``certainty`` is the posterior of people's answers or the model's score of the answer it gave; 1 for gold and
    imports. ``bytes`` is the size of the image's file.
    """

    number: int
    image: str
    name: str
    split: Split
    value: bool
    source: Source
    role: str
    round: int
    certainty: float
    decided_at: datetime
    label: str
    provenance: dict[str, Any]
    format: str
    width: int
    height: int
    bytes: int
    origin: Origin

    @property
    def word(self) -> str:
        """Yes or no."""
        return "yes" if self.value else "no"

    @property
    def file(self) -> str:
        """What the image's file is called: by its sha256, so that whoever has it can check it."""
        suffix = self.format.lower()
        return f"{self.image}.{SUFFIXES.get(suffix, suffix)}"

    def evidence(self) -> dict[str, Any]:
        """Votes, posterior, model and score, as far as there are any."""
        return {name: self.provenance[name] for name in EVIDENCE if name in self.provenance}


def certainty(label: Label) -> float:
    """How sure a label is: see :class:`Row`."""
    if label.source is Source.MODEL:
        score = label.provenance.get("score")
        if score is None:
            return 0.0
        return float(score if label.value else 1.0 - score)
    if label.source is Source.HUMAN:
        posterior = float(label.provenance.get("posterior", 1.0))
        return posterior if label.value else 1.0 - posterior
    return 1.0


def row(number: int, label: Label, split: Split, candidate: Mapping[str, Any], facts: Document, origin: Origin) -> Row:
    """Put together what is known of an image; ``candidate`` has its role."""
    assert label.value is not None, "what was taken back is no row"
    return Row(
        number=number,
        image=label.image,
        name=facts["name"],
        split=split,
        value=label.value,
        source=label.source,
        role=candidate["role"],
        round=label.round,
        certainty=round(certainty(label), 6),
        decided_at=label.decided_at,
        label=label.id,
        provenance=label.provenance,
        format=facts["format"],
        width=facts["width"],
        height=facts["height"],
        bytes=facts["bytes"],
        origin=origin,
    )


class Tally:
    """The counts of a version, as a document and back: names may be empty, so they are no keys in MongoDB."""

    COUNTS = ("parts", "sources", "licences", "found_by", "left_out")

    def __init__(self, document: Document | None = None) -> None:
        document = document or {"rows": 0, "bytes": 0, **dict.fromkeys(Tally.COUNTS, ())}
        self.rows, self.bytes = document["rows"], document["bytes"]
        self.parts, self.sources, self.licences, self.found_by, self.left_out = (
            dict(document[count]) for count in Tally.COUNTS
        )

    def add(self, rows: Sequence[Row], times: int = 1) -> None:
        """Count rows, or with ``times=-1`` count them out."""
        for one in rows:
            self.rows += times
            self.bytes += times * one.bytes
            for counts, name in (
                (self.parts, f"{one.split} {one.word}"),
                (self.sources, f"{one.source} {one.word}"),
                (self.licences, one.origin.licence),
                (self.found_by, one.origin.found_by),
            ):
                counts[name] = counts.get(name, 0) + times

    def document(self) -> Document:
        """As it is stored, in the order of the names."""
        counts = {name: getattr(self, name) for name in Tally.COUNTS}
        listed = {name: [list(pair) for pair in sorted(found.items()) if pair[1]] for name, found in counts.items()}
        return {"rows": self.rows, "bytes": self.bytes, **listed}
