"""The demo: the whole loop on one machine, with real images and a simulated crowd that works through real HTTP."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from active_learning import splits
from active_learning.domain.category import Category
from active_learning.domain.errors import InputError, NotFound, StateError
from active_learning.domain.label import Source
from active_learning.domain.policy import Policy
from active_learning.domain.round import CategoryState
from api.operations import accounts, curating, intake, overview, picturing, recounting, viewing
from api.operations.context import Winnow, open_winnow
from api.settings import Settings
from api.store.jobs import JobState
from deploy import report as reports
from deploy import stack
from deploy.processes import Supervisor
from scraper import pipeline
from scraper.labels import read_labels
from workers.crowd import eyes, people, shift

GOLD_A_SIDE = viewing.GOLD_WANTED
"""Images of each side that the simulated researcher answers himself before the first round."""

LEAST_GOLD = 9
"""Fewer could neither show examples nor check anybody."""

DIGITS_QUESTION = "Does this image show a 3?"


@dataclass(frozen=True)
class DemoOptions:
    """What the command line asks for."""

    data: Path
    images: Path | None
    labels: Path | None
    question: str | None
    seed: int
    once: bool
    json: Path | None
    ports: stack.Ports
    policy: Policy


@dataclass(frozen=True)
class Plan:
    """Checked input: which files, what they really show, and how the category is called."""

    category: Category
    files: tuple[tuple[str, Path], ...] | None
    truth: Mapping[str, bool] | None


def plan(options: DemoOptions) -> Plan:
    """Check the input before anything is started; raises :class:`InputError` saying what is wrong."""
    if options.images is None:
        if options.labels is not None:
            raise InputError("--labels needs --images.", "Name the folder that the label file speaks of.")
        category = _category("digits", options.question or DIGITS_QUESTION, options)
        return Plan(category, None, pipeline.threes())
    files = pipeline.folder_files(options.images)
    if options.question is None:
        raise InputError("--images needs --question.", 'For example --question "Does this image contain a car?"')
    category = _category(_slug(options.images.resolve().name), options.question, options)
    truth = None
    if options.labels is not None:
        names = {name for name, _ in files}
        truth = read_labels(options.labels, names)
        if len(truth) < len(names):
            first = min(names - set(truth))
            raise InputError(
                f"{len(names) - len(truth)} images have no label in {options.labels}, such as {first}.",
                "Label every image: the simulated people need eyes for each of them.",
            )
    return Plan(category, tuple(files), truth)


def _category(slug: str, question: str, options: DemoOptions) -> Category:
    text = "Look at the whole image. Answer yes if you are reasonably sure, no if not. Go back at any time."
    return Category(slug=slug, question=question, instructions=text, seed=options.seed, policy=options.policy)


def _slug(name: str) -> str:
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split()
    return "-".join(words)[:60].strip("-") or "images"


def run(options: DemoOptions, console: Console) -> int:
    """Run the demo; returns the exit code."""
    checked = plan(options)
    options.ports.check("demo")
    options.data.mkdir(parents=True, exist_ok=True)
    env = stack.environment()
    with stack.database(options.data, env) as uri:
        settings = stack.local_settings(options.data, uri, options.ports, env)

        def say(text: str) -> None:
            console.print(f"[dim]{text}[/dim]")

        # Simulated people have names and no passwords.
        parts = ("market", "web", "worker")
        with stack.running(settings, options.ports, options.data, say, parts, sign_up="names") as supervisor:
            return asyncio.run(_run(options, checked, settings, supervisor, console))


async def _run(
    options: DemoOptions, checked: Plan, settings: Settings, supervisor: Supervisor, console: Console
) -> int:
    started = time.monotonic()
    slug = checked.category.slug
    async with open_winnow(settings) as w:
        await stack.remember_ports(w, options.data, options.ports)
        await w.store.jobs.revive(w.clock())
        truth = await _prepare(w, checked, console)
        _print_addresses(settings, options, slug, console)
        if not options.once:
            await print_first_admin(w, console)
        async with _crowd(w, truth, options, settings, console) as crowd:
            await _follow(w, slug, supervisor, crowd, console)
        result = await reports.report(w, slug, time.monotonic() - started, truth)
        _print_end(result, await recounting.differences(w, slug), console)
        if options.json is not None:
            options.json.write_text(json.dumps(result, indent=2, ensure_ascii=False, default=str) + "\n")
        if not options.once:
            console.print("\nThe pages stay up; press Ctrl-C to end.")
            await stay(supervisor)
    return 0


async def print_first_admin(w: Winnow, console: Console) -> None:
    """At the first start of an installation: make its admin, and say the password, which is kept nowhere."""
    password = await accounts.first_admin(w)
    if password is not None:
        console.print(f"Sign in as   [b]admin[/b]  password [b]{password}[/b]  (shown only now)", highlight=False)


async def _prepare(w: Winnow, checked: Plan, console: Console) -> dict[str, bool] | None:
    """Category, images, gold; each step is skipped where an earlier start has done it. Returns image -> truth."""
    slug = checked.category.slug
    try:
        await w.store.categories.get(slug)
        await intake.schedule(w, slug)
    except NotFound:
        await intake.create_category(w, checked.category)
    with progress_bar("Importing images", console) as on_progress:
        if checked.files is None:
            imported = await pipeline.import_digits(w, slug, on_progress)
        else:
            imported = await pipeline.import_files(w, slug, checked.files, "folder", on_progress)
    print_imported(imported, console)
    if checked.truth is None:
        return None
    truth = _by_image(checked.truth, imported.names)
    document = await w.store.categories.get(slug)
    if not min(document["gold"]["yes"], document["gold"]["no"]):
        await _give_gold(w, slug, truth, checked.category.seed)
    return truth


def _by_image(truth: Mapping[str, bool], names: Mapping[str, str]) -> dict[str, bool]:
    by_image: dict[str, bool] = {}
    for name, image in names.items():
        if by_image.setdefault(image, truth[name]) != truth[name]:
            raise InputError(f"{name} is the same picture as another one, but its label differs.", "Mend the labels.")
    return by_image


async def _give_gold(w: Winnow, slug: str, truth: Mapping[str, bool], seed: int) -> None:
    """The simulated researcher answers some images of each side, as on the expert page."""
    for value in (True, False):
        images = sorted((i for i, v in truth.items() if v is value), key=lambda i: splits.draw(seed, f"gold:{i}"))
        size = min(GOLD_A_SIDE, len(images) // 3)
        if size < LEAST_GOLD:
            word = "yes" if value else "no"
            raise InputError(
                f"Only {len(images)} images are labeled {word}; at least {3 * LEAST_GOLD} are needed.",
                "Gold images of both answers check the annotators; add more.",
            )
        answers = dict.fromkeys(images[:size], value)
        await curating.give_gold(w, slug, answers, Source.IMPORTED, {"by": "the simulated researcher"})


@contextlib.contextmanager
def progress_bar(text: str, console: Console) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the time left; yields what to call with (done, total)."""
    columns = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_imported(imported: pipeline.Imported, console: Console) -> None:
    """One line for the whole, one for each refused file (the first twenty)."""
    near = f"{imported.near_duplicates:,} near-duplicates, " if imported.near_duplicates else ""
    console.print(
        f"{imported.accepted:,} images, {imported.candidates:,} of them new to the pool, "
        f"{imported.duplicates:,} duplicates, {near}{len(imported.refused):,} refused."
    )
    for refusal in imported.refused[:20]:
        console.print(f"  refused {refusal.name} ({refusal.reason}): {refusal.message}", markup=False, soft_wrap=True)
    if len(imported.refused) > 20:
        console.print(f"  and {len(imported.refused) - 20:,} more")


