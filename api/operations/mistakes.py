"""Images that somebody should look at: short indexed reads, and lists that the newest model's report keeps.

Validation images that contradict the model are shown once the campaign is over. Before, whoever looks at them and then
chooses what the model learns would fit it to the very answers that measure it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from active_learning.domain.candidate import Role, State
from active_learning.domain.errors import InputError
from active_learning.domain.label import Source
from active_learning.domain.round import CategoryState
from api.operations import model_reports
from api.operations.context import Winnow
from api.operations.model_reports import Listed, ModelReport
from api.store.connection import Document
from labeling_ui.contexts import Mistake, MistakeKind, MistakesFound, MistakesPage, Why

PAGE = 60
FIRST = 6
"""Images of each list that the category page shows."""

SAID = {"false-yes": True, "false-no": False}


@dataclass(frozen=True)
class Ground:
    """What the lists rest on: the newest model's report, and whether the campaign is over."""

    report: ModelReport | None
    over: bool


def ground_of(document: Document, report: ModelReport | None) -> Ground:
    """The same, from a category's document."""
    return Ground(report, document["state"] == CategoryState.FINISHED.value)


async def ground(w: Winnow, slug: str) -> Ground:
    """What the lists of a category rest on; raises ``NotFound``."""
    document = await w.store.categories.get(slug)
    return ground_of(document, await model_reports.newest(w, slug))


async def page(w: Winnow, slug: str, kind: MistakeKind, after: str = "") -> MistakesPage:
    """A page of a list."""
    category = await w.store.categories.definition(slug)
    known = await ground(w, slug)
    found = await some(w, slug, known, kind, after, PAGE)
    return MistakesPage(slug=slug, question=category.question, kind=kind, over=known.over, after=after, found=found)


async def some(
    w: Winnow, slug: str, known: Ground, kind: MistakeKind, after: str = "", limit: int = PAGE
) -> MistakesFound:
    """Up to ``limit`` images of a list, those that follow the image ``after``.

    Raises :class:`InputError` where ``after`` is not in the pool.
    """
    last = await _last(w, slug, after)
    found = await _LISTS[kind](_Asked(w, slug, known, kind, last, limit + 1))
    more = found[limit - 1].image if len(found) > limit else None
    return MistakesFound(items=tuple(found[:limit]), next=more)


async def beside(w: Winnow, slug: str, kind: MistakeKind, image: str) -> tuple[str | None, str | None]:
    """The images before and after this one in the first part of a list."""
    found = await some(w, slug, await ground(w, slug), kind, limit=4 * PAGE)
    images = [None, *(mistake.image for mistake in found.items), None]
    if image not in images:
        return None, images[1]
    at = images.index(image)
    return images[at - 1], images[at + 1]


async def _last(w: Winnow, slug: str, after: str) -> Document | None:
    if not after:
        return None
    found = await w.store.mistakes.of(slug, [after])
    if not found:
        raise InputError(f"There is no image '{after}' in the pool.", "Begin again without `after`.")
    return found[0]


class _Asked:
    """A part of a list that is asked for: what follows the candidate ``last``."""

    def __init__(
        self, w: Winnow, slug: str, known: Ground, kind: MistakeKind, last: Document | None, limit: int
    ) -> None:
        self.w, self.slug, self.kind, self.last, self.limit = w, slug, kind, last, limit
        self.report, self.over = known.report, known.over

    @property
    def after(self) -> str:
        """The image that this part follows."""
        return self.last["image"] if self.last else ""

    async def kept(self, images: Sequence[Listed], why: Why, still: Callable[[Document], bool]) -> list[Mistake]:
        """What follows in a list of the report, as far as it is still so."""
        names = [listed.image for listed in images]
        begin = names.index(self.after) + 1 if self.after in names else 0
        scores = {listed.image: listed.score for listed in images}
        found = await self.w.store.mistakes.of(self.slug, names[begin:])
        return [_mistake(c, why, score=scores[c["image"]]) for c in found if still(c)]


async def _contradicted(asked: _Asked) -> list[Mistake]:
    """False answers of the model: those that audits found, then, when the campaign is over, validation images."""
    said, w = SAID[asked.kind], asked.w
    found: list[Mistake] = []
    if asked.last is None or "audited" in asked.last:
        audited = await w.store.mistakes.audited(asked.slug, said, asked.after, asked.limit)
        found += [_mistake(c, "audit", said=said) for c in audited]
    if len(found) < asked.limit and asked.report is not None and asked.over:
        listed = asked.report.false_yes if said else asked.report.false_no
        found += await asked.kept(listed, "validation", lambda c: c["answer"] is (not said))
    return found[: asked.limit]


async def _uncertain(asked: _Asked) -> list[Mistake]:
    listed = asked.report.uncertain if asked.report else ()
    return (await asked.kept(listed, "uncertain", lambda c: c["source"] in {None, Source.MODEL.value}))[: asked.limit]


async def _contested(asked: _Asked) -> list[Mistake]:
    store, last = asked.w.store.mistakes, asked.last
    found: list[Mistake] = []
    if last is None or last["disputed"]:
        found += [_mistake(c, "disputed") for c in await store.disputed(asked.slug, asked.after, asked.limit)]
    if len(found) < asked.limit:
        known = None if last is None or last["disputed"] else last
        labels = await store.contested(asked.slug, known, asked.limit - len(found))
        found += [_mistake(c, "contested") for c in labels]
    return found


async def _doubtful(asked: _Asked) -> list[Mistake]:
    listed = asked.report.doubtful if asked.report else ()
    found = await asked.kept(listed, "doubtful", lambda c: c["state"] == State.LABELED.value and "rechecked" not in c)
    return found[: asked.limit]


async def _rechecked(asked: _Asked) -> list[Mistake]:
    found = await asked.w.store.mistakes.rechecked(asked.slug, asked.last, asked.limit)
    before = await asked.w.store.stories.before_recheck(asked.slug, {c["image"]: c["rechecked"] for c in found})
    return [_mistake(c, "rechecked", said=before.get(c["image"])) for c in found]


_LISTS = {
    "false-yes": _contradicted,
    "false-no": _contradicted,
    "uncertain": _uncertain,
    "contested": _contested,
    "doubtful": _doubtful,
    "rechecked": _rechecked,
}


def _mistake(candidate: Document, why: Why, said: bool | None = None, score: float | None = None) -> Mistake:
    return Mistake(
        image=candidate["image"],
        why=why,
        state=candidate["state"],
        answer=candidate["answer"],
        source=candidate["source"],
        said=said,
        score=candidate["score"] if score is None else score,
        certainty=candidate.get("certainty"),
        validation=candidate["role"] == Role.VALIDATION.value,
    )
