"""Findings about how people work: what must be found is found, honest crowds raise no more than the stated alarms."""

from datetime import UTC, datetime
from itertools import combinations
from math import exp, log

import numpy as np
import pytest

from active_learning import conduct
from active_learning.conduct import Agreement, Kind
from active_learning.domain.submission import Answer, Submission

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def answer(value: bool, gold: bool | None = None, ms: float = 900.0, position: int = 0) -> Answer:
    return Answer(position=position, image=f"{position:064x}", value=value, gold=gold, visible_ms=ms)


def test_a_tally_leaves_lessons_out_but_for_their_time() -> None:
    answers = (answer(True, ms=1_000), answer(True, ms=500_000), answer(False, ms=0))
    submission = Submission(
        id="A:W", category="c", task="t", annotator="W", market_assignment="A", answers=answers,
        lessons=(answer(True, True, ms=2_000),), submitted_at=NOON,
    )  # fmt: skip
    found = conduct.tally(submission, True)
    assert (found.answers, found.yes, found.timed, found.streak) == (3, 2, 2, 2)
    assert found.active_ms == 1_000 + 60_000 + 2_000
    assert found.log_s == pytest.approx(log(60.0))
    assert sum(found.times.values()) == 2
    assert len(found.pattern) == 2
    grid = conduct.tally(submission, False)
    assert (grid.timed, grid.pattern, grid.active_ms) == (0, (), found.active_ms)


def test_bins_hold_every_time() -> None:
    edges = conduct.edges_s()
    assert len(edges) == conduct.BINS + 1
    assert edges[-1] == pytest.approx(60.0)
    for n in range(conduct.BINS):
        assert conduct.bin_of((edges[n] * edges[n + 1]) ** 0.5) == n
    assert (conduct.bin_of(0.001), conduct.bin_of(1e6)) == (0, conduct.BINS - 1)


def test_the_interval_is_clopper_and_pearsons() -> None:
    assert conduct.interval(36, 40) == pytest.approx((0.7634, 0.9721), abs=1e-4)
    assert conduct.interval(0, 0) == (0.0, 1.0)
    assert conduct.interval(5, 5)[1] == 1.0
    assert conduct.interval(0, 5)[0] == 0.0


def test_levels_of_all_looks_add_up_to_alpha() -> None:
    assert sum(conduct.level(10, look) for look in range(1, 5_000)) * 10 == pytest.approx(conduct.ALPHA, rel=1e-3)


@pytest.mark.parametrize(("yes", "n"), [(3, 9), (5, 10), (0, 4), (4, 4)])
def test_the_chance_of_a_run_by_counting(yes: int, n: int) -> None:
    """Exact for one answer; for both together it may only be too large."""
    sequences = [[place in ones for place in range(n)] for ones in combinations(range(n), yes)]
    for length in range(1, n + 2):
        true = np.mean([conduct.longest_run(sequence)[0] >= length for sequence in sequences])
        bound = conduct.chance_of_run(length, yes, n)
        assert true - 1e-12 <= bound
        if length > n / 2:  # no room for two of them
            assert bound == pytest.approx(true)


def test_somebody_far_too_fast_is_found_among_others_who_rush() -> None:
    rng = np.random.default_rng(1)
    crowd = [*rng.normal(log(1.1), 0.25, 21), log(0.3), log(0.35)]
    found = conduct.too_fast(log(0.2), 400, crowd, conduct.level(24))
    assert found is not None
    assert found.statistic <= found.threshold <= -3.0
    assert found.about["seconds"] == pytest.approx(0.2)
    assert conduct.too_fast(log(0.7), 400, crowd, conduct.level(24)) is None
    assert conduct.too_fast(log(0.2), 5, crowd, conduct.level(24)) is None
    assert conduct.too_fast(log(0.2), 400, crowd[:5], conduct.level(6)) is None


@pytest.mark.parametrize("people", [10, 40])
def test_an_honest_crowd_is_seldom_called_too_fast(people: int) -> None:
    rng = np.random.default_rng(people)
    alarms = 0
    for _ in range(600):
        crowd = rng.normal(0.0, 0.3, people)
        fastest = int(np.argmin(crowd))
        others = list(np.delete(crowd, fastest))
        alarms += conduct.too_fast(float(crowd[fastest]), 400, others, conduct.level(people)) is not None
    assert alarms / 600 <= 0.075  # 5 % and what 600 draws may stray


