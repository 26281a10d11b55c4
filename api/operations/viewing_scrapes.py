"""What the page Images in shows, from kept tallies: it costs no more as more is found."""

from collections.abc import Mapping
from dataclasses import dataclass

from active_learning.domain.category import Category
from active_learning.domain.sources import SOURCES
from api.operations import scrape_forms, scraping
from api.operations.context import Winnow
from api.operations.forms import BLANK, Refused
from api.operations.scraping import Seen
from api.store.connection import Document
from api.store.scrapes import ScrapeState
from labeling_ui import contexts
from labeling_ui.outcomes import AGAIN, GROUPS, Group, said

EXAMPLES = 6


@dataclass(frozen=True)
class Look:
    """Which outcome of which search somebody wants examples of."""

    search: str = ""
    outcome: str = ""


NOWHERE = Look()


async def page(
    w: Winnow, slug: str, look: Look = NOWHERE, start: Refused = BLANK, intake: Refused | None = None
) -> contexts.ImagesInPage:
    """The whole page; ``start`` and ``intake`` are forms to be shown again. Raises ``NotFound``."""
    document = await w.store.categories.get(slug)
    category = Category.model_validate(document["category"])
    return contexts.ImagesInPage(
        slug=slug,
        question=category.question,
        total=sum(document["counts"].values()),
        start=scrape_forms.start_form(start.typed, start.errors),
        intake=scrape_forms.intake_form(
            category.intake, intake.typed if intake else None, intake.errors if intake else {}
        ),
        searches=tuple([await _search(w, seen, look) for seen in await scraping.of_category(w, slug)]),
    )


async def _search(w: Winnow, seen: Seen, look: Look) -> contexts.Search:
    name = seen.id.partition(":")[2]
    tally = seen.tally
    opened: dict[str, tuple[contexts.FindExample, ...]] = {}
    if look.search == name and look.outcome in tally.outcomes:
        found = await w.store.finds.latest(seen.id, look.outcome, EXAMPLES)
        opened[look.outcome] = tuple(_example(one) for one in found)
    asked = _asked(seen)
    running = seen.state is ScrapeState.OPEN
    return contexts.Search(
        name=name,
        title=str(seen.options.get("query") or seen.options.get("path") or scrape_forms.TITLED[seen.source]),
        source=scrape_forms.TITLED[seen.source],
        asked=asked,
        state=seen.state.value,
        error=seen.error,
        limit=seen.limit,
        every_h=seen.every_h,
        found=seen.found,
        total=seen.total,
        gathered=seen.gathered,
        decided=tally.decided,
        waiting=tally.waiting,
        images_per_s=tally.images_per_s,
        bytes_per_s=tally.bytes_per_s,
        bytes=tally.bytes,
        seconds_left=seen.seconds_left if running else None,
        nobody=running and not seen.error and tally.images_per_s == 0 and seen.started_at < w.clock() - scraping.RECENT,
        groups=_groups(tally.outcomes, opened),
        again=sum(tally.outcomes.get(outcome, 0) for outcome in AGAIN),
        started_at=seen.started_at,
        ended_at=seen.ended_at,
        wakes_at=seen.wakes_at,
    )


def _asked(seen: Seen) -> tuple[tuple[str, str], ...]:
    """What was asked beside the query or path, as (option, value), in the order of the source's options."""
    given = {name: seen.options[name] for name in SOURCES[seen.source].options.model_fields if name in seen.options}
    return tuple(
        (name.replace("_", " "), _value(value)) for name, value in given.items() if name not in {"query", "path"}
    )


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _groups(
    outcomes: Mapping[str, int], opened: Mapping[str, tuple[contexts.FindExample, ...]]
) -> tuple[contexts.OutcomeGroup, ...]:
    reasons: dict[Group, list[contexts.Reason]] = {name: [] for name in GROUPS}
    for outcome, images in sorted(outcomes.items(), key=lambda pair: (-pair[1], pair[0])):
        if images > 0:
            told = said(outcome)
            reasons[told.group].append(
                contexts.Reason(outcome=outcome, words=told.words, images=images, examples=opened.get(outcome))
            )
    return tuple(
        contexts.OutcomeGroup(
            name=name, title=title, images=sum(one.images for one in reasons[name]), reasons=tuple(reasons[name])
        )
        for name, title in GROUPS.items()
    )


def _example(find: Document) -> contexts.FindExample:
    told = find["provenance"]
    return contexts.FindExample(
        url=find["url"],
        title=told.get("title") or find["name"],
        page=told.get("page", ""),
        detail=find["detail"],
        image=find["image"],
    )


async def scrape_of(w: Winnow, slug: str, name: str) -> str:
    """The id of a category's search by its name on the page; raises ``NotFound`` where there is none."""
    scrape = f"{slug}:{name}"
    await w.store.scrapes.get(scrape)
    return scrape
