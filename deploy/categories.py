"""Categories that commands make on the way."""

from dataclasses import dataclass

from active_learning.domain.category import Category
from active_learning.domain.errors import InputError, NotFound
from active_learning.domain.intake import IntakePolicy
from api.operations import intake
from api.operations.context import Winnow

EVERYTHING = IntakePolicy()
"""What is let in where nobody says anything."""


@dataclass(frozen=True)
class NewCategory:
    """What a category becomes if it does not exist: its question, and what it lets in."""

    question: str | None
    intake: IntakePolicy = EVERYTHING


async def ensure_category(w: Winnow, slug: str, new: NewCategory) -> None:
    """Make sure that the category exists and its jobs are queued.

    Raises ``InputError`` for a new one without a question, and for one that exists and lets in something else.
    """
    try:
        present = await w.store.categories.definition(slug)
    except NotFound as error:
        if new.question is None:
            raise InputError(
                f"There is no category '{slug}' yet.", 'Give it a --question "..." to create it.'
            ) from error
        await intake.create_category(w, Category(slug=slug, question=new.question, intake=new.intake))
        return
    if new.intake not in (EVERYTHING, present.intake):
        raise InputError(f"The category '{slug}' exists, and lets in something else.", "Its page changes that.")
    await intake.schedule(w, slug)
