"""The REST API as its own description says it: thousands of made-up requests, and none that the server fails at."""

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance

from active_learning.domain.access import UserRole
from active_learning.domain.label import Source
from api.app import create_app
from api.operations import accounts, curating, intake, rounds
from api.operations.context import open_winnow
from tests import factories
from tests.jobs.serving import Served
from tests.turk.served import free_port

SLUG = "bright"
EXAMPLES = int(os.environ.get("WINNOW_FUZZ", "3"))
"""Made-up requests to each operation; WINNOW_FUZZ=50 looks harder."""

CHECKS = [not_a_server_error, content_type_conformance]
"""That replies fit their models is checked by FastAPI itself, which would fail with a 500."""

SCHEMA = schemathesis.openapi.from_dict(create_app(factories.settings("mongodb://nowhere", "none")).openapi())


@dataclass(frozen=True)
class There:
    """A real server, a session that may do everything, and an image of its category."""

    address: str
    session: requests.Session
    image: str


@pytest.fixture(scope="module")
def there(mongod_uri: str) -> Iterator[There]:
    """The real web process with one small category in the middle of its first round."""
    name, port = f"openapi_{time.time_ns()}", free_port()
    chosen = factories.settings(mongod_uri, name)

    async def fill() -> tuple[str, str]:
        async with open_winnow(chosen) as w:
            images, truth = factories.new_images(range(40), yes_every=3)
            await intake.create_category(w, factories.category(SLUG, slots=30, hidden_gold=8, batch=10, validation=10))
            await intake.add_images(w, SLUG, images)
            gold = {i: v for v in (True, False) for i in [k for k, x in truth.items() if x is v][:10]}
            await curating.give_gold(w, SLUG, gold, Source.IMPORTED, {"by": "test"})
            await rounds.draw_validation(w, SLUG)
            start = rounds.rounds.StartRound(number=1, strategy="random", take=6, validation=8)
            await rounds.start_round(w, SLUG, start)
            await accounts.enrol(w, "ben", UserRole.ADMIN, {})  # somebody is left when ann is made a viewer
            return await factories.token(w), images[0].sha256

    token, image = asyncio.run(fill())
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    server = Served(lambda: create_app(chosen), port)
    try:
        yield There(f"http://127.0.0.1:{port}", session, image)
    finally:
        server.stop()


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_the_server_never_fails(there: There, case: schemathesis.Case) -> None:
    known = {"slug": SLUG, "image": there.image, "number": 1}
    if case.path_parameters and case.meta is not None:
        for name in case.path_parameters.keys() & known.keys():
            case.path_parameters[name] = known[name]
    response = case.call(base_url=there.address, session=there.session, timeout=20)
    case.validate_response(response, checks=CHECKS)


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    described = create_app(factories.settings("mongodb://nowhere", "none")).openapi()
    operations = [op for path in described["paths"].values() for op in path.values()]
    names = [op["operationId"] for op in operations]
    assert len(set(names)) == len(names)
    assert [op["operationId"] for op in operations if not op.get("description")] == []
