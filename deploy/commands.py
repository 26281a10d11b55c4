"""The commands. Each reads its options, calls one function, prints its outcome."""

import asyncio
import os
import signal
import socket
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from active_learning.domain.errors import InputError
from active_learning.domain.label import Source
from active_learning.domain.policy import Policy
from api import logs
from api.operations import curating, exporting
from api.operations.context import open_winnow
from api.operations.formats import FORMATS
from api.operations.scraping import Wanted
from api.settings import Settings
from deploy import benchmarks, checks, demo, doctor, stack
from deploy.categories import NewCategory, ensure_category
from deploy.category_commands import category_app, round_app, status
from deploy.consensus_command import consensus
from deploy.dataset_commands import dataset_app, export_as, import_labels
from deploy.market_commands import cost_command, reconcile_command
from deploy.processes import check_port_free
from deploy.requester_commands import app as requesters_app
from deploy.scrape_commands import app as scrape_app
from deploy.scrape_commands import run_scrape, source_of
from deploy.simulate_command import simulate
from deploy.terminal import DEFAULT_DATA, Data, Host, MarketPort, Slug, WebPort, console, local_settings, opened
from deploy.users_commands import app as users_app
from scraper import pipeline
from scraper.labels import read_labels
from scraper.licences import wanted
from workers.jobs.desk import open_desk
from workers.loop import work as work_loop

