"""The laws of the cuts, and a simulation of many draws: the promise is broken at most as often as stated."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import beta, binom, binomtest, hypergeom

from active_learning import cuts
from active_learning.cuts import Tally, Validation, chance_of_record, risk_of_look, zero_error_minimum
from active_learning.cuts.tails import cumulative
from active_learning.domain.cuts import Calibration
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy

POLICY = Policy()  # precision .90, recall .90, confidence .90
NONE: list[float] = []


def calibrate(
    scores, answers, rest, known, known_answers, policy: Policy, look: int, found_yes: int = 0
) -> Calibration:
    """Calibrate on infallible answers of one simple random sample."""
    validation = Validation.of(scores, answers)
    tally = Tally.of(validation.thresholds, rest, known, known_answers)
    return cuts.calibrate(validation, tally, policy, look, found_yes)


@dataclass(frozen=True)
class World:
    """A pool with known truth: calibrated scores of two normal classes ``distance`` apart."""

    size: int
    prevalence: float
    distance: float

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        yes = rng.random(self.size) < self.prevalence
        evidence = rng.normal(np.where(yes, self.distance / 2, -self.distance / 2))
        logit = self.distance * evidence + np.log(self.prevalence / (1 - self.prevalence))
        return 1 / (1 + np.exp(-logit)), yes


@dataclass(frozen=True)
class Kept:
    """What one draw came to. ``None`` where the side has no cut."""

    calibration: Calibration
    precision: float | None
    recall: float | None


def one_draw(world: World, n: int, known: int, look: int, rng: np.random.Generator) -> Kept:
    """Draw validation images at random; ``known`` of the others are people's, yes images of high score first."""
    scores, yes = world.draw(rng)
    shuffled = rng.permutation(world.size)
    sample, others = shuffled[:n], shuffled[n:]
    others = others[np.argsort(-scores[others] * yes[others], kind="stable")]
    people, rest = others[:known], others[known:]
    result = calibrate(scores[sample], yes[sample], scores[rest], scores[people], yes[people], POLICY, look)
    precision = recall = None
    if result.cuts.upper is not None:
        precision = float(yes[rest][scores[rest] > result.cuts.upper].mean())
    if result.cuts.lower is not None:
        recall = 1 - float((yes[rest] & (scores[rest] < result.cuts.lower)).sum() / yes.sum())
    return Kept(result, precision, recall)


def naive_precision(world: World, n: int, rng: np.random.Generator) -> float:
    """LSUN's rule: the lowest threshold whose validation precision passes. Returns the precision it really has."""
    scores, yes = world.draw(rng)
    order = np.argsort(-scores[:n])
    share = np.cumsum(yes[:n][order]) / np.arange(1, n + 1)
    cut = scores[:n][order][np.flatnonzero(share >= POLICY.precision)[-1]]
    return float(yes[n:][scores[n:] >= cut].mean())


def kept_often_enough(values: list[bool], risk: float) -> bool:
    """Whether so many broken promises are compatible with a chance of at most ``risk`` each."""
    return binomtest(sum(values), len(values), risk, alternative="greater").pvalue > 0.01


@pytest.mark.parametrize(
    ("world", "known", "look"),
    [(World(4000, 0.3, 2.5), 0, 1), (World(4000, 0.3, 3.0), 300, 1), (World(1500, 0.5, 2.0), 0, 1)],
    ids=["plain", "known-mostly-yes", "small-pool"],
)
def test_promises_hold_over_many_draws(world: World, known: int, look: int):
    rng = np.random.default_rng(1)
    draws = [one_draw(world, 300, known, look, rng) for _ in range(80)]
    risk = risk_of_look(POLICY.confidence, look)
    broken_precision = [d.precision is not None and d.precision < POLICY.precision for d in draws]
    broken_recall = [d.recall is not None and d.recall < POLICY.recall for d in draws]
    assert kept_often_enough(broken_precision, risk)
    assert kept_often_enough(broken_recall, risk)
    either = [p or r for p, r in zip(broken_precision, broken_recall, strict=True)]
    assert np.mean(either) <= 1 - POLICY.confidence
    # A promise that is never made is easy to keep.
    assert np.mean([d.precision is not None for d in draws]) > 0.1
    assert np.mean([d.recall is not None for d in draws]) > 0.9


