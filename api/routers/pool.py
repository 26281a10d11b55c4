"""The pool's page: look through it, select, act, undo."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from active_learning.domain.access import Scope
from api import replies
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import browsing, hand_acts, viewing_pool
from api.operations.hand_acts import Act

router = APIRouter(prefix="/categories/{slug}/pool", include_in_schema=False)


class Look(browsing.Filters):
    """What the address of the page says: filters, the key of the page, the example of a search."""

    after: str | None = None
    like: str | None = None


@router.get("", response_class=HTMLResponse)
async def pool(w: Opened, me: Reader, slug: str, look: Annotated[Look, Query()]) -> HTMLResponse:
    """A page of the pool; with ``like`` what looks like that image."""
    filters = browsing.Filters(**look.model_dump(exclude={"after", "like"}))
    curator = me.may(Scope.CURATE)
    return replies.page(await viewing_pool.page(w, slug, filters, look.after, look.like, curator=curator), me)


@router.post("/acts")
async def act_by_hand(
    w: Opened,
    me: Curator,
    slug: str,
    act: Annotated[Act, Form()],
    image: Annotated[list[str] | None, Form()] = None,
    task_set: Annotated[str, Form()] = "",
    back: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Do something to the selected images, and show what became of them."""
    number = int(task_set) if task_set.isdigit() and len(task_set) < 10 else None
    done = await hand_acts.do(w, slug, act, image or [], me.name, number)
    return _to(slug, done.id, back)


@router.get("/acts/{act}", response_class=HTMLResponse)
async def acted(w: Opened, me: Reader, slug: str, act: str, back: str = "") -> HTMLResponse:
    """What an act did to which images."""
    return replies.page(await viewing_pool.acted(w, slug, act, back), me)


@router.post("/acts/{act}/undo")
async def undo_by_hand(
    w: Opened, me: Curator, slug: str, act: str, back: Annotated[str, Form(max_length=2_000)] = ""
) -> Response:
    """Take an act back."""
    await hand_acts.undo(w, slug, act, me.name)
    return _to(slug, act, back)


def _to(slug: str, act: str, back: str) -> RedirectResponse:
    query = f"?{urlencode({'back': back})}" if back else ""
    return RedirectResponse(f"/categories/{slug}/pool/acts/{act}{query}", 303)
