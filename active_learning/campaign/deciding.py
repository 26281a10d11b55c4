"""From answers to labels of people: consensus over everything said, then one move a candidate."""

from collections.abc import Sequence
from math import isnan

import numpy as np

from active_learning import consensus
from active_learning.campaign.choosing import gold_of
from active_learning.campaign.world import By, Standing, World
from active_learning.consensus import Decision, Outcome
from active_learning.domain.round import Phase


def decide(world: World) -> None:
    """Run consensus and move every posted image: a label, or unknown again (another opinion, or disputed).

    An image that nobody is left to answer keeps what it has: it is disputed, as one with the most votes is.
    """
    drawn = frozenset(world.images[world.validation].tolist())
    votes = world.people.ballot.votes(world.images)
    places = np.flatnonzero(world.state == Standing.POSTED)
    posted: list[str] = world.images[places].tolist()
    # From before the images were asked about: no model has learned from these answers yet.
    scores = {i: score for i, score in zip(posted, world.score[places].tolist(), strict=True) if not isnan(score)}
    doubted = frozenset(world.images[places[world.rechecked[places]]].tolist())
    found = consensus.decide(votes, gold_of(world), world.policy, drawn, scores, doubted)
    decided = {decision.image: decision for decision in found}
    decisions = [decided.get(image, Decision(image, "more", 0.5, 0, 0)) for image in posted]
    outcomes: dict[Outcome, list[Decision]] = {"yes": [], "no": [], "more": [], "disputed": []}
    for decision in decisions:
        outcomes[_outcome(world, decision)].append(decision)
    for outcome, same in outcomes.items():
        _apply(world, outcome, same)
    _grow_gold(world, decisions)
    world.advance(Phase.DECIDED)


def _outcome(world: World, decision: Decision) -> Outcome:
    place = world.position[decision.image]
    given_up = decision.outcome == "disputed" or (decision.outcome == "more" and world.exhausted[place])
    if not given_up:
        return decision.outcome
    # Leaving hard images out of validation would flatter the model: they keep the likelier answer.
    likelier: Outcome = "yes" if decision.posterior >= 0.5 else "no"
    return likelier if world.validation[place] else "disputed"


def _apply(world: World, outcome: Outcome, decisions: Sequence[Decision]) -> None:
    places = np.array([world.position[decision.image] for decision in decisions], dtype=np.int64)
    posteriors = np.array([decision.posterior for decision in decisions])
    if outcome in ("yes", "no"):
        world.move(places, Standing.POSTED, Standing.LABELED)
        world.answer[places], world.by[places] = outcome == "yes", By.PEOPLE
        world.certainty[places] = posteriors if outcome == "yes" else 1.0 - posteriors
    else:
        world.move(places, Standing.POSTED, Standing.UNKNOWN)
        world.votes_wanted[places], world.disputed[places] = outcome == "more", outcome == "disputed"


def _grow_gold(world: World, decisions: Sequence[Decision]) -> None:
    """Promote the surest labels of people to gold, as many yes as no; validation images stay out."""
    sure: dict[bool, list[tuple[float, str]]] = {True: [], False: []}
    for decision in decisions:
        place = world.position[decision.image]
        fit = world.state[place] == Standing.LABELED and not world.validation[place] and world.gold[place] < 0
        if fit and world.certainty[place] >= world.policy.gold_posterior:
            sure[bool(world.answer[place])].append((-float(world.certainty[place]), decision.image))
    size = min(len(images) for images in sure.values())
    for value, images in sure.items():
        for _, image in sorted(images)[:size]:
            world.gold[world.position[image]] = value