def test_lsuns_rule_breaks_its_promise_in_about_half_of_the_draws():
    rng = np.random.default_rng(1)
    broken = [naive_precision(World(4000, 0.3, 2.5), 400, rng) < POLICY.precision for _ in range(250)]
    assert 0.35 < np.mean(broken) < 0.75


def test_known_yes_images_raise_what_is_asked_of_the_rest():
    """People took the yes images above the cut: the precision of the pool says little about what is left there."""
    rng = np.random.default_rng(2)
    world, n, known = World(3000, 0.4, 2.5), 400, 700
    blind, told = [], []
    for _ in range(40):
        scores, yes = world.draw(rng)
        others = np.arange(n, world.size)
        others = others[np.argsort(-scores[others] * yes[others], kind="stable")]
        people, rest = others[:known], others[known:]
        for results, ids in ((blind, people[:0]), (told, people)):
            cut = calibrate(scores[:n], yes[:n], scores[rest], scores[ids], yes[ids], POLICY, 1).cuts.upper
            results.append(cut is not None and yes[rest][scores[rest] > cut].mean() < POLICY.precision)
    assert np.mean(blind) > 0.35
    assert np.mean(told) <= 0.05


def test_images_chosen_by_uncertainty_calibrate_nothing():
    """The sample must be random: with the least certain images as validation the promised recall is lost."""
    rng = np.random.default_rng(3)
    broken = []
    for _ in range(40):
        scores, yes = World(4000, 0.3, 1.5).draw(rng)
        by_margin = np.argsort(np.abs(scores - 0.5))
        sample, rest = by_margin[:400], by_margin[400:]
        cut = calibrate(scores[sample], yes[sample], scores[rest], NONE, NONE, POLICY, 1).cuts.lower
        broken.append(cut is not None and (yes[rest] & (scores[rest] < cut)).sum() > 0.1 * yes.sum())
    assert np.mean(broken) > 0.9


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 80), st.sampled_from([0.8, 0.9]))
@settings(max_examples=40, deadline=None)
def test_the_test_of_one_threshold_is_exact_for_what_is_left(seen: int, left: int, total: int, target: float):
    """Over all draws from a stretch with any number of yes, a broken promise passes with at most the risk."""
    total, risk = min(total, seen + left), 0.05
    x = np.arange(max(0, total - left), min(seen, total) + 1)
    broken_at_most = int(np.ceil(target * left - 1e-9)) - 1
    sizes = np.full(len(x), seen), x, np.full(len(x), left), np.full(len(x), broken_at_most)
    passes = chance_of_record(*sizes) <= risk
    is_broken = total - x <= broken_at_most
    assert hypergeom.pmf(x, seen + left, total, seen)[passes & is_broken].sum() <= risk + 1e-12


def test_the_binomial_would_promise_too_much_in_a_small_pool():
    seen, left, risk = 200, 60, 0.05
    x = np.arange(seen + 1)
    passes = binom.sf(x - 1, seen, 0.9) <= risk
    worst = max(
        hypergeom.pmf(x, seen + left, total, seen)[passes & (total - x < 0.9 * left)].sum()
        for total in range(seen + left + 1)
    )
    assert worst > 2 * risk


def test_in_a_large_pool_the_test_is_the_binomial_one():
    seen, x, left = np.array([80]), np.array([77]), np.array([10_000_000])
    exact = chance_of_record(seen, x, left, np.array([9_000_000 - 1]))
    assert exact == pytest.approx(binom.sf(76, 80, 0.9), rel=1e-3)


def test_the_error_budget_is_never_overspent_and_half_of_it_is_for_the_first_look():
    risks = [risk_of_look(0.9, look) for look in range(1, 60)]
    assert risks[0] == pytest.approx(0.1 / 4)
    assert 2 * sum(risks) <= 0.1 + 1e-12


