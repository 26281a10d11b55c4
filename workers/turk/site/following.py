"""The next HIT of a group, after one is done."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.turk import lifecycle
from workers.turk.errors import NotNow, NotThere
from workers.turk.marketplace import Marketplace, marketplace_of
from workers.turk.site import queries, session
from workers.turk.states import Assignment

TRIES = 5
"""Others look at the same list: who is too late takes the one after it."""


async def accept_next(marketplace: Marketplace, done: Assignment) -> str | None:
    """Accepts the next HIT of the same group for the worker; gives the assignment's id, None when none is left."""
    for _ in range(TRIES):
        hit_id = await queries.next_hit(marketplace.database, done, marketplace.clock())
        if hit_id is None:
            return None
        try:
            taken = await lifecycle.accept(
                marketplace.database, hit_id, done["worker"], marketplace.clock(), chaos=marketplace.chaos
            )
        except (NotNow, NotThere):
            continue
        return taken["_id"]
    return None


async def after_submit(request: Request, done: Assignment) -> Response:
    """Where a form of ours leads once it is submitted: the next HIT for who wants that, else what became of it."""
    here = session.required(request)
    following = await accept_next(marketplace_of(request), done) if here.goes_on else None
    return RedirectResponse(f"/assignments/{following or done['_id']}", status_code=303)


async def go_on(request: Request) -> Response:
    """POST /assignments/{assignment_id}/next: accepts the next one; without any, back to what became of this one."""
    here, marketplace = await session.require_form(request), marketplace_of(request)
    wanted = {"_id": request.path_params["assignment_id"], "worker": here.worker_id}
    done = await marketplace.database.assignments.find_one(wanted)
    if done is None:
        raise NotThere("You have no such assignment.", "Your work in progress is on the list page.")
    following = await accept_next(marketplace, done)
    return RedirectResponse(f"/assignments/{following or done['_id']}", status_code=303)


async def choose(request: Request) -> Response:
    """POST /going-on: whether the next one is accepted automatically; leads back to the page ``next``."""
    here, form = await session.require_fields(request)
    await remember(marketplace_of(request), here.worker_id, "on" in form)
    return RedirectResponse(session.own_path(form.get("next", "/")), status_code=303)


async def remember(marketplace: Marketplace, worker: str, goes_on: bool) -> None:
    """Keeps the worker's choice."""
    await marketplace.database.workers.update_one({"_id": worker}, {"$set": {"goes_on": goes_on}})


ROUTES = [
    Route("/assignments/{assignment_id}/next", go_on, methods=["POST"]),
    Route("/going-on", choose, methods=["POST"]),
]