def _print_addresses(settings: Settings, options: DemoOptions, slug: str, console: Console) -> None:
    console.print(f"Category page   {settings.public_url}/categories/{slug}")
    console.print(f"Marketplace     {settings.market_endpoint}")
    if options.images is not None and options.labels is None:
        console.print(f"Expert page     {settings.public_url}/categories/{slug}/expert  answer some images here first")
    console.print(f"Export          ./winnow export {slug} --out dataset --data {options.data}")


@contextlib.asynccontextmanager
async def _crowd(
    w: Winnow, truth: Mapping[str, bool] | None, options: DemoOptions, settings: Settings, console: Console
) -> AsyncIterator["asyncio.Task[shift.CrowdReport] | None"]:
    """The simulated annotators, at work while the block runs. Without labels there is nobody: real people may come."""
    if truth is None:
        yield None
        return
    stop, seed = asyncio.Event(), options.seed
    with progress_bar("Showing the simulated people what they will see", console) as on_progress:
        seen = await _eyes(w, truth, on_progress)
    crowd = shift.CrowdSettings(
        market_url=settings.market_endpoint,
        people=people.crowd(seed),
        seed=seed,
        eyes=seen,
        # One HIT after another: what somebody is shown depends on what he has seen, and a run must be repeatable.
        concurrency=1,
    )
    work = asyncio.create_task(shift.work(crowd, stop))
    try:
        yield work
    finally:
        stop.set()
        await work


