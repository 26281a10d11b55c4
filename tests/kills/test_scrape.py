"""kill -9 of a Ray actor, a Ray node and MongoDB in the middle of a scrape: nothing is lost, nothing is double."""

from pathlib import Path

import pytest

from tests.bench.killing import plant, run
from tests.bench.scrape import image_server
from tests.scraper.pictures import photo

IMAGES = 1_500
IN_HAND = 64
"""Images that a process has asked for and not settled, at most."""


@pytest.mark.long
async def test_a_scrape_survives_kills_of_all_kinds(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(IMAGES):
        (pictures / f"{number}.jpg").write_bytes(photo(number))
    with image_server(pictures, 0.0) as url:
        async with plant(tmp_path) as place:
            survived = await run(place, url, IMAGES, ["actor", "mongod", "node"], 1, print)
    assert (survived.lost, survived.doubled) == (0, 0)
    assert survived.repeated <= 3 * IN_HAND
