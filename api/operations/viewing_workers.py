"""What the pages about workers show, from kept sums and short indexed reads."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from active_learning import conduct
from active_learning.conduct import Kind
from active_learning.domain.errors import InputError, NotFound
from active_learning.domain.submission import Submission
from active_learning.domain.value import Value
from active_learning.domain.verdict import Verdict
from active_learning.wages import active_ms, hourly_cents
from api.operations.context import Winnow
from api.store.connection import Document
from api.store.workers import EVERYWHERE, ORDERS, Wanted
from labeling_ui import contexts
from labeling_ui.contexts.workers import Order, PayState, Typed

ROWS = 50
SUBMISSIONS = 20
MOST_COMPARED = 6
MOST_WAITING = 100
"""How far the desk counts what waits: more is said as so many."""

COLUMNS = (
    *("worker", "category", "submissions", "used", "unpaid", "answers", "yes", "gold", "right", "accuracy"),
    *("accuracy_low", "accuracy_high", "pace_s", "hidden_s", "changes", "streak", "agreed", "compared", "active_s"),
    *("earned_cents", "hourly_cents", "open_flags", "confirmed_flags", "noticed", "blocked", "first_at", "last_at"),
)


class Filters(Value):
    """Which workers a list shows, and from where on (``after``, as the list itself says it)."""

    category: str = ""
    flag: str = ""
    blocked: bool = False
    order: Order = "last"
    after: str = ""
    limit: int = ROWS


class Found(Value):
    """Workers of a list, and ``next``, from where its rest goes on."""

    items: tuple[contexts.WorkerSummary, ...]
    next: str | None


async def found(w: Winnow, filters: Filters) -> Found:
    """A page of the list; raises :class:`InputError` for filters that there are not."""
    if filters.flag not in {"", "open", "confirmed"}:
        raise InputError(f"There is no flag '{filters.flag}'.", "Choose open or confirmed.")
    if filters.category:
        await w.store.categories.get(filters.category)
    wanted = Wanted(
        category=filters.category or EVERYWHERE,
        flag=filters.flag,
        blocked=filters.blocked,
        order=filters.order,
        after=_after(filters.order, filters.after),
        limit=filters.limit + 1,
    )
    documents = await w.store.workers.page(wanted)
    shown = documents[: filters.limit]
    following = None
    if len(documents) > filters.limit:
        value = shown[-1]["order"][ORDERS[filters.order][0].partition(".")[2]]
        last = str(shown[-1]["_id"])
        following = place_of(value, last) if isinstance(value, datetime) else f"{value}~{last}"
    return Found(items=tuple(await summaries(w, shown)), next=following)


def _after(order: Order, text: str) -> tuple[Any, str] | None:
    if not text:
        return None
    if order == "last":
        return moment_of(text)
    value, _, identifier = text.partition("~")
    try:
        return float(value), identifier
    except ValueError as error:
        raise NOWHERE from error


NOWHERE = InputError("The list cannot go on from there.", "Begin with its first page.")


def moment_of(text: str) -> tuple[datetime, str]:
    """From where a list by time goes on; raises :class:`InputError` for what no list has said."""
    value, _, identifier = text.partition("~")
    try:
        at = datetime.fromisoformat(value)
    except ValueError as error:
        raise NOWHERE from error
    if not 1970 < at.year < 9000:
        raise NOWHERE
    return at, identifier


def place_of(at: datetime, identifier: str) -> str:
    """What :func:`moment_of` reads."""
    return f"{at.isoformat()}~{identifier}"


async def summaries(w: Winnow, documents: Sequence[Document]) -> list[contexts.WorkerSummary]:
    """Kept sums as a page shows them, with wages and flags: three reads for all of them."""
    who = [document["annotator"] for document in documents]
    noticed = await w.store.flags.open_of(who)
    wages: dict[tuple[str, str], tuple[int, int]] = {}
    for one in await w.store.wages.of(who):
        for scope in (one["category"], EVERYWHERE):
            ms, cents = wages.get((scope, one["annotator"]), (0, 0))
            key = (scope, one["annotator"])
            wages[key] = (ms + one.get("active_ms", 0), cents + one.get("earned_cents", 0))
    return [
        summary(d, wages.get((d["category"], d["annotator"]), (0, 0)), noticed.get(d["annotator"], []))
        for d in documents
    ]


def summary(
    document: Document, wages: tuple[int, int], noticed: Sequence[str], stopped: str = ""
) -> contexts.WorkerSummary:
    """One annotator's kept sums; ``wages`` are (milliseconds worked, cents earned)."""
    low, high = conduct.interval(document["correct"], document["gold"])
    agreement = document.get("agreement") or {}
    flags = document.get("flags") or {}
    timed = document["timed"]
    return contexts.WorkerSummary(
        worker=document["annotator"],
        category="" if document["category"] == EVERYWHERE else document["category"],
        **{name: document[name] for name in ("submissions", "used", "unpaid", "answers", "yes", "gold", "gold_yes")},
        right=document["correct"],
        right_yes=document["correct_yes"],
        accuracy_low=low,
        accuracy_high=high,
        pace_s=document["order"]["pace"] if timed else None,
        hidden_s=document["hidden_ms"] / 1_000,
        changes=document["changes"],
        streak=document["streak"],
        agreed=agreement.get("agreed", 0),
        compared=agreement.get("compared", 0),
        active_s=wages[0] / 1_000,
        earned_cents=wages[1],
        hourly_cents=hourly_cents(wages[1], wages[0]),
        open_flags=flags.get("open", 0),
        confirmed_flags=flags.get("confirmed", 0),
        kinds=tuple(Kind(kind) for kind in noticed),
        blocked=bool(document.get("blocked")),
        stopped=stopped,
        first_at=document.get("first_at"),
        last_at=document.get("last_at"),
    )


