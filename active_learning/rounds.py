"""Snapshot + policy -> list of actions. Plans the loop; does nothing itself.

A round goes: start (select and post) -> collecting -> decided -> [another wave of tasks where another opinion is
wanted] -> train -> cut -> done. A round that sweeps gives everything that is left to people and needs no new model.
"""

from typing import Literal

from active_learning.domain.policy import Policy, StrategyName
from active_learning.domain.round import CategoryState, Phase, RoundView
from active_learning.domain.value import Value

MIN_GOLD_A_SIDE = 5
"""With fewer yes or no gold images a verdict could not tell somebody who always answers the same from a good one."""


WORTH_A_WAVE = 15
"""Fewer images than this make no task of their own: it would be gold for the most part."""

STALLED_LOOKS = 2
SWEEP_SHARE = 0.25
"""After so many looks in vain, a rest of at most this share of the pool is given to people: looks get ever stricter."""


class Snapshot(Value):
    """What a plan depends on. Counts are of candidates of one category.

    ``auto_labeled`` images were decided by the model: a strategy may choose them like unknown ones.
    ``stalled`` is how many of the newest looks in a row decided no more than the rule that was in force. ``posted``
    images are with people, in tasks of rounds and of task sets; ``task_sets`` is the number of sets posted so far.
    ``excluded`` are unknown and nobody is to be asked about them.
    """

    state: CategoryState
    unknown: int
    auto_labeled: int
    disputed: int
    wants_votes: int
    wants_votes_train: int
    total: int
    validation_drawn: bool
    validation_open: int
    gold_yes: int
    gold_no: int
    embedded: bool
    open_tasks: int
    affordable_tasks: int
    has_model: bool
    stalled: int
    round: RoundView | None
    posted: int = 0
    task_sets: int = 0
    excluded: int = 0


class Wait(Value):
    """Nothing to do until something outside happens."""

    why: str


class DrawValidation(Value):
    """Fix which images only calibrate, before any score selects anything."""


class Embed(Value):
    """Give every image its features."""


class StartRound(Value):
    """Make tasks of ``take`` images selected by ``strategy``, ``validation`` open validation images, and ``again``
    others that want another opinion from an earlier round.

    A sweep takes what is left, whatever its role.
    """

    number: int
    strategy: StrategyName | Literal["sweep"]
    take: int
    validation: int = 0
    again: int = 0


class Decide(Value):
    """Ask consensus over all answers; ends the wave.

    Round 0 is no round: answers to task sets, between rounds or after the campaign. Its wave tells one such decision
    from the next.
    """

    round: int
    wave: int


class AddWave(Value):
    """Make tasks of the images that want another opinion, for other people."""

    round: int
    wave: int
    take: int


class Train(Value):
    """Fit a new model on what people decided."""

    round: int


class Cut(Value):
    """Score the pool, calibrate, auto-label, close the round."""

    round: int


class CloseRound(Value):
    """End a sweep: no model is needed when people decided the rest."""

    round: int


class Finish(Value):
    """End the campaign of the category."""

    reason: str


Action = Wait | DrawValidation | Embed | StartRound | Decide | AddWave | Train | Cut | CloseRound | Finish


def plan(snapshot: Snapshot, policy: Policy) -> Action:
    """Say the one next step. Steps are small, so a crash between two of them is a plan from a new snapshot.

    What models learn from must not depend on validation answers, or the promise is void. The cuts come from those
    answers: they decide when to stop and what the model labels, and have no say in what a round selects or how much.
    """
    current = snapshot.round
    between = current is None or current.phase is Phase.DONE
    goes_on = snapshot.state in (CategoryState.OPEN, CategoryState.FINISHED)
    if goes_on and between and snapshot.posted and not snapshot.open_tasks:
        return Decide(round=0, wave=snapshot.task_sets)
    if snapshot.state is not CategoryState.OPEN:
        return Wait(why=str(snapshot.state))
    if min(snapshot.gold_yes, snapshot.gold_no) < MIN_GOLD_A_SIDE:
        have = f"{snapshot.gold_yes} yes and {snapshot.gold_no} no"
        return Wait(why=f"gold: there are {have}, at least {MIN_GOLD_A_SIDE} of each are needed")
    stratified = policy.validation_design == "stratified"
    if not snapshot.validation_drawn and not stratified:
        return DrawValidation()
    if not snapshot.embedded:
        return Embed()
    if current is None or current.phase is Phase.DONE:
        # Strata need the scores of a first model. It has seen gold and one random batch: chance alone has selected.
        if not snapshot.validation_drawn and snapshot.has_model:
            return DrawValidation()
        return _next_round(snapshot, policy)
    if current.phase is Phase.COLLECTING:
        if snapshot.open_tasks:
            return Wait(why=f"answers to {snapshot.open_tasks} tasks")
        return Decide(round=current.number, wave=current.wave)
    if current.phase is Phase.CUTTING:
        return Cut(round=current.number)
    return _after_decision(snapshot, policy, current)


def _room(snapshot: Snapshot, policy: Policy) -> int:
    """How many images the rest of the budget can ask people about, ``redundancy`` answers each."""
    return snapshot.affordable_tasks * (policy.slots - policy.hidden_gold)


def _next_round(snapshot: Snapshot, policy: Policy) -> Action:
    number = snapshot.round.number + 1 if snapshot.round else 1
    left = snapshot.unknown - snapshot.disputed - snapshot.excluded
    if left <= 0 and snapshot.open_tasks:
        return Wait(why=f"answers to {snapshot.open_tasks} tasks")
    if left <= 0:
        return Finish(reason="every image is decided" if not snapshot.disputed else "only disputed images are left")
    room = _room(snapshot, policy)
    if room <= 0:
        return Finish(reason="the budget is spent")
    if snapshot.round is not None and snapshot.round.sweep:
        return Finish(reason="people have seen every image that the model does not know")
    total_share = left / max(1, snapshot.total)
    # A batch that reaches beyond the unknown would ask about images that the model has decided.
    few = left <= max(policy.finish_unknown, policy.batch)
    if few or (snapshot.stalled >= STALLED_LOOKS and total_share <= SWEEP_SHARE):
        return StartRound(number=number, strategy="sweep", take=min(left, room))
    if number > policy.max_rounds:
        return Finish(reason=f"{policy.max_rounds} rounds are over")
    validation = min(snapshot.validation_open, room)
    again = min(snapshot.wants_votes_train, room - validation)
    open_to_strategy = left + snapshot.auto_labeled - snapshot.validation_open - snapshot.wants_votes_train
    take = max(0, min(policy.batch, open_to_strategy, room - validation - again))
    strategy: StrategyName = policy.strategy if snapshot.has_model else "random"
    return StartRound(number=number, strategy=strategy, take=take, validation=validation, again=again)


def _after_decision(snapshot: Snapshot, policy: Policy, current: RoundView) -> Action:
    # Another opinion comes before new images: half-asked images are money already spent. A handful of them waits for
    # the tasks of the next round, unless nothing comes after this one or a calibration needs them.
    room = _room(snapshot, policy)
    # Twice the votes that an image may have: a wave whose only annotator is excluded adds none.
    most = 2 * max(policy.max_votes, policy.validation_max_votes)
    due = snapshot.validation_open and current.number >= policy.first_look
    urgent = snapshot.wants_votes >= WORTH_A_WAVE or current.sweep or due
    if snapshot.wants_votes and urgent and room > 0 and current.wave < most:
        return AddWave(round=current.number, wave=current.wave + 1, take=min(snapshot.wants_votes, room))
    if current.sweep:
        return CloseRound(round=current.number)
    return Train(round=current.number)
