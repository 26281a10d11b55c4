"""Where our ledger and a market's differ: values in, differences out. What is done about them is in ``mending``.

Each side can lose what the other one knows: a process dies between an act and its note, an answer of the market gets
lost, somebody acts on the market's own site, a database is restored from yesterday. Acts that are younger than a grace
are no difference yet: the collect job is at them.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from active_learning.domain.task import TaskState
from active_learning.domain.value import Value
from api.operations import settling
from api.operations.context import Winnow
from api.store.connection import Document

LEAST_GRACE_S = 60.0

LONG_AGO = timedelta(days=7)
"""Work whose time ran out before that is not looked for: somebody has had a week to compare."""

REST, AGAIN = timedelta(hours=1), 20
"""A HIT that agreed rests so long; then so many in each run are looked into again, whatever their sign says."""

_CATEGORY = re.compile(r"(.+)-(?:r\d+-w\d+|s\d+-a\d+)-t\d+")


class Kind(StrEnum):
    """What differs. Of a pair of words the first is our side."""

    LOST = "lost"
    SECOND = "second"
    STRAY = "stray"
    OPEN = "open"
    GONE = "gone"
    SUBMITTED = "submitted"
    UNSUBMITTED = "unsubmitted"
    UNPAID = "unpaid"
    UNREFUSED = "unrefused"
    PAID = "paid"
    REFUSED = "refused"
    TWICE = "twice"
    BONUS_PAID = "bonus_paid"
    BONUS_MISSING = "bonus_missing"
    BONUS_UNKNOWN = "bonus_unknown"
    BONUS_TWICE = "bonus_twice"


WORDS: Mapping[Kind, str] = {
    Kind.LOST: "posted there, not known here",
    Kind.SECOND: "the same task is posted a second time",
    Kind.STRAY: "posted there, and its task is not here",
    Kind.OPEN: "closed here, open there",
    Kind.GONE: "posted here, gone there",
    Kind.SUBMITTED: "submitted there, missing here",
    Kind.UNSUBMITTED: "finished here, never submitted there",
    Kind.UNPAID: "paid here, not there",
    Kind.UNREFUSED: "refused here, not there",
    Kind.PAID: "paid there, not here",
    Kind.REFUSED: "refused there, not here",
    Kind.TWICE: "paid twice: a bonus, and the reward as well",
    Kind.BONUS_PAID: "bonus paid there, open here",
    Kind.BONUS_MISSING: "bonus paid here, not there",
    Kind.BONUS_UNKNOWN: "bonus paid there that nobody here knows of",
    Kind.BONUS_TWICE: "bonus paid twice there",
}

FOR_PEOPLE = frozenset({Kind.TWICE, Kind.BONUS_TWICE})
"""Nothing can be done about these but tell somebody."""


class TheirHit(Value):
    """A HIT of ours at the market: ``places`` can still be taken, ``pending`` people are at work."""

    hit: str
    task: str
    state: str
    places: int
    pending: int
    completed: int
    most: int


class TheirWork(Value):
    """A submission at the market, ``submitted``, ``approved`` or ``rejected``, which came in at ``at``."""

    id: str
    annotator: str
    state: str
    at: datetime


class TheirBonus(Value):
    """A bonus that the market has paid, with the token that it was ordered with."""

    assignment: str
    annotator: str
    cents: int
    token: str


class Difference(Value):
    """One thing that the two sides do not agree about, and what became of it.

    ``entry`` is the act in our ledger that it is about, if there is one; ``mended`` is set by whoever did it.
    """

    kind: Kind
    task: str
    hit: str
    assignment: str = ""
    annotator: str = ""
    entry: str = ""
    cents: int = 0
    mended: bool = False
    outcome: str = ""

    @property
    def words(self) -> str:
        """What differs, in words."""
        return WORDS[self.kind]


@dataclass(frozen=True)
class Known:
    """A task of ours: its state and its HIT, if it has one."""

    id: str
    state: TaskState
    hit: str | None


@dataclass(frozen=True)
class Books:
    """Our side: tasks by id, how many acts of each HIT are (done, refused, open), and signs of what agreed before."""

    tasks: Mapping[str, Known]
    acts: Mapping[str, tuple[int, int, int]]
    signs: Mapping[str, str]

    def agreed(self, hit: TheirHit) -> bool:
        """Whether nothing has changed since both sides agreed about a HIT."""
        return self.signs.get(hit.hit) == sign(hit, self.acts.get(hit.hit, (0, 0, 0)))


async def books(w: Winnow, slug: str) -> Books:
    """Our side of a category."""
    tasks = {one[0]: Known(*one) for one in await w.store.tasks.standings(slug)}
    signs = await w.store.reconciliations.signs(slug, w.clock() - REST, AGAIN)
    return Books(tasks, await w.store.payments.by_hit(slug), signs)


def sign(hit: TheirHit, acts: tuple[int, int, int]) -> str:
    """How both sides stand about a HIT, in short: it changes with whatever happens to it on either side."""
    return "|".join(map(str, (hit.state, hit.places, hit.pending, hit.completed, hit.most, *acts)))


def counted(entries: Sequence[Document]) -> tuple[int, int, int]:
    """How many acts are done, refused and neither."""
    done = sum(entry["done_at"] is not None for entry in entries)
    refused = sum(entry["refused_at"] is not None for entry in entries)
    return done, refused, len(entries) - done - refused


def grace(w: Winnow) -> timedelta:
    """How old an act must be before it counts that only one side knows of it."""
    return timedelta(seconds=max(LEAST_GRACE_S, 5 * w.settings.poll_seconds))


def compare_hits(slug: str, tasks: Mapping[str, Known], hits: Sequence[TheirHit]) -> Iterator[Difference]:
    """Where tasks and HITs do not belong together."""
    of: dict[str, list[TheirHit]] = defaultdict(list)
    for hit in hits:
        of[hit.task].append(hit)
    for identifier, several in of.items():
        task = tasks.get(identifier)
        if task is not None:
            yield from _of_task(task, several)
        elif (named := _CATEGORY.fullmatch(identifier)) and named[1] == slug:
            for hit in several:
                if hit.places:
                    yield Difference(kind=Kind.STRAY, task=identifier, hit=hit.hit)
    for task in tasks.values():
        if task.state is TaskState.POSTED and task.hit not in {hit.hit for hit in of[task.id]}:
            yield Difference(kind=Kind.GONE, task=task.id, hit=str(task.hit))


def _of_task(task: Known, hits: Sequence[TheirHit]) -> Iterator[Difference]:
    main = task.hit
    if task.state is TaskState.DRAFTED:
        # That with the most work done: nobody's work is to be in the second one.
        main = min(hits, key=lambda hit: (hit.places - hit.most, hit.hit)).hit
        yield Difference(kind=Kind.LOST, task=task.id, hit=main)
    for hit in hits:
        if hit.hit != main and hit.places:
            yield Difference(kind=Kind.SECOND, task=task.id, hit=hit.hit)
        elif hit.places and task.state is TaskState.CLOSED:
            yield Difference(kind=Kind.OPEN, task=task.id, hit=hit.hit)


@dataclass(frozen=True)
class Side:
    """What both sides know of one HIT. Acts that began after ``before`` are too young to count."""

    hit: TheirHit
    entries: Sequence[Document]
    work: Sequence[TheirWork]
    bonuses: Sequence[TheirBonus] | None
    tokens: Mapping[str, str]
    before: datetime

    @property
    def settled(self) -> bool:
        """Whether nothing about the HIT is still under way."""
        judged = {entry["_id"] for entry in self.entries}
        return not counted(self.entries)[2] and all(one.id in judged for one in self.work)

    def differs(self, kind: Kind, of: tuple[str, str], entry: str = "", cents: int = 0) -> Difference:
        """A difference about the submission ``of`` (assignment, annotator)."""
        return Difference(
            kind=kind,
            task=self.hit.task,
            hit=self.hit.hit,
            assignment=of[0],
            annotator=of[1],
            entry=entry,
            cents=cents,
        )


def compare_work(side: Side) -> Iterator[Difference]:
    """Where the two sides do not agree about the submissions of a HIT and what was paid for them."""
    ledger = {entry["_id"]: entry for entry in side.entries}
    for one in side.work:
        main = ledger.get(one.id)
        who = (one.id, one.annotator)
        instead = ledger.get(f"{one.id}:{one.annotator}:extra:reward")
        if one.state == "approved" and instead is not None and instead["done_at"]:
            yield side.differs(Kind.TWICE, who, instead["_id"], instead["bonus"])
        if main is None:
            if instead is None and one.at <= side.before:
                yield side.differs(Kind.SUBMITTED, who)
            continue
        kind = _decided(main, ledger.get(f"{one.id}:override"), one.state, side.before)
        if kind is not None:
            yield side.differs(kind, who, main["_id"])
    if side.bonuses is not None:
        yield from _of_bonuses(side, ledger, side.bonuses)


def _decided(main: Document, override: Document | None, there: str, before: datetime) -> Kind | None:
    """How a decision differs from what the market has of it, ``None`` where it does not or is still under way."""
    entry = main if override is None or override["refused_at"] else override
    ours = "" if main.get("waits") or entry["refused_at"] else _STATES[entry["act"]]
    if there == ours and entry["done_at"]:
        return None
    if not entry["done_at"] and entry["intended_at"] > before:
        return None
    if there == "submitted":
        return {"approved": Kind.UNPAID, "rejected": Kind.UNREFUSED, "": None}[ours]
    return Kind.PAID if there == "approved" else Kind.REFUSED


_STATES = {"approve": "approved", "reject": "rejected"}


def _of_bonuses(side: Side, ledger: Mapping[str, Document], there: Sequence[TheirBonus]) -> Iterator[Difference]:
    for entry in ledger.values():
        if entry["act"] != "bonus" or "there" in entry:
            continue
        who = (entry["assignment"], entry["annotator"])
        paid = [bonus for bonus in there if bonus.token == side.tokens[entry["_id"]]]
        if paid and (entry["refused_at"] or (not entry["done_at"] and entry["intended_at"] <= side.before)):
            yield side.differs(Kind.BONUS_PAID, who, entry["_id"], entry["bonus"])
        if not paid and entry["done_at"] and entry["done_at"] <= side.before:
            yield side.differs(Kind.BONUS_MISSING, who, entry["_id"], entry["bonus"])
        if len(paid) > 1:
            yield side.differs(Kind.BONUS_TWICE, who, entry["_id"], entry["bonus"])
    ordered = set(side.tokens.values())
    for key, bonus in unordered([bonus for bonus in there if bonus.token not in ordered]):
        if key not in ledger:
            yield side.differs(Kind.BONUS_UNKNOWN, (bonus.assignment, bonus.annotator), key, bonus.cents)


async def unsubmitted(w: Winnow, slug: str, before: datetime) -> list[Difference]:
    """Work that was finished here and whose time ran out without a verdict: the market may have heard nothing of it."""
    found = await w.store.assignments.unjudged(slug, before - LONG_AGO, before)
    tasks = {task.id: task for task in await w.store.tasks.many([one["task"] for one in found])}
    return [
        Difference(
            kind=Kind.UNSUBMITTED,
            task=one["task"],
            hit=str(tasks[one["task"]].hit),
            assignment=one["market_assignment"],
            annotator=one["annotator"],
        )
        for one in found
        if one["task"] in tasks and tasks[one["task"]].hit is not None
    ]


def unordered(bonuses: Sequence[TheirBonus]) -> Iterator[tuple[str, TheirBonus]]:
    """Bonuses that Winnow has not ordered, each with the id that it gets in the ledger."""
    seen: dict[tuple[str, int], int] = defaultdict(int)
    for bonus in bonuses:
        seen[bonus.assignment, bonus.cents] += 1
        name = bonus.token or f"{bonus.cents}-{seen[bonus.assignment, bonus.cents]}"
        yield f"{bonus.assignment}:{bonus.annotator}:extra:there-{name}", bonus


def tokens(w: Winnow, entries: Sequence[Document]) -> dict[str, str]:
    """The tokens of the bonuses among some acts, by their ids."""
    ordered = (entry for entry in entries if entry["act"] == "bonus" and "there" not in entry)
    return {entry["_id"]: settling.bonus_token(w, settling.from_ledger(entry)) for entry in ordered}


async def keep(w: Winnow, slug: str, hits: int, looked: int, found: Sequence[Difference]) -> None:
    """Keep the outcome of a comparison for the monitor, and tell of what differed."""
    await w.store.reconciliations.put(
        slug,
        {
            "at": w.clock(),
            "hits": hits,
            "looked": looked,
            "found": [one.model_dump(mode="json") for one in found],
            "left": sum(not one.mended for one in found),
        },
    )
    for one in found:
        words = f"HIT {one.hit}: {one.words}{f' ({one.assignment})' if one.assignment else ''}. {one.outcome}"
        await w.store.happenings.note(w.clock(), words, slug, "info" if one.mended else "error")