app = typer.Typer(
    help="Turn unlabeled images into a dataset: people answer a few yes/no questions, a model answers the rest.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(category_app, name="category")
app.add_typer(round_app, name="round")
app.add_typer(dataset_app, name="dataset")
app.add_typer(scrape_app)
app.add_typer(users_app)
app.add_typer(requesters_app)


@app.command("demo")
def demo_command(
    images: Annotated[
        Path | None, typer.Option(help="Your own folder of images, instead of handwritten digits.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV with path,label (yes/no) for the simulated people's eyes and the score.")
    ] = None,
    question: Annotated[str | None, typer.Option(help='For example "Does this image contain a car?"')] = None,
    once: Annotated[bool, typer.Option("--once", help="End when the campaign ends, instead of staying up.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the report to this file.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same decisions.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Keep state here; a second start goes on from it.")] = None,
    port: WebPort = 8000,
    market_port: MarketPort = 8001,
    precision: Annotated[float, typer.Option(help="At least this share of the model's yes is right.")] = 0.90,
    recall: Annotated[float, typer.Option(help="At least this share of all yes images is found.")] = 0.90,
    confidence: Annotated[float, typer.Option(help="How sure both promises are.")] = 0.90,
    validation: Annotated[int, typer.Option(help="Images that people answer only to calibrate the model.")] = 600,
    batch: Annotated[int, typer.Option(help="Images that the model chooses for people in a round.")] = 100,
    budget: Annotated[float, typer.Option(help="Dollars.")] = 100.0,
    first_look: Annotated[int, typer.Option(help="Round of the first calibration; later ones are stricter.")] = 1,
    rounds: Annotated[int, typer.Option(help="At most so many rounds.")] = 10,
) -> None:
    """Watch the whole loop: real images, a marketplace, a simulated crowd, a model, a dataset."""
    policy = Policy(
        precision=precision,
        recall=recall,
        confidence=confidence,
        validation=validation,
        batch=batch,
        budget_cents=round(budget * 100),
        first_look=first_look,
        max_rounds=rounds,
    )
    ports = stack.Ports(port, market_port)
    with tempfile.TemporaryDirectory(prefix="winnow-demo-") as folder:
        options = demo.DemoOptions(data or Path(folder), images, labels, question, seed, once, json, ports, policy)
        raise typer.Exit(demo.run(options, console))


@app.command()
def serve(
    data: Data = DEFAULT_DATA,
    host: Host = "127.0.0.1",
    port: WebPort = 8000,
    market_port: MarketPort = 8001,
    only_web: Annotated[
        bool, typer.Option("--only-web", help="No marketplace and no worker: they run elsewhere.")
    ] = False,
) -> None:
    """Run Winnow on this machine: the pages, the marketplace and a worker. Ctrl-C stops everything cleanly."""
    ports = stack.Ports(port, market_port, host)
    ports.check("serve")
    env = stack.environment()
    data.mkdir(parents=True, exist_ok=True)
    with stack.database(data, env) as uri:
        settings = stack.local_settings(data, uri, ports, env)
        asyncio.run(_remember_ports(settings, data, ports))
        parts = ("web",) if only_web else ("market", "web", "worker")
        with stack.running(settings, ports, data, console.print, parts) as supervisor:
            console.print(f"Pages        {settings.public_url}")
            console.print(f"Marketplace  {settings.market_endpoint}")
            console.print(f"Logs         {data / 'logs'}")
            asyncio.run(_print_first_admin(settings))
            console.print("Press Ctrl-C to stop.")
            asyncio.run(demo.stay(supervisor))


@app.command("work")
def work_command(
    slots: Annotated[int, typer.Option(help="Jobs at the same time.")] = 3,
    data: Data = DEFAULT_DATA,
) -> None:
    """Run a background worker: posts tasks, collects answers, trains, labels. Start as many as you like."""

    async def run(settings: Settings) -> None:
        logs.configure(settings.logs)
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        async with open_winnow(settings) as w, open_desk(w) as desk:
            await work_loop(desk, f"{socket.gethostname()}:{os.getpid()}", stop, slots)

    with local_settings(data) as settings:
        uvloop.run(run(settings))


@app.command("import")
def import_command(
    path: Annotated[
        Path, typer.Argument(help="A folder of images; or an archive, a video, a Parquet file, a list of URLs.")
    ],
    category: Annotated[str, typer.Option(help="The category they become candidates of; made if it is new.")],
    question: Annotated[str | None, typer.Option(help="The yes/no question of a new category.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV with path,label of images that you have decided: gold.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Import images of this machine into a category. Importing them again adds only what is new."""
    source = source_of(path)
    if source != "folder":
        if labels:
            raise InputError(
                "--labels goes with a folder of images.", "Import without it, and answer on the expert page."
            )
        wanted = Wanted(category=category, source=source, options={"path": str(path.absolute())})
        raise typer.Exit(int(run_scrape(data, wanted, NewCategory(question))))
    files = pipeline.folder_files(path)
    answers = read_labels(labels, {name for name, _ in files}) if labels else {}

    async def run() -> None:
        async with opened(data, "import", category=category, path=str(path)) as w:
            await ensure_category(w, category, NewCategory(question))
            with demo.progress_bar("Importing images", console) as on_progress:
                imported = await pipeline.import_files(w, category, files, path.name, on_progress)
            demo.print_imported(imported, console)
            if not imported.accepted:
                raise InputError(
                    f"No file in {path} can be used.", "The lines above say why; mend them and start again."
                )
            gold = {imported.names[name]: value for name, value in answers.items() if name in imported.names}
            if gold:
                given = await curating.give_gold(w, category, gold, Source.IMPORTED, {"file": path.name})
                console.print(f"Gold: {given.gold_yes} yes, {given.gold_no} no.")

    asyncio.run(run())


@app.command()
def export(
    slug: Slug,
    out: Annotated[Path, typer.Option(help="Folder for the dataset: new, or an earlier export.")],
    licences: Annotated[
        str | None, typer.Option(help="Leave out images under other licences: cc0,by,... or commercial, open, ...")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help=f"As a new version, in one of: {', '.join(FORMATS)}.")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write the dataset: labels with provenance, images in class folders, attribution, a manifest.

    With --format it is frozen as a version first, and written as that format's own libraries read it; a run that was
    killed goes on.
    """
    allowed = wanted(licences.split(",")) if licences else None

    async def run() -> None:
        async with opened(data) as w:
            if format_ is not None:
                await export_as(w, slug, format_, out, licences)
                return
            with demo.progress_bar("Exporting", console) as on_progress:
                done = await exporting.export(w, slug, out, on_progress, allowed)
            console.print(f"{done.yes:,} yes and {done.no:,} no in {done.folder}; {done.unknown:,} are not decided.")
            if done.left_out:
                console.print(f"{done.left_out:,} left out by their licence.")

    asyncio.run(run())


@app.command("turk")
def turk_command(
    data: Data = DEFAULT_DATA,
    host: Host = "127.0.0.1",
    market_port: MarketPort = 8001,
) -> None:
    """Run only the marketplace: point any boto3 MTurk program at it with AWS_ENDPOINT_URL_MTURK."""
    ports = stack.Ports(market=market_port, host=host)
    check_port_free(market_port, "turk", host, "--market-port")
    env = stack.environment()
    data.mkdir(parents=True, exist_ok=True)
    with stack.database(data, env) as uri:
        settings = stack.local_settings(data, uri, ports, env)
        with stack.running(settings, ports, data, console.print, ("market",)) as supervisor:
            console.print(f"Marketplace  {settings.market_endpoint}\nAccess keys  ./winnow requesters add NAME")
            console.print("Press Ctrl-C to stop.")
            asyncio.run(demo.stay(supervisor))


app.command()(status)
app.command()(simulate)
app.command()(consensus)
app.command("import-labels")(import_labels)
app.command("reconcile")(reconcile_command)
round_app.command("cost")(cost_command)


@app.command("doctor")
def doctor_command() -> None:
    """Say what is missing on this machine and how to get it."""
    raise typer.Exit(doctor.run(console, DEFAULT_DATA))


@app.command("check")
def check_command() -> None:
    """Lint, format, types and import contracts."""
    raise typer.Exit(checks.check())


@app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test_command(context: typer.Context) -> None:
    """Run `check`, then every test. Arguments go to pytest: ./winnow test tests/laws -k cuts."""
    raise typer.Exit(checks.test(context.args))


@app.command("bench")
def bench_command(
    name: Annotated[str | None, typer.Argument(help="A benchmark; left out: list them.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the result to this file.")] = None,
) -> None:
    """Measure Winnow next to a peer or a limit, in one run."""
    raise typer.Exit(benchmarks.run(name, json, console))


async def _remember_ports(settings: Settings, data: Path, ports: stack.Ports) -> None:
    async with open_winnow(settings) as w:
        await stack.remember_ports(w, data, ports)


async def _print_first_admin(settings: Settings) -> None:
    async with open_winnow(settings) as w:
        await demo.print_first_admin(w, console)
