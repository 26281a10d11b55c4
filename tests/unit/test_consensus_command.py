"""``./winnow consensus``: what is read, what is written, and the one line that says what is wrong."""

import csv
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from active_learning.domain.errors import LabelFileError, WinnowError
from deploy.consensus_command import consensus
from scraper.votes import read_gold, read_votes

app = typer.Typer()
app.command()(consensus)

VOTES = "task,worker,label\n" + "".join(
    f"t{t},w{w},{'owl' if t % 3 == 0 and w != 2 else 'cat'}\n" for t in range(12) for w in range(4)
)


def write(folder: Path, text: str, name: str = "votes.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("method", ["majority", "dawid_skene"])
def test_labels_and_workers_are_written(tmp_path: Path, method: str) -> None:
    votes, out, workers = write(tmp_path, VOTES + "t0,w0,cat\n"), tmp_path / "out.csv", tmp_path / "workers.csv"
    gold = write(tmp_path, "task,label\nt1,cat\n", "gold.csv")
    options = {"--votes": votes, "--gold": gold, "--out": out, "--workers": workers, "--method": method}
    result = CliRunner().invoke(app, [str(word) for pair in options.items() for word in pair])
    assert result.exit_code == 0, result.output
    assert "1 repeats left out" in result.output
    rows = list(csv.DictReader(out.open()))
    assert {row["task"]: row["label"] for row in rows} == {f"t{t}": "cat" if t % 3 else "owl" for t in range(12)}
    assert {row["votes"] for row in rows} == {"4"}
    people = list(csv.DictReader(workers.open()))
    assert len(people) == 8
    blind = next(row for row in people if (row["worker"], row["true_label"]) == ("w2", "owl"))
    assert float(blind["accuracy"]) < 0.8
    assert float(blind["accuracy_low"]) <= float(blind["accuracy"]) <= float(blind["accuracy_high"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("task,worker\na,b\n", "has no column label"),
        ("task,worker,label\na,b,x\na,c\n", "line 3: no label"),
        ("task,worker,label\na,,x\n", "line 2: no worker"),
        ('task,worker,label\na,b,"x\n', "this is not CSV"),
        ("task,worker,label\na,b,x\n", "only the label 'x'"),
        ("task,worker,label\n", "no votes"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(LabelFileError, match=words):
        read_votes(write(tmp_path, text))


def test_gold_must_use_the_votes_words(tmp_path: Path) -> None:
    votes = read_votes(write(tmp_path, VOTES))
    with pytest.raises(LabelFileError, match="occurs in no vote"):
        read_gold(write(tmp_path, "task,label\nt1,dog\n", "gold.csv"), votes)
    with pytest.raises(LabelFileError, match="two different labels"):
        read_gold(write(tmp_path, "task,label\nt1,cat\nt1,owl\n", "gold.csv"), votes)


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--votes", "x", "--out", "y", "--method", "magic"])
    assert isinstance(result.exception, WinnowError)
    assert "auto" in str(result.exception)
