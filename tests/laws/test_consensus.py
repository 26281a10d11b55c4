"""Laws that take a simulated crowd: incremental equals batch, intervals hold, the reference library agrees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.consensus import Evidence, Votes, auto, dawid_skene, incremental, unsmoothed_dawid_skene
from active_learning.consensus.incremental import Aggregate
from active_learning.consensus.replay import replay, turns

Rows = list[tuple[str, str, int]]


def crowd(seed: int, images: int = 400, people: int = 12, per_image: int = 4) -> tuple[Rows, np.ndarray, np.ndarray]:
    """Votes, the truth [images], and accuracies [people, 2] on no and on yes."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(images) < 0.3).astype(int)
    accuracy = rng.uniform(0.65, 0.98, (people, 2))
    rows = []
    for i in range(images):
        for a in rng.choice(people, per_image, replace=False):
            right = rng.random() < accuracy[a, truth[i]]
            rows.append((f"i{i:04}", f"a{a:02}", int(truth[i] if right else 1 - truth[i])))
    return rows, truth, accuracy


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 3), st.booleans())
def test_incremental_equals_batch(seed: int, size: int, batches: int, gold: bool) -> None:
    rows, truth, _ = crowd(seed)
    order = np.random.default_rng(seed).permutation(len(rows))
    rows = [rows[n] for n in order]
    evidence = Evidence({f"i{i:04}": int(truth[i]) for i in range(0, 400, 20)} if gold else {})
    few, beside = incremental.FEW, incremental.BESIDE
    incremental.FEW, incremental.BESIDE = 0, 1.0
    try:
        aggregate = Aggregate.cold(Votes.build(rows[: -size * batches]), evidence)
        for batch in range(batches):
            start = len(rows) - size * (batches - batch)
            part = rows[start : start + size]
            assert aggregate.add([*part, *part[:3]]) == size
            assert aggregate.add(part) == 0
    finally:
        incremental.FEW, incremental.BESIDE = few, beside
    batch_fit = dawid_skene(Votes.build(rows), evidence.gold)
    ours = dict(zip(aggregate.images, aggregate.p()[:, 1].tolist(), strict=True))
    assert [ours[image] for image in batch_fit.images] == pytest.approx(batch_fit.p_yes.tolist(), abs=1e-6)


def test_new_people_images_and_gold_may_come_later() -> None:
    rows, truth, _ = crowd(4, images=8_000, people=60)
    last = {(i, a) for i, a, _ in rows if i >= "i7980" or a == "a59"}
    first = [row for row in rows if row[:2] not in last]
    gold = {f"i{i:04}": int(truth[i]) for i in range(0, 8_000, 100)} | {"i7990": int(truth[7990])}
    aggregate = Aggregate.cold(Votes.build(first), Evidence(gold))
    assert aggregate.response is not None
    assert aggregate.add([row for row in rows if row[:2] in last]) == len(last)
    batch = dawid_skene(Votes.build(rows), gold)
    ours = dict(zip(aggregate.images, aggregate.p()[:, 1].tolist(), strict=True))
    assert [ours[image] for image in batch.images] == pytest.approx(batch.p_yes.tolist(), abs=1e-6)


def test_few_votes_and_many_new_ones_are_fitted_from_the_start() -> None:
    rows, _, _ = crowd(1, images=60)
    aggregate = Aggregate.cold(Votes.build(rows[:100]))
    aggregate.add(rows[100:])
    batch = dawid_skene(Votes.build(rows), {})
    ours = dict(zip(aggregate.images, aggregate.p()[:, 1].tolist(), strict=True))
    assert [ours[image] for image in batch.images] == pytest.approx(batch.p_yes.tolist(), abs=1e-9)


def test_credible_intervals_hold_the_accuracies() -> None:
    inside = []
    for seed in range(8):
        rows, _, accuracy = crowd(seed, images=600)
        found = dawid_skene(Votes.build(rows), {}).intervals
        inside.append((found[:, :, 0] <= accuracy) & (accuracy <= found[:, :, 1]))
    assert 0.88 <= np.mean(inside) <= 0.995


def test_the_reference_library_fits_the_same() -> None:
    crowdkit = pytest.importorskip("crowdkit.aggregation", reason="crowd-kit is the bench extra")
    pandas = pytest.importorskip("pandas")
    rows, _, _ = crowd(3)
    frame = pandas.DataFrame(rows, columns=["task", "worker", "label"])
    theirs = crowdkit.DawidSkene(n_iter=30, tol=-1.0).fit(frame)
    ours = unsmoothed_dawid_skene(Votes.build(rows), len(theirs.loss_history_))
    assert ours.p_yes == pytest.approx(theirs.probas_.sort_index()[1].to_numpy(), abs=1e-9)


def test_the_automatic_choice_follows_the_crowd() -> None:
    """People with opposite leanings need two coins; the choice is not far from the best method anywhere."""
    rng = np.random.default_rng(0)
    truth = (rng.random(200) < 0.5).astype(int)
    yes_rate = np.array([[0.05, 0.55]] * 4 + [[0.45, 0.95]] * 2)
    rows = [(f"i{i:03}", f"a{a}", int(rng.random() < yes_rate[a, truth[i]])) for i in range(200) for a in range(6)]
    votes = Votes.build(rows)
    order = rng.permutation(len(rows))
    again = auto(Votes.build([(rows[n][0], f"w{9 - int(rows[n][1][1:])}", rows[n][2]) for n in order]))
    posterior = auto(votes)
    assert np.abs(posterior.p - again.p).max() < 1e-9
    counted = np.mean((votes.table[:, 1] > 3) == truth)
    assert np.mean((posterior.p_yes > 0.5) == truth) > counted + 0.05
    assert "held-out" in posterior.why


def test_adaptive_redundancy_needs_fewer_answers() -> None:
    rows, truth, _ = crowd(5, images=600, people=15, per_image=8)
    votes = Votes.build(rows)
    asked, fixed = [], []
    for seed in range(3):
        found = replay(votes, seed, 1.8)
        assert found.answers.mean() <= 1.8
        asked.append(np.mean((found.posterior.p_yes > 0.5) == truth))
        three = votes.keep(turns(votes, np.random.default_rng(seed)) < 3)
        fixed.append(np.mean((three.table[:, 1] > 1) == truth))
    assert np.mean(asked) >= np.mean(fixed) - 0.01
