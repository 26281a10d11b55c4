"""A category: one visual concept with its yes/no question, instructions, examples and policy."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from active_learning.domain.policy import Policy
from active_learning.domain.value import Value


def _slug(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", text):
        raise ValueError("use 1 to 64 small letters, digits and hyphens, such as 'car' or 'night-street'")
    return text


Slug = Annotated[str, AfterValidator(_slug)]


class Category(Value):
    """The concept and how it is asked. ``examples_yes`` and ``examples_no`` are image ids (sha256)."""

    slug: Slug
    question: str = Field(min_length=3, max_length=200)
    instructions: str = Field(default="", max_length=4_000)
    examples_yes: tuple[str, ...] = ()
    examples_no: tuple[str, ...] = ()
    market: str = "turk"
    seed: int = 0
    policy: Policy = Policy()
