"""What is wrong is said in one clear line that tells what to do, with exit code 2, and nothing half-done stays."""

import csv
import hashlib
import io
import os
import socket
import struct
import subprocess
import sys
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo
import pytest
from PIL import Image

from deploy import cli
from tests import factories
from tests.e2e.demos import winnow
from tests.turk.served import free_port

QUESTION = "Is the middle bright?"


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def database(mongod_uri: str, database_name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The command line works on a database of the test's own."""
    monkeypatch.setenv("WINNOW_MONGODB_URI", mongod_uri)
    monkeypatch.setenv("WINNOW_DATABASE", database_name)
    with pymongo.MongoClient[dict[str, Any]](mongod_uri) as client:
        yield client[database_name]
        client.drop_database(database_name)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Runs the command line's own main function, which exits as the process would."""

    def run(*arguments: object) -> Outcome:
        words = [str(argument) for argument in arguments]
        monkeypatch.setattr(sys, "argv", ["winnow", *words, "--data", str(tmp_path / "data")])
        capsys.readouterr()
        code: object = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        assert code is None or isinstance(code, int)
        said = capsys.readouterr()
        return Outcome(code or 0, said.out, said.err)

    return run


def refused(outcome: Outcome, *words: str) -> None:
    """One line on stderr with all these words, exit code 2."""
    assert outcome.code == 2, outcome
    lines = outcome.err.splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("Error: ")
    assert [word for word in words if word not in lines[0]] == [], lines[0]


def pool(folder: Path, count: int = 12) -> dict[str, bool]:
    """A folder of good images; returns name -> truth."""
    folder.mkdir(parents=True)
    truth = {f"{number:02}.png": number % 2 == 0 for number in range(count)}
    for number, (name, value) in enumerate(truth.items()):
        (folder / name).write_bytes(factories.png(number, value))
    return truth


def write_labels(path: Path, rows: dict[str, str]) -> Path:
    with path.open("w", newline="") as table:
        csv.writer(table).writerows([("path", "label"), *rows.items()])
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int = 20_000) -> bytes:
    """A whole, valid one-bit PNG of side x side pixels in a few hundred bytes a thousand rows."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    rows = b"".join([*(packer.compress(row * 1_000) for _ in range(side // 1_000)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(factories.png(seed, size=64))).save(out, format="JPEG")
    return out.getvalue()


def tree_digest(folder: Path) -> str:
    """The sha256 of every file's name and bytes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def test_a_missing_folder(command: Command, database: Any, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    for words in (("import", missing, "--category", "bright"), ("demo", "--once", "--images", missing)):
        refused(command(*words, "--question", QUESTION), f"There is no folder {missing}.", "Check the path")
    assert database.list_collection_names() == []
    assert not (tmp_path / "data").exists()


def test_an_empty_folder(command: Command, database: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no image")
    outcome = command("import", tmp_path / "empty", "--category", "bright", "--question", QUESTION)
    refused(outcome, "There are no image files in", "Put files ending in .bmp,")
    assert database.list_collection_names() == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("gone.png", "yes"), ("names 1 of 13 images that are not in the folder: gone.png", "relative to")),
        (("00.png", "perhaps"), ("line 2: the label 'perhaps' is neither yes nor no", "Write yes or no")),
    ],
)
def test_labels_with_unknown_paths_or_words(
    command: Command, database: Any, tmp_path: Path, row: tuple[str, str], words: tuple[str, ...]
) -> None:
    truth = pool(tmp_path / "images")
    rows = {name: "yes" if value else "no" for name, value in truth.items()} | dict([row])
    labels = write_labels(tmp_path / "labels.csv", rows)
    rest = ("--labels", labels, "--question", QUESTION)
    refused(command("import", tmp_path / "images", "--category", "bright", *rest), str(labels), *words)
    refused(command("demo", "--once", "--images", tmp_path / "images", *rest), str(labels), *words)
    assert database.list_collection_names() == []
    assert not (tmp_path / "data").exists()


def test_images_without_a_label_have_nobody_to_see_them(command: Command, tmp_path: Path) -> None:
    pool(tmp_path / "images")
    labels = write_labels(tmp_path / "labels.csv", {"00.png": "yes"})
    words = ("--images", tmp_path / "images", "--labels", labels, "--question", QUESTION)
    refused(command("demo", "--once", *words), "11 images have no label", "such as 01.png", "Label every image")


