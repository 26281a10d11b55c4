"""Forecasts against whole campaigns on handwritten digits: what was forecast comes about."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from active_learning import cuts
from active_learning.campaign import Counted, Setup, run
from active_learning.domain.policy import Policy
from active_learning.forecasting import Beliefs, Standing, forecast, scoring

ACCURACY = 0.95
POLICIES = (
    {"precision": 0.8, "recall": 0.8, "confidence": 0.8, "validation": 400, "batch": 100, "first_look": 2},
    {"max_rounds": 2, "validation": 300, "batch": 60, "redundancy": 3, "reward_cents": 90, "finish_unknown": 0},
)


@pytest.mark.parametrize("policy", [{"budget_cents": 10**7} | policy for policy in POLICIES])
def test_campaigns_cost_what_was_forecast(policy: dict[str, object]) -> None:
    digits = load_digits()
    chosen = Policy.model_validate(policy)
    made = forecast(chosen, Beliefs(images=len(digits.target), difficulty="easy", accuracy=ACCURACY))
    for digit in (8,):
        truth = digits.target == digit
        rng = np.random.default_rng(digit)
        gold = {int(p): bool(truth[p]) for v in (True, False) for p in rng.permutation(np.flatnonzero(truth == v))[:27]}
        nothing = np.zeros(len(truth), dtype=int)
        right = np.array([400 * ACCURACY, 400 * (1 - ACCURACY)])
        people = Counted(nothing, nothing, np.where(truth[:, None], right, right[::-1]), digit, 60)
        names = tuple(f"{place:05d}" for place in range(len(truth)))
        features = (digits.data / 16.0).astype(np.float32)
        end = run(Setup(names, features, truth, gold, chosen, digit), people)[-1]
        # An interval holds 8 of 10 imagined campaigns: a tenth beyond either end is no surprise.
        assert 0.9 * made.answers[0] <= end.answers <= 1.1 * made.answers[2]
        assert 0.9 * made.cents[0] <= end.cents <= 1.1 * made.cents[2]
        assert made.rounds[0] <= end.round <= made.rounds[2]
        assert 0.9 * made.by_model[0] <= end.model <= 1.1 * made.by_model[2]


def test_a_campaign_under_way_counts_only_what_is_left() -> None:
    beliefs = Beliefs(images=5_000)
    whole = forecast(Policy(), beliefs)
    late = Standing(unknown=300, auto_labeled=3_600, labels=500, validation=600, rounds=3, looks=2, spent_cents=1_500)
    rest = forecast(Policy(), beliefs, late)
    assert rest.answers[1] < whole.answers[0]
    assert rest.by_model[1] > 3_000


def test_the_cuts_of_a_forecast_are_those_of_the_service() -> None:
    """On a drawn pool, calibrated as the service does it, cuts decide about as much as the forecast says."""
    policy, share, distance, n = Policy(), 0.1, 3.6, 20_000
    rng = np.random.default_rng(5)
    truth = rng.random(n) < share
    score = np.where(truth, *(scoring.scores(distance, share, kind, rng.normal(size=n)) for kind in (True, False)))
    drawn, rest = slice(0, 600), slice(600, n)
    validation = cuts.Validation.of(score[drawn], truth[drawn], np.full(600, 0.9995))
    found = cuts.calibrate(validation, cuts.Tally.of(validation.thresholds, score[rest]), policy, 1, 27).cuts
    decided = sum(cuts.Tally.of(validation.thresholds, score[rest]).decided(found))
    yes = int(truth[drawn].sum())
    pool = scoring.Rest.of(n - 600, share)
    said = [
        pool.beyond(scoring.cuts(pool, policy, 1, (yes, 600 - yes), distance, 27, (s,)), distance, share)
        for s in range(9)
    ]
    assert min(said) <= decided <= max(said)


def test_an_endless_policy_ends() -> None:
    made = forecast(Policy(max_rounds=1_000_000, batch=1, validation=0, budget_cents=10**9), Beliefs(images=100_000))
    assert made.ends[0][0] == "longer than can be foreseen"
