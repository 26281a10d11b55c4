"""What Amazon's documents say a marketplace does, in as few words as possible: a model to hold the real one against.

Written from the tables of states, limits and prices in the API reference and the requester guide, on purpose without a
look at, or an import from, the code that it judges. It is eager: whatever a moment makes due has happened by then.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

HIT_MOVES = {
    "Assignable": {"Unassignable", "Reviewable"},
    "Unassignable": {"Assignable", "Reviewable"},
    "Reviewable": {"Reviewing", "Assignable", "Disposed"},
    "Reviewing": {"Reviewable", "Assignable", "Disposed"},
    "Disposed": set(),
}
ASSIGNMENT_MOVES = {
    "InProgress": {"Submitted", "Returned", "Abandoned"},
    "Submitted": {"Approved", "Rejected"},
    "Rejected": {"Approved"},
    "Approved": set(),
    "Returned": set(),
    "Abandoned": set(),
}
GONE = {"Returned", "Abandoned"}
TOKEN_LIFE = timedelta(hours=24)
AUTO_DISPOSE = timedelta(days=120)
OVERRIDE = timedelta(days=30)


class Refused(Exception):
    """The marketplace must refuse this, with this word."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True)
class Kind:
    """A HIT type. Money in cents, times in seconds."""

    reward: int
    duration: int
    delay: int


@dataclass
class Job:
    """An assignment."""

    id: str
    worker: str
    state: str
    deadline: datetime
    reward: int
    fee: int
    delay: int
    submitted_at: datetime = datetime.max

    @property
    def paid_at(self) -> datetime:
        """When it is paid by itself."""
        return self.submitted_at + timedelta(seconds=self.delay)


@dataclass
class Task:
    """A HIT."""

    id: str
    kind: Kind
    places: int
    ends: datetime
    reviewing: bool = False
    disposed: bool = False
    jobs: list[Job] = field(default_factory=list)

    def count(self, *states: str) -> int:
        return sum(job.state in states for job in self.jobs)

    @property
    def available(self) -> int:
        return self.places - sum(job.state not in GONE for job in self.jobs)

    @property
    def price(self) -> int:
        return self.kind.reward + fee(self.kind.reward, self.places)

    def status(self, now: datetime) -> str:
        if self.disposed:
            return "Disposed"
        if now < self.ends and self.available:
            return "Assignable"
        if self.count("InProgress"):
            return "Unassignable"
        return "Reviewing" if self.reviewing else "Reviewable"


