"""The laws of strata, tallies and wrong answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, hypergeom

from active_learning import validation
from active_learning.cuts import Tally, Validation, calibrate, risk_of_look
from active_learning.cuts.chernoff import Cells, chances
from active_learning.cuts.noise import MARGIN, weights
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy

POLICY = Policy(precision=0.8, recall=0.8, confidence=0.8)


def cells(*rows: tuple[int, int, int, int, float, float]) -> Cells:
    """Cells (size, drawn, drawn yes, rest, weight, price) at one threshold; nothing known, nobody errs."""
    size, drawn, yes, rest, weight, price = (
        np.array(column, dtype=float)[:, None] for column in zip(*rows, strict=True)
    )
    return Cells(size, drawn, yes, yes, rest, weight, price, np.zeros_like(size))


@given(st.integers(1, 60), st.integers(1, 200), st.data())
@settings(max_examples=60, deadline=None)
def test_one_stratum_is_never_bolder_than_the_exact_test(drawn: int, left: int, data: st.DataObject):
    yes, limit = data.draw(st.integers(0, drawn)), data.draw(st.integers(0, left))
    ours = chances(cells((drawn + left, drawn, yes, left, left / drawn, 1.0)), np.array([float(limit)]))[0]
    assert ours >= hypergeom.sf(yes - 1, drawn + left, yes + limit, drawn) - 1e-9


@given(st.data())
@settings(max_examples=12, deadline=None)
def test_two_strata_keep_the_risk_for_every_spread(data: st.DataObject):
    """Over all draws from two strata with any number of yes in each, a broken promise passes with at most the risk."""
    drawn = [data.draw(st.integers(1, 4)), data.draw(st.integers(1, 9))]
    left = [data.draw(st.integers(1, 40)), data.draw(st.integers(1, 20))]
    yes = [data.draw(st.integers(0, d + r)) for d, r in zip(drawn, left, strict=True)]
    needed, risk, total = 0.8 * sum(left), 0.1, 0.0
    for a in range(drawn[0] + 1):
        for b in range(drawn[1] + 1):
            chance = np.prod(
                [hypergeom.pmf(x, d + r, y, d) for x, d, r, y in zip((a, b), drawn, left, yes, strict=True)]
            )
            if chance < 1e-12 or sum(yes) - a - b >= needed:
                continue
            rows = [(d + r, d, x, r, r / d, 1.0) for x, d, r in zip((a, b), drawn, left, strict=True)]
            total += chance * (chances(cells(*rows), np.array([np.ceil(needed) - 1]))[0] <= risk)
    assert total <= risk + 1e-9


scored = st.lists(st.tuples(st.integers(0, 12).map(lambda i: i / 12), st.booleans(), st.integers(0, 2)), max_size=40)


@given(scored, scored, scored, st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_tallies_of_shards_add_up_to_the_whole(sample: list, rest: list, known: list, at: int):
    thresholds = Validation.of([s for s, _, _ in sample], [a for _, a, _ in sample]).thresholds

    def tally(rest: list, known: list) -> Tally:
        return Tally.of(
            thresholds, [s for s, _, _ in rest], [s for s, _, _ in known], [a for _, a, _ in known],
            [h for _, _, h in rest], [h for _, _, h in known], strata=3,
        )  # fmt: skip

    whole, parts = tally(rest, known), tally(rest[:at], known[at:]) + tally(rest[at:], known[:at])
    for name in ("rest", "known", "known_yes"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert whole.promised == pytest.approx(parts.promised)
    assert whole.size == len(rest) + len(known)


@given(scored, scored, st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_laws_of_any_strata(sample: list, rest: list, look: int):
    drawn = Validation.of([s for s, _, _ in sample], [a for _, a, _ in sample], stratum=[h for _, _, h in sample])
    tally = Tally.of(drawn.thresholds, [s for s, _, _ in rest], rest_strata=[h for _, _, h in rest], strata=3)
    result = calibrate(drawn, tally, POLICY, look)
    lower, upper = result.cuts.lower, result.cuts.upper
    assert lower is None or upper is None or lower <= upper
    yes, no = tally.decided(result.cuts)
    assert yes == sum(upper is not None and s > upper for s, _, _ in rest)
    assert no == sum(lower is not None and s < lower for s, _, _ in rest)
    if upper is not None and lower != upper:
        assert result.precision_bound is not None
        assert result.precision_bound >= POLICY.precision - 1e-9
    if lower is not None:
        assert result.recall_bound is not None
        assert result.recall_bound >= POLICY.recall


def rare_draw(rng: np.random.Generator, n: int, decay: bool, hide: int = 0) -> tuple[float, bool, bool]:
    """Share labeled no, and whether precision and recall are broken; ``hide`` yes images look like nothing."""
    size, distance = 12_000, 4.5
    yes = rng.random(size) < 0.03
    evidence = rng.normal(np.where(yes, distance / 2, -distance / 2))
    scores = 1 / (1 + np.exp(-(distance * evidence + np.log(0.03 / 0.97))))
    scores[rng.choice(np.flatnonzero(yes), hide, replace=False)] = 1e-6
    policy = Policy(precision=0.85, recall=0.85, confidence=0.8)
    design = validation.stratify(validation.Histogram.of(scores), n, 0.85, 0.05, decay=decay)
    stratum = design.stratum(scores)
    drawn = design.choose(stratum, rng.random(size))
    sample = Validation.of(scores[drawn], yes[drawn], stratum=stratum[drawn])
    tally = Tally.of(sample.thresholds, scores[~drawn], rest_strata=stratum[~drawn], strata=design.strata)
    cuts = calibrate(sample, tally, policy, 1, decay=validation.UNTRUSTED * 0.03 if decay else None).cuts
    above = ~drawn & (scores > (np.inf if cuts.upper is None else cuts.upper))
    lost = (yes & ~drawn & (scores < (-np.inf if cuts.lower is None else cuts.lower))).sum()
    return (
        tally.decided(cuts)[1] / size,
        bool(above.any() and yes[above].mean() < 0.85),
        bool(lost > 0.15 * yes.sum()),
    )


@pytest.mark.parametrize("decay", [False, True])
def test_promises_hold_over_many_stratified_draws(decay: bool):
    rng, runs = np.random.default_rng(3), 14
    found = np.array([rare_draw(rng, 500, decay) for _ in range(runs)])
    for broken in found[:, 1:].sum(axis=0):
        assert binomtest(int(broken), runs, risk_of_look(0.8, 1), alternative="greater").pvalue > 0.01


def test_yes_images_hidden_where_nobody_looks_break_decay_but_not_the_promise_without_it():
    """The assumption is one: yes images that look like nothing break it, and the promise that rests on it."""
    rng, runs = np.random.default_rng(4), 12
    assumed = sum(rare_draw(rng, 350, True, hide=60)[2] for _ in range(runs))
    proved = sum(rare_draw(rng, 350, False, hide=60)[2] for _ in range(runs // 2))
    assert binomtest(proved, runs // 2, risk_of_look(0.8, 1), alternative="greater").pvalue > 0.01
    assert binomtest(assumed, runs, risk_of_look(0.8, 1), alternative="greater").pvalue < 0.01


def test_decay_labels_most_of_a_rare_class_no_from_few_answers():
    rng = np.random.default_rng(6)
    assert np.mean([rare_draw(rng, 500, True)[0] for _ in range(5)]) > 0.4


def test_doubtful_answers_cost_and_never_embolden():
    rng = np.random.default_rng(5)
    yes = rng.random(6_000) < 0.3
    scores = 1 / (1 + np.exp(-3 * rng.normal(np.where(yes, 1.5, -1.5))))
    results = []
    for certainty in (1.0, 0.9995, 0.99, 0.9):
        sample = Validation.of(scores[:1000], yes[:1000], np.full(1000, certainty))
        tally = Tally.of(sample.thresholds, scores[1000:])
        cuts = calibrate(sample, tally, Policy(precision=0.9, recall=0.9, confidence=0.9), 2).cuts
        results.append(tally.decided(cuts))
    decided = [sum(pair) for pair in results]
    assert decided == sorted(decided, reverse=True)
    assert decided[1] > 0.9 * decided[0]
    assert decided[3] < 0.7 * decided[0]


@given(st.lists(st.floats(0.5, 1.0), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_poisson_dominates_the_number_of_wrong_answers(certainties: list[float]):
    doubt = -np.log(np.array(certainties)).sum()
    exact = np.array([1.0])
    for certainty in certainties:
        exact = np.convolve(exact, [certainty, 1 - certainty])
    chances_of, _ = weights(np.array([doubt / MARGIN]), 1e-9)
    bound = 1 - np.concatenate([[0.0], chances_of[:, 0].cumsum()])
    at_least = 1 - np.concatenate([[0.0], exact.cumsum()])
    both = min(len(bound), len(at_least))
    assert np.all(at_least[:both] <= bound[:both] + 1e-9)


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="certainty"):
        Validation.of([0.5], [True], [0.0])
    with pytest.raises(InputError, match="stratum"):
        Validation.of([0.5], [True], None, [-1])
    with pytest.raises(InputError, match="ascend"):
        Tally.of([0.5, 0.5], [0.1])
    sample = Validation.of([0.5, 0.6], [True, False], None, [0, 1])
    with pytest.raises(InputError, match="fewer strata"):
        calibrate(sample, Tally.of(sample.thresholds, [0.1]), POLICY, 1)
    with pytest.raises(InputError, match="other thresholds"):
        calibrate(sample, Tally.of([0.5], [0.1], strata=2), POLICY, 1)
    with pytest.raises(InputError, match="add up"):
        Tally.of([0.5], [0.1]) + Tally.of([0.6], [0.1])
