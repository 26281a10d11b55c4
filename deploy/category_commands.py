"""The commands that look at categories and steer them: category, round, status."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from active_learning.domain.category import Category
from active_learning.domain.policy import Policy
from api.operations import curating, intake, overview, recounting, viewing
from api.operations import rounds as acts
from api.operations.context import Winnow
from deploy import lessons
from deploy import report as reports
from deploy.terminal import DEFAULT_DATA, Data, Slug, console, opened
from workers.jobs import advance

category_app = typer.Typer(help="List, create, show, pause and resume categories.", no_args_is_help=True)
round_app = typer.Typer(help="Look at the rounds of a category.", no_args_is_help=True)


@category_app.command("list")
def category_list(data: Data = DEFAULT_DATA) -> None:
    """List the categories."""

    async def run() -> None:
        async with opened(data) as w:
            table = Table("category", "question", "state", "decided", "unknown", "spent", header_style="bold")
            for card in (await viewing.index_page(w)).categories:
                table.add_row(
                    card.slug,
                    card.question,
                    card.state,
                    f"{card.decided:,}",
                    f"{card.unknown:,}",
                    _usd(card.spent_cents),
                )
            console.print(table)

    asyncio.run(run())


@category_app.command("create")
def category_create(
    slug: Slug,
    question: Annotated[str, typer.Option(help='The yes/no question, such as "Does this image contain a car?"')],
    instructions: Annotated[str, typer.Option(help="What annotators read before they start.")] = "",
    policy: Annotated[
        Path | None, typer.Option(help="JSON file with the policy; defaults for what it leaves out.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Create a category."""
    chosen = Policy.model_validate_json(policy.read_text()) if policy else Policy()
    category = Category(slug=slug, question=question, instructions=instructions, policy=chosen)

    async def run() -> None:
        async with opened(data) as w:
            await intake.create_category(w, category)
            console.print(f"Created '{slug}'. Next: ./winnow import FOLDER --category {slug}")

    asyncio.run(run())


@category_app.command("show")
def category_show(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """Show a category's definition and policy as JSON, and how exposed its gold is.

    The exposure compares how many assignments an image was put into at most: where gold was shown far more often than
    the images that are asked, people who compare notes can tell it.
    """

    async def run() -> None:
        async with opened(data) as w:
            definition = (await w.store.categories.definition(slug)).model_dump(mode="json")
            console.print_json(data={**definition, "gold_exposure": await curating.exposure(w, slug)})

    asyncio.run(run())


@category_app.command("teach")
def category_teach(
    slug: Slug,
    file: Annotated[
        Path,
        typer.Argument(help="CSV with the columns image (name or sha256), answer, why and kind (lesson or example)."),
    ],
    data: Data = DEFAULT_DATA,
) -> None:
    """Name the images that teach annotators, and why their answers are what they are.

    A kind that the file names replaces all of that kind; the other one stays.
    """
    rows = lessons.read(file)

    async def run() -> None:
        async with opened(data) as w:
            named = await lessons.resolve(w, slug, rows)
            taught = await curating.teach(w, slug, named.get("lesson"), named.get("example"))
            console.print(f"'{slug}' teaches with {taught.lessons} lessons and {taught.examples} examples.")

    asyncio.run(run())


@category_app.command("pause")
def category_pause(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """Plan no new work; what is with people is still collected and paid."""

    async def run() -> None:
        async with opened(data) as w:
            await w.store.categories.get(slug)
            await curating.pause(w, slug)
            console.print(f"'{slug}' is paused. ./winnow category resume {slug} goes on.")

    asyncio.run(run())


@category_app.command("resume")
def category_resume(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """Go on after a pause, and give failed jobs another try."""

    async def run() -> None:
        async with opened(data) as w:
            revived = await curating.resume(w, slug)
            console.print(f"'{slug}' goes on; {revived} failed jobs get another try.")

    asyncio.run(run())


@round_app.command("list")
def round_list(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """One line a round."""

    async def run() -> None:
        async with opened(data) as w:
            console.print(reports.rounds_table(await reports.report(w, slug, 0.0, None)))

    asyncio.run(run())


@round_app.command("next")
def round_next(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """Say what the loop will do next, without doing it."""

    async def run() -> None:
        async with opened(data) as w:
            console.print(f"{advance.phrase(await acts.next_action(w, slug))}.")

    asyncio.run(run())


def status(
    slug: Annotated[str | None, typer.Argument(help="One category; all of them when left out.")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Say how far each category is, what it cost, and what is wrong, if anything is."""

    async def run() -> None:
        async with opened(data) as w:
            slugs = [slug] if slug else [card.slug for card in (await viewing.index_page(w)).categories]
            for name in slugs:
                await _print_status(w, name)
            for job in await w.store.jobs.troubled():
                console.print(f"[red]{job['_id']} ({job['state']}): {job['error']}[/red]")
            if not slugs:
                console.print('No category yet. Start with: ./winnow import FOLDER --category NAME --question "..."')

    asyncio.run(run())


async def _print_status(w: Winnow, slug: str) -> None:
    summary = await overview.summary(w, slug)
    console.print(f"[bold]{slug}[/bold]  {summary.question}", markup=True)
    console.print(f"  {summary.phase}")
    if (step := summary.progress) is not None:
        console.print(f"  {step.what}: {step.done:,} of {step.total:,} parts")
    console.print(
        f"  {summary.decided_images:,} of {summary.total:,} decided ({summary.counts.labeled:,} by people, "
        f"{summary.counts.auto_labeled:,} by the model), {summary.open_images:,} unknown"
    )
    cost = summary.cost
    console.print(
        f"  {_usd(cost.spent_cents)} paid, {_usd(cost.committed_cents)} promised, of {_usd(cost.budget_cents)}"
    )
    for name, (kept, counted) in (await recounting.differences(w, slug)).items():
        console.print(f"  [red]counter {name} says {kept}, a recount says {counted}[/red]")


def _usd(cents: int) -> str:
    return f"${cents / 100:,.2f}"
