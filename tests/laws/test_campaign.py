"""Whole campaigns on a small synthetic pool: what must hold whatever the policy and the crowd."""

import numpy as np
import pytest
from scipy.stats import binom

from active_learning.campaign import Counted, Crowd, Measure, Perfect, Recipe, Recorded, Setup, lsun, run, running
from active_learning.campaign.world import By, Standing, World
from active_learning.domain.errors import StateError
from active_learning.domain.policy import Policy
from active_learning.rounds import Finish, plan

N = 1_500
POLICY = {
    "validation": 400,
    "batch": 150,
    "max_rounds": 3,
    "finish_unknown": 300,
    "first_look": 2,
    "recall": 0.8,
    "precision": 0.8,
    "confidence": 0.8,
    "head": "linear",
    "budget_cents": 10**8,
}


def setup(seed: int = 0, distance: float = 2.4, share: float = 0.2, **changes: object) -> Setup:
    rng = np.random.default_rng(seed)
    truth = rng.random(N) < share
    features = rng.normal(size=(N, 4)).astype(np.float32)
    features[:, 0] += distance * truth
    gold = {int(place): bool(truth[place]) for value in (True, False) for place in np.flatnonzero(truth == value)[:20]}
    images = tuple(f"image {place:04d}" for place in range(N))
    return Setup(images, features, truth, gold, Policy.model_validate(POLICY | changes), seed)


def people(given: Setup, right: float = 0.94, size: int = 30) -> Crowd:
    """Independent people who are right so often: a share of yes of ``right`` on yes images, and the mirror image."""
    nothing = np.zeros(N, dtype=int)
    prior = np.where(given.truth[:, None], (200 * right, 200 * (1 - right)), (200 * (1 - right), 200 * right))
    return Counted(nothing, nothing, prior, given.seed, size)


def ended(given: Setup, crowd: Crowd) -> World:
    """Run to the end, step by step, and return the world."""
    world = World(given)
    while not isinstance(action := plan(world.snapshot(), world.policy), Finish):
        running.take(world, crowd, action)
    return world


@pytest.mark.parametrize(
    ("strategy", "design"),
    [("random", "uniform"), ("margin", "stratified"), ("badge", "uniform"), ("committee", "stratified")],
)
def test_every_image_is_decided_once_and_counts_add_up(strategy: str, design: str) -> None:
    given = setup(strategy=strategy, validation_design=design)
    world = ended(given, people(given))
    labeled = (world.state == Standing.LABELED) | (world.state == Standing.AUTO_LABELED)
    assert np.all(labeled == (world.by != By.NOBODY))
    assert np.all((world.by == By.MODEL) == (world.state == Standing.AUTO_LABELED))
    assert not np.any(world.validation & (world.by == By.MODEL))
    assert int(world.validation.sum()) == given.policy.validation
    assert np.all(world.disputed[~labeled])
    snapshot = world.snapshot()
    assert snapshot.unknown + snapshot.auto_labeled + int(np.sum(world.state == Standing.LABELED)) == N


def test_the_same_seed_gives_the_same_campaign_and_another_one_differs() -> None:
    first, again, other = (run(setup(seed), people(setup(seed))) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_perfect_crowd_reproduces_the_truth() -> None:
    given = setup()
    world = ended(given, Perfect(given.truth))
    by_people = world.by == By.PEOPLE
    assert by_people.any()
    assert np.all(world.answer[by_people] == given.truth[by_people])
    assert not world.disputed.any()


@pytest.mark.parametrize("redundancy", [1, 3])
def test_nobody_answers_an_image_twice_and_no_image_gets_more_than_the_most_votes(redundancy: int) -> None:
    given = setup(redundancy=redundancy, max_votes=4, validation_max_votes=6)
    world = ended(given, people(given, right=0.85))
    votes = world.people.ballot.votes(world.images)
    assert votes.repeats == 0
    count = np.zeros(N, dtype=int)
    count[[world.position[image] for image in votes.images]] = votes.table.sum(axis=1)
    asked = world.gold < 0
    # An image that waits for the next round is asked of as many people as a new one.
    # Labels that went back want the certainty of validation images.
    strict = world.validation | world.rechecked
    assert count[asked & strict].max() <= 6 + redundancy - 1
    assert count[asked & ~strict].max() <= 4 + redundancy - 1


def test_recorded_answers_run_out_and_the_campaign_still_ends() -> None:
    given = setup()
    rng = np.random.default_rng(0)
    said = [
        (place, f"worker {rng.integers(200)}:{turn}", bool(given.truth[place] ^ (rng.random() < 0.05)))
        for place in range(N)
        for turn in range(2 + place % 2)
    ]
    world = ended(given, Recorded(said, N, seed=0))
    assert np.all(world.state[world.validation] == Standing.LABELED)
    votes = world.people.ballot.votes(world.images)
    assert votes.table.sum() <= len(said)


def test_promises_are_kept_over_many_campaigns() -> None:
    """Broken ones are at most delta of them, up to chance. The crowd's own errors are left out: it is perfect."""
    ends = []
    for seed in range(20):
        given = setup(seed, distance=3.0, finish_unknown=0)
        ends.append(run(given, Perfect(given.truth))[-1])
    worked = [end for end in ends if end.model]
    broken = sum(_broken(end, 0.8) for end in ends)
    assert len(worked) >= 15
    assert binom.sf(broken - 1, len(ends), 0.2) > 0.001


def _broken(end: Measure, promised: float) -> bool:
    lost = end.lost or 0.0
    return lost > 1 - promised or (end.precision is not None and end.precision < promised)


def test_a_campaign_without_gold_says_so() -> None:
    given = setup()
    bare = Setup(given.images, given.features, given.truth, {}, given.policy, 0)
    with pytest.raises(StateError, match="gold"):
        run(bare, Perfect(given.truth))


def test_lsuns_recipe_on_two_gaussians() -> None:
    """People answer a part of the pool, the loss stays near what the rounds may lose, auto-labels never teach."""
    given = setup(distance=5.0, share=0.1)
    ends = lsun(given, Perfect(given.truth), Recipe(sample=200, finish=200))
    end = ends[-1]
    assert end.people < 0.7 * N
    assert end.unknown == 0
    assert (end.dataset_precision or 0) >= 0.9
    assert (end.lost or 0) <= 0.01 * len(ends) + 0.05
    assert end.people_accuracy == 1.0
