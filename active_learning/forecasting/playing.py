"""One imagined campaign, played with the service's own plan: counts of images instead of images."""

from dataclasses import dataclass, field
from math import ceil

import numpy as np

from active_learning import rounds, selection
from active_learning.assembly import LEAST_GOLD
from active_learning.domain.cuts import Cuts
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState, Phase, RoundView
from active_learning.forecasting import scoring
from active_learning.forecasting.beliefs import Beliefs, Draw, Standing
from active_learning.forecasting.people import Ladder, ladder

VALIDATION_SHARE = 0.4
"""At most this share of a pool is drawn for validation, as in the service."""

GOLD = 27
"""Gold of each side that a researcher gives before the start."""

BETTER = 1.01
"""A look is played where d' has grown by so much since the last one that was. Else it finds nothing: the scores are the
same, and each look is stricter than the one before."""

MOST_ROUNDS = 120
"""A campaign that is longer is forecast up to here, and said to be longer."""


@dataclass(frozen=True)
class Outcome:
    """How one imagined campaign ended. ``unknown`` images nobody has decided; ``ended`` says why it ended."""

    answers: float
    cents: float
    seconds: float
    rounds: int
    by_people: float
    by_model: float
    unknown: float
    ended: str


@dataclass
class _Waiting:
    """Images of one role that people have answered k times and not decided, k = 0, 1, ... by kind."""

    ladder: Ladder
    yes: list[float] = field(default_factory=list)
    no: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.yes = [0.0] * (self.ladder.most + 1)
        self.no = [0.0] * (self.ladder.most + 1)

    @property
    def size(self) -> float:
        """How many wait."""
        return sum(self.yes) + sum(self.no)

    def add(self, yes: float, no: float) -> None:
        """New images, not answered yet."""
        self.yes[0] += yes
        self.no[0] += no

    def answer(self, share: float, times: int) -> tuple[float, float, float]:
        """Let so many more people answer this share of the images: (answers, decided yes, decided no).

        Whatever has the most answers then is in ``given_up``.
        """
        answers, decided = 0.0, [0.0, 0.0]
        for kind, (masses, left) in enumerate(((self.yes, self.ladder.yes), (self.no, self.ladder.no))):
            moved = [share * mass for mass in masses]
            for k, mass in enumerate(moved):
                masses[k] -= mass
            for k, mass in enumerate(moved):
                to = min(k + times, self.ladder.most)
                stays = mass * (left[to] / left[k] if left[k] > 0.0 else 0.0)
                answers += mass * times
                decided[kind] += mass - stays
                masses[to] += stays
        return answers, decided[0], decided[1]

    def give_up(self) -> tuple[float, float]:
        """Take out what has all its answers and is not certain: (yes, no)."""
        yes, no = self.yes[-1], self.no[-1]
        self.yes[-1] = self.no[-1] = 0.0
        return yes, no


