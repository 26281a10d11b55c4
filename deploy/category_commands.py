"""The commands that look at categories and steer them: category, round, status."""

import asyncio
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from active_learning.domain.category import Category
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from api.operations import (
    categories,
    category_files,
    curating,
    hand_acts,
    near_duplicates,
    overview,
    policies,
    recounting,
    viewing_settings,
)
from api.operations import rounds as acts
from api.operations.context import Winnow
from api.store.connection import chunks
from deploy import lessons
from deploy import report as reports
from deploy.demo import progress_bar
from deploy.terminal import DEFAULT_DATA, Data, Slug, console, note, opened, shell_user
from workers.jobs import advance

category_app = typer.Typer(help="Make, show, change, pause, copy and put away categories.", no_args_is_help=True)
FILES = (".yaml", ".yml", ".json")

round_app = typer.Typer(help="Look at the rounds of a category.", no_args_is_help=True)


@category_app.command("list")
def category_list(data: Data = DEFAULT_DATA) -> None:
    """List the categories."""

    async def run() -> None:
        async with opened(data) as w:
            table = Table("category", "question", "state", "decided", "unknown", "spent", header_style="bold")
            listed = await viewing_settings.index_page(w)
            for card in (*listed.categories, *listed.archived):
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
    what: Annotated[str, typer.Argument(metavar="FILE.yaml|SLUG", help="A YAML file, or a short name.")],
    question: Annotated[
        str | None, typer.Option(help='The yes/no question, such as "Does this image contain a car?"')
    ] = None,
    instructions: Annotated[str, typer.Option(help="What annotators read before they start.")] = "",
    policy: Annotated[
        Path | None, typer.Option(help="YAML or JSON file with the policy; defaults for what it leaves out.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Create a category: from a YAML file, or from a question.

    `./winnow category show SLUG --yaml` prints such a file; what it leaves out is as usual.
    """
    category = _wanted(what, question, instructions, policy)

    async def run() -> None:
        async with opened(data, "categories.create_category", slug=category.slug) as w:
            await categories.create(w, category, shell_user(), local=True)
            console.print(f"Created '{category.slug}'. Next: ./winnow import FOLDER --category {category.slug}")

    asyncio.run(run())


def _wanted(what: str, question: str | None, instructions: str, policy: Path | None) -> Category:
    if Path(what).suffix in FILES:
        if question or instructions or policy:
            raise InputError("The file says everything.", "Leave out --question, --instructions and --policy.")
        return category_files.read(_text(Path(what)))
    if question is None:
        raise InputError("What is asked?", 'Give it a --question "...", or name a file that ends in .yaml.')
    given = {"slug": what, "question": question, "instructions": instructions}
    chosen = {"policy": category_files.parsed(_text(policy)) or {}} if policy else {}
    return category_files.checked(given | chosen)


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give the path of a YAML file.") from error


@category_app.command("near")
def category_near(
    slug: Slug,
    distance: Annotated[float, typer.Option(help="Cosine distance of features up to which two images are the same.")],
    out: Annotated[Path | None, typer.Option(help="CSV file for what was found: image,kept.")] = None,
    exclude: Annotated[bool, typer.Option("--exclude", help="Exclude all but the first; can be undone.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Find near-duplicates by features: the same scene, where intake finds the same picture."""

    async def run() -> None:
        async with opened(data) as w:
            with progress_bar("Reading features", console) as bar:
                found, compared = await near_duplicates.find(w, slug, distance, bar)
            console.print(f"{len(found):,} of {compared:,} images are near one that stays.")
            if out is not None:
                _write_near(out, found)
            for some in chunks(found) if exclude else ():
                await note(w, "pool.exclude_images", slug=slug, images=len(some))
                images = [one.image for one in some]
                done = await hand_acts.do(w, slug, hand_acts.Act.EXCLUDE, images, shell_user())
                console.print(f"{len(done.changed):,} excluded; undo: /categories/{slug}/pool/acts/{done.id}")

    asyncio.run(run())


def _write_near(out: Path, found: Sequence[near_duplicates.Near]) -> None:
    try:
        with out.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, near_duplicates.Near.model_fields)
            table.writeheader()
            table.writerows(one.model_dump() for one in found)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}.", "Choose another --out.") from error


