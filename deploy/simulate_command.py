"""``./winnow simulate``: whole campaigns without market, web and database, to compare strategies and policies."""

import json
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from active_learning.campaign.comparison import Compared
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from deploy import feature_cache, simulation
from deploy.demo import progress_bar
from deploy.simulated_people import HOW, CrowdSpec
from deploy.terminal import console
from scraper import pipeline
from scraper.labels import WORDS, read_labels
from scraper.votes import read_votes

AS_JSON = "Write the policy's numbers as one JSON object."

UNLIMITED = 1_000_000_000
"""US cents: without a policy file money does not end an experiment."""

SHOWN = {
    "votes": "votes",
    "answers_per_decided": "a label",
    "model_share": "by model",
    "dataset_precision": "precision",
    "recall": "recall",
    "cents": "cost, $",
    "unknown": "undecided",
}
"""Quantities of the summary that the terminal shows, and how they are headed."""


def simulate(
    images: Annotated[Path, typer.Option(help="Folder of images.")],
    labels: Annotated[Path, typer.Option(help="CSV with path,label (yes/no): the truth, for eyes and score.")],
    out: Annotated[Path, typer.Option(help="Folder for tables and curves; features are kept there, too.")],
    strategy: Annotated[
        str, typer.Option(help="Strategies with commas between; also lsun (its recipe), everyone (three votes each).")
    ] = "margin,random",
    crowd: Annotated[str, typer.Option(help="Simulated annotators: what differs from the default, or perfect.")] = HOW,
    votes: Annotated[
        Path | None,
        typer.Option(help="CSV with task,worker,label: real answers instead of the crowd; a task is a path or stem."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Campaigns of every strategy, each with its own chance.")] = 3,
    policy: Annotated[Path | None, typer.Option(help="JSON file with the policy; other options go before it.")] = None,
    precision: Annotated[float | None, typer.Option(help="At least this share of the model's yes is right.")] = None,
    recall: Annotated[float | None, typer.Option(help="At least this share of all yes images is found.")] = None,
    confidence: Annotated[float | None, typer.Option(help="How sure both promises are.")] = None,
    validation: Annotated[int | None, typer.Option(help="Images that people answer only to calibrate.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images that the strategy chooses in a round.")] = None,
    rounds: Annotated[int | None, typer.Option(help="At most so many rounds.")] = None,
    processes: Annotated[int, typer.Option(min=0, help="Campaigns at the same time; 0: one a processor.")] = 0,
) -> None:
    """Compare strategies on your own labeled images: whole campaigns, without market, web and database.

    Every campaign takes the same steps as the service: it selects, makes tasks with gold, judges people, decides,
    trains and cuts. Writes table.csv (one line a round), summary.csv (means with 95 % intervals over seeds, and
    differences to the first strategy on the same seeds), policy.json, and curves as PNG. Options that are left out
    come from --policy, or from the policy's defaults with money without end.
    """
    strategies = simulation.check_strategies(strategy.split(","))
    given = {"precision": precision, "recall": recall, "confidence": confidence, "validation": validation}
    chosen = _policy(policy, given | {"batch": batch, "max_rounds": rounds})
    spec = CrowdSpec.parse(crowd)
    files = dict(pipeline.folder_files(images))
    truth = read_labels(labels, set(files))
    if len(truth) < len(files):
        missing = next(name for name in files if name not in truth)
        raise InputError(
            f"{len(files) - len(truth):,} images have no label in {labels}, such as {missing}.",
            "Label every image: a simulation needs the truth.",
        )
    names = tuple(files)
    answers = np.array([truth[name] for name in names], dtype=bool)
    simulation.gold(names, answers, 0)
    readers = {name: path.read_bytes for name, path in files.items()}
    with progress_bar("Computing features", console) as on_progress:
        kept = feature_cache.features(readers, chosen.backbone, out, on_progress)
    experiment = simulation.Experiment(names, answers, kept, chosen, spec, _votes(votes, names))
    with progress_bar("Running campaigns", console) as on_progress:
        runs = simulation.run_all(experiment, strategies, range(seeds), processes or os.cpu_count() or 1, on_progress)
    summary = simulation.write(runs, chosen, out)
    console.print(_comparison(summary, strategies, seeds))
    console.print(f"Tables and curves are in {out}.")


def _policy(file: Path | None, given: dict[str, float | int | None]) -> Policy:
    fields: dict[str, Any] = {"budget_cents": UNLIMITED}
    if file is not None:
        try:
            fields = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}).", "Give a readable file.") from error
        except ValueError as error:
            raise InputError(f"{file} is not JSON ({error}).", AS_JSON) from error
        if not isinstance(fields, dict):
            raise InputError(f"{file} is not a policy.", AS_JSON)
    return Policy.model_validate(fields | {name: value for name, value in given.items() if value is not None})


def _votes(file: Path | None, images: Sequence[str]) -> tuple[simulation.Vote, ...] | None:
    """The votes of a file, by the images' positions. Tasks that are no image of the folder are left out."""
    if file is None:
        return None
    votes = read_votes(file)
    unknown = [word for word in votes.classes if word.lower() not in WORDS]
    if unknown:
        raise InputError(f"{file}: the label {unknown[0]!r} is neither yes nor no.", "Write yes or no (or 1/0).")
    values = [WORDS[word.lower()] for word in votes.classes]
    by_stem = {PurePosixPath(name).stem: place for place, name in enumerate(images)}
    places = {name: place for place, name in enumerate(images)}
    found = [places.get(task, by_stem.get(task)) for task in votes.images]
    rows = zip(votes.image.tolist(), votes.annotator.tolist(), votes.value.tolist(), strict=True)
    known = tuple(
        (place, votes.annotators[who], values[value]) for task, who, value in rows if (place := found[task]) is not None
    )
    if not known:
        raise InputError(f"No task of {file} is an image of the folder.", "A task is an image's path or its stem.")
    without = len(images) - len({place for place, _, _ in known})
    if without:
        console.print(f"{without:,} images have no votes in {file}: nobody can decide them.")
    return known


def _comparison(summary: Sequence[Compared], strategies: Sequence[str], seeds: int) -> Table:
    caption = f"means of {seeds} campaigns, ± half a 95 % interval"
    table = Table("", *SHOWN.values(), header_style="bold", caption=caption)
    cells = {(row.strategy, row.quantity): row for row in summary}
    for strategy in strategies:
        table.add_row(strategy, *(_cell(cells[strategy, quantity]) for quantity in SHOWN))
    return table


def _cell(row: Compared) -> str:
    if row.mean is None:
        return "-"
    reach = None if row.low is None else row.mean - row.low
    if row.quantity in ("votes", "unknown"):
        return f"{row.mean:,.0f}" + (f" ± {reach:,.0f}" if reach is not None else "")
    if row.quantity == "cents":
        return f"{row.mean / 100:,.0f}"
    digits = 2 if row.quantity == "answers_per_decided" else 3
    return f"{row.mean:.{digits}f}" + (f" ± {reach:.{digits}f}" if reach is not None else "")
