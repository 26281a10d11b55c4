"""The images that teach, as their form has them: kept, changed, taken out, and one added by its name."""

import re

from active_learning.domain.category import Category, Example
from active_learning.domain.errors import InputError
from api.operations import curating
from api.operations.context import Winnow
from api.operations.forms import Typed

KINDS = ("examples", "lessons")
SHA256 = re.compile("[0-9a-f]{64}")
LONGEST = 300


async def teach(w: Winnow, slug: str, kind: str, typed: Typed) -> None:
    """Change the examples or the lessons of a category as the form says.

    Raises:
        NotFound: no such category.
        InputError: an image that cannot teach, or a reason that is too long; then nothing has changed.
    """
    category = await w.store.categories.definition(slug)
    if kind not in KINDS:
        raise InputError(f"There are no {kind}.", f"There are {' and '.join(KINDS)}.")
    named = [
        Example(image=one.image, answer=one.answer, why=_why(typed, f"{kind}.{one.image}.why", one.why))
        for one in _present(category, kind)
        if typed.get(f"{kind}.{one.image}.out") != "on"
    ]
    if added := typed.get(f"{kind}.added", "").strip():
        answer = typed.get(f"{kind}.added.answer", "")
        if answer not in ("yes", "no"):
            raise InputError("Is it a yes or a no?", "Choose the answer of the image that you add.")
        image = await _resolved(w, slug, added)
        named.append(Example(image=image, answer=answer == "yes", why=_why(typed, f"{kind}.added.why", "")))
    if kind == "examples":
        await curating.teach(w, slug, None, named)
    else:
        await curating.teach(w, slug, named, None)


def _present(category: Category, kind: str) -> tuple[Example, ...]:
    return category.examples if kind == "examples" else category.lessons


def _why(typed: Typed, name: str, present: str) -> str:
    why = typed.get(name, present).strip()
    if len(why) > LONGEST:
        raise InputError(f"A reason has {len(why)} letters.", f"Annotators read at most {LONGEST}.")
    return why


async def _resolved(w: Winnow, slug: str, name: str) -> str:
    """The image of the category with this id or file name."""
    if SHA256.fullmatch(name.lower()):
        return name.lower()
    found = [document["_id"] for document in await w.store.images.named([name])]
    here = [image for image in found if image in await w.store.candidates.shown(slug, found)]
    if len(here) != 1:
        what = "No image" if not here else "More than one image"
        raise InputError(f"{what} of '{slug}' is called '{name}'.", "Its page shows its id, which is always its own.")
    return str(here[0])