def fee(amount: int, places: int = 1) -> int:
    """A fifth, two fifths from ten assignments on; at least a cent. Halves are rounded up."""
    percent = 40 if places >= 10 else 20
    return max(1, (amount * percent + 50) // 100)


@dataclass
class Market:
    """Everything of one requester."""

    now: datetime
    deposited: int
    paid: int = 0
    fees: int = 0
    tasks: list[Task] = field(default_factory=list)
    tokens: dict[tuple[str, int], datetime] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)

    @property
    def on_hold(self) -> int:
        """What every place may still cost that somebody can take, has, or waits to be paid for."""
        total = 0
        for task in self.tasks:
            if not task.disposed and self.now < task.ends:
                total += task.price * task.available
            total += task.price * task.count("InProgress")
            total += sum(job.reward + job.fee for job in task.jobs if job.state == "Submitted")
        return total

    @property
    def available(self) -> int:
        return self.deposited - self.paid - self.fees - self.on_hold

    def settle(self) -> None:
        """Everything that time alone has done by now."""
        for task in self.tasks:
            for job in task.jobs:
                if job.state == "InProgress" and job.deadline <= self.now:
                    job.state = "Abandoned"
                if job.state == "Submitted" and job.paid_at <= self.now:
                    self._pay(job)
            if self.now >= task.ends + AUTO_DISPOSE and not task.count("InProgress", "Submitted"):
                task.disposed = True

    def create(self, kind: Kind, places: int, lifetime: int, token: int) -> Task:
        self._unused("create", token, "HitAlreadyExists")
        task = Task("", kind, places, self.now + timedelta(seconds=lifetime))
        self._afford(task.price * places)
        self._use("create", token)
        self.tasks.append(task)
        return task

    def accept(self, task: Task, worker: str) -> Job:
        if task.disposed:
            raise Refused("no")
        if worker in self.blocked:
            raise Refused("no")
        for job in task.jobs:
            if job.worker == worker and job.state not in GONE:
                if job.state == "InProgress":
                    return job
                raise Refused("no")
        if self.now >= task.ends or not task.available:
            raise Refused("no")
        deadline = self.now + timedelta(seconds=task.kind.duration)
        reward = task.kind.reward
        job = Job("", worker, "InProgress", deadline, reward, fee(reward, task.places), task.kind.delay)
        task.jobs.append(job)
        return job

    def submit(self, job: Job) -> None:
        if job.state in GONE:
            raise Refused("no")
        if job.state == "InProgress":
            job.state, job.submitted_at = "Submitted", self.now

    def give_back(self, job: Job) -> None:
        if job.state != "InProgress":
            raise Refused("no")
        job.state = "Returned"

    def approve(self, task: Task, job: Job, override: bool) -> None:
        self._decidable(job)
        again = override and job.state == "Rejected" and not task.disposed
        if again and self.now <= job.submitted_at + OVERRIDE:
            self._afford(job.reward + job.fee)
        elif job.state != "Submitted":
            raise Refused("InvalidAssignmentState")
        self._pay(job)

    def reject(self, job: Job) -> None:
        self._decidable(job)
        if job.state != "Submitted":
            raise Refused("InvalidAssignmentState")
        job.state = "Rejected"

    def bonus(self, job: Job, amount: int, token: int) -> None:
        if job.state == "Returned":
            raise Refused("AssignmentDoesNotExist")
        if job.state == "InProgress":
            raise Refused("InvalidAssignmentState")
        self._unused("bonus", token, "DuplicateRequest")
        self._afford(amount + fee(amount))
        self._use("bonus", token)
        self.paid += amount
        self.fees += fee(amount)

    def add_places(self, task: Task, more: int, token: int) -> None:
        self._unused("add_places", token, "DuplicateRequest")
        self._alive(task)
        if task.places < 10 <= task.places + more:
            raise Refused("InvalidMaximumAssignmentsIncrease")
        if self.now < task.ends:
            self._afford(task.price * more)
        self._use("add_places", token)
        task.places += more
        task.reviewing = False

    def set_end(self, task: Task, end: datetime) -> None:
        self._alive(task)
        if end <= self.now:
            task.ends = min(task.ends, self.now)
            return
        if self.now < task.ends and end < task.ends:
            raise Refused("InvalidParameterValue")
        if self.now >= task.ends:
            self._afford(task.price * task.available)
        task.ends, task.reviewing = end, False

    def retype(self, task: Task, kind: Kind) -> None:
        self._alive(task)
        if task.count("InProgress") and task.kind.reward != kind.reward:
            raise Refused("InvalidHITState")
        if self.now < task.ends:
            dearer = kind.reward + fee(kind.reward, task.places) - task.price
            self._afford(dearer * task.available)
        task.kind = kind

    def review(self, task: Task, reviewing: bool) -> None:
        if task.status(self.now) not in {"Reviewable", "Reviewing"}:
            raise Refused("InvalidHITState")
        task.reviewing = reviewing

    def delete(self, task: Task) -> None:
        if task.status(self.now) not in {"Reviewable", "Reviewing"} or task.count("Submitted"):
            raise Refused("InvalidHITState")
        task.disposed = True

    def _pay(self, job: Job) -> None:
        job.state = "Approved"
        self.paid += job.reward
        self.fees += job.fee

    def _afford(self, amount: int) -> None:
        if amount > self.available:
            raise Refused("InsufficientFunds")

    def _alive(self, task: Task) -> None:
        if task.disposed:
            raise Refused("InvalidHITState")

    def _decidable(self, job: Job) -> None:
        if job.state in GONE:
            raise Refused("AssignmentDoesNotExist")
        if job.state == "InProgress":
            raise Refused("InvalidAssignmentState")

    def _unused(self, operation: str, token: int, word: str) -> None:
        used = self.tokens.get((operation, token))
        if token and used is not None and self.now < used + TOKEN_LIFE:
            raise Refused(word)

    def _use(self, operation: str, token: int) -> None:
        if token:
            self.tokens[operation, token] = self.now
