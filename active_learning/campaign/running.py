"""The campaign itself: ask the plan for the next step, take it, until it ends."""

from collections.abc import Callable

from active_learning import rounds
from active_learning.campaign import choosing, collecting, deciding, modelling
from active_learning.campaign.crowd import Crowd
from active_learning.campaign.measures import Measure, measure
from active_learning.campaign.world import Setup, World
from active_learning.domain.errors import StateError
from active_learning.domain.round import Phase

MOST_STEPS = 100_000
"""A plan that never ends would be a bug; it must not run for ever."""


def run(setup: Setup, crowd: Crowd, on_round: Callable[[Measure], None] = lambda _: None) -> tuple[Measure, ...]:
    """Run a whole campaign; returns the standing after every round. ``on_round`` hears of each as it ends.

    The same setup and a crowd of the same seed give the same result.

    Raises:
        InputError: the setup is inconsistent, or there is too little gold.
        StateError: the plan waits for something that cannot happen.
    """
    world = World(setup)
    standings: list[Measure] = []
    for _ in range(MOST_STEPS):
        action = rounds.plan(world.snapshot(), world.policy)
        if isinstance(action, rounds.Finish):
            return tuple(standings)
        take(world, crowd, action)
        if isinstance(action, rounds.Cut | rounds.CloseRound):
            standings.append(measure(world))
            on_round(standings[-1])
    raise StateError("The campaign does not end.", "This is a bug in the plan.")


def take(world: World, crowd: Crowd, action: rounds.Action) -> None:
    """Take one step. Waiting for answers means that people answer now.

    Raises:
        StateError: nothing that happens in a simulation would end the wait.
    """
    match action:
        case rounds.Wait(why=why):
            if not world.tasks:
                raise StateError(f"The campaign waits for {why}.", "Give it at least 5 gold images of each answer.")
            collecting.collect(world, crowd)
        case rounds.DrawValidation():
            choosing.draw_validation(world)
        case rounds.Embed():
            world.embedded = True
        case rounds.StartRound():
            choosing.start_round(world, action)
        case rounds.AddWave():
            choosing.add_wave(world, action)
        case rounds.Decide():
            deciding.decide(world)
        case rounds.Train(round=number):
            modelling.train(world, number)
        case rounds.Cut(round=number):
            modelling.cut(world, number)
        case rounds.CloseRound():
            world.advance(Phase.DONE)
        case rounds.Finish(reason=reason):
            world.finished = reason