def test_bad_files_are_named_and_left_out(command: Command, database: Any, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    pool(folder)
    whole = jpeg(1)
    (folder / "a-cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "b-text.png").write_text("I am not a picture.\n" * 20)
    (folder / "c-bomb.png").write_bytes(bomb())
    (folder / "d-twin.png").write_bytes((folder / "03.png").read_bytes())
    (folder / "e-empty.png").write_bytes(b"")
    outcome = command("import", folder, "--category", "bright", "--question", QUESTION)
    assert outcome.code == 0, outcome
    lines = [line for line in outcome.out.splitlines() if line.strip()]
    assert lines == [
        "13 images, 12 of them new to the pool, 1 duplicates, 4 refused.",
        "  refused a-cut.jpg (truncated): The image is damaged or cut off. Copy or download it again.",
        "  refused b-text.png (not_an_image): The bytes are not an image. Remove the file from the folder.",
        "  refused c-bomb.png (too_many_pixels): The image has too many pixels (more than 178,956,970); "
        "at most 64,000,000 are accepted. Save it smaller.",
        "  refused e-empty.png (empty): The file is empty. Copy or download it again.",
    ]
    assert database["candidates"].count_documents({}) == database["images"].count_documents({}) == 12
    assert database["categories"].find_one({})["counts"]["unknown"] == 12
    again = command("import", folder, "--category", "bright")
    assert "13 images, 0 of them new to the pool, 1 duplicates, 4 refused." in again.out.splitlines()
    assert database["candidates"].count_documents({}) == 12


def test_a_folder_of_nothing_but_bad_files(command: Command, database: Any, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "text.png").write_text("I am not a picture.")
    outcome = command("import", tmp_path / "images", "--category", "bright", "--question", QUESTION)
    refused(outcome, "No file in", "can be used", "mend them")
    assert "refused text.png (not_an_image)" in outcome.out
    assert database["images"].count_documents({}) == 0


@pytest.mark.parametrize(("option", "other"), [("--port", "--market-port"), ("--market-port", "--port")])
def test_a_port_in_use(command: Command, database: Any, tmp_path: Path, option: str, other: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        for words in (("demo", "--once"), ("serve",)):
            outcome = command(*words, option, port, other, free_port())
            refused(outcome, f"Port {port} is in use by", str(os.getpid()), f"{words[0]} {option} {port + 10}")
    assert not (tmp_path / "data").exists()
    assert database.list_collection_names() == []


@pytest.mark.parametrize("words", [("status",), ("export", "digits", "--out", "dataset"), ("demo", "--once")])
def test_a_dead_mongodb(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINNOW_MONGODB_URI", f"mongodb://127.0.0.1:{free_port()}/?replicaSet=winnow")
    ports = ("--port", free_port(), "--market-port", free_port()) if words[0] == "demo" else ()
    refused(command(*words, *ports), "MongoDB does not answer", "Start it, or correct WINNOW_MONGODB_URI")
    assert not (tmp_path / "dataset").exists()
    assert not (tmp_path / "data" / "logs").exists(), "no process was started"


def test_an_unknown_category(command: Command, database: Any, tmp_path: Path) -> None:
    outcome = command("export", "nothing", "--out", tmp_path / "dataset")
    refused(outcome, "There is no category 'nothing'.", "./winnow category list")
    assert not (tmp_path / "dataset").exists()
    outcome = command("import", _one_image(tmp_path), "--category", "nothing")
    refused(outcome, "There is no category 'nothing' yet.", "--question")
    assert database["images"].count_documents({}) == 0


def _one_image(folder: Path) -> Path:
    pool(folder / "one", 1)
    return folder / "one"


@pytest.fixture
def category(command: Command, database: Any, tmp_path: Path) -> str:
    """A category with twelve decided images."""
    truth = pool(tmp_path / "images")
    labels = write_labels(tmp_path / "labels.csv", {name: "yes" if yes else "no" for name, yes in truth.items()})
    words = ("--category", "bright", "--question", QUESTION, "--labels", labels)
    outcome = command("import", tmp_path / "images", *words)
    assert outcome.code == 0, outcome
    assert "Gold: 6 yes, 6 no." in outcome.out
    return "bright"


def test_an_export_into_a_folder_of_something_else(command: Command, category: str, tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.txt").write_text("years of work")
    refused(command("export", category, "--out", out), "is not an export of Winnow", "new or empty folder")
    assert [path.name for path in out.iterdir()] == ["chapter.txt"]
    file = tmp_path / "file"
    file.write_text("kept")
    refused(command("export", category, "--out", file), "is not an export of Winnow")
    assert file.read_text() == "kept"


def test_two_exports_have_the_same_bytes(command: Command, category: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for out in (first, second):
        assert command("export", category, "--out", out).code == 0
    once = tree_digest(first)
    assert len(list(first.rglob("*.png"))) == 12
    assert tree_digest(second) == once
    assert command("export", category, "--out", first).code == 0
    assert tree_digest(first) == once
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("first")) == ["first"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ("-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder))
    if os.geteuid() != 0 or subprocess.run(["mount", *words], capture_output=True, check=False).returncode:
        pytest.skip("only somebody who may mount a file system can have a full disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(command: Command, category: str, small_disk: Path) -> None:
    outcome = command("export", category, "--out", small_disk / "dataset")
    refused(outcome, "cannot be written", "No space left on device", "Free some space or choose another --out")
    assert list(small_disk.iterdir()) == []


def test_the_process_itself_says_it_so(mongod_uri: str, tmp_path: Path) -> None:
    """Once through the real process: no wrapped lines where stderr is no terminal, no traceback, the same exit code."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    env = {"WINNOW_MONGODB_URI": mongod_uri, "WINNOW_DATABASE": name, "COLUMNS": "80"}
    missing = tmp_path / "a folder with quite a long name that is nowhere"
    done = winnow("import", missing, "--category", "bright", "--data", tmp_path / "data", env=env)
    refused(Outcome(done.returncode, done.stdout, done.stderr), str(missing), "Check the path")
