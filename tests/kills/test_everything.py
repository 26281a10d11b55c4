"""kill -9 of everything at once: a second start goes on, nothing is lost or doubled."""

from pathlib import Path

import pytest

from tests.e2e.demos import demo, free_ports
from tests.e2e.invariants import check_data
from tests.kills.campaign import SECONDS, SEED, SLUG, half_answered, options, own_database, when

__all__ = ["options"]


@pytest.mark.long
def test_everything_is_killed_and_a_second_start_goes_on(options: tuple[object, ...], tmp_path: Path) -> None:
    """One blow: the demo, MongoDB, the marketplace, the web process, the worker and Ray."""
    data, ports = tmp_path / "data", free_ports()
    with demo(tmp_path, data, *options, ports=ports) as first, own_database(first) as client:
        when(first, lambda: client["winnow"]["submissions"].find_one({}), "a submission")
        when(first, lambda: half_answered(client["winnow"]), "an assignment half way")
        before = {submission["_id"] for submission in client["winnow"]["submissions"].find({}, {"_id": 1})}
        first.kill_all()
    with demo(tmp_path, data, *options, ports=ports) as second:
        assert second.end(SECONDS) == 0, second.said
        report = second.report()
    assert report["state"] == "finished"
    assert report["totals"]["approved"] + report["totals"]["rejected"] > len(before) > 0
    check_data(data, SLUG, SEED, report["totals"])
