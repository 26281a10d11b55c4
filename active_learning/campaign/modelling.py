"""The model's part of a round: training on what people decided, scores of the pool, cuts."""

import numpy as np
from numpy.typing import NDArray

from active_learning import selection, splits, vision
from active_learning.campaign.world import By, Model, Positions, Standing, World
from active_learning.cuts import Tally, Validation, calibrate
from active_learning.domain.cuts import Calibration, Cuts
from active_learning.domain.round import Phase
from active_learning.label_errors import likely_errors

UNLABELED_SAMPLE = 5_000


def train(world: World, number: int) -> None:
    """Fit a head on what people decided, validation left out, and score the whole pool."""
    learn(world, np.flatnonzero((world.state == Standing.LABELED) & ~world.validation), str(number))
    _recheck(world)
    world.advance(Phase.CUTTING)


def learn(world: World, labeled: Positions, name: str) -> None:
    """Fit a head on the labels at these positions [L], and score the whole pool."""
    head, features, seed = world.policy.head, world.setup.features, world.setup.seed
    rng = np.random.default_rng(splits.stable_seed(seed, "unlabeled", name))
    sample = np.sort(rng.choice(len(world), size=min(len(world), UNLABELED_SAMPLE), replace=False))
    trained = vision.train_head(
        head,
        features[labeled],
        world.answer[labeled],
        features[sample],
        splits.stable_seed(seed, "head", name),
        world.certainty[labeled].astype(np.float32),
    )
    world.score = vision.score(head, trained.state, features).astype(np.float64)
    world.fair_score = world.score.copy()
    world.fair_score[labeled] = trained.out_of_fold
    known = selection.Known(features[labeled], world.answer[labeled], trained.out_of_fold)
    world.model = Model(head, trained.state, known)


def _recheck(world: World) -> None:
    """Labels of people that are likely wrong go back to other people, each once at most."""
    by_people = (world.state == Standing.LABELED) & (world.by == By.PEOPLE) & ~world.validation
    labeled = np.flatnonzero(by_people)
    suspects = labeled[likely_errors(world.answer[labeled], world.fair_score[labeled]).positions]
    back = suspects[(world.gold[suspects] < 0) & ~world.rechecked[suspects]][: world.policy.recheck]
    world.move(back, Standing.LABELED, Standing.UNKNOWN)
    world.by[back] = By.NOBODY
    world.votes_wanted[back] = world.rechecked[back] = True


def cut(world: World, number: int) -> None:
    """End a round: spend a look, and put the new rule in force if it decides more than the old one."""
    complete = world.validation.any() and np.all(world.state[world.validation] == Standing.LABELED)
    if complete and number >= world.policy.first_look:
        world.looks += 1
        calibration = _calibrate(world)
        rest = np.flatnonzero(world.rest)
        wanted = said(calibration.cuts, world.score[rest])
        world.stalled += 1
        if np.sum(wanted >= 0) > np.sum(world.state[rest] == Standing.AUTO_LABELED):
            world.stalled, world.rule, world.calibration = 0, calibration.cuts, calibration
            _apply(world, rest, wanted)
    world.advance(Phase.DONE)


def said(rule: Cuts, scores: NDArray[np.float64]) -> NDArray[np.int8]:
    """What a rule says of scores [N]: 1 is yes, 0 is no, -1 is unknown."""
    yes = scores > rule.upper if rule.upper is not None else np.zeros(len(scores), dtype=bool)
    no = scores < rule.lower if rule.lower is not None else np.zeros(len(scores), dtype=bool)
    return np.where(yes, 1, np.where(no, 0, -1)).astype(np.int8)


def _calibrate(world: World) -> Calibration:
    labeled = (world.state == Standing.LABELED) & ~world.validation & (world.by == By.PEOPLE)
    # What was chosen at random left the rest as like the validation images as it was; a score's choice did not.
    known = labeled & ~world.by_chance
    found = int(np.sum(world.answer & labeled & world.by_chance)) + sum(world.setup.gold.values())
    drawn = world.validation
    validation = Validation.of(world.score[drawn], world.answer[drawn], world.certainty[drawn], world.stratum[drawn])
    tally = Tally.of(
        validation.thresholds,
        world.score[world.rest],
        world.score[known],
        world.answer[known],
        world.stratum[world.rest],
        world.stratum[known],
        world.strata,
    )
    return calibrate(validation, tally, world.policy, world.looks, found)


def _apply(
    world: World,
    rest: Positions,
    wanted: NDArray[np.int8],
) -> None:
    """Withdraw what the new rule does not say any more, then label what it says."""
    labeled = rest[world.state[rest] == Standing.AUTO_LABELED]
    world.move(labeled, Standing.AUTO_LABELED, Standing.UNKNOWN)
    world.by[labeled] = By.NOBODY
    new = rest[wanted >= 0]
    world.move(new, Standing.UNKNOWN, Standing.AUTO_LABELED)
    world.by[new], world.answer[new] = By.MODEL, wanted[wanted >= 0] == 1
    world.votes_wanted[new] = world.disputed[new] = False