@pytest.mark.parametrize(
    ("target", "risk", "n"), [(0.95, 0.05, 59), (0.99, 0.05, 299), (0.9, 0.025, 36), (0.5, 0.5, 1)]
)
def test_zero_error_minimum(target: float, risk: float, n: int):
    assert zero_error_minimum(target, risk) == n
    assert target**n <= risk < target ** (n - 1)


def test_the_lower_cut_is_the_exact_order_statistic():
    positives, others = np.linspace(0.6, 0.99, 100), np.linspace(0.001, 0.3, 100)
    scores, answers = np.concatenate([positives, others]), np.arange(200) < 100
    endless = np.zeros(10_000_000)  # in an endless pool the hypergeometric tail is the binomial one
    result = calibrate(scores, answers, endless, NONE, NONE, POLICY, 1)
    k = max(k for k in range(100) if binom.cdf(k, 100, 0.1) <= result.risk)
    assert k == 4
    assert result.cuts.lower == positives[k]
    assert result.recall_bound == pytest.approx(beta.ppf(result.risk, 100 - k, k + 1), abs=1e-3)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_the_lower_tail_is_the_hypergeometric_one(total: int, marked: int, drawn: int, k: int):
    marked, drawn = min(marked, total), min(drawn, total)
    ours = cumulative(k + 1, np.array([total]), np.array([marked]), np.array([drawn]))[k, 0]
    assert ours == pytest.approx(hypergeom.cdf(k, total, marked, drawn), abs=1e-12)


def test_yes_images_that_people_found_and_a_small_pool_allow_a_higher_lower_cut():
    positives, others = np.linspace(0.6, 0.99, 50), np.linspace(0.001, 0.3, 450)
    scores, answers = np.concatenate([positives, others]), np.arange(500) < 50
    endless = calibrate(scores, answers, np.zeros(1_000_000), NONE, NONE, POLICY, 1).cuts.lower
    small = calibrate(scores, answers, np.zeros(1_000), NONE, NONE, POLICY, 1).cuts.lower
    helped = calibrate(scores, answers, np.zeros(1_000), NONE, NONE, POLICY, 1, found_yes=150).cuts.lower
    assert endless is not None and small is not None and helped is not None
    assert endless <= small < helped


@pytest.mark.parametrize("look", [1, 3])
def test_the_recall_of_a_small_pool_breaks_no_more_often_than_promised(look: int):
    rng, broken, cut, runs = np.random.default_rng(7), 0, 0, 150
    answers = np.arange(1_800) < 180
    scores = rng.normal(np.where(answers, 2.0, 0.0), 1.0)  # a poor model: the promise is at stake
    scores = 1 / (1 + np.exp(-scores))
    for _ in range(runs):
        order = rng.permutation(1_800)
        drawn, rest = order[:600], order[600:]
        lower = calibrate(scores[drawn], answers[drawn], scores[rest], NONE, NONE, POLICY, look).cuts.lower
        if lower is not None:
            cut += 1
            broken += bool((answers[rest] & (scores[rest] < lower)).sum() > 0.1 * 180)
    risk = risk_of_look(POLICY.confidence, look)
    assert cut > runs / 2
    assert binomtest(broken, runs, risk, alternative="greater").pvalue > 0.01


def test_overlapping_sides_become_one_threshold():
    rng = np.random.default_rng(0)
    answers = rng.random(800) < 0.4
    scores = np.where(answers, 0.7, 0.3) + rng.uniform(-0.18, 0.18, 800)
    result = calibrate(scores, answers, rng.random(5000), NONE, NONE, POLICY, 1)
    assert result.cuts.lower == result.cuts.upper
    assert result.cuts.upper == pytest.approx(0.5, abs=0.03)
    assert result.needed == 0


scored = st.tuples(st.integers(0, 20).map(lambda i: i / 20), st.booleans())


