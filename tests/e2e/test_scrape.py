"""The commands of the scraper as a newcomer types them: real processes, a real site, a real MongoDB."""

import csv
import hashlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pymongo
import pytest

from tests.e2e.demos import winnow
from tests.scraper.pictures import photo
from tests.scraper.site import Answer, Site, serving, site

Run = Callable[..., "CompletedProcess[str]"]

FEW, MANY = 12, 700


@pytest.fixture
def database(mongod_uri: str, database_name: str) -> Iterator[Any]:
    """A database of the test's own."""
    with pymongo.MongoClient[dict[str, Any]](mongod_uri) as client:
        yield client[database_name]
        client.drop_database(database_name)


@pytest.fixture
def run(mongod_uri: str, database: Any, tmp_path: Path) -> Run:
    """Run a command to its end; it may ask this machine, as fast as it likes."""
    env = {
        "WINNOW_MONGODB_URI": mongod_uri,
        "WINNOW_DATABASE": database.name,
        "WINNOW_SCRAPE_NETWORKS": "127.0.0.0/8",
        "WINNOW_SCRAPE_PER_SECOND": "0",
        "COLUMNS": "160",
    }
    return lambda *words: winnow(*words, "--data", tmp_path / "data", env=env, seconds=120)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Site]:
    """A site with photos."""
    with serving(site(tmp_path, {f"/{n}.jpg": Answer(body=photo(n)) for n in range(MANY)})) as started:
        yield started


def test_scrape_look_export_take_down(run: Run, there: Site, database: Any, tmp_path: Path) -> None:
    listed = tmp_path / "urls.csv"
    rows = [f"{there.url(f'/{n}.jpg')},CC BY 4.0,Ann" for n in range(FEW)] + [f"{there.url('/gone.jpg')},cc0,Bob"]
    listed.write_text("\n".join(["url,licence,author", *rows]))
    words = ("scrape", "car", "--source", "list", "--path", listed)
    refused = run(*words)
    assert (refused.returncode, "--question" in refused.stderr) == (2, True)
    done = run(*words, "--question", "Is there a car?")
    assert done.returncode == 0, done.stderr
    assert f"{FEW} new candidates of {FEW + 1} found." in done.stdout
    assert "1   not found" in done.stdout
    again = run(*words)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert database["candidates"].count_documents({}) == FEW
    assert there.times("/3.jpg") == there.times("/gone.jpg") == 1

    (scrape,) = [one["_id"] for one in database["scrapes"].find()]
    assert scrape in run("scrapes", "list").stdout
    table = tmp_path / "outcomes.csv"
    assert run("scrapes", "outcomes", scrape, "--out", table).returncode == 0
    with table.open(newline="") as file:
        outcomes = {row["url"]: row for row in csv.DictReader(file)}
    assert outcomes[there.url("/gone.jpg")]["outcome"] == "not_found"
    assert (outcomes[there.url("/3.jpg")]["licence"], outcomes[there.url("/3.jpg")]["author"]) == ("by", "Ann")

    gone = run("takedown", "--url", there.url("/3.jpg"), "--why", "the photographer asks")
    assert (gone.returncode, "Removed: images 1, candidates 1." in gone.stdout) == (0, True), gone.stderr
    assert database["images"].find_one({"_id": hashlib.sha256(photo(3)).hexdigest()}) is None
    assert run("scrapes", "again", scrape, "--outcome", "stored").returncode == 0
    run(*words)
    assert database["candidates"].count_documents({}) == FEW - 1


@pytest.mark.long
def test_a_large_list_is_fetched_by_a_crew_and_imports_take_archives(
    run: Run, there: Site, database: Any, tmp_path: Path
) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text("\n".join(there.url(f"/{n}.jpg") for n in range(MANY)))
    done = run("import", listed, "--category", "car", "--question", "Is there a car?")
    assert (done.returncode, f"{MANY} new candidates of {MANY} found." in done.stdout) == (0, True), done.stdout
    holders = {one["_id"] for one in database["tallies"].find()}
    assert len(holders) >= 2, "several processes have fetched"
    archive = tmp_path / "more.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for number in (1, MANY + 1):
            file.writestr(f"{number}.jpg", photo(number))
    done = run("import", archive, "--category", "car")
    assert (done.returncode, "1 new candidates of 2 found." in done.stdout) == (0, True), done.stdout
    assert database["candidates"].count_documents({}) == MANY + 1


def test_what_is_wrong_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    wrong = run("scrape", "car", "--source", "bing", "--query", "car", "--question", "Is there a car?")
    assert (wrong.returncode, "There is no source 'bing'." in wrong.stderr) == (2, True)
    wrong = run("scrape", "car", "--source", "openverse", "--question", "Is there a car?")
    assert (wrong.returncode, "query" in wrong.stderr) == (2, True)
    missing = run("scrape", "car", "--source", "list", "--path", tmp_path / "no.txt", "--question", "Is there a car?")
    assert (missing.returncode, "There is no file" in missing.stdout) == (1, True)
    explained = run("scrape", "car", "--source", "flickr", "--help-source")
    assert (explained.returncode, "licences" in explained.stdout) == (0, True)
