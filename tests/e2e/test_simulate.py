"""``./winnow simulate`` on a small folder: the files that it writes, and what it says of wrong input."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from active_learning.domain.errors import InputError
from deploy.simulate_command import simulate
from deploy.simulated_people import CrowdSpec
from labeling_ui.curves import Point, curves, png

N = 240


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 pictures, a third of them bright: yes."""
    where = tmp_path_factory.mktemp("simulate")
    rng = np.random.default_rng(0)
    lines = ["path,label"]
    for number in range(N):
        yes = number % 3 == 0
        pixels = rng.integers(0, 90, size=(24, 24, 3)) + (140 if yes else 20)
        Image.fromarray(pixels.astype(np.uint8)).save(where / f"{number:03d}.png")
        lines.append(f"{number:03d}.png,{'yes' if yes else 'no'}")
    (where / "labels.csv").write_text("\n".join(lines))
    return where


def call(folder: Path, *arguments: str) -> str:
    """Run the command in this process; errors of Winnow are raised."""
    app = typer.Typer()
    app.command()(simulate)
    base = ["--images", str(folder), "--labels", str(folder / "labels.csv"), "--processes", "1"]
    result = CliRunner().invoke(app, [*base, *arguments], catch_exceptions=False, env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    return result.output


SMALL = ("--validation", "60", "--batch", "30", "--rounds", "1", "--seeds", "1")


def test_it_writes_tables_policy_and_curves_and_keeps_the_features(folder: Path, tmp_path: Path) -> None:
    call(folder, "--out", str(tmp_path), "--strategy", "margin,everyone", *SMALL[:-1], "2")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text())))
    assert {row["strategy"] for row in rows} == {"margin", "everyone"}
    for row in rows:
        assert int(row["people"]) + int(row["model"]) + int(row["unknown"]) <= N
        assert int(row["votes"]) >= int(row["answers"])
    summary = list(csv.DictReader(io.StringIO((tmp_path / "summary.csv").read_text())))
    votes = next(row for row in summary if (row["strategy"], row["quantity"]) == ("everyone", "votes"))
    assert float(votes["low"]) <= float(votes["mean"]) <= float(votes["high"])
    assert json.loads((tmp_path / "policy.json").read_text())["batch"] == 30
    for picture in tmp_path.glob("*.png"):
        assert Image.open(picture).width > 600
    features = list(tmp_path.glob("features-*.npy"))
    assert len(features) == 1
    call(folder, "--out", str(tmp_path), "--strategy", "everyone", *SMALL)
    before = (tmp_path / "table.csv").read_bytes(), features[0].stat().st_mtime_ns
    call(folder, "--out", str(tmp_path), "--strategy", "everyone", *SMALL)
    assert ((tmp_path / "table.csv").read_bytes(), features[0].stat().st_mtime_ns) == before


@pytest.mark.long
def test_real_votes_take_the_place_of_the_crowd(folder: Path, tmp_path: Path) -> None:
    votes = ["task,worker,label"] + [f"{n:03d},w{w},{int(n % 3 == 0)}" for n in range(N) for w in range(4)]
    (tmp_path / "votes.csv").write_text("\n".join(votes))
    call(folder, "--out", str(tmp_path), "--strategy", "margin", "--votes", str(tmp_path / "votes.csv"), *SMALL)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text())))
    assert float(rows[-1]["people_accuracy"]) == 1.0
    assert int(rows[-1]["votes"]) <= 4 * N


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--strategy", "cleverest"), "There is no strategy named 'cleverest'"),
        (("--strategy", ","), "--strategy names nothing"),
        (("--crowd", "people=3"), "A crowd of 3 is too small"),
        (("--crowd", "wisdom=1"), "--crowd does not know"),
        (("--crowd", "yes=high"), "is not a number"),
        (("--votes", "nowhere.csv"), "There is no file nowhere.csv"),
        (("--policy", "nowhere.json"), "cannot be read"),
    ],
)
def test_wrong_input_is_one_clear_sentence(folder: Path, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        call(folder, "--out", str(tmp_path), *arguments, *SMALL)


def test_a_crowd_is_described_by_what_differs() -> None:
    assert CrowdSpec.parse("people=50, yes=0.8-0.9") == CrowdSpec(people=50, yes=(0.8, 0.9))
    assert CrowdSpec.parse("perfect").perfect
    assert CrowdSpec.parse("no=0.97").no == (0.97, 0.97)


def test_curves_are_pictures() -> None:
    points = [Point("a", run, float(x), x / 10 + run) for run in (0, 1) for x in range(4)]
    assert png(curves(points, "votes", "share", "A title", aim=0.5)).startswith(b"\x89PNG")
