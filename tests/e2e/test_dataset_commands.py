"""Datasets on the command line: labels in, a version frozen, exported, verified; what is wrong in one clear line."""

import csv
import json
from pathlib import Path
from typing import Any

from tests.e2e.test_bad_input import QUESTION, Command, command, database, pool, refused, tree_digest

__all__ = ["command", "database"]


def test_from_labels_to_a_dataset(command: Command, database: Any, tmp_path: Path) -> None:
    truth = pool(tmp_path / "images", 20)
    command("import", tmp_path / "images", "--category", "bright", "--question", QUESTION)
    labels = tmp_path / "labels.json"
    labels.write_text(
        json.dumps({name: "bright" if value else "dark" for name, value in truth.items()} | {"x.png": "bright"})
    )
    asked = ("import-labels", labels, "--category", "bright")
    seen = command(*asked, "--preview")
    assert "10 yes and 0 no can be saved" in seen.out
    assert "10 unclear: 01.png ('dark', entry 2)" in " ".join(seen.out.split())
    assert database["labels"].count_documents({}) == 0
    saved = command(*asked, "--no", "dark")
    assert saved.out.splitlines()[-1] == "20 labels saved as imported labels."
    assert "1 missing: x.png (entry 21)" in saved.out
    assert "20 have the same answer already" in command(*asked, "--no", "dark").out

    made = command("dataset", "make", "bright", "--name", "first", "--split", "100/0/0")
    assert "Version 1 of bright: 20 images." in made.out
    assert "first" in command("dataset", "list", "bright").out
    for folder in ("a", "b"):
        out = command("dataset", "export", "bright", 1, "--out", tmp_path / folder, "--format", "yolo")
        assert out.code == 0, out
    assert tree_digest(tmp_path / "a") == tree_digest(tmp_path / "b")
    assert len(list((tmp_path / "a" / "train" / "yes").iterdir())) == 10
    assert command("dataset", "verify", "bright", 1, "--folder", tmp_path / "a").code == 0
    next((tmp_path / "a").rglob("*.png")).unlink()
    assert command("dataset", "verify", "bright", 1, "--folder", tmp_path / "a").code == 1
    command("dataset", "export", "bright", 1, "--out", tmp_path / "a", "--format", "imagefolder")
    assert tree_digest(tmp_path / "a") == tree_digest(tmp_path / "b"), "an export goes on where it stopped"

    out = command("export", "bright", "--format", "csv", "--out", tmp_path / "c")
    assert out.code == 0, out
    with (tmp_path / "c" / "labels.csv").open(newline="") as table:
        assert {row["name"]: row["label"] == "yes" for row in csv.DictReader(table)} == truth
    assert database["datasets"].count_documents({}) == 2
    acts = [entry["act"] for entry in database["audit_log"].find()]
    assert acts.count("datasets.make_dataset") == 2
    assert acts.count("datasets.import_labels") == 1


def test_what_is_wrong_is_one_line(command: Command, database: Any, tmp_path: Path) -> None:
    pool(tmp_path / "images")
    command("import", tmp_path / "images", "--category", "bright", "--question", QUESTION)
    out = tmp_path / "out"
    refused(command("dataset", "export", "bright", 3, "--out", out), "no dataset version 3", "./winnow dataset list")
    refused(command("export", "bright", "--format", "pdf", "--out", out), "no format 'pdf'", "Choose one of")
    refused(command("dataset", "make", "bright", "--split", "80/20"), "--split is '80/20'", "80/10/10")
    refused(command("dataset", "make", "bright", "--split", "80/20/20"), "must add up to 1")
    refused(command("dataset", "make", "bright", "--sources", "cats"), "'cats' is not a valid Source", "Choose among")
    refused(command("dataset", "make", "nothing"), "There is no category 'nothing'.")
    missing = ("import-labels", tmp_path / "none.csv", "--category", "bright")
    refused(command(*missing), "cannot be read", "readable file")
    assert not out.exists()
    assert database["datasets"].count_documents({}) == 0
