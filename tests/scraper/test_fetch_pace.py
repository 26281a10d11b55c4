"""The pace of one process keeps the contract of all paces."""

import pytest

from scraper.fetch import pace as pace_module
from scraper.fetch.pace import LocalPace
from tests.scraper.pace_contract import Open, PaceContract


class TestLocalPace(PaceContract):
    @pytest.fixture
    def opened(self) -> Open:
        async def open_pace(interval: float) -> LocalPace:
            return LocalPace(interval)

        return open_pace


async def test_hosts_nobody_waits_for_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "MANY_HOSTS", 10)
    now = [0.0]
    pace = LocalPace(1.0, clock=lambda: now[0])
    for number in range(100):
        now[0] += 10.0
        await pace.turn(f"h{number}.example:80", 0.0)
        await pace.keep_robots(f"h{number}.example:80", "")
    assert len(pace._next) <= 11
    assert len(pace._robots) <= 10
    assert await pace.turn("h99.example:80", 0.0) == 1.0
