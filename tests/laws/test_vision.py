"""Backbones and heads: shapes, determinism, what they learn and what they refuse."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score

from active_learning.domain.errors import ImageRefused, InputError
from active_learning.vision import BACKBONES, HEADS, checkpoint_id, embed, fit_backbone, score, train_head
from active_learning.vision.checkpoints import pack, unpack

RANDOM = np.random.default_rng(7)


def encoded(pixels, format_="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format_)
    return stream.getvalue()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    images = [encoded((image * 15.9).astype(np.uint8)) for image in data.images[:900]]
    return images, data.target[:900] == 3


@pytest.fixture(scope="module")
def colours():
    return [encoded(RANDOM.integers(0, 255, (30, 40, 3), dtype=np.uint8)) for _ in range(24)]


@pytest.fixture(scope="module")
def learned(digits):
    return fit_backbone("patches", digits[0][:200], seed=0)


@pytest.fixture(scope="module")
def features(digits, learned):
    return embed("patches", learned, digits[0])


@pytest.fixture(scope="module")
def blobs():
    """Two clouds of 400 points in 6 dimensions."""
    answers = np.arange(400) % 2 == 0
    points = RANDOM.normal(size=(400, 6)) + np.where(answers, 1.0, -1.0)[:, None]
    return points.astype(np.float32), answers


def test_embed_gives_one_row_an_image_whatever_the_batches(digits, features, learned):
    images, _ = digits
    few = embed("patches", learned, images[:70])
    assert features.shape == (900, 200)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    np.testing.assert_allclose(few, features[:70], atol=1e-5)


def test_learned_patches_are_the_same_bytes_for_the_same_images_and_seed(digits, learned):
    assert fit_backbone("patches", digits[0][:200], seed=0) == learned


@pytest.mark.parametrize("name", ["rotation", "patches_rotation"])
def test_a_network_that_learned_turns_is_the_same_for_the_same_seed(colours, name):
    before = torch.get_rng_state()
    first = fit_backbone(name, colours[:8], seed=0)
    assert fit_backbone(name, colours[:8], seed=0) == first
    assert torch.equal(torch.get_rng_state(), before)
    whole = embed(name, first, colours)
    np.testing.assert_allclose(embed(name, first, colours[:5]), whole[:5], atol=1e-4)


def test_turns_teach_shapes(digits):
    """Features of a network that only ever told turns apart find the threes."""
    images, threes = digits
    found = embed("rotation", fit_backbone("rotation", images[:150], seed=0), images)
    head = train_head("kernel", found[:300], threes[:300], found[300:], seed=0)
    assert average_precision_score(threes[300:], score("kernel", head.state, found[300:])) > 0.8


def test_no_images_give_no_rows(colours):
    assert len(embed("hog", fit_backbone("hog", colours, seed=0), [])) == 0


def test_a_backbone_is_the_same_bytes_for_the_same_images_and_seed(colours):
    first = fit_backbone("hog", colours, seed=3)
    assert fit_backbone("hog", colours, seed=3) == first
    assert fit_backbone("hog", colours, seed=4) != first
    assert len(checkpoint_id(first)) == 64


def test_mirrored_colour_images_have_the_same_features(colours):
    mirrored = [encoded(np.asarray(Image.open(io.BytesIO(data)))[:, ::-1].copy()) for data in colours]
    state = fit_backbone("hog", colours, seed=0)
    np.testing.assert_allclose(embed("hog", state, mirrored), embed("hog", state, colours), atol=1e-4)


def test_mirrored_grey_images_have_other_features(digits):
    images = digits[0][:30]
    mirrored = [encoded(np.asarray(Image.open(io.BytesIO(data)))[:, ::-1].copy()) for data in images]
    state = fit_backbone("hog", images, seed=0)
    assert np.abs(embed("hog", state, mirrored) - embed("hog", state, images)).max() > 0.1


def test_embedding_leaves_the_global_generator_alone(colours):
    before = torch.get_rng_state()
    fit_backbone("hog", colours, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("cut", [20, 200])
def test_a_truncated_image_is_refused(colours, cut):
    whole = encoded(RANDOM.integers(0, 255, (64, 64, 3), dtype=np.uint8), "JPEG")
    state = fit_backbone("hog", colours, seed=0)
    with pytest.raises(ImageRefused) as caught:
        embed("hog", state, [colours[0], whole[: len(whole) - cut] if cut == 200 else whole[:cut]])
    assert caught.value.reason == "undecodable"


def test_an_enormous_image_is_refused_before_it_is_unpacked(colours):
    stream = io.BytesIO()
    Image.new("1", (8000, 8000)).save(stream, "PNG", compress_level=1)
    with pytest.raises(ImageRefused) as caught:
        embed("hog", fit_backbone("hog", colours, seed=0), [stream.getvalue()])
    assert caught.value.reason == "too_large"


def test_300_answers_find_the_threes(digits, features):
    _, threes = digits
    answered, rest = np.arange(300), np.arange(300, 900)
    head = train_head("kernel", features[answered], threes[answered], features[rest], seed=0)
    found = score("kernel", head.state, features[rest])
    assert average_precision_score(threes[rest], found) > 0.98
    assert ((found > 0) & (found < 1)).all()
    assert len(np.unique(found)) > 590


def test_the_unlabeled_pool_helps_when_answers_are_few(digits, features):
    _, threes = digits
    alone, helped = [], []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(600)
        yes, no = order[threes[order]], order[~threes[order]]
        answered = np.concatenate([yes[:6], no[:6]])
        rest = np.setdiff1d(order, answered)
        for unlabeled, into in ((features[:0], alone), (features[rest], helped)):
            head = train_head("kernel", features[answered], threes[answered], unlabeled, seed)
            into.append(average_precision_score(threes[rest], score("kernel", head.state, features[rest])))
    assert np.mean(helped) > np.mean(alone) + 0.01


@pytest.mark.parametrize("name", list(HEADS))
def test_a_head_is_the_same_bytes_for_the_same_answers_and_seed(blobs, name):
    points, answers = blobs
    first = train_head(name, points[:80], answers[:80], points[80:], seed=1)
    assert train_head(name, points[:80], answers[:80], points[80:], seed=1).state == first.state
    assert first.loss == first.history[-1] <= first.history[0]


@pytest.mark.parametrize("name", list(HEADS))
def test_a_head_separates_two_clouds(blobs, name):
    points, answers = blobs
    head = train_head(name, points[:80], answers[:80], points[80:], seed=1)
    assert ((score(name, head.state, points[80:]) > 0.5) == answers[80:]).mean() > 0.97


def test_scores_do_not_depend_on_the_scale_of_the_features(blobs):
    points, answers = blobs
    plain = train_head("kernel", points[:80], answers[:80], points[80:], seed=1)
    large = train_head("kernel", points[:80] * 100, answers[:80], points[80:] * 100, seed=1)
    np.testing.assert_allclose(
        score("kernel", large.state, points * 100), score("kernel", plain.state, points), atol=1e-3
    )


@pytest.mark.parametrize("name", list(HEADS))
@pytest.mark.parametrize("answer", [True, False])
def test_answers_of_one_kind_are_refused(blobs, name, answer):
    points, _ = blobs
    with pytest.raises(InputError, match="both answers"):
        train_head(name, points[:10], np.full(10, answer), points[10:], seed=0)


def test_images_that_all_look_the_same_score_the_same():
    same = np.ones((30, 8), dtype=np.float32)
    head = train_head("kernel", same[:10], np.arange(10) < 5, same[10:], seed=0)
    np.testing.assert_allclose(score("kernel", head.state, same), 0.5, atol=0.01)


def test_two_answers_and_no_pool_are_enough(blobs):
    points, _ = blobs
    head = train_head("kernel", points[:2], np.array([True, False]), points[:0], seed=0)
    yes, no = score("kernel", head.state, points[:2])
    assert yes > 0.5 > no


def test_features_that_misfit_are_refused(blobs):
    points, answers = blobs
    head = train_head("linear", points, answers, points[:0], seed=0)
    with pytest.raises(InputError, match="length 6"):
        score("linear", head.state, points[:, :4])
    with pytest.raises(InputError, match="do not fit"):
        train_head("linear", points, answers[:5], points[:0], seed=0)
    with pytest.raises(InputError, match="not finite"):
        train_head("linear", np.full_like(points, np.nan), answers, points[:0], seed=0)


@pytest.mark.parametrize("data", [b"", b"no checkpoint", pack("head linear", {})[:-40]])
def test_bytes_that_are_no_checkpoint_are_refused(data):
    with pytest.raises(InputError, match="no checkpoint"):
        unpack("head linear", data)


def test_a_checkpoint_of_another_kind_is_refused(blobs, colours):
    points, answers = blobs
    head = train_head("linear", points, answers, points[:0], seed=0)
    with pytest.raises(InputError, match="'head linear', not of 'head kernel'"):
        score("kernel", head.state, points)
    with pytest.raises(InputError, match="not of 'backbone hog'"):
        embed("hog", head.state, colours)


@pytest.mark.parametrize("name", ["nonesuch", "timm", "hog:large"])
def test_an_unknown_backbone_is_refused_with_the_names_there_are(colours, name):
    with pytest.raises(InputError) as caught:
        fit_backbone(name, colours, seed=0)
    assert all(known in caught.value.hint for known in BACKBONES)


def test_an_unknown_head_is_refused(blobs):
    points, answers = blobs
    with pytest.raises(InputError, match="no head 'oracle'"):
        train_head("oracle", points, answers, points[:0], seed=0)


def test_one_image_is_no_pool(colours):
    with pytest.raises(InputError, match="at least 2 images"):
        fit_backbone("hog", colours[:1], seed=0)
