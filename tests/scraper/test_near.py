"""Near-duplicates against brute force: the same answers, whatever the sizes, radii and repetitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.likeness import near_by_embedding
from scraper import near
from scraper.near import NearIndex, pairs


def names(count: int, start: int = 0) -> list[str]:
    return [f"{number:064x}" for number in range(start, start + count)]


def alike(seed: int, count: int, families: int = 20, flips: int = 6) -> np.ndarray:
    """Hashes of which many are near others: each is one of some families' with up to ``flips`` bits changed."""
    rng = np.random.default_rng(seed)
    found = rng.integers(0, 2**64, families, dtype=np.uint64)[rng.integers(0, families, count)]
    for _ in range(flips):
        bit = np.uint64(1) << rng.integers(0, 64, count).astype(np.uint64)
        found = found ^ np.where(rng.random(count) < 0.5, bit, np.uint64(0))
    return np.where(rng.random(count) < 0.3, rng.integers(0, 2**64, count, dtype=np.uint64), found)


def is_near(one: list[int], other: list[int], radius: int) -> bool:
    bounds = (radius, max(18, 2 * radius + 2))
    return all((a ^ b).bit_count() <= most for a, b, most in zip(one, other, bounds, strict=False))


def one_by_one(radius: int, stored: np.ndarray, batch: np.ndarray) -> list[str | None]:
    """Every image against everything that is kept, in order."""
    width = 1 if batch.ndim == 1 else batch.shape[1]
    kept = list(zip(stored.reshape(len(stored), width).tolist(), names(len(stored)), strict=True))
    answers = []
    for value, name in zip(batch.reshape(len(batch), width).tolist(), names(len(batch), start=10**6), strict=True):
        answer = next((image for other, image in kept if is_near(value, other, radius)), None)
        if answer is None:
            kept.append((value, name))
        answers.append(answer)
    return answers


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    radius=st.integers(0, 16),
    stored=st.integers(0, 300),
    batch=st.integers(0, 150),
    fine=st.booleans(),
    tail=st.sampled_from([1, 7, 64, 10**6]),
    block=st.sampled_from([1, 10, 256]),
)
def test_deciding_is_what_one_by_one_gives(
    seed: int, radius: int, stored: int, batch: int, fine: bool, tail: int, block: int
) -> None:
    hashes = alike(seed, stored + batch)
    if fine:
        hashes = np.stack([hashes, alike(seed + 1, stored + batch, families=2, flips=14)], axis=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "TAIL", tail)
        patch.setattr(near, "_BLOCK", block)
        index = NearIndex(radius)
        for start in range(0, stored, 13):
            end = min(start + 13, stored)
            index.extend(hashes[start:end], names(end - start, start))
        assert len(index) == stored
        before = index.decide(hashes[stored:], names(batch, start=10**6))
        assert before == one_by_one(radius, hashes[:stored], hashes[stored:])
        assert index.decide(hashes[stored:], names(batch, start=10**6)) == before, "deciding stores nothing"


def test_batches_that_are_kept_give_what_one_large_batch_gives() -> None:
    hashes = alike(1, 600)
    at_once = NearIndex(6).decide(hashes, names(600))
    index = NearIndex(6)
    answers: list[str | None] = []
    for start in range(0, 600, 64):
        batch, ids = hashes[start : start + 64], names(len(hashes[start : start + 64]), start)
        found = index.decide(batch, ids)
        fresh = [place for place, answer in enumerate(found) if answer is None]
        index.extend(batch[fresh], [ids[place] for place in fresh])
        answers += found
    assert answers == at_once
    assert len(index) == answers.count(None)


@pytest.mark.parametrize("radius", [0, 3, 6, 8, 16])
def test_tables_find_what_a_scan_finds_among_many(radius: int) -> None:
    stored = np.concatenate([np.random.default_rng(0).integers(0, 2**64, 30_000, dtype=np.uint64), alike(2, 5_000)])
    index = NearIndex(radius)
    for start in range(0, len(stored), 1_000):
        index.extend(stored[start : start + 1_000], names(1_000, start))
    asked = np.concatenate([alike(2, 300), np.random.default_rng(1).integers(0, 2**64, 50, dtype=np.uint64)])
    close = np.bitwise_count(asked[:, None] ^ stored) <= radius
    wanted = [f"{row.argmax():064x}" if row.any() else None for row in close]
    assert index.within(asked) == wanted


def test_candidates_beyond_what_memory_should_hold_are_looked_at_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "AT_ONCE", 50)
    monkeypatch.setattr(near, "TAIL", 100)
    hashes = alike(3, 500, families=2)
    index = NearIndex(6)
    index.extend(hashes[:400], names(400))
    assert index.decide(hashes[400:], names(100, 10**6)) == one_by_one(6, hashes[:400], hashes[400:])
    assert np.array_equal(pairs(hashes, 6), every_pair(hashes, 6))


def every_pair(hashes: np.ndarray, radius: int) -> np.ndarray:
    return np.argwhere(np.triu(np.bitwise_count(hashes[:, None] ^ hashes) <= radius, 1))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), radius=st.integers(0, 16), count=st.integers(0, 200))
def test_the_join_finds_every_pair_once(seed: int, radius: int, count: int) -> None:
    hashes = alike(seed, count)
    assert np.array_equal(pairs(hashes, radius), every_pair(hashes, radius))


def test_fine_hashes_confirm_the_pairs_of_the_join() -> None:
    hashes = np.stack([alike(1, 500), alike(2, 500, families=2, flips=14)], axis=1)
    fine = np.bitwise_count(hashes[:, None, 1] ^ hashes[:, 1]) <= 18
    coarse = np.bitwise_count(hashes[:, None, 0] ^ hashes[:, 0]) <= 6
    assert np.array_equal(pairs(hashes, 6), np.argwhere(np.triu(coarse & fine, 1)))
    assert 0 < len(pairs(hashes, 6)) < len(pairs(hashes[:, 0], 6))


@pytest.mark.parametrize("count", range(3, 9))
def test_the_join_is_exact_with_any_number_of_substrings(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "_best_count", lambda *_: count)
    hashes = alike(count, 400)
    for radius in (0, 1, 5, 6, 8, 11):
        assert np.array_equal(pairs(hashes, radius), every_pair(hashes, radius))


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="radius of 17"):
        NearIndex(17)
    with pytest.raises(ValueError, match="2 hashes for 1 images"):
        NearIndex(6).extend(np.zeros(2, np.uint64), names(1))


def test_pairs_by_embedding_are_those_of_all_angles() -> None:
    rng = np.random.default_rng(5)
    features = np.repeat(rng.normal(size=(60, 16)), 3, axis=0) + rng.normal(size=(180, 16)) * 0.2
    features[7] = 0
    lengths = np.linalg.norm(features, axis=1)
    lengths[7] = 1
    cosines = (features / lengths[:, None]) @ (features / lengths[:, None]).T
    wanted = np.argwhere(np.triu(cosines >= 1 - 0.05, 1))
    assert len(wanted) > 20
    for block in (7, 64, 4096):
        assert np.array_equal(near_by_embedding(features, 0.05, block), wanted)
