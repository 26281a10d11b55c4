"""The task page and the assignment API behind it."""

import struct
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import HTMLResponse, Response

from active_learning.domain.errors import Forbidden
from api.deps import Opened, Pictures, Token
from api.operations import labeling, picturing, tokens, viewing
from api.schemas import AnswersIn, Saved, SubmissionIn
from labeling_ui.render import render
from labeling_ui.words import choose

router = APIRouter(include_in_schema=False)

PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"


@router.get("/tasks/{task_id}", response_class=HTMLResponse)
async def task_page(
    w: Opened,
    task_id: str,
    assignmentId: str = PREVIEW,
    workerId: str = "",
    turkSubmitTo: str = "",
    lang: str | None = None,
    accept_language: Annotated[str, Header()] = "",
) -> HTMLResponse:
    """The ExternalQuestion: a preview without an assignment, else the working page."""
    language = choose(accept_language, lang)
    if assignmentId == PREVIEW:
        page = await viewing.preview_page(w, task_id, language)
    elif not workerId:
        raise Forbidden("The marketplace did not say who you are.", "Open the task from the marketplace again.")
    else:
        opened = await labeling.open_assignment(w, task_id, assignmentId, workerId, turkSubmitTo)
        page = await viewing.task_page(w, opened, language)
    return HTMLResponse(render(page), headers={"Cache-Control": "no-store", "Vary": "Accept-Language"})


@router.get("/assignment/images")
async def images(
    w: Opened,
    albums: Pictures,
    token: Token,
    start: Annotated[int, Query(ge=0)] = 0,
    count: Annotated[int, Query(ge=1)] = 12,
    size: int = 640,
) -> Response:
    """Several images in the annotator's own order: for each a length of four bytes, big end first, then the file.

    Only for this browser, and of no use to it after the assignment.
    """
    pictures, seconds = await picturing.batch(w, albums, token, start, count, size)
    body = b"".join(struct.pack(">I", len(picture)) + picture for picture in pictures)
    headers = {"Cache-Control": f"private, max-age={seconds}, immutable", "Vary": "Authorization"}
    return Response(body, media_type="application/octet-stream", headers=headers)


@router.get("/assignment/images/{position}/full")
async def full_image(w: Opened, albums: Pictures, token: Token, position: int) -> Response:
    """One image at full resolution, for zooming in."""
    picture = await picturing.full(w, albums, token, position)
    kind = "image/webp" if picture.startswith(b"RIFF") else "image/jpeg"
    return Response(picture, media_type=kind, headers={"Cache-Control": "no-store", "Vary": "Authorization"})


@router.get("/assignment")
async def progress(w: Opened, token: Token) -> labeling.Progress:
    """What is answered so far."""
    return await labeling.progress(w, token)


@router.put("/assignment/answers")
async def answers(w: Opened, token: Token, body: AnswersIn) -> Saved:
    """Keep answers as they are given."""
    return Saved(saved=await labeling.save(w, token, body.answers))


@router.post("/assignment/submission")
async def submission(w: Opened, albums: Pictures, token: Token, body: SubmissionIn) -> labeling.Receipt:
    """Store the submission; the reply says where the market wants to hear of it."""
    receipt = await labeling.submit(w, token, body.viewport)
    albums.forget(tokens.assignment_of(w, token))
    return receipt
