import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact

from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.verdict import Record
from active_learning.quality import verdict

POLICY = Policy()
GOLD = [True] * 20 + [False] * 20


def answers(correct_yes: int, correct_no: int, yes: int = 20, no: int = 20) -> list[bool]:
    return [i < correct_yes for i in range(yes)] + [i >= correct_no for i in range(no)]


def crowd(accuracy: float, seeds: int = 1000) -> list[list[bool]]:
    right = np.random.default_rng(7).random((seeds, 40)) < accuracy
    return (right == np.array(GOLD)).tolist()


@pytest.mark.parametrize(
    ("correct_yes", "correct_no", "pay", "use"),
    [
        (20, 20, True, True),
        (15, 15, True, True),  # balanced accuracy exactly .75
        (14, 15, True, False),
        (0, 20, False, False),  # always no
        (20, 0, False, False),  # always yes
        (11, 11, False, False),
        (12, 11, True, False),  # doubt: paid, not used
        (10, 20, True, True),  # cautious but informative
        (9, 20, True, False),
        (1, 2, True, False),  # yes and no exchanged: the images were looked at
    ],
)
def test_table_for_forty_gold(correct_yes: int, correct_no: int, pay: bool, use: bool):
    result = verdict("s", answers(correct_yes, correct_no), GOLD, POLICY)
    assert (result.pay, result.use) == (pay, use)
    assert (result.gold, result.correct, result.gold_yes, result.correct_yes) == (
        40,
        correct_yes + correct_no,
        20,
        correct_yes,
    )


@pytest.mark.parametrize(
    ("threshold", "accuracy", "passes"),
    [(0.80, 0.70, 0.111), (0.85, 0.80, 0.286), (0.90, 0.90, 0.629), (0.95, 0.98, 0.954)],
)
def test_why_a_preset_threshold_is_unfair(threshold: float, accuracy: float, passes: float):
    """The table that speaks for deciding pay and use apart: a 90 % rule refuses a 90 % person 37 % of the time."""
    share = np.mean([np.mean(np.array(a) == np.array(GOLD)) >= threshold for a in crowd(accuracy)])
    assert share == pytest.approx(passes, abs=0.05)
    assert all(verdict("s", a, GOLD, POLICY).pay for a in crowd(accuracy, 50) if accuracy >= 0.8)


@pytest.mark.parametrize(
    ("accuracy", "least_used", "most_used", "most_refused"),
    [(0.50, 0.0, 0.005, 1.0), (0.60, 0.0, 0.07, 0.6), (0.75, 0.4, 0.7, 0.005), (0.90, 0.99, 1.0, 0.0)],
)
def test_simulated_people(accuracy: float, least_used: float, most_used: float, most_refused: float):
    verdicts = [verdict("s", given, GOLD, POLICY) for given in crowd(accuracy)]
    assert least_used <= np.mean([v.use for v in verdicts]) <= most_used
    assert np.mean([not v.pay for v in verdicts]) <= most_refused
    if accuracy == 0.50:
        assert np.mean([not v.pay for v in verdicts]) > 0.6


@pytest.mark.parametrize("n", [0, 1, 3, 4, 10, 25, 40, 110])
def test_the_bound_on_false_refusal_is_exact_for_any_number_of_gold(n: int):
    gold = [i % 2 == 0 for i in range(n)]
    refused = [c for c in range(n + 1) if not verdict("s", _with_correct(gold, c), gold, POLICY).pay]
    risk = sum(binom.pmf(c, n, POLICY.honest_accuracy) for c in refused)
    assert risk < POLICY.false_refusal
    assert (n // 2 in refused) == (n >= 25)  # with enough gold the bound does refuse a guesser


def _with_correct(gold: list[bool], correct: int) -> list[bool]:
    return [answer if i < correct else not answer for i, answer in enumerate(gold)]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 15), st.integers(1, 15), st.data())
def test_use_needs_fishers_exact_test(yes: int, no: int, data: st.DataObject):
    a, b = data.draw(st.integers(0, yes)), data.draw(st.integers(0, no))
    result = verdict("s", answers(a, b, yes, no), [True] * yes + [False] * no, POLICY)
    p = fisher_exact([[a, yes - a], [no - b, b]], alternative="greater").pvalue
    if result.use:
        assert p <= 0.02 + 1e-9 or result.correct == result.gold
        assert result.balanced_accuracy >= POLICY.use_accuracy
    elif result.balanced_accuracy >= POLICY.use_accuracy:
        assert p > 0.02 - 1e-9


