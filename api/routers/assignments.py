"""The task page and the assignment API behind it."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from active_learning.domain.errors import Forbidden
from api.deps import Opened, Token
from api.operations import labeling, viewing
from api.schemas import AnswersIn, ProgressOut, Saved, SubmissionIn
from labeling_ui.render import render

router = APIRouter()

PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"

MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
    (b"BM", "image/bmp"),
)
"""Told from the bytes themselves, so that serving an image costs no second read for its format."""


def media_type(data: bytes) -> str:
    """The MIME type of accepted image bytes; TIFF where no other prefix fits."""
    return next((kind for prefix, kind in MAGIC if data.startswith(prefix)), "image/tiff")


@router.get("/tasks/{task_id}", response_class=HTMLResponse)
async def task_page(
    w: Opened,
    task_id: str,
    assignmentId: str = PREVIEW,
    workerId: str = "",
    turkSubmitTo: str = "",
) -> HTMLResponse:
    """The ExternalQuestion: a preview without an assignment, else the working page."""
    if assignmentId == PREVIEW:
        page = await viewing.preview_page(w, task_id)
    elif not workerId:
        raise Forbidden("The marketplace did not say who you are.", "Open the task from the marketplace again.")
    else:
        page = viewing.task_page(w, await labeling.open_assignment(w, task_id, assignmentId, workerId, turkSubmitTo))
    return HTMLResponse(render(page), headers={"Cache-Control": "no-store"})


@router.get("/assignment/images/{position}")
async def image(w: Opened, position: int, token: str) -> Response:
    """The image at a position of the annotator's own order. Only for this browser, and gone with the token."""
    data = await labeling.image_at(w, token, position)
    return Response(data, media_type=media_type(data), headers={"Cache-Control": "private, max-age=3600"})


@router.get("/assignment")
async def progress(w: Opened, token: Token) -> ProgressOut:
    """What is answered so far."""
    found = await labeling.progress(w, token)
    return ProgressOut(answered={str(k): v for k, v in found.answered.items()}, of=found.of)


@router.put("/assignment/answers")
async def answers(w: Opened, token: Token, body: AnswersIn) -> Saved:
    """Keep answers as they are given."""
    found = await labeling.save(w, token, body.answers)
    return Saved(saved=len(body.answers), answered=len(found.answered), of=found.of)


@router.post("/assignment/submission")
async def submission(w: Opened, token: Token, body: SubmissionIn) -> labeling.Receipt:
    """Store the submission; the reply says where the market wants to hear of it."""
    return await labeling.submit(w, token, body.viewport)
