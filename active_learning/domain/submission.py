"""Answers and the submission that carries them: inserted once, never changed."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from active_learning.domain.value import Value

Device = Literal["key", "mouse", "touch", "pen", "unknown"]


class Response(Value):
    """One yes/no as the browser sends it.

    It names a place, not an image: what the browser gets must not tell which image is gold. Times are milliseconds that
    the page was open, over all visits, as the browser measured them.
    """

    position: int = Field(ge=0, description="place in this annotator's own order")
    value: bool = Field(description="True is yes")
    shown_ms: float = Field(default=0.0, ge=0.0, description="the decoded image was first on screen")
    decided_ms: float = Field(default=0.0, ge=0.0, description="the (last) answer was given")
    visible_ms: float = Field(default=0.0, ge=0.0, description="time on screen with the page visible")
    hidden_ms: float = Field(default=0.0, ge=0.0, description="time on screen with the page hidden")
    changes: int = Field(default=0, ge=0, le=10_000, description="how often the answer was changed")
    device: Device = "unknown"


class Answer(Response):
    """A response with the image that stood at its position.

    ``gold`` is the known answer where the image was gold in this assignment, ``None`` where it was asked.
    """

    image: str
    gold: bool | None = None


class Submission(Value):
    """The finished answers of one assignment, in the annotator's order: all that a verdict needs.

    ``lessons`` are answers to visible gold: they are neither votes nor judged.
    """

    id: str
    category: str
    task: str
    annotator: str
    market_assignment: str
    answers: tuple[Answer, ...]
    lessons: tuple[Answer, ...] = ()
    viewport: tuple[int, int] = (0, 0)
    submitted_at: datetime
