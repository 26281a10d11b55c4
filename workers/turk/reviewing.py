"""Carries out review policies. Moves mark a HIT that has some; ``catch_up`` then calls ``review``, as often as needed.

Results and intended actions are stored in one transaction, the actions carried out after it. Whoever finds them again
after a crash goes on with those that are still Intended.
"""

from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from pymongo import ReturnDocument

from workers.turk import notifications, review_policies
from workers.turk.database import Database, Document, Session
from workers.turk.errors import RequestRefused
from workers.turk.identifiers import digest_id, new_id, order_key
from workers.turk.ledger import Books
from workers.turk.review_policies import Policy
from workers.turk.states import DISPOSAL_DELAY, LISTED, Assignment, AssignmentState, Hit, HitStatus, hit_status, price

_DONE = {"approve": "Approved", "reject": "Rejected"}
_DECIDED = {"approve": AssignmentState.APPROVED, "reject": AssignmentState.REJECTED}


class Deciding(Protocol):
    """``lifecycle.approve`` or ``lifecycle.reject``. Arguments, because they live where this is called from."""

    def __call__(self, database: Database, assignment_id: str, feedback: str, now: datetime) -> Awaitable[None]:
        """Decides about one assignment. Raises RequestRefused when its state does not allow it."""
        ...


async def notice(database: Database, session: Session, hit: Hit | None, now: datetime) -> None:
    """Part of each move that may make policies speak: a HIT that has some is due for review at once."""
    if hit is not None and hit.get("policies"):
        await database.hits.update_one(
            {"_id": hit["_id"]}, {"$set": {"review_due": new_id(), "due_at": now}}, session=session
        )


async def review(database: Database, hit_id: str, now: datetime, decisions: Mapping[str, Deciding]) -> None:
    """Scores what is new in a HIT that is due for review and carries out what its policies say."""
    hit = await database.hits.find_one({"_id": hit_id, "disposed": False, "review_due": {"$exists": True}})
    if hit is None:
        return
    if "Assignment" in hit["policies"]:
        await _score_assignments(database, hit, now)
    if "HIT" in hit["policies"]:
        await _compare(database, hit, now)
    async for action in database.reviews.find({"hit": hit_id, "kind": "action", "Status": "Intended"}).sort("order", 1):
        await _carry_out(database, action, now, decisions)
    await _settle(database, hit)


async def _score_assignments(database: Database, hit: Hit, now: datetime) -> None:
    policy = review_policies.read_policy("Assignment", hit["policies"]["Assignment"])
    new = {"hit": hit["_id"], "state": {"$in": list(LISTED)}, "known_score": {"$exists": False}}
    async for assignment in database.assignments.find(new).sort("order", 1):
        await _score(database, hit, policy, assignment, now)


async def _score(database: Database, hit: Hit, policy: Policy, assignment: Assignment, now: datetime) -> None:
    answers = review_policies.read_answers(assignment["answer"])
    correct, score = review_policies.known_answer_results(policy, answers)
    report = _Report(hit, "Assignment", now)
    for question, right in correct.items():
        report.result(assignment["_id"], "Assignment", "KnownAnswerCorrect", str(int(right)), question)
    report.result(assignment["_id"], "Assignment", "KnownAnswerScore", str(score))
    report.decide(policy, assignment, score)
    extension = policy.extension
    if extension is not None and score < extension.below:
        report.act("extend", hit["_id"], "HIT", extension.seconds, extension.places, because_of=assignment["_id"])

    async def act(session: Session) -> None:
        scored = await database.assignments.update_one(
            {"_id": assignment["_id"], "known_score": {"$exists": False}},
            {"$set": {"known_score": score}},
            session=session,
        )
        if scored.matched_count:
            await report.store(database, session)

    await database.atomically(act)


async def _compare(database: Database, hit: Hit, now: datetime) -> None:
    if hit_status(hit, now) not in {HitStatus.REVIEWABLE, HitStatus.REVIEWING}:
        return
    policy = review_policies.read_policy("HIT", hit["policies"]["HIT"])
    found = [item async for item in database.assignments.find({"hit": hit["_id"], "state": {"$in": list(LISTED)}})]
    counted = {item["_id"]: review_policies.read_answers(item["answer"]) for item in found if _counts(policy, item)}
    agreed = review_policies.agreement(policy, counted)
    report = _Report(hit, "HIT", now)
    for question, score in agreed.scores.items():
        for name, given in counted.items():
            agrees = given.get(question) == agreed.answers[question]
            report.result(name, "Assignment", "AgreedWithPlurality", str(int(agrees)), question)
        report.result(hit["_id"], "HIT", "PluralityAnswer", "|".join(sorted(agreed.answers[question])), question)
        report.result(hit["_id"], "HIT", "PluralityLevel", str(score), question)
    report.result(hit["_id"], "HIT", "HITAgreementScore", str(agreed.hit))
    for assignment in found:
        worker_score = agreed.workers.get(assignment["_id"])
        if worker_score is not None:
            report.result(assignment["_id"], "Assignment", "WorkerAgreementScore", str(worker_score))
            report.decide(policy, assignment, worker_score)
    extension = policy.extension
    if extension is not None and agreed.hit < extension.below:
        # Once for so many places: a HIT that comes back unchanged is not extended for the same answers again.
        report.act("extend", hit["_id"], "HIT", extension.seconds, extension.places, because_of=str(len(found)))

    async def act(session: Session) -> None:
        # A later comparison knows more answers: its results take the place of the earlier ones.
        await database.reviews.delete_many({"hit": hit["_id"], "level": "HIT", "kind": "result"}, session=session)
        await report.store(database, session)

    await database.atomically(act)