def test_always_the_same_answer_is_found_and_a_rare_class_is_not() -> None:
    sitting = [answer(False, gold=n % 2 == 0 if n < 20 else None) for n in range(60)]
    found = conduct.one_answer([sitting], 0.75, 0.001)
    assert found is not None
    assert (found.kind, found.about["gold_other"], found.about["answers"]) == (Kind.ONE_ANSWER, 10, 60)
    assert found.statistic >= found.threshold
    rare = [answer(False, gold=False if n < 20 else None) for n in range(200)]
    assert conduct.one_answer([rare], 0.75, 0.001) is None


def test_a_long_run_is_found_in_the_sitting_that_has_it() -> None:
    rng = np.random.default_rng(2)
    fair = [answer(bool(value)) for value in rng.random(150) < 0.5]
    lazy = [*fair[:60], *[answer(False)] * 60, *fair[60:90]]
    assert conduct.one_answer([fair, fair], 0.75, 0.001) is None
    found = conduct.one_answer([fair, lazy], 0.75, 0.001)
    assert found is not None
    assert found.about["run"] >= 60 > found.threshold


def test_falling_accuracy_is_found_where_it_falls() -> None:
    rng = np.random.default_rng(3)
    right = [*(rng.random(120) < 0.95), *(rng.random(80) < 0.6)]
    found = conduct.falling([bool(one) for one in right], 0.001)
    assert found is not None
    assert found.about["before"] == 120
    assert found.statistic <= found.threshold
    steady = [bool(one) for one in rng.random(200) < 0.8]
    assert conduct.falling(steady, 0.001) is None
    assert conduct.falling(right[:20], 0.5) is None


def test_steady_people_seldom_seem_to_fall() -> None:
    rng = np.random.default_rng(4)
    alarms = sum(conduct.falling([bool(x) for x in rng.random(80) < 0.9], 0.05) is not None for _ in range(500))
    assert alarms / 500 <= 0.07


def test_a_replayed_pattern_is_found_and_drifting_people_are_not() -> None:
    rng = np.random.default_rng(5)
    drift = np.linspace(0.5, -0.5, 64)

    def person() -> list[float]:
        return list(drift + rng.normal(0.0, 0.4, 64))

    others = {f"W{n}": person() for n in range(40)}
    own = person()
    at = conduct.level(40 * 41 // 2)
    assert conduct.shared_timing(own, others, at) is None
    found = conduct.shared_timing(own, {**others, "TWIN": [x + rng.normal(0.3, 0.05) for x in own]}, at)
    assert found is not None
    assert (found.other, found.about["places"]) == ("TWIN", 64)
    assert found.statistic >= found.threshold
    assert conduct.shared_timing([0.0] * 64, {"SAME": [0.0] * 64}, at) is None


def test_pairs_of_honest_people_seldom_share_a_pattern() -> None:
    rng = np.random.default_rng(6)
    alarms = 0
    for _ in range(600):
        own, other = np.linspace(1.0, 0.0, 64) + rng.normal(0.0, 0.4, (2, 64))
        alarms += conduct.shared_timing(list(own), {"W": list(other)}, 0.05) is not None
    assert alarms / 600 <= 0.07


def test_whoever_knows_the_gold_is_found_and_the_careful_are_not() -> None:
    crowd = Agreement(right=930, gold=1_000, agreed=2_550, compared=3_000)
    cheat = Agreement(right=80, gold=80, agreed=120, compared=220)
    found = conduct.knows_gold(cheat, crowd, 0.001)
    assert found is not None
    assert found.statistic > found.threshold
    for honest in (
        Agreement(right=79, gold=80, agreed=210, compared=220),
        Agreement(right=74, gold=80, agreed=187, compared=220),
        Agreement(right=40, gold=80, agreed=110, compared=220),
        Agreement(right=10, gold=10, agreed=5, compared=20),
    ):
        assert conduct.knows_gold(honest, crowd, 0.001) is None
    assert crowd.minus(cheat) == Agreement(right=850, gold=920, agreed=2_430, compared=2_780)
    assert exp(log(crowd.odds)) == pytest.approx((930.5 * 450.5) / (70.5 * 2550.5))
