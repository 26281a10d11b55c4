"""The commands that bring images in from elsewhere: scrape, scrapes, download, takedown."""

import asyncio
import contextlib
import csv
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Annotated, Any

import typer
import uvloop
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from active_learning.domain.errors import InputError
from active_learning.domain.intake import IntakePolicy
from active_learning.domain.sources import SOURCES, checked_options
from api.operations import scraping
from api.operations.context import Winnow, open_winnow
from api.operations.scraping import Seen, Wanted
from api.settings import Settings
from api.store.jobs import job_id
from api.store.scrapes import ScrapeState
from deploy.categories import NewCategory, ensure_category
from deploy.crew import Helper, crew_of, forked
from deploy.takedown_command import takedown
from deploy.terminal import DEFAULT_DATA, Data, Slug, console, local_settings, note, opened
from scraper.licences import wanted
from scraper.node import Node
from scraper.outcomes import Outcome
from scraper.work import Crew, work_on
from workers.leased import LEASE_S, run_leased

scrapes_app = typer.Typer(help="Look at scrapes, stop them, go on, and take their outcomes home.", no_args_is_help=True)

SUFFIXES = {
    **dict.fromkeys((".tar", ".zip", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2"), "archive"),
    **dict.fromkeys((".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg"), "video"),
    **dict.fromkeys((".parquet", ".arrow"), "table"),
    **dict.fromkeys((".txt", ".csv", ".tsv", ".jsonl", ".txt.gz", ".csv.gz", ".jsonl.gz"), "list"),
}
"""What files other than images are, by suffix."""

REFRESH_S = 0.5
RUNNING = (ScrapeState.OPEN,)

Scrape = Annotated[str, typer.Argument(help="The scrape, as `./winnow scrapes list` names it.")]


def scrape(
    slug: Slug,
    source: Annotated[str, typer.Option(help=f"One of: {', '.join(SOURCES)}.")] = "openverse",
    query: Annotated[str | None, typer.Option(help="What to look for: car, night street, ...")] = None,
    path: Annotated[
        str | None, typer.Option(help="A file, folder, address or bucket, for the sources of that kind.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="Further options of the source, name=value; `--source NAME --help-source` lists them."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many found images.")] = None,
    every: Annotated[float, typer.Option(help="Look again for new images every so many hours.")] = 0.0,
    question: Annotated[str | None, typer.Option(help="The yes/no question of a new category.")] = None,
    form: Annotated[
        str, typer.Option(help="In a new category: bytes as they came (original), or LSUN's form (lsun).")
    ] = "original",
    licences: Annotated[
        str | None, typer.Option(help="In a new category: let in only these, such as cc0,by,by-sa.")
    ] = None,
    start: Annotated[
        bool, typer.Option("--start-only", help="Leave the work to the workers that run elsewhere.")
    ] = False,
    help_source: Annotated[bool, typer.Option("--help-source", help="Say what options the source has.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Find images and bring them into a category. The same command again goes on, or looks for what is new."""
    if help_source:
        _print_options(source)
        return
    asked = Wanted(
        category=slug, source=source, options=_options(source, query, path, option or []), limit=limit, every_h=every
    )
    intake = IntakePolicy.model_validate({"form": form, "licences": wanted(licences.split(",")) if licences else None})
    raise typer.Exit(int(run_scrape(data, asked, NewCategory(question, intake), start)))


def run_scrape(data: Path, wanted: Wanted, new: NewCategory, start_only: bool = False) -> bool:
    """Start a scrape and, unless others do, work on it until it ends; returns whether it failed."""
    with local_settings(data) as settings:
        number = 0 if start_only else (settings.scrape_processes or os.cpu_count() or 1) - 1
        with forked(settings, number) as helpers:
            return uvloop.run(_scrape(settings, wanted, new, None if start_only else helpers))


async def _scrape(settings: Settings, wanted: Wanted, new: NewCategory, helpers: Sequence[Helper] | None) -> bool:
    async with open_winnow(settings) as w:
        await note(w, "scrapes.start", **{**wanted.options, "slug": wanted.category, "source": wanted.source})
        await ensure_category(w, wanted.category, new)
        name = await scraping.start(w, wanted)
        if helpers is None:
            console.print(f"{name} is queued; `./winnow scrapes watch {name}` follows it.")
            return False
        stop = _stop_event()
        working = asyncio.create_task(_work(w, name, crew_of(w, helpers), stop))
        watching = asyncio.create_task(_watch(w, name, stop))
        await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await working
        return _say_end(await watching)


async def _work(w: Winnow, name: str, crew: Crew, stop: asyncio.Event) -> None:
    """Do the scrape's job whenever nobody else does, until it has ended or ``stop`` is set."""
    owner, args = f"{socket.gethostname()}:{os.getpid()}", {"scrape": name}
    while not stop.is_set() and (await scraping.seen(w, name)).state in RUNNING:
        job = await w.store.jobs.lease(owner, ["scrape"], w.clock(), LEASE_S, job_id("scrape", args))
        if job is not None:
            await run_leased(w, owner, job, work_on(w, name, crew, stop))
            if (await scraping.seen(w, name)).state not in RUNNING:
                break
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), REFRESH_S)


def _stop_event() -> asyncio.Event:
    """An event that Ctrl-C and SIGTERM set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _watch(w: Winnow, name: str, stop: asyncio.Event) -> Seen:
    """Show the progress until the scrape is not running any more, or until ``stop`` is set."""
    seen = await scraping.seen(w, name)
    with Live(_picture(seen), console=console, transient=True, refresh_per_second=4) as live:
        while seen.state in RUNNING and not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), REFRESH_S)
            except TimeoutError:
                seen = await scraping.seen(w, name)
                live.update(_picture(seen))
    return await scraping.seen(w, name)


def _say_end(seen: Seen) -> bool:
    console.print(_outcomes(seen))
    stored, found = seen.tally.outcomes.get(Outcome.STORED, 0), seen.found
    match seen.state:
        case ScrapeState.FAILED:
            console.print(f"Stopped: {seen.error}", style="red", markup=False)
        case ScrapeState.OPEN:
            console.print(f"Stopped with {seen.tally.waiting:,} to go; the same command goes on.")
            if seen.trouble:
                console.print(f"The next one waits until {seen.due_at:%H:%M:%S} UTC ({seen.trouble}).", markup=False)
        case ScrapeState.ASLEEP:
            console.print(
                f"{stored:,} new candidates of {found:,} found. It looks again at {seen.wakes_at:%d %b %H:%M} UTC."
            )
        case _:
            console.print(f"{stored:,} new candidates of {found:,} found.")
    return seen.state is ScrapeState.FAILED


def _picture(seen: Seen) -> RenderableType:
    tally = seen.tally
    expected = seen.limit if seen.limit is not None and (seen.total is None or seen.total > seen.limit) else seen.total
    whole = max(seen.found, 0 if seen.gathered else expected or 0)
    line = f"{tally.decided:,} of {whole:,}" if whole else "asking the source"
    if tally.images_per_s:
        line += f"   {tally.images_per_s:,.0f} images/s   {tally.bytes_per_s / 1e6:,.1f} MB/s"
        line += f"   {_clock((whole - tally.decided) / tally.images_per_s)} left"
    parts: list[RenderableType] = [
        Text(f"{seen.id}   {line}"),
        ProgressBar(total=max(1, whole), completed=tally.decided, width=60),
        _outcomes(seen),
    ]
    if seen.trouble:
        parts.append(Text(f"the next one waits until {seen.due_at:%H:%M:%S} UTC, it was tried before ({seen.trouble})"))
    if seen.error:
        parts.append(Text(seen.error, style="yellow"))
    return Group(*parts)


def _outcomes(seen: Seen) -> RenderableType:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for outcome, number in sorted(seen.tally.outcomes.items(), key=lambda item: -item[1]):
        if number:
            table.add_row(f"{number:,}", outcome.replace("_", " "))
    return table


def _clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3_600)
    return f"{hours} h {rest // 60:02} min" if hours else f"{rest // 60}:{rest % 60:02}"


def source_of(path: Path) -> str:
    """The kind of local source that a path is: by its suffix, or by what lies in the folder."""
    if not path.is_dir():
        return SUFFIXES.get(_suffix(path), "folder")
    inside = {SUFFIXES.get(_suffix(file), "folder") for file in path.iterdir() if file.is_file()}
    return inside.pop() if len(inside) == 1 and not inside & {"list", "folder"} else "folder"


def _suffix(path: Path) -> str:
    return "".join(path.suffixes[-2:]).lower() if path.suffix.lower() in {".gz", ".xz", ".bz2"} else path.suffix.lower()


def _options(source: str, query: str | None, path: str | None, more: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for word in more:
        name, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"--option {word} has no '='.", "Write name=value.")
        options[name.replace("-", "_")] = value
    if path is not None and source in SOURCES and SOURCES[source].local and "://" not in path:
        path = str(Path(path).absolute())  # whoever works on it may stand elsewhere
    given = {"query": query, "path": path}
    options |= {name: value for name, value in given.items() if value is not None}
    return checked_options(source, options).model_dump(mode="json", exclude_defaults=True)


def _print_options(source: str) -> None:
    if source not in SOURCES:
        raise InputError(f"There is no source '{source}'.", f"Choose one of {', '.join(SOURCES)}.")
    table = Table("option", "default", "what", header_style="bold", box=None)
    for name, one in SOURCES[source].options.model_fields.items():
        table.add_row(name, "needed" if one.is_required() else str(one.default), one.description or "")
    console.print(f"{source}: {SOURCES[source].what}")
    console.print(table)


@scrapes_app.command("list")
def scrapes_list(
    category: Annotated[str | None, typer.Option(help="Only of this category.")] = None, data: Data = DEFAULT_DATA
) -> None:
    """List the scrapes."""

    async def run() -> None:
        async with opened(data) as w:
            some = await (scraping.of_category(w, category) if category else scraping.everything(w))
            table = Table("scrape", "state", "found", "decided", "new candidates", "images/s", header_style="bold")
            for seen in some:
                tally = seen.tally
                new = tally.outcomes.get(Outcome.STORED, 0)
                table.add_row(
                    seen.id,
                    seen.state.value,
                    f"{seen.found:,}",
                    f"{tally.decided:,}",
                    f"{new:,}",
                    f"{tally.images_per_s:,.0f}",
                )
            console.print(table)

    asyncio.run(run())


@scrapes_app.command("watch")
def scrapes_watch(name: Scrape, data: Data = DEFAULT_DATA) -> None:
    """Follow a scrape that others work on. Ctrl-C only stops watching."""

    async def run() -> bool:
        async with opened(data) as w:
            return _say_end(await _watch(w, name, _stop_event()))

    raise typer.Exit(int(asyncio.run(run())))


@scrapes_app.command("stop")
def scrapes_stop(name: Scrape, data: Data = DEFAULT_DATA) -> None:
    """Stop a scrape; what is in hand is finished."""

    async def run() -> None:
        async with opened(data, "scrapes.stop", **_about(name)) as w:
            await scraping.stop(w, name)
            console.print(f"{name} is stopped; `./winnow scrapes resume {name}` goes on.")

    asyncio.run(run())


@scrapes_app.command("resume")
def scrapes_resume(name: Scrape, data: Data = DEFAULT_DATA) -> None:
    """Go on with a scrape that was stopped, has failed, or has ended."""

    async def run() -> None:
        async with opened(data, "scrapes.go_on", **_about(name)) as w:
            await scraping.go_on(w, name)
            console.print(f"{name} goes on as soon as a worker is free.")

    asyncio.run(run())


@scrapes_app.command("again")
def scrapes_again(
    name: Scrape,
    outcome: Annotated[list[str], typer.Option(help="Images with this outcome; several times for several.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Let images with some outcome be fetched once more, conditionally where the server gave validators."""

    async def run() -> None:
        async with opened(data, "scrapes.again", **_about(name), outcome=", ".join(outcome)) as w:
            number = await scraping.visit_again(w, name, outcome)
            await scraping.go_on(w, name)
            console.print(f"{number:,} images wait again.")

    asyncio.run(run())


def _about(scrape: str) -> dict[str, str]:
    """What the audit log says of a scrape."""
    slug, _, name = scrape.partition(":")
    return {"slug": slug, "name": name}


@scrapes_app.command("outcomes")
def scrapes_outcomes(
    name: Scrape,
    out: Annotated[Path | None, typer.Option(help="File, .csv or .jsonl; left out: CSV to the terminal.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Only images that ended so.")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write what became of every found image, and why."""

    async def run(file: IO[str], line: Callable[[IO[str]], Callable[[dict[str, Any]], Any]]) -> int:
        number, write = 0, line(file)
        async with opened(data) as w:
            async for row in scraping.outcomes(w, name, outcome):
                write(row)
                number += 1
        return number

    form = _jsonl if out is not None and out.suffix == ".jsonl" else _csv
    if out is None:
        asyncio.run(run(sys.stdout, form))
        return
    partial = out.with_name(out.name + ".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        number = asyncio.run(run(file, form))
    partial.replace(out)
    console.print(f"{number:,} images in {out}.")


def _csv(file: IO[str]) -> Callable[[dict[str, Any]], Any]:
    table = csv.DictWriter(file, scraping.OUTCOME_COLUMNS, restval="", extrasaction="ignore")
    table.writeheader()
    return table.writerow


def _jsonl(file: IO[str]) -> Callable[[dict[str, Any]], Any]:
    return lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")


def download(
    scrape: Annotated[str | None, typer.Option(help="Only for this scrape.")] = None,
    until_done: Annotated[
        bool, typer.Option("--until-done", help="End when nothing is due, instead of staying.")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Be a download node: fetch for all scrapes that are open, beside any number of others, until stopped."""
    with local_settings(data) as settings:
        Node().run(settings, scrape, until_done)


app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
app.command()(scrape)
app.command()(download)
app.command()(takedown)
app.add_typer(scrapes_app, name="scrapes")