async def list_page(w: Winnow, filters: Filters) -> contexts.WorkersPage:
    """The list of workers, with what waits for a decision."""
    listed = await found(w, filters)
    page = contexts.WorkersPage(
        workers=listed.items,
        categories=tuple(document["_id"] for document in await w.store.categories.all()),
        category=filters.category,
        flag=filters.flag,
        blocked=filters.blocked,
        order=filters.order,
        first=not filters.after,
        appeals=await w.store.appeals.open_ones(MOST_WAITING),
        waiting=len(await w.store.payments.waiting(None, MOST_WAITING)),
    )
    return page.model_copy(update={"following": page.address(after=listed.next) if listed.next else ""})


async def table(w: Winnow, category: str) -> AsyncIterator[Mapping[str, Any]]:
    """Every worker of a category, or of all, as a row of :data:`COLUMNS`."""
    batch: list[Document] = []
    async for document in w.store.workers.all_of(category or EVERYWHERE):
        batch.append(document)
        if len(batch) == ROWS:
            for row in await summaries(w, batch):
                yield _row(row)
            batch = []
    for row in await summaries(w, batch):
        yield _row(row)


def _row(one: contexts.WorkerSummary) -> dict[str, Any]:
    return {**one.model_dump(), "accuracy": one.accuracy, "noticed": ", ".join(one.noticed)}


async def compare_page(w: Winnow, workers: Sequence[str], category: str) -> contexts.ComparePage:
    """Some workers side by side; raises :class:`InputError` for too many."""
    wanted = list(dict.fromkeys(worker for worker in workers if worker))
    if len(wanted) > MOST_COMPARED:
        raise InputError(f"{len(wanted)} workers do not fit beside each other.", f"Choose at most {MOST_COMPARED}.")
    documents = await w.store.workers.several(category or EVERYWHERE, wanted)
    return contexts.ComparePage(
        category=category,
        workers=tuple(await summaries(w, documents)),
        times=tuple(histogram(document) for document in documents),
        edges_s=conduct.edges_s(),
    )


def histogram(document: Document | None) -> tuple[int, ...]:
    """The kept times as counts of :func:`conduct.edges_s`' bins."""
    times = (document or {}).get("times") or {}
    return tuple(int(times.get(str(n), 0)) for n in range(conduct.BINS))


async def worker_page(
    w: Winnow, worker: str, category: str = "", after: str = "", done: str = "", typed: Typed | None = None
) -> contexts.WorkerPage:
    """One person, with charts and submissions of ``category``, or of the one that they worked on last."""
    documents = await w.store.workers.of(worker)
    if not documents:
        raise NotFound(f"Nobody called '{worker}' has submitted anything.", "The list of workers has everybody.")
    stopped = await w.store.annotators.of(worker)
    sums = [
        one.model_copy(update={"stopped": stopped.get(one.category or EVERYWHERE, "")})
        for one in await summaries(w, documents)
    ]
    slugs = [one.category for one in sums if one.category]
    latest = max((one for one in sums if one.category), key=lambda one: (str(one.last_at), one.category))
    chosen = category if category in slugs else latest.category
    policy = (await w.store.categories.definition(chosen)).policy
    submissions, following = await submissions_of(w, chosen, worker, after)
    mine = next(document for document in documents if document["category"] == chosen)
    last = submissions[0].id if submissions and not after else ""
    acts = await w.store.market_acts.of(worker)
    return contexts.WorkerPage(
        worker=worker,
        sums=tuple(sorted(sums, key=lambda one: one.category)),
        category=chosen,
        flags=tuple(flag(document) for document in await w.store.flags.of(worker)),
        submissions=tuple(submissions),
        following=following,
        acts=tuple(
            contexts.MarketActRow(**{k: a.get(k) for k in contexts.MarketActRow.model_fields if k in a}) for a in acts
        ),
        times=histogram(mine),
        crowd=_crowd(await w.store.workers.times(chosen)),
        edges_s=conduct.edges_s(),
        use_accuracy=policy.use_accuracy,
        last=last,
        number=await w.store.payments.extras(last) + 1 if last else 1,
        act_number=await w.store.market_acts.number(worker) + 1,
        done=done,
        typed=typed or Typed(),
    )


