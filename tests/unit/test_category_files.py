"""Categories as YAML files: what is written is read again, and every mistake is named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.domain.category import Category, Example
from active_learning.domain.errors import InputError
from active_learning.domain.intake import IntakePolicy
from active_learning.domain.policy import Policy
from api.operations import category_files

CAR = "slug: car\nquestion: Is it a car?\n"
# YAML 1.1 has its own idea of these as line ends at the end of a text.
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], include_characters="\n\t"))


@settings(max_examples=30, derandomize=True, deadline=None)
@given(question=TEXT.filter(lambda text: 3 <= len(text) <= 200), instructions=TEXT, why=TEXT, answer=st.booleans())
def test_what_is_written_is_read_again(question: str, instructions: str, why: str, answer: bool) -> None:
    category = Category(
        slug="car",
        question=question,
        instructions=instructions[:4_000],
        examples=(Example(image="a" * 64, answer=answer, why=why[:300]),),
        policy=Policy(precision=0.975, error_cents=2.5, strategy="badge"),
        intake=IntakePolicy(licences=("cc0", "by"), near=None),
    )
    assert category_files.read(category_files.written(category)) == category


def test_json_is_read_too_and_numbers_have_help() -> None:
    assert category_files.read('{\n\t"slug": "car",\n\t"question": "Is it a car?"\n}').slug == "car"
    assert "  batch: 100  # images chosen by the strategy in one round" in category_files.written(
        Category(slug="car", question="Is it a car?")
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "list of names"),
        ("- car", "list of names"),
        ("slug: car", "'question' is missing"),
        (CAR + "polcy: {}", "Did you mean 'policy'?"),
        (CAR + "policy: {precison: 0.9}", "Did you mean 'policy.precision'?"),
        (CAR + "policy: {precision: 1.5}", "policy.precision"),
        (CAR + "policy: {slots: 10}", "hidden_gold (40) must be below slots (10)"),
        (CAR + "intake: {min_sid: 3}", "intake.min_side"),
        (CAR + "slug: van", "'slug' is there twice"),
        (CAR + "retired: []", "There is no 'retired'"),
        ("slug: [", "line 1"),
        ("a: &a [x, x]\nb: [*a, *a]", "aliases"),
        ("!!python/object/apply:os.system [ls]", "no YAML"),
        ("[" * 3_000, "no YAML"),
        (b"\xff\xfe\x00", "no YAML"),
        ("x" * (category_files.LARGEST + 1), "256 kB"),
    ],
)
def test_every_mistake_is_named(text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        category_files.read(text)
    assert told in str(caught.value)
