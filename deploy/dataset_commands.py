"""The commands that make datasets, take them home, and bring labels that exist: dataset, import-labels."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from active_learning.domain.dataset import Recipe
from active_learning.domain.errors import InputError, StateError
from active_learning.domain.label import Source
from api.operations import datasets, formats, importing_labels, striking, taking_home
from api.operations.context import Winnow
from api.operations.importing_labels import Report, Trouble
from api.operations.label_files import Meaning, words_of
from api.store.connection import Document
from api.store.datasets import DatasetState
from api.store.jobs import job_id
from deploy import demo
from deploy.terminal import DEFAULT_DATA, Data, Slug, console, note, opened, shell_user
from scraper.licences import wanted
from workers.leased import LEASE_S, run_leased

dataset_app = typer.Typer(help="Freeze versions of a dataset, and take them home.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="The version, as `./winnow dataset list` numbers it.")]
FormatName = Annotated[str, typer.Option("--format", help=f"One of: {', '.join(formats.FORMATS)}.")]
Licences = Annotated[
    str | None, typer.Option(help="Leave out images under other licences: cc0,by,... or commercial, open, ...")
]
SHOWN = 50


def recipe_of(name: str, sources: str | None, certainty: float, licences: str | None, split: str, seed: int) -> Recipe:
    """The recipe that the options ask for; raises :class:`InputError`."""
    try:
        train, val, test = (float(part) / 100 for part in split.split("/"))
    except ValueError as error:
        raise InputError(f"--split is '{split}'.", "Write three percentages, such as 80/10/10.") from error
    try:
        chosen = tuple(Source(word.strip()) for word in sources.split(",")) if sources else tuple(Source)
    except ValueError as error:
        raise InputError(f"--sources: {error}.", f"Choose among {', '.join(Source)}.") from error
    allowed = tuple(sorted(wanted(licences.split(",")))) if licences else None
    parts = {"train": train, "val": val, "test": test}
    return Recipe.model_validate(
        {"name": name, "sources": chosen, "certainty": certainty, "licences": allowed, "seed": seed, **parts}
    )


@dataset_app.command("make")
def dataset_make(
    slug: Slug,
    name: Annotated[str, typer.Option(help="What to call it, beside its number.")] = "",
    sources: Annotated[str | None, typer.Option(help=f"Only labels decided by: {','.join(Source)}.")] = None,
    certainty: Annotated[float, typer.Option(help="Only labels of at least this certainty (0 to 1).")] = 0.0,
    licences: Licences = None,
    split: Annotated[str, typer.Option(help="Percent of images to train, validate and test on.")] = "80/10/10",
    seed: Annotated[int, typer.Option(help="Another seed draws other parts.")] = 0,
    data: Data = DEFAULT_DATA,
) -> None:
    """Freeze what is decided now as a new version: later labels do not change it."""
    recipe = recipe_of(name, sources, certainty, licences, split, seed)

    async def run() -> None:
        async with opened(data) as w:
            await make(w, slug, recipe)

    asyncio.run(run())


async def make(w: Winnow, slug: str, recipe: Recipe) -> Document:
    """Make a version and freeze it here, unless a worker is faster; says what is in it."""
    await note(w, "datasets.make_dataset", slug=slug, **recipe.model_dump(mode="json"))
    document = await datasets.make(w, slug, recipe, shell_user())
    number = document["number"]
    with demo.progress_bar(f"Version {number}", console) as bar:
        await _freeze(w, document, bar)
    document = await w.store.datasets.get(slug, number)
    tally = document["tally"]
    console.print(f"Version {number} of {slug}: {tally['rows']:,} images. `./winnow dataset export {slug} {number}`")
    for why, n in tally["left_out"]:
        console.print(f"  {n:,} left out by {why}")
    return document


async def _freeze(w: Winnow, document: Document, bar: Callable[[int, int], None]) -> None:
    slug, number = document["category"], document["number"]

    async def progress(what: str, done: int, total: int) -> None:
        bar(done, total)

    async def work() -> None:
        await datasets.freeze(w, slug, number, progress)

    async def is_done() -> bool:
        return bool((await w.store.datasets.get(slug, number))["state"] == DatasetState.READY)

    await _do(w, "freeze", job_id("freeze", striking.job_args(document)), work, is_done)


async def _do(
    w: Winnow,
    kind: str,
    job: str,
    work: Callable[[], Coroutine[Any, Any, None]],
    is_done: Callable[[], Coroutine[Any, Any, bool]],
) -> None:
    """Do a job in this process, or wait for the worker that has it; raises :class:`StateError` when it failed."""
    owner = f"{socket.gethostname()}:{os.getpid()}"
    while not await is_done():
        leased = await w.store.jobs.lease(owner, [kind], w.clock(), LEASE_S, only=job)
        if leased is not None:
            await run_leased(w, owner, leased, work())
        elif await is_done():
            return
        document = await w.store.jobs.find(job)
        if leased is not None and document is not None and document["error"]:
            raise StateError(str(document["error"]), "Mend it and start again: it goes on.")
        await asyncio.sleep(0.2)


@dataset_app.command("list")
def dataset_list(slug: Slug, data: Data = DEFAULT_DATA) -> None:
    """List the versions of a category's dataset, newest first."""

    async def run() -> None:
        async with opened(data) as w:
            await w.store.categories.get(slug)
            table = Table("version", "name", "state", "images", "as of", "by", header_style="bold")
            for one in await w.store.datasets.newest(slug, SHOWN):
                as_of = f"{one['as_of']:%Y-%m-%d %H:%M}" if "as_of" in one else ""
                table.add_row(
                    str(one["number"]),
                    one["recipe"]["name"],
                    one["state"],
                    f"{one['tally']['rows']:,}",
                    as_of,
                    one["by"],
                )
            console.print(table)

    asyncio.run(run())


