"""Dataset versions: make them, take them home in any format, bring labels that exist."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, UploadFile

from active_learning.domain.dataset import Recipe
from active_learning.domain.value import Value
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import datasets, downloading, importing_labels
from api.operations.importing_labels import As, Report
from api.operations.label_files import Meaning, words_of
from api.routers import ranges
from api.routers.rest import PREFIX
from api.schemas import ERRORS
from api.store.connection import Document
from api.store.datasets import DatasetState

router = APIRouter(prefix=f"{PREFIX}/categories/{{slug}}", tags=["datasets"], responses=ERRORS)


class DatasetFile(Value):
    """A version in one format: what its download is called, and how many bytes it has."""

    format: str
    file: str
    size: int


class DatasetOut(Value):
    """A version. ``parts``, ``sources``, ``licences`` and ``left_out`` count images by name, such as ``train yes``.

    ``revision`` grows when images are taken down: everything else of a version stays as it was at ``as_of``.
    """

    number: int
    state: DatasetState
    revision: int
    recipe: Recipe
    by: str
    made_at: datetime
    as_of: datetime | None
    ready_at: datetime | None
    images: int
    bytes: int
    parts: dict[str, int]
    sources: dict[str, int]
    licences: dict[str, int]
    left_out: dict[str, int]
    taken_down: int
    files: tuple[DatasetFile, ...]


class DatasetWithSheet(DatasetOut):
    """A version with its datasheet (Markdown; empty while it is being made)."""

    datasheet: str


class DatasetList(Value):
    """Versions, newest first; ``next`` is what to pass as ``after`` for older ones."""

    items: tuple[DatasetOut, ...]
    next: int | None


class LabelsBrought(Value):
    """A label file: what it says of the pool, and whether its labels are being saved."""

    file: str
    saving: bool
    report: Report


def _fields(document: Document) -> dict[str, Any]:
    tally = document["tally"]
    files = document.get("downloads", {}) if document["state"] == DatasetState.READY else {}
    return {
        **{name: document[name] for name in ("number", "state", "revision", "recipe", "by", "made_at", "taken_down")},
        **{name: document.get(name) for name in ("as_of", "ready_at")},
        **{name: dict(tally[name]) for name in ("parts", "sources", "licences", "left_out")},
        "images": tally["rows"],
        "bytes": tally["bytes"],
        "files": [{"format": name, **file} for name, file in files.items()],
    }


@router.get("/datasets")
async def list_datasets(
    w: Opened,
    me: Reader,
    slug: str,
    after: Annotated[int | None, Query(ge=1, le=2**31)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DatasetList:
    """The versions of a category's dataset, newest first."""
    await w.store.categories.get(slug)
    found = await w.store.datasets.newest(slug, limit + 1, after)
    items = tuple(DatasetOut.model_validate(_fields(document)) for document in found[:limit])
    return DatasetList(items=items, next=items[-1].number if len(found) > limit else None)


@router.post("/datasets", status_code=202)
async def make_dataset(w: Opened, me: Curator, slug: str, body: Recipe) -> DatasetOut:
    """Begin a new version; a job freezes it. Ask for it again until its state is ``ready``."""
    return DatasetOut.model_validate(_fields(await datasets.make(w, slug, body, me.name)))


@router.get("/datasets/{version}")
async def read_dataset(w: Opened, me: Reader, slug: str, version: int) -> DatasetWithSheet:
    """One version with its datasheet."""
    document = await w.store.datasets.get(slug, version)
    sheet = document["datasheet"] if document["state"] == DatasetState.READY else ""
    return DatasetWithSheet.model_validate(_fields(document) | {"datasheet": sheet})


@router.get(
    "/datasets/{version}/files/{format}",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "the whole file"},
        206: {"content": {"application/octet-stream": {}}, "description": "the range that was asked for"},
        304: {"description": "it has not changed"},
        416: {"description": "the file ends before the range begins"},
    },
)
async def download_dataset(w: Opened, me: Reader, request: Request, slug: str, version: int, format: str) -> Response:
    """A version in one format: a table, or a tar archive. Repeated it is the same, byte for byte; it can be resumed."""
    download = await downloading.open_download(w, slug, version, format)
    return ranges.reply(request, download, lambda start, stop: downloading.read(w, download.file, start, stop))


@router.post("/labels", status_code=202)
async def import_labels(
    w: Opened,
    me: Curator,
    slug: str,
    file: UploadFile,
    format: Annotated[str, Query(max_length=40)] = "auto",
    preview: Annotated[bool, Query(description="only say what would be saved")] = False,
    save_as: Annotated[As, Query(description="gold also checks people")] = "imported",
    yes: Annotated[str, Query(max_length=2_000, description="words that mean yes, separated by commas")] = "",
    no: Annotated[str, Query(max_length=2_000, description="words that mean no")] = "",
    rest_is_no: bool = False,
) -> LabelsBrought:
    """Read a label file and, unless it is a preview, let a job save its labels. Nobody's answer is overridden."""
    meaning = Meaning.of(slug, words_of(yes), words_of(no), rest_is_no)
    brought = await importing_labels.bring(
        w, slug, file.filename or "labels", await file.read(), me.name, format, meaning
    )
    saving = not preview and brought.report.fresh > 0
    if saving:
        await importing_labels.save(w, slug, brought.id, save_as, me.name)
    return LabelsBrought(file=brought.id, saving=saving, report=brought.report)
