"""Vote files: CSV with the columns ``task``, ``worker`` and ``label``, one answer a line, in any words."""

import csv
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from active_learning.consensus import Votes
from active_learning.domain.errors import LabelFileError

VOTE_COLUMNS = ("task", "worker", "label")
GOLD_COLUMNS = ("task", "label")
EVERY = 500_000
"""Lines between two reports of progress."""


def ignore(lines: int) -> None:
    """Report nothing."""


@dataclass
class _Names:
    """Words in the order in which they came, and the number of each."""

    number: dict[str, int] = field(default_factory=dict)

    def of(self, word: str) -> int:
        return self.number.setdefault(word, len(self.number))

    def sorted(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The words sorted, and the new number of every old one."""
        words = sorted(self.number)
        new = np.empty(len(words), dtype=np.int32)
        new[[self.number[word] for word in words]] = np.arange(len(words), dtype=np.int32)
        return tuple(words), new


def read_votes(path: Path, report: Callable[[int], None] = ignore) -> Votes:
    """Read a vote file; tasks become images, workers annotators, the words that occur classes, each sorted.

    The file is UTF-8, with or without a byte order mark; the header names the columns, others are ignored. Of repeated
    votes of a worker on a task the first counts; ``Votes.repeats`` says how many there were. ``report`` is given the
    number of lines read, now and then.

    Raises:
        LabelFileError: the file is missing, unreadable, not CSV, lacks a column, has an empty cell or fewer than two
            different labels.
    """
    tasks, workers, labels = _Names(), _Names(), _Names()
    codes = array("i"), array("i"), array("i")
    for task, worker, label in _rows(path, VOTE_COLUMNS, report):
        codes[0].append(tasks.of(task))
        codes[1].append(workers.of(worker))
        codes[2].append(labels.of(label))
    if len(labels.number) < 2:
        only = f"only the label {next(iter(labels.number))!r}" if labels.number else "no votes"
        raise LabelFileError(f"{path} holds {only}.", "There is something to decide from two different labels on.")
    sides = [names.sorted() for names in (tasks, workers, labels)]
    columns = [new[np.frombuffer(code, dtype=np.int32)] for code, (_, new) in zip(codes, sides, strict=True)]
    return Votes.from_codes(columns[0], columns[1], columns[2], sides[0][0], sides[1][0], sides[2][0])


def read_gold(path: Path, votes: Votes) -> dict[str, int]:
    """Read known classes by task: CSV with ``task`` and ``label``; tasks without votes are kept.

    Raises:
        LabelFileError: as for votes, and for a label that nobody gave or a task with two different labels.
    """
    number = {word: k for k, word in enumerate(votes.classes)}
    gold: dict[str, int] = {}
    for task, label in _rows(path, GOLD_COLUMNS, ignore):
        if label not in number:
            raise LabelFileError(
                f"{path}: the label {label!r} of task {task} occurs in no vote.",
                f"The votes know: {', '.join(votes.classes[:10])}.",
            )
        if gold.setdefault(task, number[label]) != number[label]:
            raise LabelFileError(f"{path}: task {task} has two different labels.", "Keep one of the lines.")
    if not gold:
        raise LabelFileError(f"{path} holds no labels.", "Add a line for each known task: task,label")
    return gold


def _rows(path: Path, columns: tuple[str, ...], report: Callable[[int], None]) -> Iterator[list[str]]:
    """Yield the cells of these columns of every line that is not blank, without the spaces round them."""
    line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            places = _places(path, next(reader, []), columns)
            for row in reader:
                line = reader.line_num
                if not any(cell.strip() for cell in row):
                    continue
                cells = [row[place].strip() if place < len(row) else "" for place in places]
                if not all(cells):
                    missing = columns[cells.index("")]
                    raise LabelFileError(f"{path}, line {line}: no {missing}.", f"Write: {','.join(columns)}")
                yield cells
                if line % EVERY == 0:
                    report(line)
    except csv.Error as error:
        raise LabelFileError(
            f"{path}, line {line + 1}: this is not CSV ({error}).", "Save it as CSV, UTF-8, separated by commas."
        ) from error
    except FileNotFoundError as error:
        raise LabelFileError(f"There is no file {path}.", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise LabelFileError(f"{path}, after line {line}: not UTF-8 text.", "Save it as CSV in UTF-8.") from error
    except OSError as error:
        raise LabelFileError(f"{path} cannot be read ({error.strerror}).", "Give a readable file.") from error


def _places(path: Path, header: list[str], columns: tuple[str, ...]) -> list[int]:
    names = [name.strip().lower() for name in header]
    missing = [name for name in columns if name not in names]
    if missing:
        raise LabelFileError(
            f"{path} has no column {' and no column '.join(missing)} in its first line.",
            f"The first line must be: {','.join(columns)} (separated by commas).",
        )
    return [names.index(name) for name in columns]
