"""Categories as their researchers steer them: made, described, paused, resumed, cloned, put away and fetched back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from active_learning.domain.category import Category, Example, Slug
from active_learning.domain.errors import InputError, StateError
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState
from active_learning.domain.value import Value
from api.operations import curating, intake, intake_policy, policies, scraping
from api.operations.context import Winnow
from api.store.connection import Document
from api.store.scrapes import ScrapeState

RESERVED = frozenset({"new"})
"""Slugs that are addresses of pages already."""

OPEN, PAUSED, FINISHED, ARCHIVED = CategoryState


class Seen(Value):
    """A category as programs see it: its definition, where it stands and what it has cost."""

    slug: str
    question: str
    instructions: str
    examples: tuple[Example, ...]
    lessons: tuple[Example, ...]
    policy: Policy
    state: CategoryState
    reason: str
    phase: str
    created_at: datetime
    images: int
    decided: int
    unknown: int
    gold_yes: int
    gold_no: int
    spent_cents: int
    committed_cents: int


class Words(Value):
    """What annotators read; ``None`` leaves a part as it is."""

    question: str | None = Field(default=None, min_length=3, max_length=200)
    instructions: str | None = Field(default=None, max_length=4_000)
    examples: tuple[Example, ...] | None = Field(default=None, max_length=100)
    lessons: tuple[Example, ...] | None = Field(default=None, max_length=100)


def seen(document: Document) -> Seen:
    """A category from its document."""
    category = Category.model_validate(document["category"])
    counts = document["counts"]
    decided = counts["labeled"] + counts["auto_labeled"]
    return Seen(
        **{name: getattr(category, name) for name in ("question", "instructions", "examples", "lessons", "policy")},
        **{name: document[name] for name in ("state", "reason", "phase", "created_at")},
        slug=document["_id"],
        images=sum(counts.values()),
        decided=decided,
        unknown=sum(counts.values()) - decided,
        gold_yes=document["gold"]["yes"],
        gold_no=document["gold"]["no"],
        spent_cents=document["money"]["spent_cents"],
        committed_cents=document["money"]["committed_cents"],
    )


async def get(w: Winnow, slug: str) -> Seen:
    """One category; raises ``NotFound``."""
    return seen(await w.store.categories.get(slug))


async def create(w: Winnow, category: Category, by: str, local: bool = False) -> Seen:
    """Make a category, version 1 of its policy, and the jobs that keep its loop going.

    ``local``: see ``policies.check``. Examples and lessons may name images of any pool; here they are never hidden
    gold.

    Raises:
        InputError: the slug is taken or reserved, the policy or what is let in cannot be, an image is not stored, or
            the market is none of this installation's.
    """
    if category.slug in RESERVED:
        raise InputError(f"'{category.slug}' is a page of Winnow.", "Choose another slug.")
    policies.check(category.policy, local)
    intake_policy.check(category.intake)
    if category.market and category.market not in w.settings.markets:
        known = ", ".join(w.settings.markets)
        raise InputError(f"There is no market '{category.market}' here.", f"WINNOW_MARKET names {known}.")
    await _check_shown(w, category)
    made = category.model_copy(update={"policy": category.policy.model_copy(update={"version": 1}), "retired": ()})
    await intake.create_category(w, made)
    await w.store.policies.insert(made.slug, made.policy, by, "", w.clock())
    named = [kind for kind in ("examples", "lessons") if getattr(made, kind)]
    if named:
        await w.store.categories.put(made.slug, {"named": named})
    return await get(w, made.slug)


async def _check_shown(w: Winnow, category: Category) -> None:
    images = [example.image for example in (*category.examples, *category.lessons)]
    twice = next((image for image in images if images.count(image) > 1), None)
    if twice is not None:
        raise InputError(f"Image {twice} is named twice.", "An image is a lesson or an example, and only once.")
    if len(category.lessons) > category.policy.lessons:
        raise InputError(
            f"{len(category.lessons)} lessons are named, and the policy shows {category.policy.lessons}.",
            f"Name at most {category.policy.lessons}.",
        )
    known = await w.store.images.known(images) if images else {}
    missing = next((image for image in images if image not in known), None)
    if missing is not None:
        raise InputError(f"There is no image {missing}.", "Leave it out, import the images, and name it then.")


async def describe(w: Winnow, slug: str, words: Words) -> Seen:
    """Change what annotators read: at once, also in tasks that they have open when they load them again.

    Raises:
        NotFound: no such category.
        InputError: an example or a lesson that cannot teach (see ``curating.teach``); then nothing has changed.
    """
    await w.store.categories.get(slug)
    if words.examples is not None or words.lessons is not None:
        await curating.teach(w, slug, words.lessons, words.examples)
    told = {"question": words.question, "instructions": words.instructions}
    fields = {f"category.{name}": text for name, text in told.items() if text is not None}
    if fields:
        await w.store.categories.put(slug, fields)
    return await get(w, slug)


async def pause(w: Winnow, slug: str, by: str) -> None:
    """Plan no new work; what is with people is still collected and paid. Raises ``StateError`` after the end."""
    await _enter(w, slug, PAUSED, f"paused by {by}", (OPEN, PAUSED), "only a category that runs can be paused")


async def resume(w: Winnow, slug: str) -> int:
    """Go on after a pause, an end or failed jobs; returns how many failed jobs get another try.

    Raises ``StateError`` for a category that is put away.
    """
    await _enter(w, slug, OPEN, "", (OPEN, PAUSED, FINISHED), "unarchive it first")
    await intake.schedule(w, slug)
    return await w.store.jobs.revive(w.clock())


async def archive(w: Winnow, slug: str, by: str) -> None:
    """Put a category away: out of the list, nothing new is planned or looked for. Nothing is deleted.

    What is with people is still collected and paid. Raises ``NotFound``.
    """
    while True:
        state = CategoryState((await w.store.categories.get(slug))["state"])
        if state is ARCHIVED:
            break
        before = PAUSED if state is OPEN else state
        if await w.store.categories.enter(slug, ARCHIVED, f"archived by {by}", (state,), before.value):
            break
    for scrape in await scraping.of_category(w, slug):
        if scrape.state in (ScrapeState.OPEN, ScrapeState.ASLEEP):
            await scraping.stop(w, scrape.id)


async def unarchive(w: Winnow, slug: str, by: str) -> None:
    """Fetch a category back, as it was; one that was running is paused. Raises ``NotFound``."""
    document = await w.store.categories.get(slug)
    if document["state"] == ARCHIVED:
        state = CategoryState(document.get("before") or PAUSED)
        await w.store.categories.enter(slug, state, f"fetched back by {by}", (ARCHIVED,))


async def _enter(
    w: Winnow, slug: str, state: CategoryState, reason: str, out_of: Sequence[CategoryState], hint: str
) -> None:
    if not await w.store.categories.enter(slug, state, reason, out_of):
        present = (await w.store.categories.get(slug))["state"]
        raise StateError(f"'{slug}' is {present}.", f"{hint[0].upper()}{hint[1:]}.")


async def clone(w: Winnow, slug: str, new: Slug, by: str, question: str | None = None) -> Seen:
    """Make a category like another one: question, instructions, examples, lessons, policy and what it lets in.

    Its pool is empty and its campaign has not begun, so nothing of its policy is settled.
    Raises as :func:`create`, and ``NotFound``.
    """
    category = await w.store.categories.definition(slug)
    return await create(w, category.model_copy(update={"slug": new, "question": question or category.question}), by)


Act = Literal["pause", "resume", "archive", "unarchive"]


async def act(w: Winnow, slug: str, what: Act, by: str) -> None:
    """One of the four acts that need nothing but a name; raises as it does."""
    match what:
        case "pause":
            await pause(w, slug, by)
        case "resume":
            await resume(w, slug)
        case "archive":
            await archive(w, slug, by)
        case "unarchive":
            await unarchive(w, slug, by)


async def page(w: Winnow, after: str | None, limit: int) -> tuple[tuple[Seen, ...], str | None]:
    """Up to ``limit`` categories behind the slug ``after``, and the slug to go on from."""
    found = await w.store.categories.page(after, limit + 1)
    items = tuple(seen(document) for document in found[:limit])
    return items, items[-1].slug if len(found) > limit else None
