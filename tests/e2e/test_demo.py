"""The demo as everybody starts it: the whole command on the handwritten digits, once for all of these tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.demos import demo
from tests.e2e.invariants import check_data

SEED = 5
"""With it people come to work who answer at random, or always the same."""
SECONDS = 240

TOP = {"images", "category", "policy", "rounds", "totals", "truth"}
ROUND = {"round", "strategy", "posted", "answers", "human_labels", "auto_yes", "auto_no", "unknown", "cuts"}
CALIBRATION = {"n", "positives", "precision_bound", "recall_bound", "confidence"}
TOTALS = {
    *("human_labels", "auto_labels", "unknown", "answers", "votes_per_human_label"),
    *("approved", "rejected", "excluded_submissions", "paid_usd", "seconds"),
}
TRUTH = {"precision_auto", "recall_all", "accuracy_human", "accuracy_all"}


@dataclass
class Run:
    """What is left after a demo has ended."""

    code: int
    report: dict[str, Any]
    said: str
    data: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("demo")
    with demo(folder, folder / "data", "--seed", SEED) as running:
        code = running.end(SECONDS)
        yield Run(code, running.report(), running.said, running.data)


def test_it_ends_well(run: Run) -> None:
    assert run.code == 0, run.said
    assert run.report["state"] == "finished"
    assert "Traceback" not in run.said


def test_the_report_has_what_it_promises(run: Run) -> None:
    report = run.report
    assert set(report) >= TOP
    assert report["images"] == 1_797
    assert report["category"]["slug"] == "digits"
    assert report["totals"].keys() >= TOTALS
    assert report["truth"].keys() == TRUTH
    assert [row["round"] for row in report["rounds"]] == list(range(1, len(report["rounds"]) + 1))
    for row in report["rounds"]:
        assert row.keys() >= {*ROUND, "calibration", "model"}
        if row["calibration"] is not None:
            assert row["calibration"].keys() >= CALIBRATION
            assert row["cuts"].keys() == {"lower", "upper"}
        if row["model"] is not None:
            assert row["model"].keys() == {"version", "loss"}
    assert any(row["calibration"] for row in report["rounds"])


def test_the_rounds_add_up_to_the_totals(run: Run) -> None:
    rounds, totals = run.report["rounds"], run.report["totals"]
    assert sum(row["answers"] for row in rounds) == totals["answers"]
    assert sum(row["human_labels"] for row in rounds) == totals["human_labels"]
    assert rounds[-1]["auto_yes"] + rounds[-1]["auto_no"] == totals["auto_labels"]
    decided = totals["human_labels"] + totals["gold_labels"] + totals["auto_labels"]
    assert decided + totals["unknown"] == run.report["images"]


def test_nearly_everything_is_decided_most_of_it_by_the_model(run: Run) -> None:
    decided = run.report["images"] - run.report["totals"]["unknown"]
    assert decided >= 0.95 * run.report["images"]
    assert run.report["totals"]["auto_labels"] >= 0.5 * decided


def test_the_promise_is_kept(run: Run) -> None:
    assert run.report["truth"]["precision_auto"] >= run.report["policy"]["precision"]
    assert run.report["truth"]["recall_all"] >= run.report["policy"]["recall"]


def test_both_sides_agree_and_the_odd_people_are_not_used(run: Run) -> None:
    check_data(run.data, "digits", SEED, run.report["totals"])


@pytest.mark.long
def test_a_second_start_has_nothing_left_to_do(run: Run, tmp_path: Path) -> None:
    with demo(tmp_path, run.data, "--seed", SEED) as again:
        assert again.end(SECONDS) == 0, again.said
        found = again.report()
    assert {**found["totals"], "seconds": 0} == {**run.report["totals"], "seconds": 0}
    assert found["rounds"] == run.report["rounds"]
    assert found["truth"] == run.report["truth"]
    check_data(run.data, "digits", SEED, found["totals"])


@pytest.mark.long
def test_the_same_seed_makes_the_same_decisions(run: Run, tmp_path: Path) -> None:
    with demo(tmp_path, tmp_path / "data", "--seed", SEED) as again:
        assert again.end(SECONDS) == 0, again.said
        found = again.report()
    assert found["rounds"] == run.report["rounds"]
    assert found["truth"] == run.report["truth"]
    assert {**found["totals"], "seconds": 0} == {**run.report["totals"], "seconds": 0}
