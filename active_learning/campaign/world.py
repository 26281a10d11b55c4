"""The state of a campaign in memory: what the store holds of a category, as arrays over its pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from active_learning import rounds, selection, splits
from active_learning.consensus import Votes
from active_learning.domain.candidate import State, check_move
from active_learning.domain.cuts import Calibration, Cuts
from active_learning.domain.errors import InputError, StateError
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState, Phase, RoundView
from active_learning.domain.task import Task
from active_learning.domain.verdict import Record

Positions = NDArray[np.int64]


class Standing(IntEnum):
    """A candidate's state as a small number."""

    UNKNOWN = 0
    SELECTED = 1
    POSTED = 2
    LABELED = 3
    AUTO_LABELED = 4

    @property
    def state(self) -> State:
        """The word for it."""
        return State(self.name.lower())


class By(IntEnum):
    """Who decided a candidate."""

    NOBODY = 0
    PEOPLE = 1
    MODEL = 2
    RESEARCHER = 3


@dataclass(frozen=True)
class Setup:
    """What a campaign starts from.

    N image ids, their features [N, D] float32 and true answers [N]; what the researcher knows (gold), by position; the
    policy; the seed of every choice. The truth measures, and never decides: it belongs to the crowd.
    """

    images: Sequence[str]
    features: NDArray[np.float32]
    truth: NDArray[np.bool_]
    gold: Mapping[int, bool]
    policy: Policy
    seed: int

    def __post_init__(self) -> None:
        n = len(self.images)
        if len(self.features) != n or len(self.truth) != n:
            raise InputError(
                f"There are {n} images, {len(self.features)} rows of features and {len(self.truth)} answers.",
                "Give one of each for every image.",
            )
        if len(set(self.images)) != n:
            raise InputError("An image is named twice.", "Name every image once.")
        if self.policy.audit:
            raise InputError("A simulation does not audit the model's labels.", 'Leave "audit" out of the policy.')


@dataclass
class Totals:
    """What people did and what it cost: answers to asked images, answers to gold, assignments, US cents."""

    answers: int = 0
    checks: int = 0
    assignments: int = 0
    excluded: int = 0
    cents: int = 0


@dataclass(frozen=True)
class Model:
    """A trained head and what it has learned from: answers of people, with scores of fits that left each out."""

    head: str
    state: bytes
    known: selection.Known