async def _eyes(w: Winnow, truth: Mapping[str, bool], on_progress: Callable[[int, int], None]) -> dict[str, bool]:
    """The truth by what people see: they know a picture by its pixels, and their pages show it smaller."""
    seen: dict[str, bool] = {}
    images = list(truth)
    for start in range(0, len(images), 200):
        pictures = await picturing.shown(w, images[start : start + 200], eyes.SIZE)
        seen |= eyes.eyes_from((picture, truth[image]) for image, picture in pictures.items())
        on_progress(min(start + 200, len(images)), len(images))
    return seen


async def _follow(
    w: Winnow,
    slug: str,
    supervisor: Supervisor,
    crowd: "asyncio.Task[shift.CrowdReport] | None",
    console: Console,
) -> None:
    """Print a line a round until the campaign ends; mend what dies meanwhile."""
    shown = 0
    console.print()
    header = ("round", "strategy", "asked", "answers", "people", "yes", "no", "unknown", "cuts")
    console.print(_line(("", "", "", "", "", "model", "model", "", "")), style="bold", markup=False)
    console.print(_line(header), style="bold", markup=False)
    task_shown = False
    with console.status("Starting") as status:
        while True:
            supervisor.poll()
            if crowd is not None and crowd.done():
                crowd.result()  # it only ends by itself when something is wrong: say so instead of waiting for ever
            await refuse_to_wait(w)
            document = await w.store.categories.get(slug)
            status.update(f"{document['phase']}  [dim]({document['counts']['unknown']:,} unknown)[/dim]")
            found = (await reports.report(w, slug, 0.0, None))["rounds"]
            for row in found[shown:]:
                console.print(_line(reports.round_cells(row)), markup=False)
            shown = len(found)
            if not task_shown and (link := (await overview.summary(w, slug)).links.task):
                task_shown = True
                console.print(f"[dim]Task page as an annotator sees it: {w.settings.public_url}{link}[/dim]")
            if document["state"] == CategoryState.FINISHED.value:
                return
            await asyncio.sleep(0.3)


async def refuse_to_wait(w: Winnow) -> None:
    """Raises :class:`StateError` when a job of the loop has used up its attempts: nothing goes on by itself then."""
    for job in await w.store.jobs.troubled():
        if job["state"] == JobState.FAILED.value:
            raise StateError(
                f"The job '{job['_id']}' has failed too often, at last with: {job['error']}",
                "The whole story is in worker.log of the data folder. Mend the cause and start the demo again: it "
                "goes on where it was.",
            )


def _line(cells: tuple[str, ...]) -> str:
    widths = (5, -8, 6, 7, 6, 6, 6, 7, -20)
    return " ".join(c.ljust(-n) if n < 0 else c.rjust(n) for c, n in zip(cells, widths, strict=True)).rstrip()


def _print_end(result: Mapping[str, Any], wrong: Mapping[str, Any], console: Console) -> None:
    totals = result["totals"]
    decided = result["images"] - totals["unknown"]
    console.print(f"\n{result['reason'].capitalize()}.")
    console.print(
        f"{decided:,} of {result['images']:,} images decided: {totals['human_labels']:,} by people, "
        f"{totals['gold_labels']:,} by the researcher, {totals['auto_labels']:,} by the model; "
        f"{totals['unknown']:,} unknown."
    )
    console.print(
        f"{totals['answers']:,} answers ({totals['votes_per_human_label']} a label), "
        f"${totals['paid_usd']:.2f} paid for {totals['approved']} submissions, {totals['rejected']} refused, "
        f"{totals['excluded_submissions']} not used."
    )
    if "truth" in result:
        shares = ", ".join(
            f"{name.replace('_', ' ')} {'-' if value is None else format(value, '.3f')}"
            for name, value in result["truth"].items()
        )
        console.print(f"Against the truth: {shares}.")
    for name, (kept, counted) in wrong.items():
        console.print(f"[red]Counter {name} says {kept}, a recount says {counted}.[/red]")


async def stay(supervisor: Supervisor) -> None:
    """Keep the children running until somebody presses Ctrl-C."""
    while True:
        supervisor.poll()
        await asyncio.sleep(0.5)
