"""The wording of the MTurk Requester API: values in, values out, error codes to Winnow's errors. Calls nothing."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from active_learning.domain.errors import BudgetExhausted, Forbidden, InputError, NotFound, StateError, WinnowError
from workers.market.protocol import HitOrder, HitStatus, MarketAssignment, MarketBonus

SCHEMAS = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas"
QUESTION = f"{SCHEMAS}/2006-07-14/ExternalQuestion.xsd"
ANSWERS = f"{{{SCHEMAS}/2005-10-01/QuestionFormAnswers.xsd}}"
MAX_TITLE, MAX_FEEDBACK, MAX_TOKEN = 128, 1_024, 64
MAX_SUBJECT, MAX_MESSAGE = 200, 4_096

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ENTITY_ID = re.compile(r"\b(?=[0-9]*[A-Z])[A-Z0-9]{10,64}\b")
"""An id in a message has a letter; the number beside it is the time in milliseconds."""

_REFERENCE = re.compile(r" \(reference (\S+)\)$")

_PREFIX = "AWS.MechanicalTurk."


def error_code(response: Mapping[str, Any]) -> str:
    """What went wrong: the TurkErrorCode without its prefix in small letters, or else the AWS error code likewise.

    Amazon writes both ``HitAlreadyExists`` and ``HITAlreadyExists``.
    """
    code = response.get("TurkErrorCode") or response.get("Error", {}).get("Code", "")
    return str(code).removeprefix(_PREFIX).lower()


def refusal(code: str, message: str) -> WinnowError:
    """The error that stands for a refused call."""
    text = f"The market refuses: {message.strip().rstrip('.')}."
    if code.endswith("doesnotexist"):
        return NotFound(text, "It belongs to another account or market, or was deleted.")
    if code == "insufficientfunds":
        return BudgetExhausted(text, "Add money to the market account; what is open goes on then.")
    if code in _STATE:
        return StateError(text)
    if code in _CREDENTIALS:
        return Forbidden(text, "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that the account may do this.")
    return InputError(text, f"The market's error code is {code}.")


_STATE = frozenset(
    {
        "invalidhitstate",
        "invalidassignmentstate",
        "invalidmaximumassignmentsincrease",
        "hittoooldforextension",
        "assignmentalreadyexists",
    }
)
_CREDENTIALS = frozenset(
    {
        "permissiondeniedexception",
        "accessdeniedexception",
        "aws.badcredentialsupplied",
        "aws.badclaimssupplied",
        "aws.notauthorized",
        "expiredtokenexception",
        "incompletesignature",
        "invalidclienttokenid",
        "invalidsignatureexception",
        "missingauthenticationtokenexception",
        "signaturedoesnotmatch",
        "unrecognizedclientexception",
    }
)


def request_token(token: str) -> str:
    """A UniqueRequestToken (at most 64 characters) that is the same for the same ``token``."""
    return token if len(token) <= MAX_TOKEN else hashlib.sha256(token.encode()).hexdigest()


def external_question(url: str) -> str:
    """The XML of a task that is a page of ours; the frame fits the window."""
    return (
        f'<ExternalQuestion xmlns="{QUESTION}"><ExternalURL>{escape(url)}</ExternalURL>'
        "<FrameHeight>0</FrameHeight></ExternalQuestion>"
    )


def hit_type(order: HitOrder) -> dict[str, Any]:
    """The parameters of CreateHITType."""
    values = {
        "Title": order.title_within(MAX_TITLE),
        "Description": order.description,
        "Reward": dollars(order.reward_cents),
        "AssignmentDurationInSeconds": order.duration_s,
        "AutoApprovalDelayInSeconds": order.auto_approval_s,
    }
    return {**values, "Keywords": order.keywords} if order.keywords else values


def notification(url: str) -> dict[str, Any]:
    """The API's NotificationSpecification for an address that is told when somebody has something to collect."""
    return {
        "Destination": url,
        "Transport": "SNS",
        "Version": "2006-05-05",
        "EventTypes": ["AssignmentSubmitted", "HITReviewable", "HITExpired"],
    }


def feedback(text: str) -> str:
    """A text for an annotator as the API takes it: no control characters, at most 1,024 characters."""
    return _CONTROL.sub(" ", text)[:MAX_FEEDBACK]


def dollars(cents: int) -> str:
    """Cents as the API's CurrencyAmount: 60 is "0.60"."""
    return f"{cents // 100}.{cents % 100:02d}"


def cents(amount: str) -> int:
    """A CurrencyAmount in cents; Amazon's parts of a cent are dropped."""
    return int(Decimal(amount) * 100)


def ids_in(message: str) -> Iterator[str]:
    """Everything in an error message that may be a HIT's id."""
    return (match.group() for match in _ENTITY_ID.finditer(message))


def hit_status(hit: Mapping[str, Any]) -> HitStatus:
    """The API's HIT structure. Places of an expired HIT are still counted as available there; nobody can take them."""
    state = hit["HITStatus"].lower()
    return HitStatus(
        hit=hit["HITId"],
        annotation=hit.get("RequesterAnnotation", ""),
        state=state,
        pending=hit["NumberOfAssignmentsPending"],
        available=hit["NumberOfAssignmentsAvailable"] if state == "assignable" else 0,
        completed=hit["NumberOfAssignmentsCompleted"],
        max_assignments=hit["MaxAssignments"],
    )


def market_assignment(assignment: Mapping[str, Any]) -> MarketAssignment:
    """The API's Assignment structure."""
    return MarketAssignment(
        id=assignment["AssignmentId"],
        hit=assignment["HITId"],
        annotator=assignment["WorkerId"],
        state=assignment["AssignmentStatus"].lower(),
        fields=answer_fields(assignment.get("Answer", "")),
        accepted_at=assignment["AcceptTime"],
        submitted_at=assignment["SubmitTime"],
    )


def market_bonus(paid: Mapping[str, Any]) -> MarketBonus:
    """The API's BonusPayment structure."""
    reference = _REFERENCE.search(paid["Reason"])
    return MarketBonus(
        assignment=paid["AssignmentId"],
        annotator=paid["WorkerId"],
        cents=cents(paid["BonusAmount"]),
        token=reference[1] if reference else "",
    )


def answer_fields(xml: str) -> dict[str, str]:
    """QuestionFormAnswers as name -> text. XML that cannot be read has no fields.

    The answers themselves are in Winnow's own store: what a browser told the market must not keep anybody from pay.
    """
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return {}
    return {
        answer.findtext(f"{ANSWERS}QuestionIdentifier", ""): answer.findtext(f"{ANSWERS}FreeText", "")
        for answer in root.iter(f"{ANSWERS}Answer")
    }
