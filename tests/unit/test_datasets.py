"""Parts of a dataset, certainty, and the datasheet as a page shows it."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from active_learning import splits
from active_learning.domain.dataset import Recipe, Split
from active_learning.domain.label import Label, Source
from api.operations.dataset_rows import certainty
from api.operations.datasheets import plain
from labeling_ui.sheets import blocks

IMAGES = [f"{n:064x}" for n in range(2_000)]


def test_parts_have_their_shares_and_do_not_follow_the_validation_draw() -> None:
    recipe = Recipe(train=0.7, val=0.2, test=0.1)
    found = {image: splits.part(recipe, "car", image) for image in IMAGES}
    counts = Counter(found.values())
    # Within four standard deviations of the shares: the digests are fixed, so this passes always or never.
    for split, share in ((Split.TRAIN, 0.7), (Split.VAL, 0.2), (Split.TEST, 0.1)):
        assert abs(counts[split] - share * len(IMAGES)) < 4 * (share * (1 - share) * len(IMAGES)) ** 0.5
    smallest = sorted(IMAGES, key=lambda image: splits.draw(0, image))[:200]
    assert 0.6 < sum(found[image] is Split.TRAIN for image in smallest) / 200 < 0.8


def test_an_empty_part_stays_empty() -> None:
    whole = {splits.part(Recipe(train=1, val=0, test=0), "car", image) for image in IMAGES}
    halves = {splits.part(Recipe(train=0.5, val=0.5, test=0), "car", image) for image in IMAGES}
    assert (whole, halves) == ({Split.TRAIN}, {Split.TRAIN, Split.VAL})


@pytest.mark.parametrize("shares", [{"train": 0.9}, {"train": 1.2, "val": -0.1, "test": -0.1}])
def test_parts_must_add_up(shares: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate(shares)


@pytest.mark.parametrize(
    ("source", "value", "provenance", "expected"),
    [
        (Source.HUMAN, True, {"posterior": 0.97}, 0.97),
        (Source.HUMAN, False, {"posterior": 0.02}, 0.98),
        (Source.MODEL, True, {"score": 0.9}, 0.9),
        (Source.MODEL, False, {"score": 0.25}, 0.75),
        (Source.MODEL, False, {"score": None}, 0.0),
        (Source.GOLD, True, {}, 1.0),
        (Source.IMPORTED, False, {}, 1.0),
    ],
)
def test_certainty(source: Source, value: bool, provenance: dict[str, float], expected: float) -> None:
    label = Label(
        id="a",
        category="car",
        image="a",
        value=value,
        source=source,
        round=0,
        provenance=provenance,
        decided_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    assert certainty(label) == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1))
def test_what_somebody_has_written_is_shown_as_it_was(text: str) -> None:
    shown = " ".join(text.split())
    if shown:
        (block,) = blocks(f"Said: {plain(text)}")
        assert block.lines == (f"Said: {shown}",)
