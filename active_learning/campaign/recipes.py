"""What Winnow is compared with: LSUN's own recipe, and so many votes on every image. Same people, tasks and gold.

LSUN (Yu et al. 2015) as its re-implementations have it: a random sample of the unknown is labeled by the majority of
three people; a model is trained on 80 % of it, and on what was labeled before; the other 20 % set two thresholds;
what scores beyond them is labeled; again with the rest, until it is small enough for people. The thresholds are naive
by design: they fit their sample, and promise nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray

from active_learning import splits
from active_learning.campaign import choosing, collecting, modelling
from active_learning.campaign.crowd import Crowd
from active_learning.campaign.measures import Measure, measure
from active_learning.campaign.world import By, Positions, Setup, Standing, World
from active_learning.domain.cuts import Cuts
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.round import Phase, RoundView


@dataclass(frozen=True)
class Recipe:
    """LSUN's numbers. ``precision`` and ``loss`` are what the thresholds aim at; ``finish`` is small enough."""

    sample: int = 4_000
    train_share: float = 0.8
    precision: float = 0.95
    loss: float = 0.01
    votes: int = 3
    finish: int = 4_000
    most_rounds: int = 100


LSUN = Recipe()


def naive_thresholds(
    scores: NDArray[np.floating], answers: NDArray[np.bool_], precision: float = 0.95, loss: float = 0.01
) -> Cuts:
    """LSUN's two thresholds for held-out scores [n] and answers [n].

    Upper: the lowest score such that of the images at or above it a share of ``precision`` is yes. Lower: the highest
    score below which at most a share ``loss`` of the yes images lies. What cannot be had is 1 and 0, beyond which no
    score lies. Where the two cross, both become the held-out score of that stretch that is nearest to 0.5.

    Raises:
        InputError: lengths differ.
    """
    if scores.shape != answers.shape:
        raise InputError(f"There are {len(scores)} scores but {len(answers)} answers.", "Give one of each.")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order].astype(np.float64)
    share = np.cumsum(answers[order]) / np.arange(1, len(ranked) + 1)
    # At a tie all images of that score count, so only the last of a run of equal scores is a threshold.
    last = np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)]
    good = np.flatnonzero(last & (share >= precision))
    upper = float(ranked[good[-1]]) if len(good) else 1.0
    positives = np.sort(scores[answers]).astype(np.float64)
    lower = float(positives[floor(loss * len(positives) + 1e-9)]) if len(positives) else 0.0
    if lower > upper:
        between = ranked[(ranked >= upper) & (ranked <= lower)]
        upper = lower = float(between[np.argmin(np.abs(between - 0.5))])
    return Cuts(lower=lower, upper=upper)


def lsun(
    setup: Setup, crowd: Crowd, recipe: Recipe = LSUN, on_round: Callable[[Measure], None] = lambda _: None
) -> tuple[Measure, ...]:
    """Run LSUN's recipe; returns the standing after every iteration."""
    world, standings = _world(setup, recipe.votes), []
    for number in range(1, recipe.most_rounds + 1):
        unknown = world.open(~world.disputed)
        if not len(unknown):
            break
        rng = np.random.default_rng(splits.stable_seed(setup.seed, "lsun", number))
        sweep = len(unknown) <= recipe.finish
        sample = unknown if sweep else np.sort(rng.choice(unknown, size=recipe.sample, replace=False))
        _ask(world, crowd, sample, number, "sweep" if sweep else "random", rng)
        fresh = sample[world.state[sample] == Standing.LABELED]
        if not sweep and len(fresh):
            _threshold(world, fresh, number, recipe, rng)
        standings.append(measure(world))
        on_round(standings[-1])
    return tuple(standings)


def everyone(setup: Setup, crowd: Crowd, votes: int = 3) -> tuple[Measure, ...]:
    """Ask so many people about every image; the majority decides."""
    world = _world(setup, votes)
    _ask(world, crowd, world.open(~world.disputed), 1, "everyone", np.random.default_rng(setup.seed))
    return (measure(world),)


def _world(setup: Setup, votes: int) -> World:
    changes = {"redundancy": votes, "max_votes": votes, "grid_above": None, "grid_below": None}
    policy = Policy.model_validate(setup.policy.model_dump() | changes)
    return World(Setup(setup.images, setup.features, setup.truth, setup.gold, policy, setup.seed))


def _ask(world: World, crowd: Crowd, sample: Positions, number: int, name: str, rng: np.random.Generator) -> None:
    """Have a sample answered; the majority labels it. A tie, or no usable answer, leaves an image disputed."""
    world.strategy = name
    world.round = RoundView(number=number, phase=Phase.COLLECTING, wave=1, sweep=name != "random")
    before = len(world.people.ballot)
    choosing.post(world, sample, rng)
    collecting.collect(world, crowd)
    votes = world.people.ballot.votes(world.images, before)
    said_yes, said_no = votes.counts()
    share = np.full(len(world), 0.5)
    share[[world.position[image] for image in votes.images]] = said_yes / np.maximum(said_yes + said_no, 1)
    share = share[sample]
    decided, tied = sample[share != 0.5], sample[share == 0.5]
    world.move(decided, Standing.POSTED, Standing.LABELED)
    world.answer[decided], world.by[decided] = share[share != 0.5] > 0.5, By.PEOPLE
    world.move(tied, Standing.POSTED, Standing.UNKNOWN)
    world.disputed[tied] = True


def _threshold(world: World, fresh: Positions, number: int, recipe: Recipe, rng: np.random.Generator) -> None:
    """Train without a fifth of the fresh labels, set the thresholds on it, label what lies beyond them."""
    held = rng.permutation(fresh)[round(recipe.train_share * len(fresh)) :]
    labeled = np.flatnonzero(world.state == Standing.LABELED)
    train = np.setdiff1d(labeled, held)
    if len(np.unique(world.answer[train])) < 2:
        return
    modelling.learn(world, train, f"lsun {number}")
    rule = naive_thresholds(world.score[held], world.answer[held], recipe.precision, recipe.loss)
    rest = world.open(np.ones(len(world), dtype=bool))
    says = modelling.said(rule, world.score[rest])
    new = rest[says >= 0]
    world.move(new, Standing.UNKNOWN, Standing.AUTO_LABELED)
    world.by[new], world.answer[new] = By.MODEL, says[says >= 0] == 1
    world.disputed[new] = False
