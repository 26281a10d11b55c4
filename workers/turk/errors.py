"""The error tree of the marketplace.

TurkError                  everything below carries a message for the reader
├── RequestRefused         a requester's call is answered with RequestError and a TurkErrorCode
│   ├── SignatureRefused   who asks is not known: answered with AWS's own code
│   ├── InvalidParameter   a value breaks the service model or a documented limit
│   └── InsufficientFunds  the prepaid balance does not cover the act
├── WorkerRefused          a worker's act is answered with a page; carries the HTTP status and a hint
│   ├── NotThere           no such HIT or assignment for this worker
│   ├── SignInFirst        nobody is signed in; a page leads to the entrance
│   ├── NotNow             it exists, but its state does not allow the act
│   │   └── Unqualified    the HIT asks for qualifications that the worker lacks
│   └── FormRefused        the form is incomplete, too large, or did not come from our own page
├── Disturbed              a call goes wrong because the chaos switches say so
├── DeliveryFailed         a notification did not arrive where it was meant to
├── SettingsError          the marketplace cannot start with these settings
└── ModelMismatch          our own reply does not fit the service model: a bug on our side
"""

from collections.abc import Mapping, Sequence
from typing import Any


class TurkError(Exception):
    """Root of the tree. ``message`` says what is wrong and what can be done."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RequestRefused(TurkError):
    """A requester's call cannot be carried out. ``code`` is the TurkErrorCode that clients match on."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SignatureRefused(RequestRefused):
    """The request's signature does not show who asks. ``kind`` is the error code that AWS gives in its place."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__("AWS.BadCredentialSupplied", message)
        self.kind = kind


class InvalidParameter(RequestRefused):
    """A value that the service model or a documented limit does not allow."""

    def __init__(self, message: str) -> None:
        super().__init__("AWS.MechanicalTurk.InvalidParameterValue", message)


class InsufficientFunds(RequestRefused):
    """The requester's available balance is smaller than what the act needs."""

    def __init__(self) -> None:
        super().__init__(
            "AWS.MechanicalTurk.InsufficientFunds",
            "This Requester has insufficient funds in their account to complete this transaction.",
        )


class WorkerRefused(TurkError):
    """A worker's act cannot be carried out. ``status`` is the HTTP status, ``hint`` says what the worker can do."""

    status = 400

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NotThere(WorkerRefused):
    """No such HIT or assignment, or not this worker's."""

    status = 404


class SignInFirst(WorkerRefused):
    """The page or form needs somebody who is signed in."""

    status = 401


class NotNow(WorkerRefused):
    """The HIT or assignment is in a state that does not allow the act."""

    status = 409


class Unqualified(NotNow):
    """The HIT asks for qualifications that the worker lacks: ``missing`` are its requirements, as stored."""

    def __init__(self, missing: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("This HIT asks for qualifications that you do not have.", "Your qualifications page helps.")
        self.missing = missing


class FormRefused(WorkerRefused):
    """A form that is incomplete, too large, or not from our own page."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status


class Disturbed(TurkError):
    """An answer that only the chaos switches give: HTTP status and the kind of error that clients see."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class DeliveryFailed(TurkError):
    """A notification did not arrive, or never can. The message says why."""


class SettingsError(TurkError):
    """A setting is missing, unknown or impossible."""


class ModelMismatch(TurkError):
    """A reply of ours has a field or a type that the service model does not know."""
