"""What a worker has earned, what is pending and until when, what was rejected and why, and how to appeal."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.turk import appeals, lifecycle
from workers.turk.errors import NotThere
from workers.turk.marketplace import marketplace_of
from workers.turk.site import browsing, pages, queries, session
from workers.turk.states import LISTED, Assignment


async def earnings(request: Request) -> Response:
    """GET /earnings: sums, and what was submitted, by state and page."""
    here, marketplace = session.required(request), marketplace_of(request)
    now = marketplace.clock()
    await lifecycle.catch_up(marketplace.database, now, {"worker": here.worker_id})
    state = next((each for each in LISTED if each == request.query_params.get("state")), None)
    page = browsing.read(request.query_params).page
    account = await queries.earnings(marketplace.database, here.worker_id)
    rows, more = await queries.submissions(marketplace.database, here.worker_id, state, page)
    appealable = {row["_id"] for row in rows if appeals.can_appeal(row, now)}
    context = {"account": account, "rows": rows, "more": more, "page": page, "state": state, "appealable": appealable}
    return pages.render(request, "earnings.html", context)


async def ended_page(request: Request, assignment: Assignment) -> Response:
    """What became of an assignment that is no longer in progress."""
    marketplace = marketplace_of(request)
    now = marketplace.clock()
    following = await queries.next_hit(marketplace.database, assignment, now)
    appeal = await appeals.of_assignment(marketplace.database, assignment["_id"])
    context = {
        "assignment": assignment,
        "following": following,
        "appeal": appeal,
        "can_appeal": appeal is None and appeals.can_appeal(assignment, now),
        "longest": appeals.MAX_TEXT,
    }
    return pages.render(request, "ended.html", context)


async def appeal(request: Request) -> Response:
    """POST /assignments/{assignment_id}/appeal: the one text that asks the requester to look again."""
    here, form = await session.require_fields(request)
    marketplace = marketplace_of(request)
    wanted = {"_id": request.path_params["assignment_id"], "worker": here.worker_id}
    assignment = await marketplace.database.assignments.find_one(wanted)
    if assignment is None:
        raise NotThere("You have no such assignment.", "What you did is on the page Earnings.")
    text = form.get("text", "").replace("\r\n", "\n")
    await appeals.appeal(marketplace.database, assignment, text, marketplace.clock())
    return RedirectResponse(f"/assignments/{assignment['_id']}#appeal", status_code=303)


ROUTES = [
    Route("/earnings", earnings, methods=["GET"]),
    Route("/assignments/{assignment_id}/appeal", appeal, methods=["POST"]),
]
