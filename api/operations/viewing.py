"""What pages show, from kept counters and short indexed reads: no page costs more as the pool grows."""

from active_learning.domain.candidate import Role, State
from active_learning.domain.category import Category
from active_learning.domain.errors import NotFound
from active_learning.domain.task import Task
from api import renditions
from api.operations import picturing
from api.operations.context import Winnow
from api.operations.labeling import GRACE, Opened
from labeling_ui import contexts

GOLD_WANTED = 27
"""Images of each side that an expert is asked for: 20 to check people with, 4 examples and 3 lessons."""

EXPERT_IMAGES = 200
SECONDS_AN_ANSWER = 1.7
"""Conventional yes/no labeling of one image by one person (Krishna et al. 2016); used until so many are measured."""

MEASURED = 300
"""Answers from which on people's own pace is believed."""


async def preview_page(w: Winnow, task_id: str, language: str) -> contexts.TaskPage:
    """What somebody sees who has not accepted."""
    task = await w.store.tasks.get(task_id)
    category = await w.store.categories.definition(task.category)
    teaching = len(category.lessons[: category.policy.lessons])
    seconds = seconds_an_answer(*await w.store.categories.pace(task.category))
    return _task_page(category, task, (len(task.slots), teaching, seconds), language, None)


async def task_page(w: Winnow, opened: Opened, language: str) -> contexts.TaskPage:
    """The task page of an opened assignment."""
    work = contexts.Work(
        token=opened.token,
        key=opened.key,
        of=opened.of,
        lessons=tuple(contexts.Lesson(answer=lesson.answer, why=lesson.why) for lesson in opened.lessons),
        presumed=opened.task.presumed,
        sizes=renditions.SIZES,
        # The marketplace counts down beside the page and knows no grace: the two must not differ.
        deadline=opened.deadline - GRACE,
        now=w.clock(),
    )
    seconds = seconds_an_answer(*await w.store.categories.pace(opened.category.slug))
    return _task_page(opened.category, opened.task, (opened.of, len(opened.lessons), seconds), language, work)


def seconds_an_answer(answers: int, visible_ms: int) -> float:
    """How long one answer takes here; the usual time as long as too few are measured."""
    return visible_ms / answers / 1000 if answers >= MEASURED else SECONDS_AN_ANSWER


def _task_page(
    category: Category, task: Task, size: tuple[int, int, float], language: str, work: contexts.Work | None
) -> contexts.TaskPage:
    """``size`` is how many images there are, how many of them teach, and how many seconds one of them usually takes."""
    slots, teaching, seconds = size
    return contexts.TaskPage(
        question=category.question,
        instructions=category.instructions,
        examples=tuple(
            contexts.Sample(
                address=f"/categories/{category.slug}/examples/{index}", answer=example.answer, why=example.why
            )
            for index, example in enumerate(category.examples)
        ),
        reward_cents=task.reward_cents,
        slots=slots,
        minutes=category.policy.minutes,
        seconds=slots * seconds,
        teaching=teaching,
        grid=task.presumed is not None,
        language=language,
        work=work,
    )


async def expert_page(w: Winnow, slug: str) -> contexts.ExpertPage:
    """Images that the researcher may answer himself: unknown ones outside validation, the likeliest yes first.

    Rare categories would otherwise need hundreds of looks for a single yes.
    """
    document = await w.store.categories.get(slug)
    category = Category.model_validate(document["category"])
    only = {"state": State.UNKNOWN.value, "role": Role.TRAIN.value, "votes_wanted": False, "disputed": False}
    only["excluded"] = None
    found = await w.store.candidates.find(slug, only, ["image", "score"], EXPERT_IMAGES)
    found.sort(key=lambda candidate: -(candidate["score"] or 0.0))
    return contexts.ExpertPage(
        slug=slug,
        question=category.question,
        instructions=category.instructions,
        images=tuple(candidate["image"] for candidate in found),
        gold_yes=document["gold"]["yes"],
        gold_no=document["gold"]["no"],
        wanted_yes=GOLD_WANTED,
        wanted_no=GOLD_WANTED,
    )


async def example(w: Winnow, slug: str, index: int) -> bytes:
    """An example that annotators may see, as a small picture."""
    category = await w.store.categories.definition(slug)
    if not 0 <= index < len(category.examples):
        raise NotFound("There is no such example.")
    return await picturing.one(w, category.examples[index].image, 320)


async def picture(w: Winnow, image: str, size: int | None) -> tuple[bytes, str]:
    """The bytes and format of an image for a researcher's pages: the original, or small enough for ``size`` pixels.

    Raises :class:`NotFound` for an unknown image and :class:`InputError` for a size that there is not.
    """
    facts = await w.store.images.get(image)
    if facts is not None and size is not None:
        return await picturing.one(w, image, size), "WEBP"
    data = None if facts is None else await w.blobs.get(image)
    if facts is None or data is None:
        raise NotFound("There is no such image.")
    return data, str(facts["format"])
