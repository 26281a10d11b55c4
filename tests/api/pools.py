"""A pool with a candidate in every standing, for tests of browsing, task sets and acts by hand."""

from active_learning.domain.label import Source
from api.operations import curating, intake, rounds
from api.operations.context import Winnow
from tests import factories

SLUG = "bright"


async def pool(w: Winnow, images: int = 60, gold: int = 8, **policy: object) -> dict[str, bool]:
    """A category of pictures with gold and a drawn validation sample; returns image -> truth."""
    found, truth = factories.new_images(range(images), yes_every=3)
    numbers = {"slots": 20, "hidden_gold": 6, "batch": 10, "validation": 10, "redundancy": 1, "lessons": 0}
    await intake.create_category(w, factories.category(SLUG, **(numbers | policy)))
    await intake.add_images(w, SLUG, found)
    for value in (True, False):
        side = [image for image, answer in truth.items() if answer is value][:gold]
        await curating.give_gold(w, SLUG, dict.fromkeys(side, value), Source.IMPORTED, {"by": "test"})
    await rounds.draw_validation(w, SLUG)
    return truth


async def in_role(w: Winnow, role: str, **more: object) -> list[str]:
    """Images of a role, in the order of draws."""
    return [c["image"] for c in await w.store.candidates.find(SLUG, {"role": role, **more}, ["image"])]


async def untouched(w: Winnow) -> list[str]:
    """Images that may be chosen."""
    return await in_role(w, "train", state="unknown", votes_wanted=False, disputed=False)
