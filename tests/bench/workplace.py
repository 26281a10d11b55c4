"""A category of photo-size images with tasks, and the web process as ``deploy.stack`` starts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from active_learning.domain.category import Category
from active_learning.domain.label import Source
from active_learning.domain.policy import Policy
from api.operations import curating, intake, picturing, rounds
from api.operations.context import Winnow, open_winnow
from api.settings import Settings
from deploy import mongodb, stack
from deploy.processes import Supervisor, free_port
from tests.bench.photos import new_photos

SLUG = "photos"
QUESTION = "Is there much blue in it?"
CHUNK = 50


@dataclass(frozen=True)
class Workplace:
    """One installation that is being measured. ``tasks`` are ids."""

    url: str
    port: int
    web_pid: int
    data: Path
    settings: Settings
    supervisor: Supervisor
    tasks: tuple[str, ...] = ()


@contextmanager
def started(data: Path) -> Iterator[Workplace]:
    """A MongoDB and one web process of their own."""
    with mongodb.start(data) as server, Supervisor(print) as supervisor:
        ports = stack.Ports(web=free_port())
        settings = replace(stack.local_settings(data, server.uri, ports, {}), database="winnow_bench")
        supervisor.start(stack.web(settings, ports, data))
        url = f"http://127.0.0.1:{ports.web}"
        yield Workplace(url, ports.web, supervisor.pid("web"), data, settings, supervisor)


async def furnish(place: Workplace, tasks: int, gold: int, **policy: object) -> Workplace:
    """Fill it: ``tasks`` full tasks in round 1, ``gold`` known images of each answer, every picture made beforehand."""
    async with open_winnow(place.settings) as w:
        numbers = Policy.model_validate({"validation": 10, **policy})
        asked = tasks * (numbers.slots - numbers.hidden_gold)
        await intake.create_category(w, Category(slug=SLUG, question=QUESTION, policy=numbers))
        images = await _photos(w, 2 * gold + asked + numbers.validation)
        for value, some in ((True, images[:gold]), (False, images[gold : 2 * gold])):
            await curating.give_gold(w, SLUG, dict.fromkeys(some, value), Source.IMPORTED, {"by": "bench"})
        await rounds.draw_validation(w, SLUG)
        start = rounds.rounds.StartRound(number=1, strategy="random", take=asked, validation=0)
        await rounds.start_round(w, SLUG, start)
        made = await w.store.tasks.of_round(SLUG, 1)
        return replace(place, tasks=tuple(task.id for task in made))


async def _photos(w: Winnow, count: int) -> list[str]:
    """Photos of the pool, with their pictures in all sizes; returns their ids."""
    images = new_photos(count)
    for start in range(0, count, CHUNK):
        await intake.add_images(w, SLUG, images[start : start + CHUNK])
    identifiers = [image.sha256 for image in images]
    await picturing.prepare(w, identifiers)
    return identifiers
