"""The policy as a form: every field in plain words, and what is typed made into numbers."""

import pytest

from active_learning.domain.policy import Policy
from active_learning.forecasting import Beliefs
from api.operations import policy_fields, policy_forms
from api.operations.scrape_forms import Unfit
from labeling_ui.render import render
from tests.ui import settings_pages

ENTRIES = ("question_entry", "instructions_entry")


def typed(policy: Policy) -> dict[str, str]:
    """A policy as its form would post it unchanged."""
    sections = policy_forms.sections(policy, {}, {}, {})
    return {entry.name: entry.value for part in sections for entry in (*part.fields, *part.more)}


def wrong(**given: str) -> dict[str, str]:
    with pytest.raises(Unfit) as caught:
        policy_forms.policy({f"policy.{name}": value for name, value in given.items()}, Policy())
    return {name.removeprefix("policy."): words for name, words in caught.value.errors.items()}


def test_every_field_stands_in_one_section() -> None:
    placed = [name for part in policy_fields.parts() for name in (*part.fields, *part.more)]
    assert sorted(placed) == sorted(set(Policy.model_fields) - {"version"})
    for name in placed:
        shown = policy_fields.field(name)
        assert shown.label
        assert shown.help
        assert "_" not in shown.label


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(precision=0.975, fee=0.0, error_cents=3.5, grid_above=0.999, grid_below=0.001, model_votes=True),
        Policy(validation_posterior=0.9999, budget_cents=123_456_789, reward_cents=1, backbone="timm:resnet18"),
    ],
)
def test_a_form_that_is_posted_as_it_is_changes_nothing(policy: Policy) -> None:
    assert policy_forms.policy(typed(policy), Policy()) == policy
    assert policy_forms.policy({}, policy) == policy


def test_percent_dollars_and_thousands_are_typed_as_people_do() -> None:
    given = {"policy.precision": "97.5 %", "policy.budget_cents": "$1,250.50", "policy.batch": " 1,000 "}
    made = policy_forms.policy(given, Policy())
    assert (made.precision, made.budget_cents, made.batch) == (0.975, 125_050, 1_000)


def test_every_mistake_is_named_at_its_field_and_in_its_unit() -> None:
    assert wrong(precision="100", budget_cents="-1", batch="many", max_rounds="", slots="2.5") == {
        "precision": "Less than 100\u00a0%.",
        "budget_cents": "At least $0.00.",
        "batch": "A number, please.",
        "max_rounds": "This is needed.",
        "slots": "A whole number, please.",
    }
    assert wrong(hidden_gold="200")["hidden_gold"].startswith("“Known ones among them”")
    assert wrong(max_votes="1") == {"max_votes": "“Answers at most” (1) must be at least “Answers at first” (2)."}
    for huge in ("1e999999", "nan", "inf", "9" * 400, "1e-999999"):
        assert "batch" in wrong(batch=huge)
    assert "strategy" in wrong(strategy="best")


def test_an_optional_number_may_be_empty() -> None:
    assert policy_forms.policy({"policy.error_cents": ""}, Policy(error_cents=5.0)).error_cents is None


def test_a_guessed_share_is_no_measured_one() -> None:
    measured = Beliefs(share_yes=0.2, share_from=600)
    assert policy_forms.beliefs({"belief.share_yes": "20"}, measured).share_from == 600
    assert policy_forms.beliefs({"belief.share_yes": "25"}, measured).share_from == 30


def test_texts_of_a_category_are_text_in_its_forms() -> None:
    attack = '"></textarea></script><script>alert("x")</script>'
    for page in (*settings_pages.FULL, *settings_pages.EMPTY):
        texts = {name: getattr(page, name).model_copy(update={"value": attack, "error": attack}) for name in ENTRIES}
        html = render(page.model_copy(update=texts))
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html
