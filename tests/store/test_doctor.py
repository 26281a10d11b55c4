"""What the doctor says of machines that lack something."""

import io
import socket
from pathlib import Path

import pytest
from rich.console import Console

from deploy import doctor
from deploy.doctor import Finding, Status
from deploy.processes import free_port


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without loading torch and Ray, which takes seconds and is looked at once, in the first test."""
    monkeypatch.setattr(doctor, "TORCH_PROBE", "print('loads')")
    monkeypatch.setattr(doctor, "RAY_PROBE", "raise ImportError('no ray here')")


def findings(data: Path, env: dict[str, str]) -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor.examine(data, env)}


def test_this_machine_can_run_winnow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WINNOW_MONGODB_URI", raising=False)
    out = io.StringIO()
    assert doctor.run(Console(file=out, width=200), tmp_path / "new") == 0
    assert "Winnow can run here." in out.getvalue()
    assert not (tmp_path / "new").exists(), "looking changes nothing"


@pytest.mark.usefixtures("quick")
def test_a_mongod_that_does_not_run_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_MONGOD", "/bin/false")
    out = io.StringIO()
    assert doctor.run(Console(file=out, width=200), tmp_path) == 1
    assert "Missing: MongoDB, Ray." in out.getvalue()
    assert "/bin/false does not run" in out.getvalue()


@pytest.mark.usefixtures("quick")
def test_with_an_address_only_that_server_counts(tmp_path: Path, mongod_uri: str) -> None:
    found = findings(tmp_path, {"WINNOW_MONGODB_URI": mongod_uri, "WINNOW_MONGOD": "/bin/false"})
    assert found["MongoDB"].status is Status.OK
    assert "libcurl" not in found
    dead = f"mongodb://127.0.0.1:{free_port()}/"
    assert findings(tmp_path, {"WINNOW_MONGODB_URI": dead})["MongoDB"].status is Status.MISSING


@pytest.mark.usefixtures("quick")
def test_a_port_in_use_is_noted_with_its_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(doctor, "PORTS", (port,))
        found = findings(tmp_path, {})
    assert found[f"Port {port}"].status is Status.NOTE
    assert "(process" in found[f"Port {port}"].found
    assert found["Ray"] == Finding(
        "Ray", Status.MISSING, "ImportError: no ray here", "delete .venv and start ./winnow again"
    )


@pytest.mark.usefixtures("quick")
def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert findings(tmp_path / "file" / "data", {})["Data directory"].status is Status.MISSING
