"""The Python client against the real web process: a researcher's afternoon in a script."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from active_learning.domain.access import Scope
from active_learning.domain.category import Category
from active_learning.domain.dataset import Recipe
from active_learning.domain.errors import Forbidden, InputError, NotFound, StateError, Unauthenticated
from active_learning.domain.policy import Policy
from api.app import create_app
from api.client import Client
from api.operations import datasets, intake, rounds
from api.operations.context import open_winnow
from api.operations.task_sets import Arrangement
from api.settings import Settings
from tests import factories
from tests.jobs.serving import Served
from tests.turk.served import free_port

SLUG = "bright"


@dataclass(frozen=True)
class There:
    """A web process, a token that may do everything, one that may only read."""

    settings: Settings
    url: str
    everything: str
    reading: str


@pytest.fixture(scope="module")
def there(mongod_uri: str) -> Iterator[There]:
    """The real web process on an empty database."""
    name, port = f"client_{time.time_ns()}", free_port()
    chosen = factories.settings(mongod_uri, name)

    async def tokens() -> tuple[str, str]:
        async with open_winnow(chosen) as w:
            return await factories.token(w), await factories.token(w, Scope.READ)

    keys = asyncio.run(tokens())
    served = Served(lambda: create_app(chosen), port)
    try:
        yield There(chosen, f"http://127.0.0.1:{port}", *keys)
    finally:
        served.stop()


@pytest.fixture(scope="module")
def winnow(there: There) -> Iterator[Client]:
    """A client that may do everything."""
    with Client(there.url, there.everything) as client:
        yield client


async def filled(there: There) -> dict[str, bool]:
    """Put 60 images into the pool; returns what they show."""
    images, truth = factories.new_images(range(60), yes_every=3)
    async with open_winnow(there.settings) as w:
        await intake.add_images(w, SLUG, images)
    return truth


async def drawn_for_validation(there: There) -> set[str]:
    """Let Winnow draw its validation images; returns them."""
    async with open_winnow(there.settings) as w:
        await rounds.draw_validation(w, SLUG)
        found = await w.store.candidates.find(SLUG, {"role": "validation"}, ["image"])
    return {candidate["image"] for candidate in found}


def test_a_category_its_pool_gold_a_task_set_and_what_stands(winnow: Client, there: There) -> None:
    policy = Policy(slots=20, hidden_gold=6, lessons=0, validation=15)
    made = winnow.create_category(Category(slug=SLUG, question="Is the middle bright?", policy=policy))
    assert made.slug == SLUG
    truth = asyncio.run(filled(there))

    found = {candidate.image for candidate in winnow.candidates(SLUG, state="unknown", limit=25)}
    assert found == set(truth), "three pages of 25"
    gold = {image: value for v in (True, False) for image, value in [x for x in truth.items() if x[1] is v][:10]}
    done = winnow.mark_gold(SLUG, gold)
    assert (set(done.changed), done.left) == (set(gold), {})

    early = winnow.make_task_set(SLUG, sorted(found - set(gold))[:5], "too early").number
    with pytest.raises(StateError, match="not drawn yet"):
        winnow.arrange(SLUG, early, Arrangement(slots=20, hidden_gold=6, answers=2))
    winnow.call("give_task_set_up", slug=SLUG, number=early)
    drawn = asyncio.run(drawn_for_validation(there))
    free = sorted(found - set(gold) - drawn)[:20]
    preview = winnow.preview_task_set(SLUG, [*free, free[0], "nowhere.jpg"])
    assert (len(preview.available), len(preview.missing)) == (20, 1)
    draft = winnow.make_task_set(SLUG, free, "by script")
    arranged = winnow.arrange(SLUG, draft.number, Arrangement(slots=20, hidden_gold=6, answers=2))
    assert winnow.post_task_set(SLUG, arranged.number).number == draft.number
    assert winnow.overview(SLUG).total == 60
    assert winnow.story(SLUG, free[0]).image == free[0]

    newer = winnow.put_policy(SLUG, made.policy.model_copy(update={"batch": 7}), "smaller")
    assert (newer.batch, newer.version) == (7, 2)
    with pytest.raises(StateError):
        winnow.put_policy(SLUG, made.policy.model_copy(update={"batch": 8}), "too late")
    low, middle, high = winnow.forecast(category=SLUG).answers
    assert 0 <= low <= middle <= high
    assert [one.slug for one in winnow.categories()] == [SLUG]
    assert winnow.pause(SLUG).state == "paused"


def test_yaml_goes_out_and_in(winnow: Client) -> None:
    text = yaml.safe_dump({"slug": "from-yaml", "question": "Is it a cat?", "policy": {"batch": 11}})
    assert winnow.create_category(text).policy.batch == 11
    with pytest.raises(InputError, match="bacth"):
        winnow.create_category(text.replace("batch", "bacth").replace("from-yaml", "again"))


def test_what_is_wrong_is_an_error_of_its_own_kind(winnow: Client, there: There) -> None:
    with pytest.raises(NotFound):
        winnow.category("nowhere")
    with pytest.raises(InputError, match="no operation 'fly'"):
        winnow.call("fly")
    assert winnow.call("get_account")["name"] == "ann"
    with Client(there.url, there.reading) as reading, pytest.raises(Forbidden):
        reading.pause(SLUG)
    with Client(there.url, "winnow_wrong") as nobody, pytest.raises(Unauthenticated):
        nobody.money()


async def freezing(there: There, number: int) -> None:
    """What the job of a worker does."""
    async with open_winnow(there.settings) as w:
        await datasets.freeze(w, SLUG, number)


def test_a_dataset_is_made_and_a_download_goes_on_where_it_ended(winnow: Client, there: There, tmp_path: Path) -> None:
    number = winnow.call("make_dataset", Recipe().model_dump(mode="json"), slug=SLUG)["number"]
    asyncio.run(freezing(there, number))
    made = winnow.dataset(SLUG, number)
    assert (made.state, made.images, made.parts.keys() >= {"train yes", "train no"}) == ("ready", 20, True)
    assert "Is the middle bright?" in made.datasheet
    whole = winnow.download(SLUG, number, "webdataset", tmp_path / "whole.tar").read_bytes()
    (tmp_path / "rest.tar.partial").write_bytes(whole[:1_000])
    assert winnow.download(SLUG, number, "webdataset", tmp_path / "rest.tar").read_bytes() == whole
    (tmp_path / "all.tar.partial").write_bytes(whole)
    assert winnow.download(SLUG, number, "webdataset", tmp_path / "all.tar").read_bytes() == whole
    assert {path.name for path in tmp_path.iterdir()} == {"whole.tar", "rest.tar", "all.tar"}
    assert [one.number for one in winnow.datasets(SLUG)] == [number]
    with pytest.raises(NotFound):
        winnow.download(SLUG, number + 1, "webdataset", tmp_path / "none.tar")
    assert not list(tmp_path.glob("none*"))