@pytest.mark.parametrize("gold", [[True], [True, False], [True, False, False]])
def test_little_gold_refuses_nobody(gold: list[bool]):
    assert verdict("s", [not answer for answer in gold], gold, POLICY).pay


def test_exchanged_answers_are_named_as_such():
    result = verdict("s", answers(1, 2), GOLD, POLICY)
    assert result.reason == (
        "3 of 40 check images were right: yes and no seem exchanged. The answers are paid but not used."
    )
    one_sided = [False] * 38 + [True] * 2
    assert not verdict("s", [True] * 40, one_sided, POLICY).pay  # always yes is wrong too, but looks at nothing


@pytest.mark.parametrize("n", [1, 2, 3])
def test_little_gold_uses_only_a_perfect_record(n: int):
    gold = [True] * n + [False] * n
    assert verdict("s", gold, gold, POLICY).use
    assert not verdict("s", answers(n - 1, n, n, n), gold, POLICY).use


GOOD = Record(gold=80, correct=76, gold_yes=40, correct_yes=38)
FAIR = Record(gold=40, correct=22, gold_yes=20, correct_yes=11)


@pytest.mark.parametrize(
    ("correct", "of", "earlier", "use"),
    [
        (6, 6, GOOD, True),
        (5, 6, GOOD, True),  # alone: no evidence, five of six come about by chance
        (4, 6, GOOD, True),
        (2, 6, GOOD, False),  # a good record does not excuse guessing now
        (6, 6, FAIR, False),  # nor does a little luck mend a bad one
        (0, 0, GOOD, True),  # all of the gold was seen before
        (0, 0, FAIR, False),
        (0, 0, Record(), False),
    ],
)
def test_with_little_new_gold_the_earlier_record_counts(correct: int, of: int, earlier: Record, use: bool):
    gold = [i % 2 == 0 for i in range(of)]
    result = verdict("s", _with_correct(gold, correct), gold, POLICY, earlier)
    assert result.use is use
    assert (result.gold, result.correct) == (of, correct), "the counts are of this submission alone"
    assert result.earlier == (earlier if earlier.gold else None)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40), st.sampled_from([GOOD, FAIR]))
def test_pay_never_looks_at_the_earlier_record(pairs: list[tuple[bool, bool]], earlier: Record):
    given_answers, gold = [a for a, _ in pairs], [b for _, b in pairs]
    alone = verdict("s", given_answers, gold, POLICY)
    assert verdict("s", given_answers, gold, POLICY, earlier).pay == alone.pay


def test_an_honest_person_stays_usable_and_a_guesser_who_was_good_is_soon_not():
    rng = np.random.default_rng(3)
    gold = [i % 2 == 0 for i in range(8)]

    def used(accuracy: float) -> float:
        right = rng.random((150, 8)) < accuracy
        given_answers = [[g if ok else not g for g, ok in zip(gold, row, strict=True)] for row in right]
        return float(np.mean([verdict("s", given, gold, POLICY, GOOD).use for given in given_answers]))

    assert used(0.95) > 0.97
    assert used(0.5) < 0.75


def test_the_reason_names_both_counts():
    gold = [True, False, True, False]
    assert verdict("s", gold, gold, POLICY, GOOD).reason == (
        "4 of 4 check images were right (80 of 84 with your earlier tasks). The answers are used."
    )


@pytest.mark.parametrize("value", [True, False])
def test_gold_of_one_answer_cannot_tell_effort_from_habit(value: bool):
    result = verdict("s", [value] * 12, [value] * 12, POLICY)
    assert result.pay
    assert not result.use
    assert "12 of 12" in result.reason


def test_without_gold_everybody_is_paid_and_nobody_used():
    result = verdict("s", [], [], POLICY)
    assert result.pay
    assert not result.use
    assert "no check images" in result.reason


def test_reasons_are_sentences_with_counts():
    assert verdict("s", answers(11, 11), GOLD, POLICY).reason == (
        "22 of 40 check images were right (11 of 20 yes, 11 of 20 no); guessing gives 20. Somebody who looks at the "
        "images almost never gets so few right, so the answers are not paid."
    )
    assert verdict("s", answers(12, 14), GOLD, POLICY).reason.endswith("The answers are paid but not used.")
    assert verdict("s", answers(19, 18), GOLD, POLICY).reason == (
        "37 of 40 check images were right. The answers are used."
    )


def test_lengths_must_match():
    with pytest.raises(InputError):
        verdict("s", [True], [], POLICY)
