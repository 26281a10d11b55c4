"""Forecasts: what they rest on, and that they move the way that the numbers do."""

import numpy as np
import pytest

from active_learning.domain.policy import Policy
from active_learning.forecasting import Beliefs, draws, forecast
from active_learning.forecasting.people import ladder

FEW = Beliefs(images=200)


def test_the_ladder_is_what_people_who_answer_by_chance_leave_undecided() -> None:
    policy, accuracy, share = Policy(redundancy=2, max_votes=5, posterior=0.97), 0.9, 0.2
    exact = ladder(policy, accuracy, share, validation=False)
    rng = np.random.default_rng(0)
    for truth, left in ((True, exact.yes), (False, exact.no)):
        said = rng.random((20_000, 5)) < (accuracy if truth else 1.0 - accuracy)
        undecided = np.ones(len(said), dtype=bool)
        for n in range(1, 6):
            yes = said[:, :n].sum(axis=1)
            odds = np.log(share / (1 - share)) + (2 * yes - n) * np.log(accuracy / (1 - accuracy))
            certain = np.abs(odds) >= np.log(0.97 / 0.03)
            undecided &= ~(certain & (n >= 2 + ((yes > 0) & (yes < n))))
            assert undecided.mean() == pytest.approx(left[n], abs=0.012)


def test_a_rare_yes_takes_more_answers_than_an_easy_no() -> None:
    exact = ladder(Policy(), 0.95, 0.05, validation=False)
    assert exact.no[2] < 0.15 < 0.8 < exact.yes[2]


def test_the_same_numbers_give_the_same_forecast() -> None:
    assert forecast(Policy(), FEW) == forecast(Policy(), FEW)


def test_every_interval_is_in_order_and_images_add_up() -> None:
    made = forecast(Policy(), FEW)
    for low, middle, high in (made.answers, made.cents, made.days, made.by_model, made.by_people, made.unknown):
        assert 0 <= low <= middle <= high
    assert made.by_people[1] + made.by_model[1] + made.unknown[1] == pytest.approx(200, rel=0.1)
    assert sum(share for _, share in made.ends) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        ({"reward_cents": 30}, {"reward_cents": 60}),
        ({"redundancy": 1}, {"redundancy": 3}),
        ({"hidden_gold": 20}, {"hidden_gold": 60}),
        ({"fee": 0.0}, {"fee": 0.4}),
    ],
)
def test_what_costs_more_is_forecast_to_cost_more(cheap: dict[str, object], dear: dict[str, object]) -> None:
    low, high = (forecast(Policy.model_validate(changes), FEW).cents for changes in (cheap, dear))
    assert all(a < b for a, b in zip(low, high, strict=True))


def test_more_people_are_done_sooner_for_the_same_money() -> None:
    few, many = (forecast(Policy(), FEW.model_copy(update={"people": n, "seconds": 30.0})) for n in (1.0, 50.0))
    assert many.days[1] < few.days[1]
    assert many.cents == few.cents


def test_the_budget_is_never_passed() -> None:
    made = forecast(Policy(budget_cents=300), Beliefs(images=2_000))
    assert made.cents[2] <= 300
    assert made.ends[0][0] == "the budget is spent"


def test_like_beliefs_are_spread_like() -> None:
    accuracies = [draw.accuracy for draw in draws(Beliefs(accuracy=0.9))]
    assert np.median(accuracies) == pytest.approx(0.9, abs=0.01)
    known, guessed = (np.std([d.share_yes for d in draws(Beliefs(share_from=n))]) for n in (10_000, 30))
    assert known < guessed / 5
