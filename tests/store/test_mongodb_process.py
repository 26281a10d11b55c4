"""The server that Winnow starts for itself, with real processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from active_learning.domain.errors import InputError, StoreUnavailable, WinnowError
from deploy import mongodb
from deploy.processes import free_port, spawn, stop


def counted(uri: str) -> int:
    """Insert one document in a transaction, which only a replica set has, and return how many there are now."""
    with MongoClient[dict[str, Any]](uri) as client:
        notes = client.winnow.notes
        with client.start_session() as session:
            session.with_transaction(lambda own: notes.insert_one({"at": time.time()}, session=own))
        return notes.count_documents({})


def gone(pid: int, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_second_start_goes_on_from_the_files_on_whatever_port(tmp_path: Path) -> None:
    with mongodb.start(tmp_path) as first:
        assert counted(first.uri) == 1
    assert first.process.returncode == 0, "a clean end, nothing to recover"
    with mongodb.start(tmp_path, port=first.port) as second:
        assert counted(second.uri) == 2
    with mongodb.start(tmp_path) as third:
        assert third.port != first.port
        assert counted(third.uri) == 3


def test_a_killed_server_loses_nothing_acknowledged(tmp_path: Path) -> None:
    server = mongodb.start(tmp_path)
    for expected in range(1, 21):
        assert counted(server.uri) == expected
    server.process.kill()
    server.process.wait()
    with mongodb.start(tmp_path) as again:
        assert counted(again.uri) == 21
    server.stop()


def test_the_server_ends_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time; from deploy import mongodb; server = mongodb.start(pathlib.Path(sys.argv[1]));"
        "print(server.process.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    assert gone(pid)


def test_a_folder_in_use_names_the_process_that_has_it(tmp_path: Path) -> None:
    with mongodb.start(tmp_path) as server:
        with pytest.raises(
            StoreUnavailable, match=rf"in use by another MongoDB \(process {server.process.pid}\)"
        ) as error:
            mongodb.start(tmp_path)
        assert "--data" in error.value.hint
        assert counted(server.uri) == 1, "the first is not disturbed"


def test_a_port_in_use_names_the_program(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"Port {port} is in use by .*\(process {os.getpid()}\)"):
            mongodb.start(tmp_path, port=port)


def test_a_program_that_is_none_and_one_that_ends(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a program"):
        mongodb.start(tmp_path, mongod=str(tmp_path))
    with pytest.raises(StoreUnavailable, match="exit code 1"):
        mongodb.start(tmp_path, mongod="/bin/false")


def test_a_missing_library_is_named_with_its_package(tmp_path: Path) -> None:
    linker = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    script = tmp_path / "mongod"
    script.write_text(f"#!/bin/sh\necho '{linker}' >&2\nexit 127\n")
    script.chmod(0o755)
    with pytest.raises(WinnowError, match="needs libcurl") as error:
        mongodb.start(tmp_path, mongod=str(script))
    assert "apt-get install -y --no-install-recommends libcurl4" in error.value.hint


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        mongodb.start(tmp_path / "file")


def test_an_address_is_described_or_told_what_is_wrong(mongod_uri: str, tmp_path: Path) -> None:
    assert mongodb.describe(mongod_uri).endswith(", replica set winnow")
    with pytest.raises(InputError, match="not an address"):
        mongodb.describe("mongo://wrong")
    with pytest.raises(StoreUnavailable, match="does not answer"):
        mongodb.describe(f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=300")
    alone = spawn(
        [str(mongodb.find_mongod()), "--dbpath", str(tmp_path), "--port", (port := str(free_port()))],
        {},
        tmp_path / "log",
    )
    try:
        with pytest.raises(StoreUnavailable, match="lone server"):
            mongodb.describe(f"mongodb://127.0.0.1:{port}/")
    finally:
        stop(alone)