def _crowd(times: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(times.get(str(n), 0) for n in range(conduct.BINS))


def flag(document: Document) -> contexts.WorkerFlag:
    """A flag as a page shows it."""
    finding = {name: value for name, value in document["finding"].items() if name != "kind"}
    fields = ("category", "kind", "state", "raised_at", "by", "note", "decided_at")
    return contexts.WorkerFlag(id=document["_id"], **{name: document[name] for name in fields}, **finding)


async def submissions_of(
    w: Winnow, category: str, worker: str, after: str = "", limit: int = SUBMISSIONS
) -> tuple[list[contexts.SubmissionRow], str]:
    """Submissions of somebody in a category, the newest first, and from where the list goes on (empty: it ends)."""
    found = await w.store.submissions.newest(category, worker, moment_of(after) if after else None, limit + 1)
    shown = found[:limit]
    rows = await submission_rows(w, category, worker, shown)
    following = place_of(shown[-1].submitted_at, shown[-1].id) if len(found) > limit else ""
    return rows, following


async def submission_rows(
    w: Winnow, category: str, worker: str, submissions: Sequence[Submission]
) -> list[contexts.SubmissionRow]:
    """Submissions with what became of them."""
    identifiers = [one.id for one in submissions]
    verdicts = {one.submission: one for one in await w.store.verdicts.of(identifiers)}
    ledger = await w.store.payments.about(category, worker, [one.market_assignment for one in submissions])
    appeals = await w.store.appeals.of(identifiers)
    names = {task.id: task for task in await w.store.tasks.many([one.task for one in submissions])}
    rows = []
    for one in submissions:
        task = names.get(one.task)
        row = _submission_row(one, verdicts.get(one.id), ledger[one.market_assignment])
        known = {"name": task.name, "reward_cents": task.reward_cents} if task else {}
        rows.append(row.model_copy(update={**known, "appeal": appeals.get(one.id, "")}))
    return rows


def _submission_row(one: Submission, verdict: Verdict | None, acts: Sequence[Document]) -> contexts.SubmissionRow:
    tally = conduct.tally(one, True)
    bonuses = [act for act in acts if act["act"] == "bonus" and act["refused_at"] is None]
    decided = next((act for act in acts if act["_id"] == one.market_assignment), None)
    return contexts.SubmissionRow(
        id=one.id,
        worker=one.annotator,
        category=one.category,
        task=one.task,
        name=one.task,
        submitted_at=one.submitted_at,
        answers=len(one.answers),
        gold=verdict.gold if verdict else 0,
        right=verdict.correct if verdict else 0,
        use=verdict.use if verdict else None,
        pay=pay_state(decided, acts),
        reason=str(decided["reason"]).partition(" If you think that this is wrong")[0] if decided else "",
        bonus_cents=sum(int(act["bonus"]) for act in bonuses if not act["_id"].endswith(":extra:reward")),
        pace_s=conduct.middle_s(tally.log_s, tally.timed),
        minutes=active_ms(a.visible_ms for a in (*one.answers, *one.lessons)) / 60_000,
    )


def pay_state(decided: Document | None, acts: Sequence[Document]) -> PayState:
    """What became of a submission's money: the act that decided, and what came after it."""
    if decided is None:
        return "none"
    after_all = [
        a for a in acts if (a.get("override") or a["_id"].endswith(":extra:reward")) and a["refused_at"] is None
    ]
    if after_all:
        return "taken_back" if after_all[-1]["done_at"] else "taking_back"
    if decided.get("waits"):
        return "waits"
    if decided["act"] == "approve":
        return "paid" if decided["done_at"] else "paying"
    return "refused" if decided["done_at"] else "refusing"
