"""What HTTP requests and replies look like where they are not domain types."""

from pydantic import Field

from active_learning.domain.submission import Response
from active_learning.domain.value import Value


class AnswersIn(Value):
    """Answers as the task page saves them, some at a time."""

    answers: tuple[Response, ...] = Field(max_length=1_000)


class Saved(Value):
    """How many answers are stored now that they came."""

    saved: int


class SubmissionIn(Value):
    """The end of an assignment. ``viewport`` is width and height in CSS pixels."""

    viewport: tuple[int, int] = (0, 0)


class GoldAnswer(Value):
    """A researcher's answer to one image."""

    image: str = Field(pattern="^[0-9a-f]{64}$")
    value: bool


class GoldIn(Value):
    """A researcher's answers."""

    answers: tuple[GoldAnswer, ...] = Field(max_length=1_000)


class ErrorBody(Value):
    """What is wrong and what to do about it."""

    message: str
    hint: str


class ErrorOut(Value):
    """The one shape of every error."""

    error: ErrorBody