@category_app.command("show")
def category_show(
    slug: Slug,
    yaml: Annotated[bool, typer.Option("--yaml", help="As the file that makes it again.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Show a category's definition and policy as JSON or YAML, and how exposed its gold is.

    The exposure compares how many assignments an image was put into at most: where gold was shown far more often than
    the images that are asked, people who compare notes can tell it.
    """

    async def run() -> None:
        async with opened(data) as w:
            definition = await w.store.categories.definition(slug)
            if yaml:
                print(category_files.written(definition), end="")
                return
            shown = definition.model_dump(mode="json") | {"gold_exposure": await curating.exposure(w, slug)}
            console.print_json(data=shown)

    asyncio.run(run())


@category_app.command("policy")
def category_policy(
    slug: Slug,
    file: Annotated[
        Path | None, typer.Argument(help="YAML or JSON with the fields to change; the versions are listed without it.")
    ] = None,
    why: Annotated[str, typer.Option(help="For those who read the history later.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """List the versions of a policy, or put another one in force: only the fields of the file change."""
    changes = None if file is None else category_files.parsed(_text(file))

    async def run() -> None:
        async with opened(data, *(["categories.put_policy"] if changes is not None else []), slug=slug) as w:
            present = await w.store.categories.definition(slug)
            if changes is not None:
                given = {"slug": slug, "question": present.question, "policy": changes}
                named = category_files.checked(given).policy.model_dump(include=set(changes))
                wanted = Policy.model_validate(present.policy.model_dump() | named)
                await policies.change(w, slug, wanted, shell_user(), why, local=True)
            for version in reversed(await policies.history(w, slug)):
                console.print(f"[bold]{version.version}[/bold]  {version.at:%Y-%m-%d %H:%M}  {version.by}")
                if version.why:
                    console.print(f"   {version.why}", markup=False)
                for name, old, new in version.changes:
                    console.print(f"   {name}: {old} -> {new}", markup=False)

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
        async with opened(data, "category.teach", slug=slug, file=file.name) as w:
            named = await lessons.resolve(w, slug, rows)
            taught = await curating.teach(w, slug, named.get("lesson"), named.get("example"))
            console.print(f"'{slug}' teaches with {taught.lessons} lessons and {taught.examples} examples.")

    asyncio.run(run())


@category_app.command("pause")
def category_pause(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """Plan no new work; what is with people is still collected and paid."""
    _act(data, slug, "pause", f"'{slug}' is paused. ./winnow category resume {slug} goes on.")


@category_app.command("resume")
def category_resume(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """Go on after a pause, and give failed jobs another try."""

    async def run() -> None:
        async with opened(data, "categories.resume_category", slug=slug) as w:
            revived = await categories.resume(w, slug)
            console.print(f"'{slug}' goes on; {revived} failed jobs get another try.")

    asyncio.run(run())


@category_app.command("archive")
def category_archive(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """Put a category away: out of the list, nothing new happens, nothing is deleted."""
    _act(data, slug, "archive", f"'{slug}' is in the archive. ./winnow category unarchive {slug} fetches it back.")


@category_app.command("unarchive")
def category_unarchive(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """Fetch a category back from the archive; one that was running is paused."""
    _act(data, slug, "unarchive", f"'{slug}' is back.")


@category_app.command("clone")
def category_clone(
    slug: Slug,
    new: Annotated[str, typer.Argument(help="The short name of the copy.")],
    question: Annotated[str | None, typer.Option(help="Another question.")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Make a category like another one, with an empty pool."""

    async def run() -> None:
        async with opened(data, "categories.clone_category", slug=slug, new=new) as w:
            await categories.clone(w, slug, new, shell_user(), question)
            console.print(f"Made '{new}' like '{slug}'. Next: ./winnow import FOLDER --category {new}")

    asyncio.run(run())


def _act(data: Path, slug: str, what: categories.Act, said: str) -> None:
    async def run() -> None:
        async with opened(data, f"categories.{what}_category", slug=slug) as w:
            await categories.act(w, slug, what, shell_user())
            console.print(said)

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
            slugs = [slug] if slug else [card.slug for card in (await viewing_settings.index_page(w)).categories]
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
