"""What a category lets into its pool, changed by its researcher."""

from math import isfinite

from active_learning.domain.errors import InputError
from active_learning.domain.intake import IntakePolicy
from api.operations.context import Winnow

MOST_PIXELS = 1_000_000
"""No side of any image is longer."""


async def change(w: Winnow, slug: str, policy: IntakePolicy) -> None:
    """Let images in by ``policy`` from now on; what is in the pool stays.

    Raises ``NotFound`` for an unknown category, ``InputError`` for a policy that no image can pass.
    """
    await w.store.categories.get(slug)
    check(policy)
    await w.store.categories.put(slug, {"category.intake": policy.model_dump(mode="json")})


def check(policy: IntakePolicy) -> None:
    """Raise ``InputError`` for a policy that no image can pass."""
    if policy.licences == ():
        raise InputError("No licence is let in.", "Choose at least one, or let in everything.")
    if policy.max_side > MOST_PIXELS:
        raise InputError(f"No image has a side of {policy.max_side:,} pixels.", f"Give at most {MOST_PIXELS:,}.")
    if policy.min_side > policy.max_side:
        raise InputError("The shortest side is longer than the longest.", "No image could be let in.")
    if not (isfinite(policy.max_aspect) and isfinite(policy.min_sharpness)):
        raise InputError("Shape and sharpness are numbers with an end.", "0 lets in any sharpness.")
