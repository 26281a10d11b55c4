"""Laws of every method: order, names, mirrors, perfect people, gold, priors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from active_learning.consensus import METHODS, Evidence, Votes, decide, fit, unsmoothed_dawid_skene
from active_learning.consensus.choose import stack
from active_learning.consensus.redundancy import Typical, worth
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy

ALL = list(METHODS)
WORDS = ("cat", "dog", "owl")


def crowd(seed: int, classes: tuple[str, ...] = WORDS, images: int = 25) -> list[tuple[str, str, int]]:
    """Votes of six people of different skill, two to six on each image."""
    rng = np.random.default_rng(seed)
    skill = rng.uniform(0.4, 1.0, 6)
    rows = []
    for i in range(images):
        truth = int(rng.integers(len(classes)))
        for a in rng.choice(6, int(rng.integers(2, 7)), replace=False):
            right = rng.random() < skill[a]
            rows.append((f"i{i:02}", f"a{a}", truth if right else int(rng.integers(len(classes)))))
    return rows


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("classes", [("no", "yes"), WORDS])
def test_shuffled_rows_and_renamed_people_change_nothing(method: str, classes: tuple[str, ...]) -> None:
    rows = crowd(1, classes)
    order = np.random.default_rng(2).permutation(len(rows))
    renamed = [(rows[n][0], f"w{9 - int(rows[n][1][1:])}", rows[n][2]) for n in order]
    first = fit(method, Votes.build(rows, classes))  # type: ignore[arg-type]
    again = fit(method, Votes.build(renamed, classes))  # type: ignore[arg-type]
    assert np.abs(first.p - again.p).max() < 1e-9
    assert np.abs(first.tables - again.tables[::-1]).max() < 1e-9


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(list(METHODS)))
def test_renamed_images_change_nothing_either(seed: int, method: str) -> None:
    rows = crowd(seed, ("no", "yes"))
    renamed = [(f"z{99 - int(i[1:])}", f"w{9 - int(a[1:])}", v) for i, a, v in rows]
    first, again = METHODS[method](Votes.build(rows), Evidence()), METHODS[method](Votes.build(renamed), Evidence())
    assert np.abs(first.p - again.p[::-1]).max() < 1e-9


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(list(METHODS)))
def test_exchanging_yes_and_no_mirrors(seed: int, method: str) -> None:
    rows = crowd(seed, ("no", "yes"))
    mirrored = [(i, a, 1 - v) for i, a, v in rows]
    first, again = METHODS[method](Votes.build(rows), Evidence()), METHODS[method](Votes.build(mirrored), Evidence())
    assert np.abs(first.p - again.p[:, ::-1]).max() < (1e-3 if method == "glad" else 1e-6)


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("classes", [("no", "yes"), WORDS])
def test_a_perfect_crowd_reproduces_the_truth(method: str, classes: tuple[str, ...]) -> None:
    rows = [(f"i{i:02}", f"a{(i + a) % 5}", i * i % len(classes)) for i in range(40) for a in range(3)]
    posterior = fit(method, Votes.build(rows, classes))  # type: ignore[arg-type]
    assert posterior.p.argmax(axis=1).tolist() == [i * i % len(classes) for i in range(40)]


@pytest.mark.parametrize("method", ALL)
def test_gold_is_clamped_and_numbers_are_probabilities(method: str) -> None:
    rows = crowd(3)
    posterior = fit(method, Votes.build(rows, WORDS), Evidence({"i00": 2, "nowhere": 1}))  # type: ignore[arg-type]
    assert posterior.p[0].tolist() == pytest.approx([0.0, 0.0, 1.0])
    assert posterior.p.sum(axis=1) == pytest.approx(1.0)
    assert posterior.p.min() >= 0.0
    assert posterior.tables.sum(axis=1) == pytest.approx(1.0)
    low, high = posterior.intervals[:, :, 0], posterior.intervals[:, :, 1]
    assert np.all((low >= 0.0) & (low < high) & (high <= 1.0))


def test_a_model_speaks_as_one_more_voter_but_never_on_validation_images() -> None:
    people = [(f"e{i:02}", f"a{a}", i % 2) for i in range(40) for a in range(3)]
    votes = Votes.build([*people, ("torn", "a0", 1), ("torn", "a1", 0), ("drawn", "a0", 1), ("drawn", "a1", 0)])
    scores = {"torn": 0.99, "drawn": 0.99}

    def posteriors(policy: Policy) -> dict[str, float]:
        return {d.image: d.posterior for d in decide(votes, {}, policy, {"drawn"}, scores)}

    silent, speaking = posteriors(Policy()), posteriors(Policy(model_votes=True))
    assert speaking["torn"] > silent["torn"] + 0.2
    assert speaking["drawn"] == silent["drawn"]


def test_no_answer_is_asked_that_costs_more_than_it_saves() -> None:
    people = [(f"e{i:02}", f"a{a}", i % 2) for i in range(40) for a in range(3)]
    votes = Votes.build([*people, ("torn", "a0", 1), ("torn", "a1", 1), ("torn", "a2", 0), ("drawn", "a0", 1)])

    def outcomes(error_cents: float | None) -> dict[str, str]:
        policy = Policy(posterior=0.9999, error_cents=error_cents)
        return {d.image: d.outcome for d in decide(votes, {}, policy, {"drawn"})}

    assert outcomes(None)["torn"] == "more"
    assert outcomes(1e6)["torn"] == "more"
    assert outcomes(0.01)["torn"] == "yes"
    assert outcomes(0.01)["drawn"] == "more"  # the policy's redundancy is a bound, and validation is left out


def test_an_answer_is_worth_most_where_one_does_not_know() -> None:
    p = np.array([0.001, 0.1, 0.5, 0.9, 0.999])
    value = worth(p, Typical(0.9, 0.9), 5)
    assert value.argmax() == 2
    assert value == pytest.approx(value[::-1])
    assert np.all(worth(p, Typical(0.5, 0.5), 5) < 1e-12)  # from somebody who guesses nothing is learned


def test_stacking_finds_the_mixture_that_the_rows_come_from() -> None:
    rng = np.random.default_rng(0)
    first = rng.random(4000) < 0.7
    likelihood = np.where(first[:, None], [0.9, 0.1], [0.1, 0.9])
    assert stack(np.log(likelihood), np.ones(4000)) == pytest.approx([0.75, 0.25], abs=0.03)


def test_wrong_evidence_is_refused() -> None:
    votes = Votes.build(crowd(4), WORDS)
    with pytest.raises(InputError):
        fit("mace", votes, Evidence(prior=np.zeros(25)))
    with pytest.raises(InputError):
        unsmoothed_dawid_skene(votes, 0)
    with pytest.raises(InputError):
        Votes.from_codes(np.array([3]), np.array([0]), np.array([0]), ("i",), ("a",))
