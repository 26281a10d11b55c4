"""Appeals: whoever was refused pay says why that is wrong, a person answers, and an accepted appeal is paid."""

from datetime import datetime

from active_learning.domain.errors import InputError, NotFound, StateError
from active_learning.domain.value import Value
from api.operations import reviewing, tokens
from api.operations.context import Winnow
from api.store import Session
from api.store.appeals import AppealState

LONGEST = 2_000


class Case(Value):
    """A refusal as its annotator sees it. ``state`` is that of the appeal, empty where nobody has objected yet.

    ``paid`` says that the money is on its way or has arrived.
    """

    submission: str
    category: str
    question: str
    refused: bool
    paid: bool
    reason: str
    submitted_at: datetime | None
    state: str = ""
    text: str = ""
    answer: str = ""


async def look(w: Winnow, token: str) -> Case:
    """The refusal that a link is about; raises ``Forbidden`` for a forged link, :class:`NotFound` for none."""
    submission = tokens.appealed(w, token)
    entry = await w.store.payments.get(submission.rpartition(":")[0])
    if entry is None:
        raise NotFound("There is no such submission any more.")
    category = await w.store.categories.definition(entry["category"])
    given = await w.store.submissions.get(submission)
    appeal = await w.store.appeals.get(submission) or {}
    acts = (await w.store.payments.about(entry["category"], entry["annotator"], [entry["_id"]]))[entry["_id"]]
    after_all = any(
        act["refused_at"] is None for act in acts if act.get("override") or act["_id"].endswith(":extra:reward")
    )
    return Case(
        submission=submission,
        category=category.slug,
        question=category.question,
        refused=entry["act"] == "reject" and not entry.get("waits"),
        paid=entry["act"] == "approve" or after_all,
        reason=str(entry["reason"]).partition(" If you think that this is wrong")[0],
        submitted_at=None if given is None else given.submitted_at,
        state=appeal.get("state", ""),
        text=appeal.get("text", ""),
        answer=appeal.get("answer", ""),
    )


async def send(w: Winnow, token: str, text: str, language: str) -> None:
    """Keep what somebody says against a refusal; it can be changed until it is answered.

    Raises :class:`InputError` for nothing or too much, :class:`StateError` for what is answered or paid.
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        raise InputError(f"An appeal has 1 to {LONGEST} characters; this has {len(text)}.", "Say what you did.")
    case = await look(w, token)
    if case.paid or not case.refused:
        raise StateError("This work is paid.", "There is nothing to object to.")
    entry = await w.store.payments.get(case.submission.rpartition(":")[0]) or {}
    fields = {"category": case.category, "annotator": entry["annotator"], "text": text, "language": language}
    if not await w.store.appeals.send(case.submission, fields, w.clock()):
        raise StateError("This appeal is answered.", "The answer stands on this page.")


async def answer(w: Winnow, submission: str, accept: bool, words: str, by: str) -> bool:
    """Answer an appeal: accepted, it is paid; its annotator reads the words at the link. A repeat changes nothing.

    Says whether this call did it. Raises :class:`StateError` for one that was answered otherwise, and what
    :func:`reviewing.take_back` raises.
    """
    words = " ".join(words.split())
    if not words or len(words) > reviewing.LONGEST_REASON:
        raise InputError(
            f"An answer has 1 to {reviewing.LONGEST_REASON} characters.", "The annotator reads it: say what you found."
        )
    appeal = await w.store.appeals.get(submission)
    if appeal is None:
        raise NotFound("There is no such appeal.", "The list has all that wait.")
    state: AppealState = "accepted" if accept else "declined"
    if appeal["state"] != "open":
        if appeal["state"] != state:
            raise StateError(f"This appeal was {appeal['state']} by {appeal['by']}.", "Load the page again.")
        return False
    refusal = await reviewing.refusal(w, submission) if accept else None

    async def work(session: Session) -> bool:
        if not await w.store.appeals.answer(submission, state, words, by, w.clock(), session):
            return False
        if refusal is not None:
            await reviewing.take_back(w, refusal, (by, words), session)
        return True

    return await w.store.transact(work)