@dataset_app.command("export")
def dataset_export(
    slug: Slug,
    number: Number,
    out: Annotated[Path, typer.Option(help="A new folder, or one that an interrupted export left.")],
    format_: FormatName = "imagefolder",
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a version to a folder. The same command again goes on where it stopped; repeated it is the same."""

    async def run() -> None:
        async with opened(data) as w:
            await export(w, slug, number, format_, out)

    asyncio.run(run())


async def export(w: Winnow, slug: str, number: int, format_: str, out: Path) -> None:
    """Write a version to a folder and say so."""
    with demo.progress_bar("Exporting", console) as bar:
        taken = await taking_home.take(w, slug, number, format_, out, bar)
    console.print(
        f"Version {taken.version} of {slug} as {taken.format} in {taken.folder}: {taken.files:,} files. "
        f"`./winnow dataset verify {slug} {number} --folder {taken.folder}` checks it."
    )


@dataset_app.command("verify")
def dataset_verify(
    slug: Slug,
    number: Number,
    folder: Annotated[
        Path | None, typer.Option(help="A folder that it was exported to; left out: what the database holds.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Compare every file and every image with its checksum; exit code 1 where something differs."""

    async def run() -> bool:
        async with opened(data) as w:
            wrong = await taking_home.verify(w, slug, number, folder)
            for one in wrong:
                console.print(f"{one.path}: {one.why}", markup=False)
            console.print(f"{len(wrong):,} files are wrong." if wrong else "Everything is as it was frozen.")
            return bool(wrong)

    raise typer.Exit(int(asyncio.run(run())))


async def export_as(w: Winnow, slug: str, format_: str, out: Path, licences: str | None) -> None:
    """Export what is decided now in some format: as a new version, or that which an interrupted export began with."""
    formats.chosen(format_)
    number = taking_home.interrupted(slug, out)
    if number is None:
        number = int((await make(w, slug, recipe_of("", None, 0.0, licences, "80/10/10", 0)))["number"])
    await export(w, slug, number, format_, out)


def import_labels(
    file: Annotated[Path, typer.Argument(help="Labels: CSV, JSON, Parquet, COCO, Label Studio, CVAT, an archive.")],
    category: Annotated[str, typer.Option(help="The category whose images they are of.")],
    format_: Annotated[str, typer.Option("--format", help="auto, or what the file is.")] = "auto",
    gold: Annotated[bool, typer.Option("--gold", help="As gold, which checks people, too.")] = False,
    yes: Annotated[str, typer.Option(help="Words that mean yes, separated by commas.")] = "",
    no: Annotated[str, typer.Option(help="Words that mean no.")] = "",
    rest_is_no: Annotated[bool, typer.Option("--rest-is-no", help="Everything else is a no.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be saved.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Bring labels that exist already: what is matched, missing or contradicting is said; nobody is overridden."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}).", "Give a readable file.") from error
    meaning = Meaning.of(category, words_of(yes), words_of(no), rest_is_no)

    async def run() -> None:
        async with opened(data) as w:
            by = shell_user()
            brought = await importing_labels.bring(w, category, file.name, content, by, format_, meaning)
            _print_report(brought.report)
            if preview or not brought.report.fresh:
                return
            save_as: importing_labels.As = "gold" if gold else "imported"
            await note(w, "datasets.import_labels", slug=category, file=file.name, save_as=save_as)
            await _save(w, category, brought.id, save_as, by)

    asyncio.run(run())


async def _save(w: Winnow, slug: str, identifier: str, as_: importing_labels.As, by: str) -> None:
    await importing_labels.save(w, slug, identifier, as_, by)

    async def is_done() -> bool:
        document = await w.store.label_files.get(slug, identifier)
        return bool(document["done"] == document["blocks"])

    with demo.progress_bar("Saving labels", console) as bar:

        async def progress(what: str, done: int, total: int) -> None:
            bar(done, total)

        async def work() -> None:
            await importing_labels.apply(w, slug, identifier, progress)

        job = job_id("import_labels", importing_labels.job_args(slug, identifier))
        await _do(w, "import_labels", job, work, is_done)
    saved = (await w.store.label_files.get(slug, identifier))["saved"]
    console.print(f"{saved:,} labels saved as {'gold' if as_ == 'gold' else 'imported labels'}.")


def _print_report(report: Report) -> None:
    console.print(f"{report.file}: {report.images:,} images, read as {report.format}.")
    console.print(f"  {report.fresh_yes:,} yes and {report.fresh_no:,} no can be saved")
    for n, what in ((report.same, "have the same answer already"), (report.repeated, "are named again")):
        if n:
            console.print(f"  {n:,} {what}")
    for source, n in report.other:
        console.print(f"  {n:,} have the other answer by {source}, which stays: {', '.join(report.conflicts)}")
    if report.busy:
        console.print(f"  {report.busy:,} are with people, drawn for validation or excluded, and are left alone")
    for what in ("missing", "ambiguous", "unclear", "silent", "contradicting"):
        trouble: Trouble = getattr(report, what)
        if trouble.images:
            more = trouble.images - len(trouble.examples)
            rest = f" and {more:,} more" if more else ""
            console.print(f"  {trouble.images:,} {what}: {', '.join(trouble.examples)}{rest}", markup=False)
