"""An experiment: a campaign for each strategy and seed, in processes of their own; then tables and curves."""

import csv
import multiprocessing
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from active_learning import campaign, splits
from active_learning.campaign import Crowd, Measure, Recorded, Setup
from active_learning.campaign.comparison import Compared, compare
from active_learning.domain.errors import InputError
from active_learning.domain.policy import Policy
from active_learning.domain.value import Value
from active_learning.selection import STRATEGIES
from api.operations.viewing import GOLD_WANTED
from deploy.simulated_people import CrowdSpec, simulated
from labeling_ui.curves import Point, curves, png

LSUN, EVERYONE = "lsun", "everyone"
RECIPES = (LSUN, EVERYONE)
"""Not strategies: LSUN's own recipe, and three votes on every image. What strategies are compared with."""

LEAST_GOLD = 9
"""Gold images of either answer below which nobody could be checked."""

Progress = Callable[[int, int], None]
Runs = dict[str, dict[int, tuple[Measure, ...]]]
Vote = tuple[int, str, bool]


@dataclass(frozen=True)
class Experiment:
    """What every campaign of an experiment shares. ``features`` is the file of them [N, D]; votes replace the crowd."""

    images: tuple[str, ...]
    truth: NDArray[np.bool_]
    features: Path
    policy: Policy
    crowd: CrowdSpec
    votes: tuple[Vote, ...] | None = None


def check_strategies(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names without repeats. Raises :class:`InputError` for one that is neither strategy nor recipe."""
    wanted = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    for name in wanted:
        if name not in STRATEGIES and name not in RECIPES:
            known = ", ".join([*STRATEGIES, *RECIPES])
            raise InputError(f"There is no strategy named '{name}'.", f"Use one or more of: {known}.")
    if not wanted:
        raise InputError("--strategy names nothing.", "For example: --strategy margin,random")
    return wanted


def gold(images: Sequence[str], truth: NDArray[np.bool_], seed: int) -> dict[int, bool]:
    """What the simulated researcher answers himself, by position: as many images of each answer as the demo's."""
    chosen: dict[int, bool] = {}
    for value in (True, False):
        places = np.flatnonzero(truth == value).tolist()
        own = sorted(places, key=lambda place: splits.draw(seed, f"gold:{images[place]}"))
        size = min(GOLD_WANTED, len(own) // 3)
        if size < LEAST_GOLD:
            word = "yes" if value else "no"
            raise InputError(
                f"Only {len(own)} images are labeled {word}; at least {3 * LEAST_GOLD} are needed.",
                "Gold images of both answers check the annotators; add more.",
            )
        chosen |= dict.fromkeys(own[:size], value)
    return chosen


def run_one(experiment: Experiment, strategy: str, seed: int) -> tuple[Measure, ...]:
    """One campaign, on one thread."""
    features: NDArray[np.float32] = np.load(experiment.features, mmap_mode="r")
    policy = experiment.policy
    if strategy not in RECIPES:
        policy = Policy.model_validate(policy.model_dump() | {"strategy": strategy})
    known = gold(experiment.images, experiment.truth, seed)
    setup = Setup(experiment.images, features, experiment.truth, known, policy, seed)
    crowd = _crowd(experiment, seed)
    with threadpool_limits(limits=1):
        if strategy == LSUN:
            sample = max(100, min(campaign.LSUN.sample, len(experiment.images) // 15))
            return campaign.lsun(setup, crowd, replace(campaign.LSUN, sample=sample, finish=sample))
        if strategy == EVERYONE:
            return campaign.everyone(setup, crowd)
        return campaign.run(setup, crowd)


def _crowd(experiment: Experiment, seed: int) -> Crowd:
    if experiment.votes is not None:
        return Recorded(experiment.votes, len(experiment.images), seed)
    return simulated(experiment.crowd, experiment.images, experiment.truth, seed)


def run_all(
    experiment: Experiment, strategies: Sequence[str], seeds: Sequence[int], processes: int, progress: Progress
) -> Runs:
    """Every strategy with every seed; ``progress`` hears of each campaign that ends."""
    wanted = [(strategy, seed) for seed in seeds for strategy in strategies]
    progress(0, len(wanted))
    found: dict[tuple[str, int], tuple[Measure, ...]] = {}
    if min(processes, len(wanted)) <= 1:
        for strategy, seed in wanted:
            found[strategy, seed] = run_one(experiment, strategy, seed)
            progress(len(found), len(wanted))
        return _ordered(found, strategies, seeds)
    # Not forked: a copy of a process that has used torch's threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(wanted)), mp_context=context) as pool:
        jobs: dict[Future[tuple[Measure, ...]], tuple[str, int]] = {
            pool.submit(run_one, experiment, strategy, seed): (strategy, seed) for strategy, seed in wanted
        }
        try:
            for job in as_completed(jobs):
                found[jobs[job]] = job.result()
                progress(len(found), len(wanted))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return _ordered(found, strategies, seeds)


def _ordered(
    found: Mapping[tuple[str, int], tuple[Measure, ...]], strategies: Sequence[str], seeds: Sequence[int]
) -> Runs:
    return {strategy: {seed: found[strategy, seed] for seed in seeds} for strategy in strategies}


def write(runs: Runs, policy: Policy, folder: Path) -> tuple[Compared, ...]:
    """Write ``table.csv``, ``summary.csv``, ``policy.json`` and the curves; returns the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for strategy, by_seed in runs.items():
        for seed, standings in by_seed.items():
            for standing in standings:
                fields = standing.model_dump()
                chosen_by = fields.pop("strategy")
                rows.append({"strategy": strategy, "seed": seed, "chosen_by": chosen_by, **fields})
    _write_csv(folder / "table.csv", rows)
    summary = compare(runs)
    _write_csv(folder / "summary.csv", [_named(row) for row in summary])
    (folder / "policy.json").write_text(policy.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for name, picture in _pictures(runs, policy).items():
        (folder / name).write_bytes(picture)
    return summary


def _named(row: Compared) -> dict[str, Any]:
    return {name: "" if value is None else value for name, value in row.model_dump().items()}


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


class Curve(Value):
    """One picture: a quantity of the standings over people's votes."""

    file: str
    quantity: str
    title: str
    aim: float | None = None


def _pictures(runs: Runs, policy: Policy) -> dict[str, bytes]:
    wanted = (
        Curve(file="decided.png", quantity="decided", title="Images decided"),
        Curve(file="recall.png", quantity="recall", title="Recall: yes images labeled yes so far", aim=policy.recall),
        Curve(file="precision.png", quantity="precision", title="Precision of the model's yes", aim=policy.precision),
        Curve(file="average-precision.png", quantity="average_precision", title="Average precision of the model"),
    )
    drawn = {}
    for curve in wanted:
        points = list(_points(runs, curve.quantity))
        if points:
            name = curve.quantity.replace("_", " ")
            spec = curves(points, "people's votes, checks included", name, curve.title, curve.aim)
            drawn[curve.file] = png(spec)
    return drawn


def _points(runs: Runs, quantity: str) -> Iterable[Point]:
    for strategy, by_seed in runs.items():
        for seed, standings in by_seed.items():
            for standing in standings:
                value = getattr(standing, quantity)
                if value is not None:
                    yield Point(strategy, seed, float(standing.votes), float(value))
