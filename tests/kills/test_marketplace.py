"""kill -9 of the marketplace, the collector and MongoDB while people work: what was acknowledged is paid, once."""

from pathlib import Path

from tests.bench.turk_kills import PEOPLE, survive

TRIALS = 6
"""Each of the three twice; two hundred are in ``./winnow bench turk-kills``."""


async def test_no_submission_is_lost_and_none_is_paid_twice(tmp_path: Path) -> None:
    found = await survive(tmp_path, TRIALS, 7, print)
    assert sum(found.kills.values()) == TRIALS and len(found.kills) == 3
    assert found.acknowledged == TRIALS * PEOPLE
    assert (found.lost, found.unpaid, found.paid_twice, found.cents_off) == (0, 0, 0, 0)
