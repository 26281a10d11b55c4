"""The real web process and the real marketplace on the real MongoDB, for pages in a real Chromium."""

from contextlib import ExitStack
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlencode

from playwright.sync_api import Frame, Page

from active_learning.domain.label import Source
from active_learning.domain.submission import Submission
from active_learning.domain.task import Task
from api.operations import curating, intake, labeling, rounds
from api.operations.context import utc_now
from tests import factories
from tests.jobs.serving import Served
from tests.turk.served import free_port, turk_settings
from tests.ui.office import Office
from tests.ui.working import ready
from workers.jobs import collect
from workers.jobs.desk import Desk
from workers.market import MarketOptions, open_market
from workers.market.protocol import MarketAssignment, Marketplace
from workers.ray_runtime import RayRuntime
from workers.turk.app import create_app as create_marketplace

SLUG = "bright"
Result = TypeVar("Result")

SMALL: dict[str, object] = {
    **{"slots": 24, "hidden_gold": 8, "batch": 10, "validation": 10, "redundancy": 1, "lessons": 0},
}
"""A task of 24 images, 8 of them gold, without lessons."""


class Stack(Office):
    """Web process, marketplace and a category whose first task is posted as a HIT.

    ``ahead`` is how much the web process's clock is ahead of the real one.
    """

    def __init__(
        self,
        uri: str,
        exits: ExitStack,
        policy: dict[str, object] | None = None,
        images: int = 60,
        gold_a_side: int = 8,
    ) -> None:
        market = free_port()
        self.market = f"http://127.0.0.1:{market}"
        self.ahead = timedelta()
        turk = turk_settings(uri, market, sweep_seconds=3600.0, first_key="WINNOW:any")
        exits.callback(Served(lambda: create_marketplace(turk), market).stop)
        super().__init__(uri, exits, lambda: utc_now() + self.ahead, market_endpoint=self.market)
        self.requester: Marketplace = open_market("turk", MarketOptions(self.market, "WINNOW", "any"))
        self.task = self.do(self._post_a_task(policy or SMALL, images, gold_a_side))

    async def _post_a_task(self, policy: dict[str, object], images: int, gold_a_side: int) -> Task:
        w = self.w
        new, truth = factories.new_images(range(images), yes_every=3)
        category = factories.category(SLUG, **policy)
        await intake.create_category(w, category)
        await intake.add_images(w, SLUG, new)
        sides = [[image for image, answer in truth.items() if answer is value] for value in (True, False)]
        gold = {image: truth[image] for side in sides for image in side[:gold_a_side]}
        await curating.give_gold(w, SLUG, gold, Source.IMPORTED, {"by": "test"})
        await rounds.draw_validation(w, SLUG)
        room = category.policy.slots - category.policy.hidden_gold
        start = rounds.rounds.StartRound(
            number=1, strategy="random", take=room - category.policy.validation, validation=category.policy.validation
        )
        await rounds.start_round(w, SLUG, start)
        (task,) = await w.store.tasks.of_round(SLUG, 1)
        await collect.publish(Desk(w, self.requester, RayRuntime(self.settings)), category, task)
        return await w.store.tasks.get(task.id)

    def address(self, worker: str, **more: str) -> str:
        """The task page for a worker, outside of any marketplace."""
        query = {"assignmentId": f"ASG{worker}", "workerId": worker, **more}
        return f"{self.web}/tasks/{self.task.id}?{urlencode(query)}"

    def submitted(self) -> list[MarketAssignment]:
        """What the marketplace says was submitted to the HIT."""
        assert self.task.hit is not None
        return self.do(self.requester.assignments(self.task.hit))

    def submission(self, market_assignment: str, annotator: str) -> Submission | None:
        """What Winnow has stored of an assignment."""
        return self.do(self.w.store.submissions.get(labeling.assignment_id(market_assignment, annotator)))

    def submissions_of(self, worker: str) -> int:
        """How many submissions of a worker there are."""
        return self.do(self.w.store.submissions.collection.count_documents({"annotator": worker}))


def task_frame(page: Page, working: bool) -> Frame:
    """The task page inside the marketplace's page."""
    page.locator("iframe#task").wait_for()
    wanted = "workerId=" if working else "ASSIGNMENT_ID_NOT_AVAILABLE"
    for _ in range(100):
        found = [frame for frame in page.frames if "/tasks/" in frame.url and wanted in frame.url]
        if found:
            return found[0]
        page.wait_for_timeout(50)
    raise AssertionError(f"no task page in a frame: {[frame.url for frame in page.frames]}")


def press(page: Page, surface: Page | Frame, given: dict[int, bool]) -> None:
    """Answer images by keyboard, each when it is painted."""
    for position, value in given.items():
        ready(surface, position)
        page.keyboard.press("j" if value else "f")
