"""Annotators at work without a browser: open, answer, submit, be judged."""

from collections.abc import Callable

from active_learning.domain.category import Category
from active_learning.domain.label import Source
from active_learning.domain.submission import Response, Submission
from active_learning.domain.task import Task
from api.operations import curating, intake, labeling, rounds
from api.operations.context import Winnow
from api.store.connection import Document
from tests import factories

SLUG = "bright"
Opinion = Callable[[str], bool]
"""What somebody answers to an image."""


async def category_with(w: Winnow, images: int, gold_a_side: int, **policy: object) -> dict[str, bool]:
    """A category of so many images, every third a yes, with gold; returns image -> truth."""
    found, truth = factories.new_images(range(images), yes_every=3)
    category: Category = factories.category(SLUG, **policy)
    await intake.create_category(w, category)
    await intake.add_images(w, SLUG, found)
    for value in (True, False):
        gold = [image for image, answer in truth.items() if answer is value][:gold_a_side]
        await curating.give_gold(w, SLUG, dict.fromkeys(gold, value), Source.IMPORTED, {"by": "test"})
    return truth


async def round_of(w: Winnow, number: int, take: int) -> list[Task]:
    """Start a round of images chosen at random; returns its tasks."""
    await rounds.start_round(w, SLUG, rounds.rounds.StartRound(number=number, strategy="random", take=take))
    return await w.store.tasks.of_round(SLUG, number)


async def opened(w: Winnow, task: Task, annotator: str, assignment: str = "") -> Document:
    """Open an assignment; returns it as it is stored."""
    market = assignment or f"ASG{annotator}{task.id}"
    await labeling.open_assignment(w, task.id, market, annotator, "")
    document = await w.store.assignments.get(labeling.assignment_id(market, annotator))
    assert document is not None
    return document


async def answer(w: Winnow, task: Task, annotator: str, opinion: Opinion, how_many: int | None = None) -> Document:
    """Open and answer; ``how_many`` images of it, or all."""
    document = await opened(w, task, annotator)
    token = (await labeling.open_assignment(w, task.id, document["market_assignment"], annotator, "")).token
    images = document["images"][:how_many]
    await labeling.save(w, token, [Response(position=n, value=opinion(image)) for n, image in enumerate(images)])
    return document


async def submit(w: Winnow, task: Task, annotator: str, opinion: Opinion) -> Submission:
    """Answer everything and submit; returns the submission."""
    document = await answer(w, task, annotator, opinion)
    market = document["market_assignment"]
    token = (await labeling.open_assignment(w, task.id, market, annotator, "")).token
    await labeling.submit(w, token, (0, 0))
    submission = await w.store.submissions.get(document["_id"])
    assert submission is not None
    return submission
