"""Nothing that a browser gets tells gold from the rest: not to one who forgets nothing, not to many who compare notes.

An eavesdropper works through 200 assignments over HTTP, is told the truth about half of the tasks, and guesses the
other half from everything it has seen. It must not be better than guessing, and it must find each deliberate leak.

When this holds: gold is plentiful. Every task takes fresh gold, so as many gold images as there are hidden slots in
all tasks (G = hidden slots x tasks). With less, gold has to come back in other tasks while the images beside it are
new, and people who compare notes find it; ``test_scarce_gold_is_found`` shows that. Half of the pool is yes here, as
half of the gold is: where yes is rare, an image that looks like yes is more likely gold, which no server can hide.

False alarms: a guess counts as better than chance from 5 standard deviations of pure guessing (one in 3.5 million).
Time that a busy machine adds falls on gold and others alike, so it cannot raise an alarm; the deliberate leaks in time
are looked at until they are found, three times as long as a quiet machine needs.
"""

import hashlib
import io
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

from active_learning.domain.label import Source
from api import renditions
from api.operations import curating, intake, labeling, picturing, rounds
from api.operations.context import Winnow, open_winnow
from api.operations.intake import NewImage
from deploy import stack
from deploy.processes import Supervisor, free_port
from tests import factories
from tests.bench.photos import scene
from tests.e2e import leaky
from tests.e2e.eavesdropper import Eavesdropper, Guess, Showing, guess

SLOTS, GOLD = 18, 6
ASKED = SLOTS - GOLD
TASKS, OTHERS_A_TASK = 50, 3
LEAK_TASKS, FEW, LOOKS = 16, 4, 3
WIDTH, HEIGHT = 160, 120
SURE = 5.0
FRIENDS = 25
VISIBLE = 24
"""Gold that teaches instead: examples and lessons, with room to spare."""

POOL = TASKS * SLOTS + VISIBLE + 1


@cache
def pool(seed: int) -> tuple[NewImage, ...]:
    """Different photo-like images, large enough to be compressed with loss; PNG and JPEG."""
    rng = np.random.default_rng(seed)
    scenes = [scene(seed + number) for number in range(4)]
    images = []
    for number in range(POOL if seed == 0 else LEAK_TASKS * SLOTS + VISIBLE):
        top, left = int(rng.integers(768 - HEIGHT)), int(rng.integers(1024 - WIDTH))
        pixels = scenes[number % 4][top : top + HEIGHT, left : left + WIDTH]
        out, kind = io.BytesIO(), ("PNG", "JPEG")[number % 2]
        Image.fromarray(pixels).save(out, kind)
        data = out.getvalue()
        images.append(NewImage(hashlib.sha256(data).hexdigest(), data, kind, WIDTH, HEIGHT, f"{number}", "test"))
    return tuple(images)


class Installation:
    """The web process, with its holes, and a database with pictures."""

    def __init__(self, w: Winnow, http: httpx.AsyncClient) -> None:
        self.w = w
        self.http = http

    async def category(
        self, slug: str, images: Sequence[NewImage], tasks: int, gold: int, **policy: object
    ) -> list[str]:
        """A category with so many tasks in a round; returns their ids."""
        w = self.w
        numbers = {"slots": SLOTS, "hidden_gold": GOLD, "validation": 1, "redundancy": 1, **policy}
        await intake.create_category(w, factories.category(slug, **numbers))
        await intake.add_images(w, slug, images)
        await picturing.prepare(w, [image.sha256 for image in images])
        order = [images[int(i)].sha256 for i in np.random.default_rng(7).permutation(len(images))]
        for value in (True, False):
            chosen = dict.fromkeys(order[int(value) : gold : 2], value)
            await curating.give_gold(w, slug, chosen, Source.IMPORTED, {"by": "test"})
        start = rounds.rounds.StartRound(number=1, strategy="random", take=tasks * ASKED, validation=0)
        await rounds.start_round(w, slug, start)
        return [task.id for task in await w.store.tasks.of_round(slug, 1)]

    async def truth(self, slug: str, showings: Sequence[Showing]) -> dict[tuple[int, int], bool]:
        """What was gold, by number of the assignment and position. Lessons are no secret and not part of it."""
        found = {}
        annotators = {one.number: one.annotator for one in showings}
        for number, annotator in annotators.items():
            document = await self.w.store.assignments.get(labeling.assignment_id(f"{slug}-{number}", annotator))
            assert document is not None
            for position, gold in enumerate(document["gold"]):
                if position >= document["lessons"]:
                    found[number, position] = gold is not None
        assert {(one.number, one.position) for one in showings} == set(found), "the page shows lessons as secrets"
        return found


