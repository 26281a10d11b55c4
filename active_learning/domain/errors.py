"""The error tree of Winnow.

WinnowError               everything below carries a message and a hint: what the reader can do
├── InputError            what was handed in is wrong: a file, a word, a number, an image
│   ├── ImageRefused      bytes that are not an acceptable image
│   └── LabelFileError    a label file with unknown paths or words
├── NotFound              no such category, task, assignment, model
├── StateError            the act does not fit the present state
│   ├── IllegalMove       a candidate move that the table of moves does not allow
│   └── AlreadyClosed     the assignment or task has ended
├── Unauthenticated       nobody is signed in, and the act needs somebody
├── Forbidden             a token is missing, forged or expired; or this user may not do it
├── BudgetExhausted       the category's money does not cover the act
└── Unavailable           something outside does not answer; trying again may help
    ├── QuotaExhausted    a source of images wants no more requests for a while
    ├── StoreUnavailable  MongoDB
    └── MarketUnavailable a marketplace
"""


class WinnowError(Exception):
    """Root of the tree. ``message`` says what is wrong, ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Message and hint on one line, as the command line prints it."""
        return f"{self.message} {self.hint}".strip()


class InputError(WinnowError):
    """What was handed in is wrong."""


class ImageRefused(InputError):
    """Bytes that are not an acceptable image. ``reason`` is a short countable word."""

    def __init__(self, reason: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason


class LabelFileError(InputError):
    """A label file with unknown paths or words."""


class NotFound(WinnowError):
    """No such thing."""


class StateError(WinnowError):
    """The act does not fit the present state."""


class IllegalMove(StateError):
    """A candidate move that the table of moves does not allow."""


class AlreadyClosed(StateError):
    """The assignment or task has ended."""


class Unauthenticated(WinnowError):
    """Nobody is signed in, and the act needs somebody."""


class Forbidden(WinnowError):
    """A token is missing, forged or expired; or this user may not do it."""


class BudgetExhausted(WinnowError):
    """The category's money does not cover the act."""


class Unavailable(WinnowError):
    """Something outside does not answer; trying again may help."""


class QuotaExhausted(Unavailable):
    """A source of images wants no more requests for ``seconds``."""

    def __init__(self, message: str, hint: str = "", seconds: float = 3_600.0) -> None:
        super().__init__(message, hint)
        self.seconds = seconds


class StoreUnavailable(Unavailable):
    """MongoDB does not answer."""


class MarketUnavailable(Unavailable):
    """A marketplace does not answer."""
