"""The pages of task sets: hand in a list, look at it, save, arrange, post."""

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from active_learning.domain.access import Actor, Scope
from active_learning.domain.errors import BudgetExhausted, InputError, StateError
from api import replies
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import choosing, id_lists, task_sets, viewing_task_sets
from api.operations.context import Winnow
from api.operations.task_sets import Arrangement
from labeling_ui.contexts.task_sets import SetForm

router = APIRouter(prefix="/categories/{slug}/task-sets", include_in_schema=False)

LARGEST = 8 << 20
"""Bytes of a list."""

Text = Annotated[str, Form(max_length=1_000_000)]
Short = Annotated[str, Form(max_length=200)]


def _to(slug: str, number: int) -> RedirectResponse:
    return RedirectResponse(f"/categories/{slug}/task-sets/{number}", 303)


def _number(text: str) -> int | None:
    """A number as it was typed; ``None`` for nothing. Raises :class:`InputError`."""
    if not text.strip():
        return None
    if not text.strip().isdigit() or not 1 <= int(text) <= 1_000_000:
        raise InputError(f"'{text}' is not a number for a task set.", "Numbers go from 1 to 1,000,000.")
    return int(text)


@router.get("", response_class=HTMLResponse)
async def task_sets_page(
    w: Opened, me: Reader, slug: str, below: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """The list of task sets, and the form for a new one."""
    curator = me.may(Scope.CURATE)
    return replies.page(await viewing_task_sets.sets_page(w, slug, below, SetForm(), curator=curator), me)


@router.post("/preview")
async def preview_of_task_set(
    w: Opened,
    me: Curator,
    slug: str,
    file: Annotated[UploadFile | None, File()] = None,
    ids: Text = "",
    name: Short = "",
    number: Short = "",
) -> Response:
    """What the list names, misses and names twice; nothing is saved."""
    await w.store.categories.get(slug)
    try:
        data = await file.read(LARGEST + 1) if file is not None and file.filename else ids.encode()
        if len(data) > LARGEST:
            raise InputError("The file is larger than 8 MB.", "Split it into several task sets.")
        found = await choosing.preview(w, slug, id_lists.read(data))
        shown = await viewing_task_sets.preview_page(w, slug, found, name, _number(number))
    except InputError as error:
        form = SetForm(name=name, number=number, ids=ids, error=str(error))
        return replies.page(await viewing_task_sets.sets_page(w, slug, None, form, curator=True), me, 422)
    return replies.page(shown, me)


@router.get("/preview")
async def preview_again(me: Reader, slug: str) -> Response:
    """Where the browser stands after a preview: loading it again leads to the list."""
    return RedirectResponse(f"/categories/{slug}/task-sets", 303)


@router.post("")
async def save_task_set(
    w: Opened, me: Curator, slug: str, ids: Text = "", name: Short = "", number: Short = ""
) -> Response:
    """Save what the preview has matched; the preview again where something does not fit."""
    images = ids.split()
    try:
        made = await task_sets.create(w, slug, images, name, me.name, _number(number))
    except InputError as error:
        found = await choosing.preview(w, slug, id_lists.of(images))
        shown = await viewing_task_sets.preview_page(w, slug, found, name, None, str(error))
        return replies.page(shown, me, 422)
    return _to(slug, made)


@router.get("/{number}", response_class=HTMLResponse)
async def task_set_page(
    w: Opened, me: Reader, slug: str, number: int, start: Annotated[int, Query(ge=0, le=100_000)] = 0
) -> Response:
    """One task set."""
    return await _shown(w, me, slug, number, start=start)


@router.post("/{number}/arrange")
async def arrange_task_set(
    w: Opened,
    me: Curator,
    slug: str,
    number: int,
    slots: Short = "",
    hidden_gold: Short = "",
    answers: Short = "",
) -> Response:
    """Make tasks of it, to be looked at before they are posted."""
    try:
        wanted = Arrangement.model_validate({"slots": slots, "hidden_gold": hidden_gold, "answers": answers})
    except ValidationError as error:
        first = error.errors()[0]
        what = {"slots": "Images in a task", "hidden_gold": "Gold", "answers": "Answers"}[str(first["loc"][0])]
        return await _shown(w, me, slug, number, error=f"{what}: {first['msg'].lower()}.", status=422)
    try:
        await task_sets.arrange(w, slug, number, wanted)
    except (InputError, StateError) as error:
        return await _shown(w, me, slug, number, typed=wanted, error=str(error), status=422)
    return _to(slug, number)


@router.post("/{number}/post")
async def post_task_set(w: Opened, me: Curator, slug: str, number: int) -> Response:
    """Let its tasks go to the market."""
    try:
        await task_sets.post(w, slug, number)
    except (StateError, BudgetExhausted) as error:
        return await _shown(w, me, slug, number, error=str(error), status=409)
    return _to(slug, number)


@router.post("/{number}/apart")
async def take_task_set_apart(w: Opened, me: Curator, slug: str, number: int) -> Response:
    """Make it a list again."""
    return await _act(w, me, slug, number, "apart")


@router.post("/{number}/cancel")
async def cancel_task_set(w: Opened, me: Curator, slug: str, number: int) -> Response:
    """Give it up."""
    return await _act(w, me, slug, number, "cancel")


@router.post("/{number}/take-up")
async def take_up_task_set(w: Opened, me: Curator, slug: str, number: int) -> Response:
    """Go on with one that was given up."""
    return await _act(w, me, slug, number, "take-up")


@router.post("/{number}/remove")
async def remove_from_task_set(
    w: Opened, me: Curator, slug: str, number: int, image: Annotated[list[str] | None, Form()] = None
) -> Response:
    """Take images out of a draft."""
    await task_sets.remove(w, slug, number, image or [])
    return _to(slug, number)


@router.post("/{number}/rename")
async def rename_task_set(w: Opened, me: Curator, slug: str, number: int, name: Short = "") -> Response:
    """Give a draft another name."""
    await task_sets.rename(w, slug, number, name)
    return _to(slug, number)


async def _act(w: Winnow, me: Actor, slug: str, number: int, act: str) -> Response:
    acts = {"apart": task_sets.take_apart, "cancel": task_sets.cancel, "take-up": task_sets.take_up}
    try:
        await acts[act](w, slug, number)
    except StateError as error:
        return await _shown(w, me, slug, number, error=str(error), status=409)
    return _to(slug, number)


async def _shown(
    w: Winnow,
    me: Actor,
    slug: str,
    number: int,
    *,
    start: int = 0,
    typed: Arrangement | None = None,
    error: str = "",
    status: int = 200,
) -> HTMLResponse:
    curator = me.may(Scope.CURATE)
    shown = await viewing_task_sets.set_page(w, slug, number, start, curator=curator, typed=typed, error=error)
    return replies.page(shown, me, status)
