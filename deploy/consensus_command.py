"""``./winnow consensus``: labels from any file of votes, without a category, a market or a database."""

import csv
from pathlib import Path
from typing import Annotated, TextIO, get_args

import numpy as np
import typer
from rich.table import Table

from active_learning.consensus import Evidence, Posterior, Votes, fit
from active_learning.consensus.methods import agreement, by_classes
from active_learning.domain.errors import InputError
from active_learning.domain.policy import ConsensusName
from deploy.terminal import console, errors
from scraper.votes import read_gold, read_votes


def consensus(
    votes: Annotated[Path, typer.Option(help="CSV with task,worker,label: one answer a line, any words.")],
    out: Annotated[Path, typer.Option(help="CSV to write: task,label,probability,votes.")],
    gold: Annotated[Path | None, typer.Option(help="CSV with task,label of tasks whose label is known.")] = None,
    method: Annotated[str, typer.Option(help=f"One of: {', '.join(get_args(ConsensusName))}.")] = "auto",
    workers: Annotated[Path | None, typer.Option(help="CSV to write: how often each worker is right.")] = None,
) -> None:
    """Decide what people said: a label with its probability for every task of a file of votes."""
    if method not in get_args(ConsensusName):
        raise InputError(f"There is no method '{method}'.", f"Choose one of: {', '.join(get_args(ConsensusName))}.")
    read = read_votes(votes, lambda lines: errors.print(f"{lines:,} lines read"))
    known = read_gold(gold, read) if gold else {}
    errors.print(f"{len(read):,} votes read; fitting")
    posterior = fit(method, read, Evidence(known))  # type: ignore[arg-type]
    write_labels(out, posterior)
    if workers:
        write_workers(workers, posterior)
    console.print(_table(posterior, known, method))
    console.print(f"Labels: {out}" + (f"   Workers: {workers}" if workers else ""), soft_wrap=True)


def write_labels(path: Path, posterior: Posterior) -> None:
    """Write task,label,probability,votes; of labels that are equally likely the first."""
    votes = posterior.votes
    best, counts = posterior.p.argmax(axis=1), votes.table.sum(axis=1)
    sure = posterior.p[np.arange(len(best)), best]
    with _opened(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("task", "label", "probability", "votes"))
        for task, k, p, n in zip(votes.images, best.tolist(), sure.tolist(), counts.tolist(), strict=True):
            rows.writerow((task, votes.classes[k], f"{p:.6f}", n))


def write_workers(path: Path, posterior: Posterior) -> None:
    """Write a line for each worker and true label: answers, accuracy with its interval, share of each answer."""
    votes = posterior.votes
    answers, intervals = posterior.answered.sum(axis=1), posterior.intervals
    with _opened(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        says = [f"says_{word}" for word in votes.classes]
        rows.writerow(("worker", "true_label", "answers", "accuracy", "accuracy_low", "accuracy_high", *says))
        for a, worker in enumerate(votes.annotators):
            for k, word in enumerate(votes.classes):
                table = posterior.tables[a, :, k]
                numbers = (answers[a, k], table[k], *intervals[a, k], *table)
                rows.writerow((worker, word, *(f"{number:.4f}" for number in numbers)))


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}).", "Give another path.") from error


def _table(posterior: Posterior, known: dict[str, int], method: str) -> Table:
    votes: Votes = posterior.votes
    table = Table(show_header=False)
    table.add_row("method", f"{method} ({posterior.why})" if posterior.why else method)
    table.add_row("votes", f"{len(votes):,}" + (f" ({votes.repeats:,} repeats left out)" if votes.repeats else ""))
    table.add_row("tasks", f"{len(votes.images):,}")
    table.add_row("workers", f"{len(votes.annotators):,}")
    table.add_row("labels", by_classes(posterior))
    table.add_row("agreement", f"{agreement(votes):.1%} of two answers to one task are the same")
    table.add_row("accuracy", f"{float(posterior.p.max(axis=1).mean()):.1%} by the model's own estimate")
    if known:
        table.add_row("gold", f"{sum(image in known for image in votes.images):,} tasks with a known label")
    return table
