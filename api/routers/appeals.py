"""The public page of an appeal: whoever holds the link of a refusal may object, and reads the answer there."""

from typing import Annotated

from fastapi import APIRouter, Form, Header, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from active_learning.domain.errors import InputError, StateError
from api import replies
from api.access import own_page
from api.deps import Opened
from api.operations import appeals, audit_log, viewing_submissions
from labeling_ui.words import choose

router = APIRouter(prefix="/appeals", include_in_schema=False)


@router.get("/{token}", response_class=HTMLResponse)
async def appeal_page(
    w: Opened,
    token: str,
    lang: str | None = None,
    sent: str = "",
    accept_language: Annotated[str, Header()] = "",
) -> HTMLResponse:
    """What was refused and why, what was said against it, and the answer."""
    language = choose(accept_language, lang)
    return replies.page(await viewing_submissions.appeal_page(w, token, language, bool(sent)), None)


@router.post("/{token}")
async def send_appeal(
    request: Request,
    w: Opened,
    token: str,
    text: Annotated[str, Form(max_length=20_000)] = "",
    lang: str | None = None,
    accept_language: Annotated[str, Header()] = "",
) -> Response:
    """Keep what somebody says against a refusal."""
    own_page(request)
    language = choose(accept_language, lang)
    try:
        await appeals.send(w, token, text, language)
    except (InputError, StateError) as error:
        problem = "length" if isinstance(error, InputError) else "over"
        page = await viewing_submissions.appeal_page(w, token, language, problem=problem, text=text)
        return replies.page(page, None, 422)
    address = request.client.host if request.client else ""
    about = {"submission": (await appeals.look(w, token)).submission, "text": text}
    await audit_log.record(w, None, "send_appeal", about, address=address)
    return RedirectResponse(f"/appeals/{token}?sent=yes{f'&lang={language}' if lang else ''}", 303)
