import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.campaign import Counted, Perfect, Recorded, Setup, everyone, naive_thresholds
from active_learning.campaign.comparison import compare, mean_interval
from active_learning.campaign.crowd import NOBODY
from active_learning.campaign.measures import average_precision
from active_learning.campaign.world import Ballot, Standing, World
from active_learning.domain.errors import IllegalMove, InputError, StateError
from active_learning.domain.policy import Policy

scored = st.lists(st.tuples(st.integers(0, 20).map(lambda n: n / 20), st.booleans()), min_size=1, max_size=60)


def setup(n: int = 60, **changes: object) -> Setup:
    truth = np.arange(n) % 3 == 0
    features = np.where(truth, 1.0, -1.0)[:, None].astype(np.float32)
    known = {place: bool(truth[place]) for place in range(12)}
    policy = Policy.model_validate({"budget_cents": 10**8, **changes})
    return Setup(tuple(f"image {place}" for place in range(n)), features, truth, known, policy, 0)


@given(scored)
@settings(deadline=None)
def test_naive_thresholds_hold_on_their_own_sample_and_no_bolder_ones_do(rows: list[tuple[float, bool]]) -> None:
    scores, answers = np.array([s for s, _ in rows]), np.array([a for _, a in rows])
    cuts = naive_thresholds(scores, answers)
    assert cuts.lower is not None
    assert cuts.upper is not None
    assert cuts.lower <= cuts.upper
    lost = int(np.sum(answers & (scores < cuts.lower)))
    assert lost <= 0.01 * answers.sum()
    good = [t for t in scores if answers[scores >= t].mean() >= 0.95]
    crossed = cuts.lower == cuts.upper
    if not crossed and answers.any():
        assert cuts.upper == (min(good) if good else 1.0)
        assert not any(np.sum(answers & (scores < t)) <= 0.01 * answers.sum() for t in scores[scores > cuts.lower])


@pytest.mark.parametrize(
    ("rows", "lower", "upper"),
    [
        ([(0.9, True), (0.8, True), (0.4, False), (0.1, False)], 0.8, 0.8),
        ([(0.9, True)] * 20 + [(0.3, False)], 0.3, 0.3),  # crossed at 0.3 and 0.9: the nearer to 0.5
        ([(0.9, False), (0.5, False)], 0.0, 1.0),  # nothing can be had
        ([(0.9, True), (0.9, False), (0.2, True)], 0.2, 1.0),  # a tie counts whole
    ],
)
def test_naive_thresholds_by_hand(rows: list[tuple[float, bool]], lower: float, upper: float) -> None:
    cuts = naive_thresholds(np.array([s for s, _ in rows]), np.array([a for _, a in rows]))
    assert (cuts.lower, cuts.upper) == (lower, upper)


def test_naive_thresholds_need_one_answer_a_score() -> None:
    with pytest.raises(InputError, match="2 scores"):
        naive_thresholds(np.zeros(2), np.zeros(1, dtype=bool))


def test_counted_people_give_the_real_answers_first() -> None:
    yes, no = np.array([2, 0, 1]), np.array([1, 3, 2])
    people = Counted(yes, no, np.array([1.0, 1.0]), seed=3)
    given_yes = sum(people.answer("anybody", np.arange(3)).values.astype(int) for _ in range(3))
    assert given_yes.tolist() == yes.tolist()
    assert set(people.answer("anybody", np.arange(3)).values.tolist()) <= {0, 1}


def test_counted_people_need_something_to_go_by() -> None:
    with pytest.raises(InputError, match="neither answers"):
        Counted(np.zeros(2, dtype=int), np.zeros(2, dtype=int), np.zeros(2), seed=0)


def test_recorded_answers_are_used_once() -> None:
    people = Recorded([(0, "a", True), (0, "b", False), (1, "a", True)], size=3, seed=0)
    first, second = people.answer("x", np.arange(3)), people.answer("y", np.arange(3))
    assert first.voters is not None
    assert second.voters is not None
    assert {first.voters[0], second.voters[0]} == {"a", "b"}
    assert first.values[1] == 1
    assert (first.values[2], second.values[1], second.values[2]) == (NOBODY, NOBODY, NOBODY)


def test_a_world_refuses_moves_that_the_table_does_not_allow() -> None:
    world = World(setup())
    with pytest.raises(IllegalMove):
        world.move(np.array([20]), Standing.UNKNOWN, Standing.POSTED)
    with pytest.raises(StateError):
        world.move(np.array([0]), Standing.UNKNOWN, Standing.SELECTED)


def test_a_setup_must_be_consistent() -> None:
    good = setup()
    with pytest.raises(InputError, match="rows of features"):
        Setup(good.images, good.features[:3], good.truth, {}, good.policy, 0)
    with pytest.raises(InputError, match="twice"):
        Setup(("one",) * 60, good.features, good.truth, {}, good.policy, 0)


def test_a_ballot_counts_as_its_votes_do() -> None:
    ballot, images = Ballot(), np.array(["p", "q", "r"], dtype=object)
    ballot.add(np.array([2, 0]), ["a", "a"], np.array([1, 0], dtype=np.int8))
    ballot.add(np.array([2]), ["b"], np.array([1], dtype=np.int8))
    votes = ballot.votes(images)
    assert list(votes.images) == ["p", "r"]
    assert [counts.tolist() for counts in votes.counts()] == [[0, 2], [1, 0]]
    assert list(ballot.votes(images, since=1).images) == ["r"]


def test_three_votes_on_every_image_of_a_perfect_crowd_are_the_truth() -> None:
    given_setup = setup()
    (end,) = everyone(given_setup, Perfect(given_setup.truth))
    assert (end.people, end.unknown, end.dataset_precision, end.recall) == (48, 0, 1.0, 1.0)
    assert end.answers == 3 * 48


def test_average_precision_by_hand() -> None:
    assert average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True])) == pytest.approx((1 + 2 / 3) / 2)


def test_differences_are_taken_on_the_same_seeds() -> None:
    given_setup = setup()
    (end,) = everyone(given_setup, Perfect(given_setup.truth))
    runs = {
        name: {seed: (end.model_copy(update={"votes": extra + 100 * seed}),) for seed in range(3)}
        for name, extra in (("first", 10), ("second", 17))
    }
    votes = {row.strategy: row for row in compare(runs) if row.quantity == "votes"}
    assert votes["second"].difference == 7
    assert (votes["second"].difference_low, votes["second"].difference_high) == (7, 7)
    assert votes["first"].mean == 110


def test_the_interval_of_a_mean_by_hand() -> None:
    assert mean_interval([1.0]) is None
    low, mean, high = mean_interval([1.0, 3.0]) or (0, 0, 0)
    assert mean == 2
    assert high - mean == pytest.approx(12.7062)  # the 0.975 quantile of t with one degree of freedom, times 1
    assert mean - low == pytest.approx(high - mean)
