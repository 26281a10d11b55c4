"""Task sets: preview a list, save, arrange, post."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from active_learning.domain.value import Value
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import choosing, id_lists, task_sets
from api.operations.choosing import Preview
from api.operations.task_sets import Arrangement, Brief, TaskSet
from api.routers.rest import PREFIX
from api.schemas import ERRORS

router = APIRouter(prefix=f"{PREFIX}/categories/{{slug}}/task-sets", tags=["task sets"], responses=ERRORS)

Number = Annotated[int, Path(ge=1, le=1_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class ListIn(Value):
    """Images by their ids (sha256) or by the file names under which they were imported."""

    images: tuple[Name, ...] = Field(min_length=1, max_length=id_lists.LINES)


class TaskSetIn(ListIn):
    """A new set; ``number`` is the next one unless it is given. Images that cannot be chosen are left out."""

    name: str = Field(default="", max_length=200)
    number: int | None = Field(default=None, ge=1, le=1_000_000)


class Added(Value):
    """Images that are added to a draft or taken out of it."""

    images: tuple[Name, ...] = Field(min_length=1, max_length=task_sets.MOST)


class Page(Value):
    """A page of task sets, newest first."""

    items: tuple[Brief, ...]
    next: str | None


@router.get("")
async def list_task_sets(
    w: Opened,
    me: Reader,
    slug: str,
    after: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Page:
    """The task sets of a category, newest first."""
    found = await task_sets.all_of(w, slug, after, limit + 1)
    return Page(items=tuple(found[:limit]), next=str(found[limit - 1].number) if len(found) > limit else None)


@router.post("/preview")
async def preview_task_set(w: Opened, me: Curator, slug: str, body: ListIn) -> Preview:
    """What a list would make of a set: matched, missing, named twice, not to be chosen and why. Nothing is saved."""
    return await choosing.preview(w, slug, id_lists.of(body.images))


@router.post("", status_code=201)
async def make_task_set(w: Opened, me: Curator, slug: str, body: TaskSetIn) -> TaskSet:
    """Save a draft of the images that can be chosen."""
    found = await choosing.preview(w, slug, id_lists.of(body.images))
    number = await task_sets.create(w, slug, found.available, body.name, me.name, body.number)
    return await task_sets.get(w, slug, number)


@router.get("/{number}")
async def get_task_set(w: Opened, me: Reader, slug: str, number: Number) -> TaskSet:
    """One set with its tasks, and what has become of its images."""
    return await task_sets.get(w, slug, number)


@router.post("/{number}/remove")
async def remove_from_draft(w: Opened, me: Curator, slug: str, number: Number, body: Added) -> TaskSet:
    """Take images out of a draft."""
    await task_sets.remove(w, slug, number, body.images)
    return await task_sets.get(w, slug, number)


@router.post("/{number}/arrange")
async def arrange_draft(w: Opened, me: Curator, slug: str, number: Number, body: Arrangement) -> TaskSet:
    """Make tasks of a draft and hold them: look at them before you post them."""
    await task_sets.arrange(w, slug, number, body)
    return await task_sets.get(w, slug, number)


@router.post("/{number}/apart")
async def take_arranged_apart(w: Opened, me: Curator, slug: str, number: Number) -> TaskSet:
    """Make an arranged set a draft again."""
    await task_sets.take_apart(w, slug, number)
    return await task_sets.get(w, slug, number)


@router.post("/{number}/post")
async def post_arranged(w: Opened, me: Curator, slug: str, number: Number) -> TaskSet:
    """Let the tasks of an arranged set go to the market; a second time changes nothing."""
    await task_sets.post(w, slug, number)
    return await task_sets.get(w, slug, number)


@router.post("/{number}/cancel")
async def give_task_set_up(w: Opened, me: Curator, slug: str, number: Number) -> TaskSet:
    """Give up a set that is not posted."""
    await task_sets.cancel(w, slug, number)
    return await task_sets.get(w, slug, number)


@router.post("/{number}/take-up")
async def take_task_set_up(w: Opened, me: Curator, slug: str, number: Number) -> TaskSet:
    """Go on with a set that was given up."""
    await task_sets.take_up(w, slug, number)
    return await task_sets.get(w, slug, number)
