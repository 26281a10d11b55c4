"""A category: one visual concept with its yes/no question, instructions, examples and policy."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from active_learning.domain.intake import IntakePolicy
from active_learning.domain.policy import Policy
from active_learning.domain.value import Value


def _slug(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", text):
        raise ValueError("use 1 to 64 small letters, digits and hyphens, such as 'car' or 'night-street'")
    return text


Slug = Annotated[str, AfterValidator(_slug)]


class Example(Value):
    """Visible gold: an image (sha256) that annotators see together with its answer, and why it is so."""

    image: str = Field(max_length=200)
    answer: bool
    why: str = Field(default="", max_length=300)


class Category(Value):
    """The concept and how it is asked.

    ``examples`` stand beside the instructions; ``lessons`` are the first images of an annotator's first assignment
    and tell at once whether the answer was right. ``retired`` images (sha256) were one or the other once: what
    somebody may have seen with its answer checks nobody any more. ``market`` is where its annotators come from; empty:
    the market of the installation.
    """

    slug: Slug
    question: str = Field(min_length=3, max_length=200)
    instructions: str = Field(default="", max_length=4_000)
    examples: tuple[Example, ...] = ()
    lessons: tuple[Example, ...] = ()
    retired: tuple[str, ...] = ()
    market: str = Field(default="", max_length=40)
    seed: int = Field(default=0, ge=-(2**62), le=2**62)
    policy: Policy = Policy()
    intake: IntakePolicy = IntakePolicy()

    @property
    def visible(self) -> frozenset[str]:
        """Images whose answer annotators can know: never hidden gold."""
        return frozenset((*(example.image for example in (*self.examples, *self.lessons)), *self.retired))
