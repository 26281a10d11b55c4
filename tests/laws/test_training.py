"""Training: when it stops, what it replays, what its committee and its probabilities are worth."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from active_learning.domain.errors import InputError
from active_learning.vision import HEADS, members, score, train_head
from active_learning.vision.calibration import as_in_pool, calibrated, fit_calibration
from active_learning.vision.examples import deal
from active_learning.vision.margin import FOLDS, fit_margin
from active_learning.vision.network import spaced
from active_learning.vision.pretext import turned
from active_learning.vision.replay import mix
from active_learning.vision.stopping import Patience, Up


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def clouds(n, seed=0, rare=0.2, apart=1.0):
    """Two clouds that overlap in 8 dimensions, the yes cloud rare."""
    random = np.random.default_rng(seed)
    answers = random.random(n) < rare
    points = random.normal(size=(n, 8)) + apart * answers[:, None] * np.array([1, -1, 1, 0, 0, 0, 0, 0])
    return points.astype(np.float32), answers


@pytest.fixture(scope="module")
def heads():
    """Every head on the same 300 answers."""
    points, answers = clouds(2_000)
    return points, answers, {name: train_head(name, points[:300], answers[:300], points[300:], 1) for name in HEADS}


def stopped(stop, losses):
    """The epoch after which it stops, given (epoch, loss) pairs."""
    return next((epoch for epoch, loss in losses if stop.after(epoch, loss)), None)


def test_up_stops_after_three_rises_in_succession():
    looks = {1: 5, 2: 4, 4: 3, 6: 3.1, 8: 3.2, 10: 3.3}
    every_epoch = [(epoch, looks.get(epoch, 99)) for epoch in range(1, 11)]  # what lies between looks is not heard
    assert stopped(Up(strip=2, successions=3), every_epoch) == 10
    looks[8] = 3.1  # an equal loss is no rise: the count begins again
    assert stopped(Up(strip=2, successions=3), [(epoch, looks.get(epoch, 99)) for epoch in range(1, 11)]) is None


def test_up_goes_on_from_an_earlier_training():
    assert stopped(Up(strip=2, successions=1), [(7, 1.0), (8, 2.0)]) == 8


def test_patience_waits_for_something_better():
    stop = Patience(epochs=2)
    assert stopped(stop, enumerate([3, 2, 2, 1.5, 1.6, 1.5], 1)) == 6
    assert (stop.best, stop.best_epoch) == (1.5, 4)


@pytest.mark.parametrize(("last", "expected"), [(1, [1]), (4, [1, 2, 3, 4]), (19, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19])])
def test_checkpoints_span_the_training(last, expected):
    assert spaced(last, 10) == expected


def test_one_old_label_for_three_new():
    answers = np.arange(1_000) % 4 == 0
    fresh = np.arange(1_000) < 210
    rows = mix(answers, fresh, seed=0)
    old = rows[rows >= 210]
    assert len(old) == 70
    assert set(range(210)) <= set(rows.tolist())
    assert answers[old].sum() in (17, 18)
    assert mix(answers, fresh, seed=0, share_new=1.0).tolist() == list(range(210))
    with pytest.raises(InputError, match="old labels"):
        mix(answers[:250], fresh[:250], seed=0)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 60), seed=st.integers(0, 99), share=st.floats(0.5, 1.0))
def test_a_mix_holds_all_new_labels_once(n, seed, share):
    random = np.random.default_rng(seed)
    answers, fresh = random.random(2 * n) < 0.3, np.arange(2 * n) < n
    rows = mix(answers, fresh, seed, share)
    assert len(set(rows.tolist())) == len(rows) == n + round((1 / share - 1) * n)
    assert fresh[rows].sum() == n


def test_quarter_turns_are_told_in_order():
    image = torch.arange(4.0).view(1, 1, 2, 2)
    images, labels = turned(image)
    assert labels.tolist() == [0, 1, 2, 3]
    assert [turn[0].flatten().tolist() for turn in images] == [[0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0], [2, 0, 3, 1]]


def test_held_out_values_are_those_of_fits_without_the_answer():
    points, answers = clouds(120)
    features, wanted = torch.tensor(points, dtype=torch.float64), torch.tensor(answers, dtype=torch.float64)
    penalty, ones = 0.5 * torch.eye(8, dtype=torch.float64), torch.ones(120, dtype=torch.float64)
    fitted = fit_margin(features, wanted, penalty, ones, torch.Generator().manual_seed(0))
    for row in range(10):
        fold = torch.nonzero(torch.isin(torch.arange(120), fold_of(wanted, row)))[:, 0]
        kept = torch.ones(120, dtype=torch.bool).index_fill(0, fold, value=False)
        without = fit_margin(features[kept], wanted[kept], penalty, ones[kept], torch.Generator().manual_seed(0))
        assert float(fitted.held_out[row]) == pytest.approx(
            float(features[row] @ without.weights + without.bias), abs=0.02
        )


def fold_of(wanted, row):
    """The fold that the generator of seed 0 deals this answer into."""
    folds = deal(wanted, FOLDS, torch.Generator().manual_seed(0))
    return next(fold for fold in folds if row in fold.tolist())


@pytest.mark.parametrize("name", list(HEADS))
def test_out_of_fold_scores_are_honest(heads, name):
    """Measured on the labels themselves they promise no more than what is measured elsewhere."""
    points, answers, trained = heads
    elsewhere = average_precision_score(answers[300:], score(name, trained[name].state, points[300:]))
    assert average_precision_score(answers[:300], trained[name].out_of_fold) == pytest.approx(elsewhere, abs=0.12)


@pytest.mark.parametrize("name", list(HEADS))
def test_scores_mean_what_they_say(heads, name):
    points, answers, trained = heads
    found, truth = score(name, trained[name].state, points[300:]), answers[300:]
    bins = np.minimum((found * 5).astype(int), 4)
    gaps = [abs(found[bins == b].mean() - truth[bins == b].mean()) * (bins == b).mean() for b in set(bins.tolist())]
    assert sum(gaps) < 0.06


@pytest.mark.parametrize("name", list(HEADS))
@pytest.mark.parametrize("source", ["checkpoints", "dropout"])
def test_a_committee_is_the_same_in_any_batches_and_surrounds_the_score(heads, name, source):
    points, answers, trained = heads
    whole = members(name, trained[name].state, points[300:600], source)
    parts = [members(name, trained[name].state, points[at : at + 100], source) for at in (300, 400, 500)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)
    assert whole.shape[1] >= 2
    assert ((whole > 0) & (whole < 1)).all()
    assert whole.std(axis=1).max() > 0.01
    alone = average_precision_score(answers[300:600], score(name, trained[name].state, points[300:600]))
    assert average_precision_score(answers[300:600], whole.mean(axis=1)) > alone - 0.1


def test_the_networks_last_checkpoint_is_its_score(heads):
    points, _, trained = heads
    last = members("network", trained["network"].state, points[:50])[:, -1]
    np.testing.assert_allclose(last, score("network", trained["network"].state, points[:50]), atol=1e-6)


@pytest.mark.parametrize("name", list(HEADS))
def test_uncertain_answers_weigh_less(name):
    """A fifth of the answers are wrong; a consensus that half suspects them is worth having."""
    points, answers = clouds(1_500, seed=3, rare=0.4, apart=1.5)
    wrong = np.random.default_rng(0).random(300) < 0.25
    given_answers = answers[:300] ^ wrong
    certainty = np.where(wrong, 0.55, 0.95).astype(np.float32)
    found = [
        average_precision_score(answers[300:], score(name, head.state, points[300:]))
        for head in (
            train_head(name, points[:300], given_answers, points[300:], 0, certainty),
            train_head(name, points[:300], given_answers, points[300:], 0),
        )
    ]
    assert found[0] > found[1]


def test_certainty_that_does_not_fit_is_refused():
    points, answers = clouds(50)
    for certainty in (np.ones(49), np.full(50, 1.5)):
        with pytest.raises(InputError, match="certainty"):
            train_head("linear", points, answers, points[:0], 0, certainty.astype(np.float32))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), n=st.integers(2, 80), scale=st.floats(0.01, 30))
def test_calibration_never_changes_the_order(seed, n, scale):
    random = np.random.default_rng(seed)
    logits = torch.tensor(random.normal(size=n) * scale)
    answers = torch.tensor((random.random(n) < 0.5).astype(float))
    calibration = fit_calibration(logits, answers, torch.ones(n, dtype=torch.float64))
    assert torch.isfinite(calibration).all()
    assert float(calibration[0]) > 0
    assert (calibrated(logits, calibration)[torch.argsort(logits)].diff() >= 0).all()


def test_calibration_finds_a_known_slope_and_offset():
    random = np.random.default_rng(0)
    logits = torch.tensor(random.normal(size=20_000))
    answers = torch.tensor((random.random(20_000) < 1 / (1 + np.exp(-(3 * logits.numpy() - 1)))).astype(float))
    slope, offset = fit_calibration(logits, answers, torch.ones(20_000, dtype=torch.float64)).tolist()
    assert slope == pytest.approx(3, abs=0.15)
    assert offset == pytest.approx(-1, abs=0.1)


def test_answers_are_weighed_as_the_pool_is_spread():
    random = np.random.default_rng(0)
    chosen, pool = torch.tensor(random.normal(0, 0.5, 2_000)), torch.tensor(random.normal(-1, 1, 5_000))
    weights = as_in_pool(chosen, pool)
    assert float(weights.mean()) == pytest.approx(1)
    assert float((weights * chosen).mean()) < float(chosen.mean()) - 0.3
    assert as_in_pool(chosen, pool[:0]).tolist() == [1.0] * 2_000
