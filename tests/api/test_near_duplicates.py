"""Near-duplicates by features, and what stays of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from active_learning import likeness
from active_learning.domain.errors import InputError, StateError
from api.operations import hand_acts, near_duplicates
from api.operations.context import Winnow
from tests.api import scored
from tests.api.scored import SLUG


def silent(done: int, total: int) -> None:
    """Nobody looks."""


@given(st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda pair: pair[0] < pair[1])))
def test_whoever_goes_is_near_one_that_stays_and_no_two_that_stay_are_near(pairs: set[tuple[int, int]]) -> None:
    out = likeness.extras(np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2))
    assert all((kept, one) in pairs and kept not in out for one, kept in out.items())
    assert all(one in out or other in out for one, other in pairs)


async def test_they_are_found_over_key_ranges_and_can_be_excluded(w: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    images = scored.ids(60)
    await scored.pool(w, images)
    with pytest.raises(StateError, match="no features"):
        await near_duplicates.find(w, SLUG, 0.01, silent)
    rng = np.random.default_rng(5)
    vectors = rng.standard_normal((60, 16)).astype(np.float32)
    first, second, third = sorted(images)[3], sorted(images)[30], sorted(images)[55]
    for image, length in ((second, 2.0), (third, 0.5)):
        vectors[images.index(image)] = vectors[images.index(first)] * length
    await w.store.features.put("backbone", images, vectors)
    await w.store.categories.put(SLUG, {"backbone": "backbone"})
    monkeypatch.setattr(near_duplicates, "AT_ONCE", 10)
    found, compared = await near_duplicates.find(w, SLUG, 0.01, silent)
    assert compared == 60
    assert [(one.image, one.kept) for one in found] == [(second, first), (third, first)]

    done = await hand_acts.do(w, SLUG, hand_acts.Act.EXCLUDE, [one.image for one in found], "ann")
    assert set(done.changed) == {second, third}
    assert await near_duplicates.find(w, SLUG, 0.01, silent) == ([], 58)
    await hand_acts.undo(w, SLUG, done.id, "ann")
    assert len((await near_duplicates.find(w, SLUG, 0.01, silent))[0]) == 2
    with pytest.raises(InputError):
        await near_duplicates.find(w, SLUG, 1.5, silent)
