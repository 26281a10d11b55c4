"""``./winnow requesters``, as somebody with a shell beside a running marketplace uses it."""

import re
from collections.abc import Callable
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from active_learning.domain.errors import InputError
from deploy.requester_commands import app

Run = Callable[..., str]


@pytest.fixture
def served(serve):
    """A marketplace in the database that the commands look for."""
    return serve(database="shell_turk")


@pytest.fixture
def run(served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command and returns what it prints; raises what the command raises."""
    for name, value in {
        "WINNOW_MONGODB_URI": served.settings.mongodb_uri,
        "WINNOW_DATABASE": "shell",
        "WINNOW_SECRET": served.settings.secret,
        "WINNOW_MARKET_ENDPOINT": served.url,
    }.items():
        monkeypatch.setenv(name, value)

    def command(*words: str) -> str:
        asked = ["requesters", *words, "--data", str(tmp_path)]
        return CliRunner().invoke(app, asked, catch_exceptions=False).output

    return command


def test_from_a_key_to_its_end(run: Run) -> None:
    said = dict(re.findall(r"export (\w+)=(\S+)", run("add", "my-lab")))
    mturk = boto3.client(
        "mturk",
        region_name="us-east-1",
        endpoint_url=said["AWS_ENDPOINT_URL_MTURK"],
        aws_access_key_id=said["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=said["AWS_SECRET_ACCESS_KEY"],
    )
    assert mturk.get_account_balance()["AvailableBalance"] == "10000.00"
    assert "$10250.50" in run("deposit", "my-lab", "250.50")
    assert mturk.get_account_balance()["AvailableBalance"] == "10250.50"
    listed = run("list")
    assert re.search(r"my-lab\s+│ \$10250.50", listed)
    assert said["AWS_ACCESS_KEY_ID"] in listed
    assert said["AWS_SECRET_ACCESS_KEY"] not in listed
    assert "my-lab" in run("revoke", said["AWS_ACCESS_KEY_ID"])
    with pytest.raises(ClientError, match="UnrecognizedClient"):
        mturk.get_account_balance()
    assert "no, revoked" in run("list")


@pytest.mark.parametrize(
    "words",
    [
        *[("add", "two words"), ("deposit", "nobody", "5"), ("deposit", "x", "five"), ("revoke", "NONE")],
        *[("password", "nobody"), ("invite", "--requester", "nobody"), ("worker-password", "nobody at all")],
        ("invite", "--people", "0"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        run(*words)


def test_the_marketplaces_own_settings_are_heard(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_TURK_STARTING_BALANCE_CENTS", "0")
    run("add", "poor-lab")
    assert re.search(r"poor-lab\s+│ \$0\.00", run("list"))


def test_the_first_key_is_the_workers_and_nobody_elses(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "by the settings" in run("list")
    monkeypatch.setenv("WINNOW_MARKET", "mturk-sandbox")
    assert "by the settings" not in run("list"), "its secret would be one that everybody knows"


def test_a_printed_password_opens_the_requesters_pages(run: Run, served) -> None:
    run("add", "door-lab")
    (password,) = re.findall(r"^    (\S+)$", run("password", "door-lab"), re.MULTILINE)
    data = {"name": "door-lab", "password": password}
    assert httpx.post(f"{served.url}/requester/sign-in", data=data).headers["location"] == "/requester"
    assert httpx.post(f"{served.url}/requester/sign-in", data={**data, "password": "x"}).status_code == 403


def test_an_invitation_and_a_forgotten_password(run: Run, served, serve) -> None:
    invited = serve(database=served.settings.database, sign_up="invited")
    (path,) = re.findall(r"(/join/[A-Z0-9]+)", run("invite", "--people", "2", "--days", "3", "--note", "class"))
    account = {"name": "Grace", "password": "some words in a row", "again": "some words in a row"}
    joined = httpx.post(f"{invited.url}/join", data={**account, "invitation": path.removeprefix("/join/")})
    assert joined.status_code == 303, joined.text
    (password,) = re.findall(r"^    (\S+)$", run("worker-password", "Grace"), re.MULTILINE)
    signed_in = httpx.post(f"{invited.url}/sign-in", data={"name": "Grace", "password": password})
    assert signed_in.status_code == 303
    assert httpx.post(f"{invited.url}/sign-in", data=account).status_code == 403, "the old password is gone"
