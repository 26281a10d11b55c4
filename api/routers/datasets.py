"""The pages of datasets: make a version, take it home, bring labels that exist."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from active_learning.domain.access import Scope
from active_learning.domain.errors import InputError
from api import replies
from api.access import Curator, Reader
from api.deps import Opened, typed_in
from api.operations import dataset_forms, datasets, importing_labels, viewing_datasets
from api.operations.forms import Refused
from api.operations.label_files import Meaning, words_of

router = APIRouter(prefix="/categories/{slug}/datasets", include_in_schema=False)


@router.get("", response_class=HTMLResponse)
async def datasets_page(w: Opened, me: Reader, slug: str, before: int | None = None) -> HTMLResponse:
    """The versions of a category, and the forms."""
    return replies.page(await viewing_datasets.page(w, slug, me.may(Scope.CURATE), before), me)


@router.post("")
async def make_dataset_by_form(w: Opened, me: Curator, slug: str, request: Request) -> Response:
    """Begin a version as the form asks; the page again where something does not fit."""
    typed = await typed_in(request)
    try:
        document = await datasets.make(w, slug, dataset_forms.recipe(typed), me.name)
    except InputError as error:
        refused = Refused.by(error, typed)
        return replies.page(await viewing_datasets.page(w, slug, True, recipe=refused), me, 422)
    return RedirectResponse(f"/categories/{slug}/datasets#v{document['number']}", 303)


@router.get("/events")
async def dataset_events(w: Opened, me: Reader, slug: str) -> StreamingResponse:
    """A server-sent event whenever a version or a label file of the category gets further."""
    await w.store.categories.get(slug)
    return replies.news(w.store.datasets.changes(slug), w.clock)


@router.post("/labels")
async def bring_labels_by_form(
    w: Opened,
    me: Curator,
    slug: str,
    file: UploadFile | None = None,
    format: Annotated[str, Form(max_length=40)] = "auto",
    yes: Annotated[str, Form(max_length=2_000)] = "",
    no: Annotated[str, Form(max_length=2_000)] = "",
    rest: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Read a label file and show what it says; the page again where it cannot be read."""
    typed = {"format": format, "yes": yes, "no": no, **({"rest": rest} if rest else {})}
    try:
        if file is None or not file.filename:
            raise InputError("No file was chosen.", "Choose one, then look at it.")
        meaning = Meaning.of(slug, words_of(yes), words_of(no), bool(rest))
        brought = await importing_labels.bring(w, slug, file.filename, await file.read(), me.name, format, meaning)
    except InputError as error:
        refused = Refused.by(error, typed)
        return replies.page(await viewing_datasets.page(w, slug, True, labels=refused), me, 422)
    return RedirectResponse(f"/categories/{slug}/datasets/labels/{brought.id}", 303)


@router.get("/labels")
async def bring_labels_again(me: Reader, slug: str) -> Response:
    """Where the browser stands after a file that could not be read: loading it again leads to the page."""
    return RedirectResponse(f"/categories/{slug}/datasets#labels", 303)


@router.get("/labels/{file}", response_class=HTMLResponse)
async def label_file(w: Opened, me: Reader, slug: str, file: str) -> HTMLResponse:
    """What a label file says, and what has become of it."""
    return replies.page(await viewing_datasets.label_file_page(w, slug, file, me.may(Scope.CURATE)), me)


@router.post("/labels/{file}")
async def save_labels_by_form(
    w: Opened, me: Curator, slug: str, file: str, kind: Annotated[importing_labels.As, Form(alias="as")]
) -> Response:
    """Save its labels, as imported labels or as gold."""
    await importing_labels.save(w, slug, file, kind, me.name)
    return RedirectResponse(f"/categories/{slug}/datasets/labels/{file}", 303)


@router.get("/{number}", response_class=HTMLResponse)
async def dataset_page(w: Opened, me: Reader, slug: str, number: int) -> HTMLResponse:
    """One version."""
    return replies.page(await viewing_datasets.version_page(w, slug, number), me)
