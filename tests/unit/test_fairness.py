import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.fairness import TASKS, refusal
from active_learning.quality import verdict


def outcomes(yes: int, no: int, policy: Policy, accuracy: float) -> tuple[float, float]:
    """(chance of no pay, chance of no use), by asking ``quality.verdict`` about every pair of counts."""
    known = [True] * yes + [False] * no
    refused = unused = 0.0
    for right_yes in range(yes + 1):
        for right_no in range(no + 1):
            given_ = [i < right_yes for i in range(yes)] + [i >= right_no for i in range(no)]
            told = verdict("s", given_, known, policy)
            chance = binomial(yes, right_yes, accuracy) * binomial(no, right_no, accuracy)
            refused += chance * (not told.pay)
            unused += chance * (not told.use)
    return refused, unused


def binomial(n: int, k: int, p: float) -> float:
    ways = np.prod([(n - i) / (i + 1) for i in range(k)]) if k else 1.0
    return float(ways * p**k * (1 - p) ** (n - k))


@settings(max_examples=12, deadline=None)
@given(
    gold=st.integers(0, 14),
    honest=st.sampled_from([0.6, 0.75, 0.9]),
    false_refusal=st.sampled_from([0.001, 0.005, 0.1]),
    use=st.sampled_from([0.6, 0.75, 0.9]),
    accuracy=st.sampled_from([0.0, 0.3, 0.5, 0.8, 0.95, 1.0]),
)
@example(gold=5, honest=0.6, false_refusal=0.1, use=0.6, accuracy=0.0)  # exchanged by a chance of exactly 1 in 10
def test_the_chances_are_those_of_the_verdict(
    gold: int, honest: float, false_refusal: float, use: float, accuracy: float
) -> None:
    policy = Policy(honest_accuracy=honest, false_refusal=false_refusal, use_accuracy=use)
    (risk,) = refusal(policy, [accuracy], gold).risks
    refused, unused = outcomes((gold + 1) // 2, gold // 2, policy, accuracy)
    assert risk.refused == pytest.approx(refused, abs=1e-9)
    assert risk.unused == pytest.approx(unused, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    gold=st.integers(1, 120),
    honest=st.floats(0.55, 0.95),
    false_refusal=st.floats(0.0005, 0.05),
    better=st.floats(0.0, 1.0),
)
def test_nobody_who_tries_is_refused_more_often_than_the_policy_says(
    gold: int, honest: float, false_refusal: float, better: float
) -> None:
    policy = Policy(slots=400, hidden_gold=gold, honest_accuracy=honest, false_refusal=false_refusal)
    (risk,) = refusal(policy, [honest + better * (1 - honest)]).risks
    assert risk.refused <= false_refusal + 1e-12


def test_the_usual_rule_refuses_good_people_and_ours_does_not() -> None:
    """A rule of 90 % with 40 gold images lets a 90 % person pass with .629, a 98 % one with .999 (binomial)."""
    fair = refusal(Policy())
    by = {risk.accuracy: risk for risk in fair.risks}
    assert (fair.gold, fair.gold_yes, fair.refused_up_to) == (40, 20, 22)
    assert 1 - by[0.90].usual_rule == pytest.approx(0.629, abs=5e-4)
    assert 1 - by[0.95].usual_rule == pytest.approx(0.952, abs=5e-4)
    assert 1 - by[0.98].usual_rule == pytest.approx(0.999, abs=5e-4)
    assert by[0.90].refused < 1e-6 < by[0.75].refused <= 0.005
    assert by[0.95].unused < 1e-4
    assert fair.guesser_paid == pytest.approx(0.2156, abs=5e-3)
    assert fair.guesser_used < 2e-3
    assert by[0.75].refused_once == pytest.approx(1 - (1 - by[0.75].refused) ** TASKS)


def test_little_gold_refuses_nobody() -> None:
    fair = refusal(Policy(), gold=3)
    assert fair.refused_up_to is None
    assert all(risk.refused == 0 for risk in fair.risks)
    assert refusal(Policy(), gold=0).risks[0].unused == 1.0


def test_better_people_fare_better() -> None:
    risks = refusal(Policy(hidden_gold=30), [p / 20 for p in range(10, 21)]).risks
    assert [r.refused for r in risks] == sorted((r.refused for r in risks), reverse=True)
    assert [r.unused for r in risks] == sorted((r.unused for r in risks), reverse=True)


@pytest.mark.parametrize(("accuracy", "gold"), [(1.2, 10), (-0.1, 10), (0.5, -1)])
def test_what_is_out_of_range_is_said(accuracy: float, gold: int) -> None:
    with pytest.raises(InputError):
        refusal(Policy(), [accuracy], gold)