@given(st.lists(scored, max_size=120), st.lists(st.floats(0, 1), max_size=40), st.lists(scored, max_size=20))
@settings(max_examples=30, deadline=None)
def test_laws_of_any_input(validation: list[tuple[float, bool]], rest: list[float], known: list[tuple[float, bool]]):
    policy = Policy(precision=0.6, recall=0.6, confidence=0.6)
    scores, answers = [s for s, _ in validation], [a for _, a in validation]
    known_scores, known_answers = [s for s, _ in known], [a for _, a in known]
    result = calibrate(scores, answers, rest, known_scores, known_answers, policy, 1)
    lower, upper = result.cuts.lower, result.cuts.upper
    assert lower is None or upper is None or lower <= upper
    assert (result.n, result.positives) == (len(scores), sum(answers))
    if upper is not None:
        assert upper in scores
        assert any(score > upper for score in rest)
        assert result.precision_bound is not None
        assert policy.precision - 1e-9 <= result.precision_bound <= 1
    if lower is not None:
        assert lower in scores
        assert result.recall_bound is not None
        assert policy.recall <= result.recall_bound <= 1
    assert (result.precision_bound is None, result.recall_bound is None) == (upper is None, lower is None)
    assert (result.needed > 0) == (bool(rest) and (upper is None or lower is None))


def test_a_later_look_is_never_bolder():
    rng = np.random.default_rng(4)
    scores, yes = World(5000, 0.3, 3.0).draw(rng)
    results = [calibrate(scores[:600], yes[:600], scores[600:], NONE, NONE, POLICY, look) for look in (1, 2, 3)]
    uppers = [r.cuts.upper for r in results if r.cuts.upper is not None]
    lowers = [r.cuts.lower for r in results if r.cuts.lower is not None]
    assert len(uppers) == len(lowers) == 3
    assert uppers == sorted(uppers)
    assert lowers == sorted(lowers, reverse=True)


def test_needed_is_enough_when_the_next_images_are_like_the_present_ones():
    rng = np.random.default_rng(5)
    scores, yes = World(40_000, 0.1, 5.0).draw(rng)
    first = calibrate(scores[:250], yes[:250], scores[5000:], NONE, NONE, POLICY, 1)
    assert first.cuts == type(first.cuts)()
    assert 100 < first.needed < 1000
    n = int(1.3 * (250 + first.needed))  # slack for the luck of the draw
    second = calibrate(scores[:n], yes[:n], scores[5000:], NONE, NONE, POLICY, 2)
    assert second.cuts.lower is not None
    assert second.cuts.upper is not None


@pytest.mark.parametrize("answer", [True, False])
def test_one_class_only(answer: bool):
    scores = np.linspace(0.1, 0.9, 100)
    result = calibrate(scores, np.full(100, answer), np.linspace(0, 1, 1000), NONE, NONE, POLICY, 1)
    if answer:  # every image is yes: any threshold has precision 1
        assert result.cuts.upper is not None
    else:
        assert result.cuts == type(result.cuts)()
        assert result.needed > 0


def test_empty_inputs():
    assert calibrate(NONE, NONE, NONE, NONE, NONE, POLICY, 1).needed == 0
    nothing = calibrate(NONE, NONE, [0.5], NONE, NONE, POLICY, 1)
    assert nothing.cuts == type(nothing.cuts)()
    assert nothing.needed > 0


def test_tied_scores_are_one_threshold():
    scores, answers = np.full(200, 0.9), np.ones(200, dtype=bool)
    scores[100:], answers[100:] = 0.1, False
    result = calibrate(scores, answers, np.array([0.9, 0.95, 0.05, 0.1]), NONE, NONE, POLICY, 1)
    # Nothing of the sample lies strictly above .9, so the first testable threshold is .1.
    assert result.cuts.upper == 0.1
    assert result.cuts.lower == 0.1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_numbers_are_refused(bad: float):
    for place in range(3):
        scores: list[list[float]] = [[0.5], [0.5], [0.5]]
        scores[place] = [bad]
        with pytest.raises(InputError, match="not a finite number"):
            calibrate(scores[0], [True], scores[1], scores[2], [True], POLICY, 1)


def test_lengths_and_looks_are_checked():
    with pytest.raises(InputError, match="validation"):
        calibrate([0.5], NONE, NONE, NONE, NONE, POLICY, 1)
    with pytest.raises(InputError, match="look 0"):
        calibrate(NONE, NONE, NONE, NONE, NONE, POLICY, 0)
