"""Which images are asked: the validation draw, a round's choice, another wave; then tasks of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from active_learning import assembly, rounds, selection, splits, validation, vision
from active_learning.campaign.world import Positions, Standing, World
from active_learning.cuts import risk_of_look
from active_learning.domain.policy import StrategyName
from active_learning.domain.round import Phase, RoundView
from active_learning.domain.task import Task

VALIDATION_SHARE = 0.4
"""At most this share of a pool is drawn for validation, as in the service."""


def draw_validation(world: World) -> None:
    """Fix the validation images: the smallest draws of the untouched pool, or of each stratum of a pilot's scores."""
    free = world.open(world.gold < 0)
    policy, draws = world.policy, world.draws[free]
    size = min(policy.validation, int(len(free) * VALIDATION_SHARE))
    design = validation.uniform(size)
    scores = world.score[free]
    if policy.validation_design == "stratified" and not np.isnan(scores).any():
        chance = world.by_chance & (world.state == Standing.LABELED)
        prevalence = float(world.answer[chance].mean()) if chance.any() else None
        histogram = validation.Histogram.of(scores)
        design = validation.stratify(histogram, size, policy.recall, risk_of_look(policy.confidence, 1), prevalence)
        world.stratum = design.stratum(np.nan_to_num(world.score, nan=0.5))
    world.strata = design.strata
    world.validation[free] = design.choose(world.stratum[free], draws)
    world.validation_drawn = True


def start_round(world: World, action: rounds.StartRound) -> None:
    """Select, assemble, and start a round with its tasks."""
    seed = splits.stable_seed(world.setup.seed, "round", action.number)
    sweep = action.strategy == "sweep"
    if action.strategy == "sweep":
        chosen = world.open(~world.disputed)[: action.take]
    else:
        drawn = world.open(world.validation & ~world.disputed)[: action.validation]
        again = world.open(~world.validation & world.votes_wanted)[: action.again]
        taken = _selected(world, action.strategy, action.take, seed)
        world.by_chance[taken] = action.strategy == "random"
        chosen = np.concatenate([drawn, again, taken])
    world.strategy = action.strategy
    world.round = RoundView(number=action.number, phase=Phase.COLLECTING, wave=1, sweep=sweep)
    post(world, chosen, np.random.default_rng(seed))


def add_wave(world: World, action: rounds.AddWave) -> None:
    """Make tasks, of one answer each, of the images that want another opinion."""
    seed = splits.stable_seed(world.setup.seed, "wave", action.round, action.wave)
    world.advance(Phase.COLLECTING, action.wave)
    post(world, world.open(world.votes_wanted)[: action.take], np.random.default_rng(seed))


def _selected(world: World, strategy: StrategyName, take: int, seed: int) -> Positions:
    """What the strategy chooses of the images that people have not decided, labeled by the model or not."""
    free = np.flatnonzero(world.rest & ~world.disputed & ~world.votes_wanted)
    if take <= 0 or not len(free):
        return np.empty(0, dtype=np.int64)
    needs, model = selection.needs(strategy), world.model
    members = None
    if "members" in needs and model is not None:
        members = vision.members(model.head, model.state, world.setup.features[free])
    known = selection.Known.nothing() if model is None or "features" not in needs else model.known
    pool = selection.Pool(
        images=world.images[free].tolist(),
        # Without a score an image is as uncertain as can be.
        scores=np.nan_to_num(world.score[free], nan=0.5).astype(np.float32) if "scores" in needs else None,
        features=world.setup.features[free] if "features" in needs else None,
        members=members,
        draws=world.draws[free],
    )
    chosen = free[selection.select(strategy, pool, take, seed, known)]
    labeled = chosen[world.state[chosen] == Standing.AUTO_LABELED]
    world.move(labeled, Standing.AUTO_LABELED, Standing.UNKNOWN)
    return np.asarray(chosen)


def post(world: World, chosen: Positions, rng: np.random.Generator) -> None:
    """Make tasks of the chosen images, with gold, and put them at the market."""
    current = world.round
    if current is None or not len(chosen):
        return
    asked: Sequence[str] = world.images[chosen].tolist()
    gold = gold_of(world)
    shown = counts(world, np.concatenate([chosen, np.flatnonzero(world.gold >= 0)]))
    scored = chosen[~np.isnan(world.score[chosen])]
    scores = dict(zip(world.images[scored].tolist(), world.score[scored].tolist(), strict=True))
    people = 1 if current.wave > 1 else None
    drafts = assembly.assemble(asked, gold, world.policy, rng, shown, scores, assignments=people)
    world.move(chosen, Standing.UNKNOWN, Standing.SELECTED)
    world.votes_wanted[chosen] = False
    for index, draft in enumerate(drafts, start=1):
        task = Task(
            id=f"r{current.number}-w{current.wave}-t{index}",
            category="campaign",
            round=current.number,
            wave=current.wave,
            number=index,
            name=f"{current.number}.{current.wave}.{index}",
            slots=draft.slots,
            assignments=draft.assignments,
            presumed=draft.presumed,
            reward_cents=world.policy.reward_for(len(draft.slots)),
        )
        for slot in task.slots:
            world.shown[world.position[slot.image]] += task.assignments
        world.tasks.append(task)
    world.move(chosen, Standing.SELECTED, Standing.POSTED)


def gold_of(world: World) -> dict[str, bool]:
    """Image id -> known answer."""
    known = np.flatnonzero(world.gold >= 0)
    return dict(zip(world.images[known].tolist(), (world.gold[known] == 1).tolist(), strict=True))


def counts(world: World, places: NDArray[np.int64]) -> dict[str, int]:
    """Image id -> how many assignments it was put into."""
    return dict(zip(world.images[places].tolist(), world.shown[places].tolist(), strict=True))
