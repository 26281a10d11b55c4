"""What HTTP requests and replies look like where they are not domain types."""

from typing import Any

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


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorOut, "description": what}
    for status, what in (
        (401, "nobody is signed in"),
        (403, "this user or token may not do it"),
        (404, "there is no such thing"),
        (409, "it does not fit the present state"),
        (422, "what was sent is wrong"),
        (503, "the database or the market does not answer: try again"),
    )
}
"""What REST endpoints reply when something is wrong, for their description."""
