"""From submissions to flags: what the core finds in somebody's work is written down for a person to look at."""

from collections.abc import Sequence
from math import comb

from active_learning import conduct
from active_learning.conduct import Agreement, Finding
from active_learning.domain.policy import Policy
from active_learning.domain.submission import Submission
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import Document

CROWD = 500
"""Somebody is compared with so many others at most: those who worked last."""

RECENT = 30
"""Submissions that are looked at in detail: the newest ones."""

AT_ONCE = 50


async def look(w: Winnow, slug: str) -> int:
    """Look at those who have submitted something since they were looked at; returns how many flags are new or open."""
    policy = (await w.store.categories.definition(slug)).policy
    stale = await w.store.workers.stale(slug, AT_ONCE)
    crowd = await w.store.workers.crowd(slug, CROWD) if stale else []
    raised = 0
    for who in stale:
        annotator = who["annotator"]
        submissions = await _recent(w, slug, annotator)
        own = await agreement(w, slug, submissions)
        others = [one for one in crowd if one["annotator"] != annotator]
        for finding in findings(who, submissions, own, others, policy):
            raised += await _raise(w, who, finding)
        await w.store.workers.looked_at(slug, annotator, who["submissions"], own.model_dump())
    return raised


def findings(
    who: Document, submissions: Sequence[Submission], own: Agreement, others: Sequence[Document], policy: Policy
) -> list[Finding]:
    """What there is to look at in somebody's work. ``who`` and ``others`` are kept sums, ``submissions`` the newest."""
    people = len(others) + 1
    at = conduct.level(people, who["submissions"])
    found = [
        conduct.one_answer([one.answers for one in submissions], policy.honest_accuracy, at),
        conduct.falling([a.value is a.gold for one in submissions for a in one.answers if a.gold is not None], at),
        conduct.knows_gold(own, _sum([one["agreement"] for one in others if one.get("agreement")]), at),
    ]
    if who["timed"]:
        paces = [one["log_s"] / one["timed"] for one in others if one["timed"] >= conduct.LEAST_TIMES]
        once = conduct.level(people)
        found.append(conduct.too_fast(who["log_s"] / who["timed"], who["timed"], paces, once))
        patterns = {one["annotator"]: one["pattern"] for one in others if one.get("pattern")}
        pairs = conduct.level(comb(people, 2), who["submissions"])
        found.append(conduct.shared_timing(who.get("pattern", []), patterns, pairs))
    return [finding for finding in found if finding is not None]


async def _recent(w: Winnow, slug: str, annotator: str) -> list[Submission]:
    """The newest judged submissions of somebody, oldest first."""
    return (await w.store.submissions.newest(slug, annotator, None, RECENT))[::-1]


async def agreement(w: Winnow, slug: str, submissions: Sequence[Submission]) -> Agreement:
    """How often gold was right, and other answers agree with what people have decided about their images."""
    answers = [answer for one in submissions for answer in one.answers]
    asked = sorted({answer.image for answer in answers if answer.gold is None})
    labels = await w.store.labels.newest(slug, asked)
    decided = {image: label.value for image, label in labels.items() if label.source == "human"}
    compared = [answer for answer in answers if answer.gold is None and decided.get(answer.image) is not None]
    gold = [answer for answer in answers if answer.gold is not None]
    return Agreement(
        right=sum(answer.value is answer.gold for answer in gold),
        gold=len(gold),
        agreed=sum(answer.value is decided[answer.image] for answer in compared),
        compared=len(compared),
    )


def _sum(parts: Sequence[Document]) -> Agreement:
    return Agreement(**{name: sum(int(part[name]) for part in parts) for name in Agreement.model_fields})


async def _raise(w: Winnow, who: Document, finding: Finding) -> bool:
    slug, annotator = who["category"], who["annotator"]

    async def work(session: Session) -> bool:
        before = await w.store.flags.put(slug, annotator, finding, who["submissions"], w.clock(), session)
        if before in ("", "dismissed"):
            await w.store.workers.count_flags(slug, annotator, {"open": 1}, session)
        return before != "decided"

    return await w.store.transact(work)