@pytest.fixture(scope="module")
def served(mongod_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Settings, and the addresses of the web process and of the one with holes."""
    settings = factories.settings(mongod_uri, f"leak_{time.time_ns()}")
    logs = tmp_path_factory.mktemp("leak")
    with Supervisor(print) as supervisor:
        urls = []
        for name, factory in (("whole", "api.app:factory"), ("leaky", "tests.e2e.leaky:factory")):
            ports = stack.Ports(web=free_port())
            child = stack.web(settings, ports, logs)
            argv = tuple(factory if part == "api.app:factory" else part for part in child.argv)
            supervisor.start(replace(child, name=name, argv=argv))
            urls.append(f"http://127.0.0.1:{ports.web}")
        yield settings, *urls


@pytest_asyncio.fixture
async def whole(served: Any) -> AsyncIterator[Installation]:
    """The web process as it is."""
    async with open_winnow(served[0]) as w, httpx.AsyncClient(base_url=served[1], timeout=30, trust_env=False) as http:
        yield Installation(w, http)


@pytest_asyncio.fixture
async def holed(served: Any) -> AsyncIterator[Installation]:
    """The web process with holes."""
    async with open_winnow(served[0]) as w, httpx.AsyncClient(base_url=served[2], timeout=30, trust_env=False) as http:
        yield Installation(w, http)


def worst(guesses: Sequence[Guess]) -> Guess:
    """The best guess, which is the worst for us."""
    return max(guesses, key=lambda one: one.sigmas)


async def test_nothing_that_a_browser_gets_tells_gold(whole: Installation) -> None:
    tasks = await whole.category("fair", pool(0), TASKS, TASKS * GOLD + VISIBLE, redundancy=1 + OTHERS_A_TASK)
    eavesdropper = Eavesdropper(whole.http, "fair")
    showings: list[Showing] = []
    for index, task in enumerate(tasks):
        showings += await eavesdropper.work(f"/tasks/{task}", "Mnemosyne", tries=2)
        for other in range(OTHERS_A_TASK):
            number = index * OTHERS_A_TASK + other
            showings += await eavesdropper.work(f"/tasks/{task}", f"Friend {number % FRIENDS}")
    assert len({one.number for one in showings}) == 200
    truth = await whole.truth("fair", showings)
    assert sum(truth.values()) == 200 * GOLD

    alone = worst(guess([one for one in showings if one.annotator == "Mnemosyne"], truth))
    assert alone.sigmas < SURE, alone
    together = worst(guess(showings, truth))
    assert together.sigmas < SURE, together
    assert min(alone.gold, together.gold) >= TASKS // 2 * GOLD, "too few images to find anything"


async def gold_first(w: Winnow, identifier: str, _: list[list[str]]) -> None:
    """Leave the assignment's images, with gold in front."""
    document = await w.store.assignments.get(identifier)
    assert document is not None
    lessons = document["lessons"]
    pairs = list(zip(document["images"], document["gold"], strict=True))
    pairs[lessons:] = sorted(pairs[lessons:], key=lambda pair: pair[1] is None)
    await rewrite(w, identifier, pairs)


async def gold_again(w: Winnow, identifier: str, remembered: list[list[str]]) -> None:
    """Show the annotator the gold of his first few assignments again in all others."""
    document = await w.store.assignments.get(identifier)
    assert document is not None
    pairs = list(zip(document["images"], document["gold"], strict=True))
    gold = [at for at, (_, answer) in enumerate(pairs) if answer is not None and at >= document["lessons"]]
    if document["number"] < FEW:
        remembered.append([pairs[at][0] for at in gold])
        return
    for at, image in zip(gold, remembered[document["number"] % FEW], strict=True):
        pairs[at] = (image, pairs[at][1])
    await rewrite(w, identifier, pairs)


async def rewrite(w: Winnow, identifier: str, pairs: Sequence[tuple[str, Any]]) -> None:
    fields = {"images": [image for image, _ in pairs], "gold": [gold for _, gold in pairs]}
    await w.store.assignments.collection.update_one({"_id": identifier}, {"$set": fields})


async def other_files(w: Winnow, slug: str, change: str) -> None:
    """Store the pictures of gold in a slightly lower quality, or with one chunk more."""
    for candidate in await w.store.candidates.gold(slug):
        key = f"{candidate['image']}:160"
        picture = (await w.store.renditions.many([key]))[key]
        if change == "quality":
            data = await w.blobs.get(candidate["image"])
            out = io.BytesIO()
            Image.open(io.BytesIO(data or b"")).convert("RGB").save(
                out, "WEBP", quality=renditions.QUALITY - 4, method=2
            )
            picture = out.getvalue()
        else:
            chunk = b"XMP \x04\x00\x00\x00gold"
            size = (len(picture) - 8 + len(chunk)).to_bytes(4, "little")
            picture = b"RIFF" + size + picture[8:] + chunk
        await w.store.renditions.collection.delete_one({"_id": key})
        await w.store.renditions.put({key: picture})


TRIES = {leaky.HEADER: 1, leaky.SLOW: 4, leaky.CACHED: 4}
LEAKS: dict[str, Any] = {
    leaky.HEADER: None,
    leaky.CONTEXT: None,
    leaky.SLOW: None,
    leaky.CACHED: None,
    "gold-first": gold_first,
    "gold-again": gold_again,
    "quality": None,
    "metadata": None,
}


@pytest.mark.parametrize("leak", LEAKS)
async def test_a_leak_is_found_by_one_annotator(holed: Installation, leak: str) -> None:
    files = leak in ("quality", "metadata")
    # A busy machine hides milliseconds for a while, so time is looked at more often, and longer if need be.
    tries = TRIES.get(leak, 0)
    tasks = await holed.category(
        leak,
        pool(1 + list(LEAKS).index(leak)) if files else pool(0),
        LEAK_TASKS * (LOOKS if tries > 1 else 1),
        LEAK_TASKS * GOLD * (LOOKS if tries > 1 else 1) + VISIBLE,
    )
    if files:
        await other_files(holed.w, leak, leak)
    change = LEAKS[leak]
    remembered: list[list[str]] = []
    eavesdropper = Eavesdropper(holed.http, leak)
    showings: list[Showing] = []
    for start in range(0, len(tasks), LEAK_TASKS):
        for task in tasks[start : start + LEAK_TASKS]:
            tamper = None if change is None else lambda name: change(holed.w, f"{name}:Mnemosyne", remembered)
            showings += await eavesdropper.work(f"/tasks/{task}", "Mnemosyne", tries, tamper)
        found = worst(guess(showings, await holed.truth(leak, showings)))
        if found.sigmas >= SURE:
            return
    pytest.fail(f"not found: {found}")


async def test_scarce_gold_is_found_by_many_together(whole: Installation) -> None:
    """Gold that is fresh for everybody but comes back in other people's tasks."""
    few = FEW * GOLD + VISIBLE
    tasks = await whole.category("scarce", pool(0)[: LEAK_TASKS * ASKED + few], LEAK_TASKS, few)
    eavesdropper = Eavesdropper(whole.http, "scarce")
    showings: list[Showing] = []
    for number, task in enumerate(tasks):
        showings += await eavesdropper.work(f"/tasks/{task}", f"Friend {number}")
    found = worst(guess(showings, await whole.truth("scarce", showings)))
    assert found.sigmas >= SURE, found
