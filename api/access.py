"""Who may reach what: every route names the scope that it needs, and every act is written to the audit log first."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request

from active_learning.domain.access import Actor, Scope
from active_learning.domain.errors import Forbidden, Unauthenticated
from api.deps import Opened
from api.operations import accounts, api_tokens, audit_log
from api.operations.context import Winnow

COOKIE = "winnow_sign_in"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
QUESTIONS = frozenset(
    {
        "categories.forecast",
        "category_settings.load_category_file",
        "task_sets.preview_of_task_set",
        "task_sets.preview_task_set",
    }
)
"""What is posted because it is too long for an address, and changes nothing: the audit log does not hear of it."""
LARGEST_TOLD = 64 * 1024
"""Bytes of a request's body from which on the audit log names its size only."""


class Needs:
    """A dependency: lets in who may ``scope``, by cookie or API token, and gives the actor.

    Raises :class:`Unauthenticated` where nobody is signed in, :class:`Forbidden` for who may not, and for a form that a
    page of another origin has posted with somebody's cookie.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request, w: Opened) -> Actor:
        """Check, write down, let in."""
        actor = await who(request, w)
        if actor is None:
            raise Unauthenticated("Nobody is signed in.", "Sign in, or send an API token: Authorization: Bearer ...")
        request.state.user = actor.name
        name = act_of(request.scope["route"].endpoint)
        act = request.method not in SAFE and name not in QUESTIONS
        if request.method not in SAFE and actor.via == "page":
            own_page(request)
        if not actor.may(self.scope):
            hint = f"It needs '{self.scope}', and {actor.name} has {', '.join(sorted(actor.scopes)) or 'nothing'}."
            if act:
                await _record(request, w, actor, name, refused=hint)
            raise Forbidden(f"{actor.name} may not do this.", hint)
        if act:
            await _record(request, w, actor, name)
        return actor


async def who(request: Request, w: Winnow) -> Actor | None:
    """Whoever has sent the request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await api_tokens.by_token(w, token.strip())
    cookie = request.cookies.get(COOKIE)
    return await accounts.by_cookie(w, cookie) if cookie else None


def own_page(request: Request) -> None:
    """Let in only what a page of this origin, or no page at all, has posted; raises :class:`Forbidden`.

    Browsers say where a form comes from: ``Sec-Fetch-Site`` where the connection is one that they trust, ``Origin``
    everywhere. A program that is no browser says neither.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        own = site in {"same-origin", "none"}
    else:
        own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not own:
        raise Forbidden("This was posted by a page of somebody else.", "Open the page of Winnow and do it there.")


def act_of(endpoint: Callable[..., Any]) -> str:
    """What the audit log calls an act: the file of the route and its function."""
    return f"{endpoint.__module__.rpartition('.')[2]}.{endpoint.__name__}"


async def _record(request: Request, w: Winnow, actor: Actor, act: str, refused: str = "") -> None:
    about = {**await _told(request), **request.query_params, **request.path_params}
    await audit_log.record(w, actor, act, about, refused, address(request))


def address(request: Request) -> str:
    """Where the request comes from, as the server knows it; behind a proxy, as the server was told to believe it."""
    return request.client.host if request.client else ""


async def _told(request: Request) -> Mapping[str, Any]:
    """What the body says, where it is a small form or a small JSON object."""
    kind, _, _ = request.headers.get("content-type", "").partition(";")
    size = int(request.headers.get("content-length", LARGEST_TOLD + 1))  # what is sent in chunks says no size
    if size > LARGEST_TOLD or kind == "multipart/form-data":
        return {"bytes": size}
    if kind == "application/x-www-form-urlencoded":
        form = await request.form()
        return {name: ", ".join(str(value) for value in form.getlist(name)) for name in form}
    if kind == "application/json":
        try:
            body = await request.json()
        except (ValueError, RecursionError):  # the endpoint itself says what is wrong with it
            return {"bytes": size}
        return body if isinstance(body, dict) else {"items": len(body) if isinstance(body, list) else 1}
    return {}


Reader = Annotated[Actor, Depends(Needs(Scope.READ))]
Curator = Annotated[Actor, Depends(Needs(Scope.CURATE))]
Overseer = Annotated[Actor, Depends(Needs(Scope.WORKERS))]
Admin = Annotated[Actor, Depends(Needs(Scope.ADMIN))]
