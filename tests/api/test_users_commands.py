"""``./winnow users`` and ``./winnow audit-log``, as somebody with a shell uses them."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from active_learning.domain.errors import InputError, StateError
from api.operations import passwords
from api.operations.context import Winnow
from deploy.users_commands import app

Run = Callable[..., str]


@pytest.fixture
def run(w: Winnow, mongod_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on an empty database and returns what it prints; raises what the command raises."""
    monkeypatch.setenv("WINNOW_MONGODB_URI", mongod_uri)
    monkeypatch.setenv("WINNOW_DATABASE", w.settings.database)
    monkeypatch.setattr(passwords, "HASHER", passwords.PasswordHasher(1, 64, 1))
    monkeypatch.setenv("LOGNAME", "root")

    def command(*words: str, typed: str | None = None) -> str:
        result = CliRunner().invoke(app, [*words, "--data", str(tmp_path)], input=typed, catch_exceptions=False)
        return result.output

    return command


def test_users_and_their_acts_from_a_shell(run: Run, tmp_path: Path) -> None:
    made = re.search(r"ann\s+password (\S+)", run("users", "add", "Ann", "--role", "admin"))
    assert made is not None
    assert "has the new password" in run("users", "password", "ann", "--ask", typed="some more words\n" * 2)
    with pytest.raises(StateError):
        run("users", "role", "ann", "viewer")
    run("users", "add", "bob@lab.org", "--elsewhere")
    run("users", "disable", "bob@lab.org")
    listed = run("users", "list")
    assert re.search(r"ann\s+│ admin\s+│ a password", listed)
    assert "disabled" in listed
    assert made[1] not in listed
    noted = re.search(r"(\d+:[0-9a-f]{64})", run("audit-log", "verify"))
    assert noted is not None
    out = tmp_path / "log.csv"
    run("audit-log", "export", "--out", str(out))
    rows = list(csv.DictReader(out.open()))
    assert [row["words"] for row in rows] == [
        "root added the user ann as admin",
        "root gave ann a new password",
        "root made ann viewer",
        "root added the user bob@lab.org as researcher",
        "root disabled the user bob@lab.org",
    ]
    assert {row["via"] for row in rows} == {"command line"}
    assert "fit together" in run("audit-log", "verify", "--noted", noted[1])
    with pytest.raises(StateError):
        run("audit-log", "verify", "--noted", f"2:{noted[1].partition(':')[2]}")
    with pytest.raises(InputError):
        run("audit-log", "verify", "--noted", "yesterday")
