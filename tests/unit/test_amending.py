"""What of a policy may change in the middle of a campaign."""

from active_learning.amending import Progress, changes, refused, settled
from active_learning.domain.policy import Policy

USUAL = Policy()


def after(**given: object) -> Policy:
    return Policy.model_validate(USUAL.model_dump() | given)


def test_before_anything_has_happened_everything_may_change() -> None:
    new = after(precision=0.99, validation=2_000, backbone="other", budget_cents=1)
    assert not settled(Progress())
    assert not refused(USUAL, new, Progress())


def test_what_calibrates_is_drawn_once() -> None:
    drawn = Progress(drawn=True)
    assert set(refused(USUAL, after(validation=700, precision=0.95), drawn)) == {"validation"}
    assert set(refused(USUAL, after(validation_design="stratified"), drawn)) == {"validation_design"}


def test_the_promise_is_not_chosen_by_the_answers_that_test_it() -> None:
    looked = Progress(drawn=True, looks=1, embedded=True)
    new = after(precision=0.8, recall=0.8, confidence=0.99, first_look=3, backbone="other", batch=50, reward_cents=90)
    assert set(refused(USUAL, new, looked)) == {"precision", "recall", "confidence", "first_look", "backbone"}


def test_the_budget_covers_what_is_promised_already() -> None:
    bound = Progress(bound_cents=5_000)
    assert "$50.00" in refused(USUAL, after(budget_cents=4_999), bound)["budget_cents"]
    assert not refused(USUAL, after(budget_cents=5_000), bound)
    # Whoever is over budget already may raise it part of the way.
    over = Progress(bound_cents=20_000)
    assert not refused(USUAL, after(budget_cents=15_000), over)


def test_changes_are_named_in_order_and_the_version_is_none() -> None:
    assert changes(USUAL, after(version=2)) == ()
    assert changes(USUAL, after(version=2, batch=7, precision=0.5)) == ("precision", "batch")