def _counts(policy: Policy, assignment: Assignment) -> bool:
    if policy.disregard_rejected and assignment["state"] == AssignmentState.REJECTED:
        return False
    return policy.disregard_below is None or assignment.get("known_score", 101) >= policy.disregard_below


class _Report:
    """What one look at a HIT found out and means to do."""

    def __init__(self, hit: Hit, level: str, now: datetime) -> None:
        self._hit, self._level, self._now = hit, level, now
        self._entries: list[Document] = []

    def result(self, subject: str, kind: str, key: str, value: str, question: str | None = None) -> None:
        about = {"SubjectId": subject, "SubjectType": kind, "QuestionId": question, "Key": key}
        # The same for whoever looks at the same moment: it is there once.
        identifier = digest_id({"hit": self._hit["_id"], "level": self._level, **about})
        self._add(identifier, "result", {**about, "Value": value})

    def decide(self, policy: Policy, assignment: Assignment, score: int) -> None:
        verdict = policy.verdict(score)
        if verdict is None or assignment["state"] != AssignmentState.SUBMITTED:
            return
        reason = policy.approve_reason if verdict == "approve" else policy.reject_reason
        self.act(verdict, assignment["_id"], "Assignment", reason)

    def act(self, name: str, target: str, kind: str, *details: object, because_of: str = "") -> None:
        identifier = digest_id({"level": self._level, "name": name, "target": target, "because_of": because_of})
        intended = {"ActionName": name, "TargetId": target, "TargetType": kind, "Status": "Intended"}
        self._add(identifier, "action", {**intended, "details": list(details)})

    def _add(self, identifier: str, kind: str, fields: Document) -> None:
        about = {"hit": self._hit["_id"], "requester": self._hit["requester"], "level": self._level, "kind": kind}
        self._entries.append({"_id": identifier, "order": order_key(self._now, identifier), **about, **fields})

    async def store(self, database: Database, session: Session) -> None:
        """Adds what is new. Entries stay as they are: the transaction may run again."""
        for entry in self._entries:
            fields = {name: value for name, value in entry.items() if name != "_id"}
            await database.reviews.update_one(
                {"_id": entry["_id"]}, {"$setOnInsert": fields}, upsert=True, session=session
            )


async def _carry_out(database: Database, action: Document, now: datetime, decisions: Mapping[str, Deciding]) -> None:
    name, target, details = action["ActionName"], action["TargetId"], action["details"]
    try:
        if name == "extend":
            await _extend(database, action, now)
            return
        await decisions[name](database, target, details[0], now)
    except RequestRefused as refused:
        done = name in _DECIDED and await database.assignments.find_one({"_id": target, "state": _DECIDED[name]})
        if not done:
            await _close(database, action, None, now, "Failed", refused.message, refused.code)
            return
    await _close(database, action, None, now, "Succeeded", _DONE[name])


async def _extend(database: Database, action: Document, now: datetime) -> None:
    """One more place, in the same transaction as its note: it is never added twice."""
    seconds, places = action["details"]

    async def act(session: Session) -> None:
        hit = await database.hits.find_one({"_id": action["TargetId"]}, session=session)
        limit = review_policies.Extension(below=0, places=places)
        if hit is None or hit["disposed"] or not limit.fits(hit["max_assignments"]):
            await _close(database, action, session, now, "Cancelled", "The HIT has as many assignments as it may have")
            return
        if not await _close(database, action, session, now, "Succeeded", "1 assignment added"):
            return
        change: dict[str, Any] = {"reviewing": False}
        if seconds is not None:
            change |= {"expires_at": max(hit["expires_at"], now + timedelta(seconds=seconds)), "expired": False}
        expired = change.get("expired", hit["expired"])
        more = {"max_assignments": 1, "available": 1}
        await database.hits.update_one({"_id": hit["_id"]}, {"$set": change, "$inc": more}, session=session)
        held = 0 if hit["expired"] else hit["available"]
        wanted = 0 if expired else hit["available"] + 1
        await Books(database, session, hit["requester"], now).hold(hit["_id"], price(hit) * (wanted - held))
        await notifications.record(database, session, hit, now, notifications.Event.HIT_EXTENDED)

    await database.atomically(act)


async def _close(
    database: Database,
    action: Document,
    session: Session | None,
    now: datetime,
    status: str,
    result: str,
    code: str | None = None,
) -> bool:
    ended = {"Status": status, "CompleteTime": now, "Result": result, "ErrorCode": code}
    done = await database.reviews.update_one(
        {"_id": action["_id"], "Status": "Intended"}, {"$set": ended}, session=session
    )
    return done.matched_count == 1


async def _settle(database: Database, hit: Hit) -> None:
    """Nothing is left to review, unless a move marked the HIT again in the meantime; then time moves it as before."""

    async def act(session: Session) -> None:
        mine = {"_id": hit["_id"], "review_due": hit["review_due"]}
        found = await database.hits.find_one_and_update(
            mine, {"$unset": {"review_due": ""}}, session=session, return_document=ReturnDocument.AFTER
        )
        if found is not None and not found["disposed"]:
            due = found["expires_at"] + (DISPOSAL_DELAY if found["expired"] else timedelta())
            await database.hits.update_one({"_id": hit["_id"]}, {"$set": {"due_at": due}}, session=session)

    await database.atomically(act)
