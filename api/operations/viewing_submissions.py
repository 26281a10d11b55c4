"""One submission answer by answer, and the desk of appeals and decisions."""

from active_learning import conduct
from active_learning.domain.errors import NotFound
from active_learning.domain.submission import Submission
from api.operations import appeals
from api.operations.context import Winnow
from api.operations.viewing_workers import moment_of, pay_state, place_of, submission_rows
from api.store.connection import Document
from labeling_ui import contexts
from labeling_ui.contexts.workers import Typed

ROWS = 25
ANSWERED = 10


async def submission_row(w: Winnow, submission: str) -> contexts.SubmissionRow:
    """One submission with what became of it; raises :class:`NotFound`. One without answers has a row, too."""
    one = await w.store.submissions.get(submission)
    if one is not None:
        (row,) = await submission_rows(w, one.category, one.annotator, [one])
        return row
    entry = await w.store.payments.get(submission.rpartition(":")[0])
    if entry is None or submission != f"{entry['_id']}:{entry['annotator']}":
        raise NotFound("There is no such submission.", "The worker's page has all of them.")
    acts = (await w.store.payments.about(entry["category"], entry["annotator"], [entry["_id"]]))[entry["_id"]]
    return contexts.SubmissionRow(
        id=submission,
        worker=entry["annotator"],
        category=entry["category"],
        task=str(entry.get("task", "")),
        name=str(entry.get("task", "")),
        submitted_at=None,
        use=False,
        pay=pay_state(entry, acts),
        reason=str(entry["reason"]).partition(" If you think that this is wrong")[0],
        appeal=(await w.store.appeals.of([submission])).get(submission, ""),
    )


async def submission_page(
    w: Winnow, worker: str, submission: str, done: str = "", typed: Typed | None = None
) -> contexts.SubmissionPage:
    """The time of every image in order, with answers and gold; raises :class:`NotFound`."""
    row = await submission_row(w, submission)
    if row.worker != worker:
        raise NotFound("There is no such submission.", "The worker's page has all of them.")
    category = await w.store.categories.definition(row.category)
    one = await w.store.submissions.get(submission)
    decided = await _decided(w, one)
    rows = [] if one is None else answer_rows(one, decided)
    compared = [a for a in rows if a.decided is not None]
    earlier, later = (None, None) if one is None else await w.store.submissions.beside(one)
    return contexts.SubmissionPage(
        row=row,
        question=category.question,
        answers=tuple(rows),
        lessons=0 if one is None else len(one.lessons),
        crowd_s=await crowd_s(w, row.category),
        viewport=(0, 0) if one is None else one.viewport,
        longest_run=conduct.longest_run([a.value for a in rows]),
        agreed=sum(a.value is a.decided for a in compared),
        compared=len(compared),
        number=await w.store.payments.extras(submission) + 1,
        earlier=f"/workers/{worker}/submissions/{earlier}" if earlier else "",
        later=f"/workers/{worker}/submissions/{later}" if later else "",
        done=done,
        typed=typed or Typed(),
    )


async def crowd_s(w: Winnow, category: str) -> float | None:
    """Everybody's middle time an image: the middle of the bin that has it."""
    times = await w.store.workers.times(category)
    counts = [times.get(str(n), 0) for n in range(conduct.BINS)]
    return conduct.median_s(counts)


async def _decided(w: Winnow, one: Submission | None) -> dict[str, bool]:
    """What people have decided about the images that were asked."""
    asked = [] if one is None else [answer.image for answer in one.answers if answer.gold is None]
    labels = await w.store.labels.newest(one.category, asked) if one is not None and asked else {}
    return {image: bool(label.value) for image, label in labels.items() if label.source == "human"}


def answer_rows(one: Submission, decided: dict[str, bool]) -> list[contexts.AnswerRow]:
    """Answers in the annotator's own order."""
    return [
        contexts.AnswerRow(
            place=place,
            image=answer.image,
            value=answer.value,
            gold=answer.gold,
            decided=decided.get(answer.image) if answer.gold is None else None,
            seconds=conduct.seconds(answer),
            hidden_s=answer.hidden_ms / 1_000,
            changes=answer.changes,
            device=answer.device,
        )
        for place, answer in enumerate(one.answers, 1)
    ]


async def appeals_page(w: Winnow, after: str = "", done: str = "", typed: Typed | None = None) -> contexts.AppealsPage:
    """What waits for a person, the longest waiting first."""
    found = await w.store.appeals.waiting(moment_of(after) if after else None, ROWS + 1)
    shown = found[:ROWS]
    more = place_of(shown[-1]["sent_at"], shown[-1]["_id"]) if len(found) > ROWS else ""
    waiting = await w.store.payments.waiting(None, ROWS)
    return contexts.AppealsPage(
        appeals=tuple([await appeal_row(w, document) for document in shown]),
        following=more,
        waiting=tuple([await submission_row(w, f"{entry['_id']}:{entry['annotator']}") for entry in waiting]),
        answered=tuple([await appeal_row(w, document) for document in await w.store.appeals.answered(ANSWERED)]),
        done=done,
        typed=typed or Typed(),
    )


async def appeal_row(w: Winnow, document: Document) -> contexts.AppealRow:
    """An appeal with what the refusal said."""
    row = await submission_row(w, document["_id"])
    names = ("text", "language", "sent_at", "state", "answer", "by", "answered_at")
    return contexts.AppealRow(
        submission=row.id,
        worker=row.worker,
        category=row.category,
        reason=row.reason,
        gold=row.gold,
        right=row.right,
        **{name: document[name] for name in names},
    )


async def appeal_page(
    w: Winnow, token: str, language: str, sent: bool = False, problem: str = "", text: str | None = None
) -> contexts.AppealPage:
    """What somebody who was refused sees at their link."""
    case = await appeals.look(w, token)
    return contexts.AppealPage(
        language=language,
        token=token,
        question=case.question,
        reason=case.reason,
        refused=case.refused,
        paid=case.paid,
        state=case.state,
        text=case.text if text is None else text,
        answer=case.answer,
        sent=sent,
        problem=problem,
        longest=appeals.LONGEST,
    )
