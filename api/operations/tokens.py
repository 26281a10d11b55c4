"""Signed, expiring tokens: who holds one may work on one assignment until its time is over, and on nothing else."""

from datetime import UTC, datetime

from itsdangerous import BadSignature, URLSafeSerializer

from active_learning.domain.errors import Forbidden
from api.operations.context import Winnow


def issue(w: Winnow, assignment: str, until: datetime) -> str:
    """A token for an assignment, good until ``until``. The same arguments give the same token."""
    return str(_serializer(w).dumps([assignment, int(until.timestamp())]))


def assignment_of(w: Winnow, token: str) -> str:
    """The assignment of a token; raises :class:`Forbidden` for one that is forged, damaged or past its time."""
    try:
        assignment, until = _serializer(w).loads(token)
    except BadSignature as error:
        raise Forbidden("This link is not valid.", "Open the task from the marketplace.") from error
    if w.clock() > datetime.fromtimestamp(until, UTC):
        raise Forbidden("This page has expired.", "Load it again from the marketplace; your answers are kept.")
    return str(assignment)


def appeal(w: Winnow, submission: str) -> str:
    """What lets whoever holds it object to the refusal of a submission, and read the answer. It does not expire."""
    return str(_appeals(w).dumps(submission))


def appealed(w: Winnow, token: str) -> str:
    """The submission that a link is about; raises :class:`Forbidden` for one that is forged or damaged."""
    try:
        return str(_appeals(w).loads(token))
    except BadSignature as error:
        raise Forbidden("This link is not valid.", "Copy the whole address from the marketplace.") from error


def _appeals(w: Winnow) -> URLSafeSerializer:
    return URLSafeSerializer(w.secret, salt="appeal", serializer_kwargs={"separators": (",", ":")})


def _serializer(w: Winnow) -> URLSafeSerializer:
    return URLSafeSerializer(w.secret, salt="assignment", serializer_kwargs={"separators": (",", ":")})