class World:
    """One category's campaign. Arrays are over the pool; ``position`` maps an image id to its place.

    ``score`` is of the newest model. ``fair_score`` is the same, but out of fold where the model has learned from the
    image: what may contradict an answer.
    """

    def __init__(self, setup: Setup) -> None:
        n = len(setup.images)
        self.setup = setup
        self.policy = setup.policy
        self.images = np.array(setup.images, dtype=object)
        self.position = {image: place for place, image in enumerate(setup.images)}
        self.draws = np.array([splits.draw(setup.seed, image) for image in setup.images])
        self.state = np.full(n, Standing.UNKNOWN, dtype=np.int8)
        self.by = np.full(n, By.NOBODY, dtype=np.int8)
        self.answer = np.zeros(n, dtype=bool)
        self.certainty = np.ones(n)
        self.score = np.full(n, np.nan)
        self.fair_score = np.full(n, np.nan)
        self.model: Model | None = None
        self.validation = np.zeros(n, dtype=bool)
        self.stratum = np.zeros(n, dtype=np.int64)
        self.strata = 1
        self.gold = np.full(n, -1, dtype=np.int8)
        self.votes_wanted = np.zeros(n, dtype=bool)
        self.disputed = np.zeros(n, dtype=bool)
        self.by_chance = np.zeros(n, dtype=bool)
        self.exhausted = np.zeros(n, dtype=bool)
        self.rechecked = np.zeros(n, dtype=bool)
        self.shown = np.zeros(n, dtype=np.int64)
        self.validation_drawn = False
        self.embedded = False
        self.finished = ""
        self.round: RoundView | None = None
        self.tasks: list[Task] = []
        self.strategy = ""
        self.looks = 0
        self.stalled = 0
        self.rule: Cuts = Cuts()
        self.calibration: Calibration | None = None
        self.totals = Totals()
        self.people = People()
        for place, value in setup.gold.items():
            self.gold[place], self.answer[place] = value, value
            self.state[place], self.by[place] = Standing.LABELED, By.RESEARCHER

    def __len__(self) -> int:
        return len(self.images)

    def move(self, places: Positions, source: Standing, target: Standing) -> None:
        """Move candidates from one state to another.

        Raises:
            IllegalMove: the table of moves does not allow it.
            StateError: a candidate is not in the state that it is to leave.
        """
        check_move(source.state, target.state)
        if np.any(self.state[places] != source):
            raise StateError(f"A candidate is not {source.state}.", "This is a bug in the campaign.")
        self.state[places] = target

    def open(self, only: NDArray[np.bool_]) -> Positions:
        """Positions of unknown candidates that fulfil ``only`` [N]."""
        return np.flatnonzero((self.state == Standing.UNKNOWN) & only)

    @property
    def rest(self) -> NDArray[np.bool_]:
        """What the model may label [N]: neither drawn for validation nor decided by people."""
        free = (self.state == Standing.UNKNOWN) | (self.state == Standing.AUTO_LABELED)
        return np.asarray(free & ~self.validation)

    def snapshot(self) -> rounds.Snapshot:
        """What the planner needs."""
        unknown = self.state == Standing.UNKNOWN
        policy = self.policy
        free = policy.budget_cents - self.totals.cents
        return rounds.Snapshot(
            state=CategoryState.FINISHED if self.finished else CategoryState.OPEN,
            unknown=int(unknown.sum()),
            auto_labeled=int(np.sum(self.state == Standing.AUTO_LABELED)),
            disputed=int(np.sum(unknown & self.disputed)),
            wants_votes=int(np.sum(unknown & self.votes_wanted)),
            wants_votes_train=int(np.sum(unknown & self.votes_wanted & ~self.validation)),
            total=len(self),
            validation_drawn=self.validation_drawn,
            validation_open=int(np.sum(self.validation & (self.state != Standing.LABELED))),
            gold_yes=int(np.sum(self.gold == 1)),
            gold_no=int(np.sum(self.gold == 0)),
            embedded=self.embedded,
            open_tasks=len(self.tasks),
            affordable_tasks=max(0, free // (policy.cost_cents * policy.redundancy)),
            has_model=self.model is not None,
            stalled=self.stalled,
            round=self.round,
        )

    def advance(self, phase: Phase, wave: int | None = None) -> None:
        """Set the phase of the present round."""
        if self.round is None:
            raise StateError("There is no round.", "This is a bug in the campaign.")
        changes = {"phase": phase} if wave is None else {"phase": phase, "wave": wave}
        self.round = self.round.model_copy(update=changes)


class Ballot:
    """All used votes: positions of images, numbers of voters, answers."""

    def __init__(self) -> None:
        self._voters: dict[str, int] = {}
        self._rows: list[NDArray[np.int64]] = []

    def add(self, places: Positions, voters: Sequence[str], values: NDArray[np.int8]) -> None:
        """Add votes [N] on images at ``places`` [N]."""
        numbers = [self._voters.setdefault(voter, len(self._voters)) for voter in voters]
        self._rows.append(np.stack([places, np.array(numbers, dtype=np.int64), values.astype(np.int64)]))

    def votes(self, images: NDArray[np.object_], since: int = 0) -> Votes:
        """The votes of all submissions, or of those from number ``since`` on, with the ids of ``images``."""
        rows = np.concatenate([np.empty((3, 0), dtype=np.int64), *self._rows[since:]], axis=1)
        places, image = np.unique(rows[0], return_inverse=True)
        return Votes.from_codes(image, rows[1], rows[2], tuple(images[places].tolist()), tuple(self._voters))

    def __len__(self) -> int:
        return len(self._rows)


@dataclass
class People:
    """What is known of annotators: images seen, records on gold, submissions used and excluded; and all used votes."""

    seen: dict[str, set[str]] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    excluded: dict[str, int] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    ballot: Ballot = field(default_factory=Ballot)
