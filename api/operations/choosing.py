"""From a curator's list to candidates: what it names, what it misses, what stands twice, what may not be chosen."""

from collections import Counter
from collections.abc import Mapping, Sequence

from active_learning.domain.candidate import State
from active_learning.domain.choice import SAID, HandAct, Standing, hindrance
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.operations.id_lists import Line, Listed
from api.store.connection import Document, chunks


class Preview(Value):
    """What a list would make of a task set: the images that may be asked about, in the order of the list, and the rest.

    ``elsewhere`` are images of Winnow that are not in this category; ``twice`` says in which line an image stands
    already; ``several`` are file names that several images of the category have; ``hindered`` says why an image may not
    be chosen.
    """

    available: tuple[str, ...]
    withdrawn: int
    missing: tuple[Line, ...]
    elsewhere: tuple[Line, ...]
    twice: tuple[tuple[Line, int], ...]
    several: tuple[Line, ...]
    hindered: tuple[tuple[Line, str, str], ...]
    unreadable: tuple[tuple[Line, str], ...]

    @property
    def lines(self) -> int:
        """How many lines there were."""
        others = (self.missing, self.elsewhere, self.twice, self.several, self.hindered, self.unreadable)
        return len(self.available) + sum(map(len, others))


async def preview(w: Winnow, slug: str, listed: Listed) -> Preview:
    """Look up a list; nothing is changed. ``withdrawn`` of the available images lose a label of the model by it."""
    await w.store.categories.get(slug)
    named = await _named(w, [line.text for line in listed.lines if not line.is_id])
    ids = {line.text for line in listed.lines if line.is_id} | {image for images in named.values() for image in images}
    pool: dict[str, Document] = {}
    for some in chunks(sorted(ids)):
        pool |= await w.store.browsing.some(slug, some)
    stored: set[str] = set()
    for some in chunks(sorted(ids - pool.keys())):
        stored |= (await w.store.images.known(some)).keys()
    return _sorted_out(listed, named, pool, stored)


def standing(candidate: Mapping[str, object] | Document) -> Standing:
    """What of a stored candidate decides what may be done with it."""
    return Standing.model_validate(
        {
            "state": candidate["state"],
            "role": candidate["role"],
            "gold": candidate["gold"],
            "votes_wanted": candidate["votes_wanted"],
            "disputed": candidate["disputed"],
            "excluded": bool(candidate.get("excluded")),
        }
    )


async def _named(w: Winnow, names: Sequence[str]) -> dict[str, list[str]]:
    """The images that have these file names."""
    found: dict[str, list[str]] = {}
    for some in chunks(sorted(set(names))):
        for document in await w.store.images.named(some):
            found.setdefault(document["name"], []).append(document["_id"])
    return found


def _sorted_out(
    listed: Listed, named: Mapping[str, list[str]], pool: Mapping[str, Document], stored: set[str]
) -> Preview:
    first: dict[str, int] = {}
    available: list[str] = []
    missing: list[Line] = []
    elsewhere: list[Line] = []
    several: list[Line] = []
    twice: list[tuple[Line, int]] = []
    hindered: list[tuple[Line, str, str]] = []
    for line in listed.lines:
        known = [line.text] if line.is_id else named.get(line.text, [])
        here = [image for image in known if image in pool]
        if len(here) > 1:
            several.append(line)
        elif not here:
            (elsewhere if any(image in stored for image in known) else missing).append(line)
        elif here[0] in first:
            twice.append((line, first[here[0]]))
        else:
            image = here[0]
            first[image] = line.number
            why = hindrance(standing(pool[image]), HandAct.ASK)
            if why is None:
                available.append(image)
            else:
                hindered.append((line, image, SAID[why]))
    return Preview(
        available=tuple(available),
        withdrawn=sum(pool[image]["state"] == State.AUTO_LABELED.value for image in available),
        missing=tuple(missing),
        elsewhere=tuple(elsewhere),
        twice=tuple(twice),
        several=tuple(several),
        hindered=tuple(hindered),
        unreadable=listed.unreadable,
    )


async def free(w: Winnow, slug: str, images: Sequence[str], act: HandAct) -> tuple[list[str], Counter[str]]:
    """Those of ``images`` that may be chosen for ``act``, in order, and why the others may not (reason -> how many)."""
    pool: dict[str, Document] = {}
    for some in chunks(list(dict.fromkeys(images))):
        pool |= await w.store.browsing.some(slug, some)
    chosen: list[str] = []
    left: Counter[str] = Counter()
    for image in dict.fromkeys(images):
        if image not in pool:
            left["not in this pool"] += 1
        elif (why := hindrance(standing(pool[image]), act)) is not None:
            left[SAID[why]] += 1
        else:
            chosen.append(image)
    return chosen, left
