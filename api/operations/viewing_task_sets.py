"""What the pages of task sets show."""

from collections.abc import Sequence

from active_learning.domain.category import Category
from active_learning.domain.choice import SAID, HandAct, hindrance
from active_learning.domain.round import CategoryState
from api.operations import choosing, task_sets
from api.operations.choosing import Preview
from api.operations.context import Winnow
from api.operations.id_lists import Line
from api.operations.task_sets import Arrangement
from api.store.task_sets import SetState
from labeling_ui.contexts import task_sets as contexts
from labeling_ui.contexts.task_sets import Group, SetForm, SetImage, SetRow, SetTask

PAGE = 50
IMAGES = 60
LINES = 20
"""Lines of each group that a preview shows."""

THUMBNAILS = 24
STATES = {
    "held": "not posted",
    "drafted": "being posted",
    "posted": "at the market",
    "closed": "finished",
}


async def sets_page(w: Winnow, slug: str, below: int | None, form: SetForm, *, curator: bool) -> contexts.TaskSetsPage:
    """The list and the form; the form with what was typed where something does not fit."""
    category = await w.store.categories.definition(slug)
    found = await task_sets.all_of(w, slug, below, PAGE + 1)
    more = len(found) > PAGE
    return contexts.TaskSetsPage(
        slug=slug,
        question=category.question,
        curator=curator,
        following=await w.store.task_sets.newest(slug) + 1,
        sets=tuple(SetRow(**brief.model_dump()) for brief in found[:PAGE]),
        next=f"/categories/{slug}/task-sets?below={found[PAGE - 1].number}" if more else None,
        form=form,
    )


async def preview_page(
    w: Winnow, slug: str, preview: Preview, name: str, number: int | None, error: str = ""
) -> contexts.TaskSetPreview:
    """What a list would make of a set."""
    category = await w.store.categories.definition(slug)
    wanted = number or await w.store.task_sets.newest(slug) + 1
    groups = [
        _group("Missing", "No image of Winnow has this id or file name.", _plain(preview.missing)),
        _group(
            "In other categories", "Winnow has the image, but this category's pool does not.", _plain(preview.elsewhere)
        ),
        _group(
            "Named twice",
            "Each image is asked about once in a set.",
            [(line.number, line.text, f"as in line {first}") for line, first in preview.twice],
        ),
        _group("Not one image", "Several images have this file name: use their ids.", _plain(preview.several)),
        _group(
            "Not to be chosen",
            "These are in the pool, and people cannot be asked about them now.",
            [(line.number, line.text, why) for line, _, why in preview.hindered],
        ),
        _group("Not read", "", [(line.number, line.text, why) for line, why in preview.unreadable]),
    ]
    return contexts.TaskSetPreview(
        slug=slug,
        question=category.question,
        name=name.strip() or f"{slug} set {wanted}",
        number=wanted,
        lines=preview.lines,
        matched=len(preview.available),
        withdrawn=preview.withdrawn,
        ids=" ".join(preview.available),
        shown=preview.available[:THUMBNAILS],
        groups=tuple(group for group in groups if group.lines),
        error=error,
    )


def _plain(lines: Sequence[Line]) -> list[tuple[int, str, str]]:
    return [(line.number, line.text, "") for line in lines]


def _group(title: str, about: str, lines: list[tuple[int, str, str]]) -> Group:
    return Group(title=title, help=about, lines=tuple(lines[:LINES]), more=max(0, len(lines) - LINES))


async def set_page(
    w: Winnow,
    slug: str,
    number: int,
    start: int = 0,
    *,
    curator: bool,
    typed: Arrangement | None = None,
    error: str = "",
) -> contexts.TaskSetPage:
    """One set; with what was typed, and what does not fit."""
    document = await w.store.categories.get(slug)
    policy = Category.model_validate(document["category"]).policy
    shown = await task_sets.get(w, slug, number)
    wanted = typed or shown.arrangement
    money = document["money"]
    end = start + IMAGES
    return contexts.TaskSetPage(
        slug=slug,
        question=document["category"]["question"],
        curator=curator,
        number=number,
        name=shown.name,
        state=shown.state.value,
        by=shown.by,
        total=len(shown.images),
        images=await _images(w, slug, shown.images[start:end], draft=shown.state is SetState.DRAFT),
        next=f"/categories/{slug}/task-sets/{number}?start={end}" if end < len(shown.images) else None,
        slots=wanted.slots,
        hidden_gold=wanted.hidden_gold,
        answers=wanted.answers,
        usual=(policy.slots, policy.hidden_gold, policy.redundancy),
        tasks=tuple(SetTask(**{**task.model_dump(), "state": STATES[task.state.value]}) for task in shown.tasks),
        cost_cents=shown.cost_cents,
        left_cents=max(0, policy.budget_cents - money["spent_cents"] - money["committed_cents"]),
        outcome=tuple(sorted(shown.outcome.items(), key=lambda pair: -pair[1])),
        waiting=_waiting(shown.outcome.get("wants another opinion", 0), document["state"]),
        error=error,
    )


def _waiting(images: int, state: str) -> str:
    """What becomes of images that want another opinion."""
    if not images:
        return ""
    if state == CategoryState.OPEN.value:
        return "Images that want another opinion are asked again in the next round."
    return "Images that want another opinion wait until the category goes on, or until you put them into another set."


async def _images(w: Winnow, slug: str, images: Sequence[str], *, draft: bool) -> tuple[SetImage, ...]:
    pool = await w.store.browsing.some(slug, images)
    facts = await w.store.images.many(images)
    found = []
    for image in images:
        name = facts.get(image, {}).get("name") or f"image {image[:12]}"
        if image not in pool:
            found.append(SetImage(image=image, said=name, why_not="not in the pool any more"))
            continue
        why = hindrance(choosing.standing(pool[image]), HandAct.ASK) if draft else None
        found.append(SetImage(image=image, said=name, why_not="" if why is None else SAID[why]))
    return tuple(found)
