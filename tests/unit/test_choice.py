"""What may be done by hand, for every standing; and the likest of a pool, whole or in parts."""

from itertools import product

import numpy as np

from active_learning import likeness
from active_learning.domain.candidate import Role, State
from active_learning.domain.choice import SAID, HandAct, Hindrance, Standing, hindrance


def test_only_what_nobody_is_concerned_with_may_be_chosen() -> None:
    free = 0
    for state, role, gold, wanted, disputed, excluded, act in product(
        State, Role, (None, True), (False, True), (False, True), (False, True), HandAct
    ):
        standing = Standing(
            state=state, role=role, gold=gold, votes_wanted=wanted, disputed=disputed, excluded=excluded
        )
        if hindrance(standing, act) is None:
            free += 1
            assert role is Role.TRAIN and gold is None and not disputed and not excluded
            assert state is State.UNKNOWN or (state is State.AUTO_LABELED and act is HandAct.ASK)
            assert act is HandAct.ASK or not wanted
    assert free == 5
    assert set(SAID) == set(Hindrance)


def test_nobody_chooses_validation_images_whatever_else_is_true_of_them() -> None:
    for state, act in product(State, HandAct):
        assert hindrance(Standing(state=state, role=Role.VALIDATION), act) is Hindrance.VALIDATION


def test_the_likest_of_parts_are_the_likest_of_the_whole() -> None:
    rng = np.random.default_rng(5)
    images = [f"{n:03}" for n in range(200)]
    features = rng.standard_normal((200, 6)).astype(np.float32)
    features[7] = 0.0
    features[9] = features[3] * 2
    whole = likeness.nearest(images, features, features[3], 20)
    assert whole.images[:2] == ("003", "009") and np.allclose(whole.cosines[:2], 1.0)
    exact = features @ features[3] / np.maximum(np.linalg.norm(features, axis=1) * np.linalg.norm(features[3]), 1e-9)
    assert np.allclose(whole.cosines, np.sort(exact)[::-1][:20], atol=1e-5)
    parts = likeness.NOTHING
    for start in range(0, 200, 30):
        some = likeness.nearest(images[start : start + 30], features[start : start + 30], features[3], 20)
        parts = parts.merge(some, 20)
    assert parts.images == whole.images
    assert likeness.nearest([], features[:0], features[3], 5) is likeness.NOTHING