class Play:
    """A campaign in counts. It asks ``rounds.plan`` for the next action and takes it, until the plan ends."""

    def __init__(self, policy: Policy, beliefs: Beliefs, draw: Draw, seed: int, standing: Standing) -> None:
        self.policy, self.draw, self.seed, self.people = policy, draw, seed, beliefs.people
        self.images = max(beliefs.images, standing.images)
        new = self.images - standing.images
        self.labels, self.labels_yes = float(standing.labels), standing.labels * draw.share_yes
        if not standing.images:  # gold comes first
            self.labels, new = min(2.0 * GOLD, new), max(0, new - 2 * GOLD)
            self.labels_yes = self.labels / 2.0
        self.rest = scoring.Rest.of(new + standing.unknown + standing.auto_labeled, draw.share_yes)
        self.asked = _Waiting(ladder(policy, draw.accuracy, draw.share_yes, False))
        self.drawn = _Waiting(ladder(policy, draw.accuracy, draw.share_yes, True, policy.validation * draw.share_yes))
        self.drawn.add(standing.validation_open * draw.share_yes, standing.validation_open * (1.0 - draw.share_yes))
        self.validation_drawn, self.embedded = standing.validation > 0, standing.rounds > 0
        self.validation = self._sample(standing.validation) if standing.validation else (0, 0)
        self.disputed = float(standing.disputed)
        self.rule, self.rule_at, self.auto = Cuts(), 0.0, float(standing.auto_labeled)
        self.distance = self.looked_at = 0.0
        self.looks, self.stalled = standing.looks, standing.stalled
        self.round: RoundView | None = None
        if standing.rounds:
            self.round = RoundView(number=standing.rounds, phase=Phase.DONE, wave=1, sweep=standing.sweep)
            self._learn()
        self.answers = self.seconds = 0.0
        self.cents = self.before = float(standing.spent_cents)

    def run(self) -> Outcome:
        """Play to the end."""
        while True:
            action = rounds.plan(self._snapshot(), self.policy)
            if isinstance(action, rounds.Finish):
                return self._ended(action.reason)
            if isinstance(action, rounds.StartRound) and action.number > MOST_ROUNDS:
                return self._ended("longer than can be foreseen")
            self._take(action)

    def _take(self, action: rounds.Action) -> None:
        match action:
            case rounds.DrawValidation():
                self._draw_validation()
            case rounds.Embed():
                self.embedded = True
            case rounds.StartRound():
                self._start(action)
            case rounds.AddWave(take=take):
                self._phase(Phase.COLLECTING, action.wave)
                waiting = self.asked.size + self.drawn.size
                self._ask(min(1.0, take / waiting), min(1.0, take / waiting), 1)
            case rounds.Decide():
                self._phase(Phase.DECIDED)
            case rounds.Train():
                self._learn()
                self._phase(Phase.CUTTING)
            case rounds.Cut(round=number):
                self._cut(number)
            case rounds.CloseRound():
                self._phase(Phase.DONE)
            case rounds.Wait() | rounds.Finish():
                raise AssertionError(action)  # there is gold, and nobody else holds an answer back

    def _phase(self, phase: Phase, wave: int | None = None) -> None:
        assert self.round is not None
        changes = {"phase": phase} if wave is None else {"phase": phase, "wave": wave}
        self.round = self.round.model_copy(update=changes)

    def _learn(self) -> None:
        self.distance = scoring.separation(self.draw.separation, self.draw.half, self.labels)

    def _draw_validation(self) -> None:
        size = min(self.policy.validation, int(self.images * VALIDATION_SHARE), int(self.rest.size))
        yes, no = self.rest.take(size)
        self.drawn.add(yes, no)
        self.validation = self._sample(size)
        self.validation_drawn = True

    def _sample(self, size: int) -> tuple[int, int]:
        """How many of the validation images are yes and no."""
        shown = min(size, scoring.MOST_VALIDATION)
        yes = int(np.random.default_rng((self.draw.seed, self.seed, 1)).binomial(shown, self.draw.share_yes))
        return yes, shown - yes

    def _start(self, action: rounds.StartRound) -> None:
        sweep = action.strategy == "sweep"
        self.round = RoundView(number=action.number, phase=Phase.COLLECTING, wave=1, sweep=sweep)
        if action.strategy == "sweep":
            validation, again = self.drawn.size, self.asked.size
            take = max(0.0, min(action.take - validation - again, self.rest.size - self.auto))
            self._new(take, True)
            self._ask(1.0, 1.0, self.policy.redundancy)
            return
        uncertain = bool({"scores", "members"} & selection.needs(action.strategy))
        self._new(float(action.take), uncertain)
        share = (action.again + action.take) / self.asked.size if self.asked.size else 0.0
        share_drawn = action.validation / self.drawn.size if self.drawn.size else 0.0
        self._ask(min(1.0, share), min(1.0, share_drawn), self.policy.redundancy)

    def _new(self, images: float, uncertain: bool) -> None:
        near = (self.distance, self.draw.share_yes) if uncertain and self.distance else None
        self.asked.add(*self.rest.take(images, near))
        self._recount()

    def _recount(self) -> None:
        """What the rule in force decides of what is left."""
        self.auto = min(self.auto, self.rest.size)
        if self.rule_at:
            self.auto = self.rest.beyond(self.rule, self.rule_at, self.draw.share_yes)

    def _ask(self, share: float, share_validation: float, people: int) -> None:
        """Give this share of what waits to people, in tasks with gold; pay; count time; decide."""
        asked = share * self.asked.size + share_validation * self.drawn.size
        if asked <= 0.0:
            return
        policy, draw = self.policy, self.draw
        tasks = max(1, ceil(asked / (policy.slots - policy.hidden_gold) - 1e-6))
        here = asked / tasks
        gold = max(policy.hidden_gold * here / (policy.slots - policy.hidden_gold), min(LEAST_GOLD, policy.hidden_gold))
        slots = max(1, round(here + gold))
        # Work that is not used is paid and done again.
        assignments = tasks * people / (1.0 - draw.unused)
        self.cents += assignments * policy.cost_for(policy.reward_for(slots), people)
        work = assignments * slots * draw.seconds
        self.seconds += draw.pickup_s + max(slots * draw.seconds, work / self.people)
        for waiting, part in ((self.asked, share), (self.drawn, share_validation)):
            answers, yes, no = waiting.answer(part, people)
            self.answers += answers / (1.0 - draw.unused)
            lost_yes, lost_no = waiting.give_up()
            if waiting is self.asked:
                self.labels, self.labels_yes = self.labels + yes + no, self.labels_yes + yes
                self.disputed += lost_yes + lost_no

    def _cut(self, number: int) -> None:
        """A look: the new rule comes into force if it decides more than the old one."""
        complete = self.validation_drawn and sum(self.validation) > 0 and round(self.drawn.size) == 0
        if complete and number >= self.policy.first_look:
            self.looks += 1
            self.stalled += 1
            if self.distance >= BETTER * self.looked_at:
                self.looked_at = self.distance
                rule = scoring.cuts(
                    self.rest, self.policy, self.looks, self.validation, self.distance,
                    self.labels_yes, (self.draw.seed, self.seed, 2),
                )  # fmt: skip
                wanted = self.rest.beyond(rule, self.distance, self.draw.share_yes)
                if wanted > self.auto + 0.5:
                    self.rule, self.rule_at, self.auto, self.stalled = rule, self.distance, wanted, 0
        self._phase(Phase.DONE)

    def _snapshot(self) -> rounds.Snapshot:
        policy = self.policy
        unknown = self.rest.size - self.auto + self.asked.size + self.drawn.size + self.disputed
        waits, waits_drawn = round(self.asked.size), round(self.drawn.size)
        again = waits_drawn if self.round is not None else 0
        free = policy.budget_cents - ceil(self.cents)
        return rounds.Snapshot(
            state=CategoryState.OPEN,
            unknown=round(unknown),
            auto_labeled=round(self.auto),
            disputed=round(self.disputed),
            wants_votes=waits + again,
            wants_votes_train=waits,
            total=self.images,
            validation_drawn=self.validation_drawn,
            validation_open=waits_drawn,
            gold_yes=GOLD,
            gold_no=GOLD,
            embedded=self.embedded,
            open_tasks=0,
            affordable_tasks=max(0, free // max(1, policy.cost_cents * policy.redundancy)),
            has_model=self.distance > 0.0,
            stalled=self.stalled,
            round=self.round,
        )

    def _ended(self, why: str) -> Outcome:
        unknown = max(0.0, self.rest.size - self.auto + self.asked.size + self.drawn.size + self.disputed)
        return Outcome(
            answers=self.answers,
            cents=max(0.0, min(self.cents, self.policy.budget_cents) - self.before),
            seconds=self.seconds,
            rounds=self.round.number if self.round else 0,
            by_people=max(0.0, self.images - self.auto - unknown),
            by_model=self.auto,
            unknown=unknown,
            ended=why,
        )
