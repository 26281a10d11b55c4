"""A data folder remembers its ports: commands beside a running Winnow find its marketplace."""

from pathlib import Path

import pytest

from api.settings import Settings
from deploy import stack


@pytest.mark.parametrize(
    ("note", "ports"),
    [
        (None, stack.Ports()),
        ("--port 9000 --market-port 9001", stack.Ports(9000, 9001)),
        ("something else", stack.Ports()),
    ],
)
def test_the_ports_of_a_data_folder(tmp_path: Path, note: str | None, ports: stack.Ports) -> None:
    if note is not None:
        (tmp_path / stack.PORTS_FILE).write_text(note)
    assert stack.remembered(tmp_path) == ports


@pytest.mark.parametrize(
    ("url", "events", "private"),
    [
        ("http://127.0.0.1:8000", True, True),
        ("http://127.0.0.1:8000", False, False),
        ("https://winnow.example.org", True, False),
    ],
)
def test_only_beside_winnow_may_the_marketplace_call_private_addresses(url: str, events: bool, private: bool) -> None:
    settings = Settings(mongodb_uri="mongodb://db", public_url=url, market_events=events)
    found = stack.market_environment(settings).get("WINNOW_TURK_PRIVATE_WEBHOOKS", "no")
    assert found == ("yes" if private else "no")


def test_commands_find_the_marketplace_where_people_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(mongodb_uri="mongodb://db", market_endpoint="http://127.0.0.1:8711")
    outside = "WINNOW_TURK_PUBLIC_URL"
    assert stack.market_environment(settings)[outside] == "http://127.0.0.1:8711"
    assert stack.market_address(tmp_path) == {}
    (tmp_path / stack.MARKET_FILE).write_text("http://127.0.0.1:8711")
    assert stack.market_address(tmp_path) == {outside: "http://127.0.0.1:8711"}
    monkeypatch.setenv(outside, "https://turk.example.org")
    assert stack.market_environment(settings)[outside] == "https://turk.example.org"
    assert stack.market_address(tmp_path) == {}, "what is set is taken as it is"
