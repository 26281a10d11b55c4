"""The simulated crowd at the real marketplace, with task pages from a small server that can be killed."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from active_learning.domain.errors import InputError
from tests.jobs.serving import Served
from tests.jobs.task_pages import TaskPages, truth
from tests.turk.served import free_port
from workers.crowd import people, shift
from workers.crowd.browser import Outcome
from workers.crowd.people import Kind
from workers.market.mturk import MTurkMarket
from workers.market.protocol import HitOrder
from workers.turk.identifiers import worker_id

TASKS = [f"digits-r1-w1-t{number}" for number in range(1, 7)]
PEOPLE = people.crowd(5)


def title(task: str) -> str:
    return f"Does this image show a 3? (24 images, {task})"


@dataclass
class World:
    """A marketplace, a page server, and a requester."""

    turk: Served
    pages: TaskPages = field(default_factory=TaskPages)

    def __post_init__(self) -> None:
        self.web = Served(self.pages.make_app, free_port())
        self.market = MTurkMarket(self.turk.url, "WINNOW", "any")

    async def post(self, task: str, assignments: int = 3) -> str:
        return await self.market.post(
            HitOrder(
                token=task,
                title=title(task),
                description="Look at 24 images and answer yes or no.",
                question_url=f"{self.web.url}/tasks/{task}",
                reward_cents=60,
                assignments=assignments,
                lifetime_s=3600,
                duration_s=600,
                auto_approval_s=86_400,
                annotation=task,
            )
        )

    def settings(self, crowd: tuple[people.Person, ...] = PEOPLE, concurrency: int = 3) -> shift.CrowdSettings:
        return shift.CrowdSettings(
            market_url=self.turk.url,
            people=crowd,
            seed=5,
            eyes=self.pages.eyes(TASKS),
            concurrency=concurrency,
            poll_s=0.05,
        )

    async def taken(self, hits: list[str]) -> bool:
        statuses = [await self.market.status(hit) for hit in hits]
        return all(status.available == status.pending == 0 for status in statuses)

    async def work(self, hits: list[str], settings: shift.CrowdSettings | None = None) -> shift.CrowdReport:
        """The crowd works until every place of the HITs is taken and done."""
        return await until(lambda: self.taken(hits), settings or self.settings())


async def until(done: Callable[[], Awaitable[bool]], settings: shift.CrowdSettings) -> shift.CrowdReport:
    stop = asyncio.Event()
    working = asyncio.create_task(shift.work(settings, stop))

    async def over() -> bool:
        return working.done() or await done()

    await eventually(over)
    stop.set()
    return await working


async def eventually(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while True:
            if await done():
                return
            await asyncio.sleep(0.05)


@pytest.fixture
def make_world(marketplace: Callable[[], Served]) -> Iterator[Callable[[], World]]:
    worlds: list[World] = []

    def make() -> World:
        worlds.append(World(marketplace()))
        return worlds[-1]

    yield make
    for world in worlds:
        world.web.stop()


@pytest.fixture
def world(make_world: Callable[[], World]) -> World:
    return make_world()


def of_kind(kind: Kind) -> people.Person:
    return next(person for person in PEOPLE if person.kind is kind)


@pytest.mark.long
async def test_who_works_on_what_does_not_depend_on_concurrency(make_world: Callable[[], World]) -> None:
    kept = []
    for concurrency in (1, 6):
        world = make_world()
        hits = [await world.post(task, 2) for task in (TASKS if concurrency == 1 else TASKS[::-1])]
        report = await world.work(hits, world.settings(concurrency=concurrency))
        assert len(report.submitted) == 12
        answers = {
            (task, worker): world.pages.answers[task, worker, assignment]
            for task, worker, assignment in world.pages.submissions
        }
        kept.append((report.submitted, answers))
    assert kept[0] == kept[1]
    assert len({person for _, person in kept[0][0]}) > 6  # the work is spread


async def test_answers_are_the_peoples_and_complete(world: World) -> None:
    report = await world.work([await world.post(TASKS[0], 4)])
    names = {worker_id(person.name): person for person in PEOPLE}
    assert len(report.submitted) == len(world.pages.submissions) == 4
    eyes = world.pages.eyes(TASKS)
    for key in world.pages.submissions:
        person, answers = names[key[1]], world.pages.answers[key]
        assert sorted(answers) == list(range(24))
        slots = world.pages.order(key)
        images = {slot: image for slot, image in enumerate(eyes) if slot < 24}
        for position, answer in answers.items():
            image = images[slots[position]]
            assert answer["value"] is person.says(image, truth(TASKS[0], slots[position]))
        shown = [answers[position]["shown_ms"] for position in range(24)]
        decided = [answers[position]["decided_ms"] for position in range(24)]
        assert all(earlier < later for earlier, later in zip(decided, shown[1:], strict=False))
    market = {a.id: a.fields for a in await world.market.assignments((await world.market.find(TASKS[0]))[0].hit)}
    assert market == {key[2]: {"receipt": receipt} for key, receipt in world.pages.submissions.items()}


async def test_servers_that_die_in_the_middle_lose_and_double_nothing(world: World) -> None:
    hits = [await world.post(task) for task in TASKS]
    outages = {7: world.web, 15: world.turk, 24: world.web, 31: world.turk, 38: world.web}
    deaths: list[threading.Thread] = []

    def die(saves: int) -> None:
        if saves in outages:
            deaths.append(threading.Thread(target=outages[saves].outage, args=(0.3,)))
            deaths[-1].start()

    world.pages.on_answers = die
    report = await world.work(hits)
    for death in deaths:
        death.join()
    assert len(deaths) == 5
    assert Counter(task for task, _, _ in world.pages.submissions) == dict.fromkeys(TASKS, 3)
    assert len({(task, worker) for task, worker, _ in world.pages.submissions}) == 18
    for task, hit in zip(TASKS, hits, strict=True):
        listed = await world.market.assignments(hit)
        assert {(task, found.annotator, found.id) for found in listed} <= set(world.pages.submissions)
        assert len(listed) == 3
    assert len(report.submitted) == 18


async def test_who_abandons_is_replaced(world: World) -> None:
    quitter = of_kind(Kind.ABANDONS)
    crowd = (quitter, of_kind(Kind.HASTY), of_kind(Kind.HONEST))
    task = next(task for task in TASKS if shift.turns(crowd, 5, title(task))[0] is quitter)
    hit = await world.post(task, 2)
    report = await world.work([hit], world.settings(crowd))
    assert [(visit.person, visit.outcome) for visit in report.visits] == [
        (person.name, Outcome.ABANDONED if person is quitter else Outcome.SUBMITTED)
        for person in shift.turns(crowd, 5, title(task))
    ]
    assert len(await world.market.assignments(hit)) == len(world.pages.submissions) == 2
    left = [kept for key, kept in world.pages.answers.items() if key not in world.pages.submissions]
    assert [len(kept) for kept in left] == [12]


async def test_only_a_quitter_is_there(world: World) -> None:
    hit = await world.post(TASKS[0], 1)
    quitter = of_kind(Kind.ABANDONS)

    async def came() -> bool:
        return bool(world.pages.answers) and (await world.market.status(hit)).available == 1

    report = await until(came, world.settings(crowd=(quitter,)))
    assert report.counts == {Outcome.ABANDONED: 1}
    assert [len(kept) for kept in world.pages.answers.values()] == [12]
    hasty = of_kind(Kind.HASTY)
    report = await world.work([hit], world.settings(crowd=(quitter, hasty)))
    assert report.submitted == ((title(TASKS[0]), hasty.name),)


async def test_people_without_work_give_the_hit_back(world: World) -> None:
    honest = [person for person in PEOPLE if person.kind is Kind.HONEST]
    world.pages.refused = {worker_id(person.name) for person in honest[:10]}
    hits = [await world.post(task, 2) for task in TASKS[:3]]
    report = await world.work(hits, world.settings(crowd=tuple(honest)))
    assert len(report.submitted) == 6
    assert {person for _, person in report.submitted} <= {person.name for person in honest[10:]}
    assert report.counts[Outcome.DECLINED] > 0


async def test_a_finished_task_is_given_up_quietly(world: World) -> None:
    world.pages.closed.add(TASKS[0])
    closed, open_ = await world.post(TASKS[0], 2), await world.post(TASKS[1], 2)
    report = await world.work([open_])
    assert len(report.submitted) == 2
    assert (await world.market.status(closed)).completed == 0


async def test_a_new_shift_takes_up_what_was_left_in_hand(world: World) -> None:
    hit = await world.post(TASKS[0], 1)
    crowd = (of_kind(Kind.HONEST),)
    slow = replace(world.settings(crowd), pace=1.0)  # ten images take it several seconds
    left = asyncio.create_task(shift.work(slow, asyncio.Event()))

    async def at_work() -> bool:
        return (await world.market.status(hit)).pending == 1

    await eventually(at_work)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    report = await world.work([hit], world.settings(crowd))
    assert [(visit.person, visit.outcome) for visit in report.visits] == [(crowd[0].name, Outcome.SUBMITTED)]
    assert len(world.pages.answers) == 1


async def test_a_hit_that_is_extended_later_gets_more_people(world: World) -> None:
    hit = await world.post(TASKS[0], 1)
    extended = asyncio.Event()

    async def two_came() -> bool:
        if not await world.taken([hit]):
            return False
        if extended.is_set():
            return True
        await world.market.extend(hit, (await world.market.status(hit)).max_assignments + 1)
        extended.set()
        return False

    report = await until(two_came, world.settings())
    assert len({person for _, person in report.submitted}) == 2


async def test_an_image_without_a_label_ends_the_shift(world: World) -> None:
    await world.post(TASKS[0], 1)
    blind = replace(world.settings(), eyes={})
    with pytest.raises(InputError, match="no label"):
        async with asyncio.timeout(20):
            await shift.work(blind, asyncio.Event())


async def test_a_shift_ends_when_told_though_nobody_answers(world: World) -> None:
    nowhere = replace(world.settings(), market_url=f"http://127.0.0.1:{free_port()}")
    stop = asyncio.Event()
    working = asyncio.create_task(shift.work(nowhere, stop))
    await asyncio.sleep(0.3)
    assert not working.done()
    stop.set()
    async with asyncio.timeout(5):
        assert (await working).visits == ()
