"""The addresses of the workers' site: parse, one query or move, one page."""

import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from workers.turk import lifecycle, qualifying, threads
from workers.turk.errors import FormRefused, NotThere
from workers.turk.form_answers import Reading, blank, read_answers
from workers.turk.marketplace import marketplace_of, read_body
from workers.turk.money import dollars
from workers.turk.questions import (
    PREVIEW,
    RESERVED,
    Question,
    at_home,
    form_answer_xml,
    frame_url,
    origin_of,
    parse_form,
    parse_question,
)
from workers.turk.site import browsing, earned, entrance, following, pages, qualifications, queries, session, talking
from workers.turk.states import Assignment, AssignmentState, Hit, is_open

MAX_SUBMISSION_BYTES = 1 << 20


async def front(request: Request) -> Response:
    """GET /: the list of work, or the entrance."""
    here = session.current(request)
    if here is None:
        return entrance.sign_in_page(request, to=request.query_params.get("next", "/"))
    marketplace = marketplace_of(request)
    now, wanted = marketplace.clock(), browsing.read(request.query_params)
    groups, more = await queries.groups_for(marketplace.database, here.worker_id, now, wanted)
    working = await queries.in_progress(marketplace.database, here.worker_id, now)
    context = {
        "groups": groups,
        "more": more,
        "wanted": wanted,
        "sorts": browsing.SORTS,
        "working": [(item, pages.seconds_left(item["deadline"], now)) for item in working],
        "unread": await threads.unread(marketplace.database, threads.Side.WORKER, here.worker_id),
    }
    return pages.render(request, "list.html", context)


async def hits_json(request: Request) -> Response:
    """GET /hits.json: what this worker can accept now, oldest first, at most 100."""
    here, marketplace = session.required(request), marketplace_of(request)
    open_hits = await queries.open_hits(marketplace.database, here.worker_id, marketplace.clock())
    found = [
        {
            "hit_id": hit["_id"],
            "hit_type_id": hit["hit_type"],
            "title": hit["title"],
            "description": hit["description"],
            "reward": dollars(hit["reward"]),
            "duration_seconds": hit["duration"],
            "available": hit["available"],
            "created": hit["created_at"].isoformat(),
        }
        for hit in open_hits
    ]
    return JSONResponse(found, headers={"Cache-Control": "no-store"})


async def preview(request: Request) -> Response:
    """GET /hits/{hit_id}: the HIT before it is accepted."""
    here, marketplace = session.required(request), marketplace_of(request)
    hit = await _hit(request)
    unmet = await qualifying.unmet(marketplace.database, here.worker_id, hit.get("requirements", []), "accept")
    missing = await qualifications.explained(marketplace, here.worker_id, unmet)
    parameters = [("assignmentId", PREVIEW), ("hitId", hit["_id"])]
    question = parse_question(hit["question"], marketplace.settings.public_url)
    available = hit["available"] if is_open(hit, marketplace.clock()) else 0
    context = {"hit": hit, "available": available, "missing": missing, **_frame(hit, question, parameters)}
    return pages.render(request, "preview.html", context, csp=_framing(request, question))


async def accept(request: Request) -> Response:
    """POST /hits/{hit_id}/accept: leads to the assignment."""
    here, form = await session.require_fields(request)
    marketplace = marketplace_of(request)
    if "choice" in form:
        await following.remember(marketplace, here.worker_id, "on" in form)
    assignment = await lifecycle.accept(
        marketplace.database,
        request.path_params["hit_id"],
        here.worker_id,
        marketplace.clock(),
        chaos=marketplace.chaos,
    )
    return RedirectResponse(f"/assignments/{assignment['_id']}", status_code=303)


async def work(request: Request) -> Response:
    """GET /assignments/{assignment_id}: the frame to work in, or what became of the assignment."""
    session.required(request)
    assignment = await _own_assignment(request)
    if assignment["state"] != AssignmentState.IN_PROGRESS:
        return await earned.ended_page(request, assignment)
    return _work_page(request, assignment, await _hit_of(request, assignment))


def _work_page(request: Request, assignment: Assignment, hit: Hit, reading: Reading | None = None) -> Response:
    marketplace = marketplace_of(request)
    question = parse_question(hit["question"], marketplace.settings.public_url)
    parameters = [
        ("assignmentId", assignment["_id"]),
        ("hitId", hit["_id"]),
        ("workerId", assignment["worker"]),
        ("turkSubmitTo", marketplace.settings.public_url),
    ]
    left = pages.seconds_left(assignment["deadline"], marketplace.clock())
    context = {"hit": hit, "assignment": assignment, "left": left, **_frame(hit, question, parameters)}
    if reading is not None:
        context["reading"] = reading
    status = 422 if reading is not None else 200
    return pages.render(request, "work.html", context, status=status, csp=_framing(request, question))


async def answers(request: Request) -> Response:
    """POST /assignments/{assignment_id}/answers: a filled-in QuestionForm. With complaints it is shown again."""
    fields = await session.require_long_form(request, MAX_SUBMISSION_BYTES)
    marketplace, assignment = marketplace_of(request), await _own_assignment(request)
    if assignment["state"] == AssignmentState.IN_PROGRESS:
        hit = await _hit_of(request, assignment)
        question = parse_question(hit["question"], marketplace.settings.public_url)
        if question.form is None:
            raise NotThere("This HIT has no form of ours.")
        reading = read_answers(question.form, fields)
        if reading.complaints:
            return _work_page(request, assignment, hit, reading)
        xml = form_answer_xml(reading.answers)
        assignment = await lifecycle.submit(marketplace.database, assignment["_id"], xml, marketplace.clock())
        return await following.after_submit(request, assignment)
    return RedirectResponse(f"/assignments/{assignment['_id']}", status_code=303)


async def state(request: Request) -> Response:
    """GET /assignments/{assignment_id}/state: for the page's script, which looks whether the frame has submitted."""
    session.required(request)
    assignment = await _own_assignment(request)
    word = re.sub("(?<!^)(?=[A-Z])", "_", assignment["state"]).lower()
    left = pages.seconds_left(assignment["deadline"], marketplace_of(request).clock())
    return JSONResponse({"state": word, "seconds_left": left}, headers={"Cache-Control": "no-store"})


async def give_back(request: Request) -> Response:
    """POST /assignments/{assignment_id}/return: the slot goes back to the list."""
    await session.require_form(request)
    marketplace, assignment = marketplace_of(request), await _own_assignment(request)
    await lifecycle.give_back(marketplace.database, assignment["_id"], AssignmentState.RETURNED, marketplace.clock())
    return RedirectResponse("/", status_code=303)


async def external_submit(request: Request) -> Response:
    """POST /mturk/externalSubmit: from the frame, which has no cookie. Whoever knows the id may submit."""
    try:
        fields = parse_form(await read_body(request, MAX_SUBMISSION_BYTES))
    except ValueError:
        raise FormRefused(400, "The form has too many fields.") from None
    assignment_id = next((value for name, value in fields if name == "assignmentId"), "")
    if assignment_id in {"", PREVIEW}:
        raise FormRefused(400, "This was a preview, nothing was stored.", "Accept the HIT first, then answer again.")
    marketplace = marketplace_of(request)
    answers = [(name, value) for name, value in fields if name not in RESERVED]
    await lifecycle.submit(marketplace.database, assignment_id, answers, marketplace.clock())
    return pages.thanks(request, "Thank you, submitted", "Your answers have been stored.")


async def html_frame(request: Request) -> Response:
    """GET /frames/{hit_id}: an HTMLQuestion's content, in an opaque origin whatever way it is opened."""
    marketplace, hit = marketplace_of(request), await _hit(request)
    question = parse_question(hit["question"], marketplace.settings.public_url)
    if question.html is None:
        raise NotThere("This HIT has no page of its own here.")
    headers = {
        "Content-Security-Policy": f"sandbox {pages.OPAQUE_SANDBOX}; frame-ancestors 'self'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(at_home(question.html), headers=headers)


async def _hit(request: Request) -> Hit:
    wanted = {"_id": request.path_params["hit_id"], "disposed": False}
    hit = await marketplace_of(request).database.hits.find_one(wanted)
    if hit is None:
        raise NotThere("This HIT does not exist.", "It may have been deleted. Pick another one.")
    here = session.current(request)
    await qualifying.require(marketplace_of(request).database, hit, here.worker_id if here else "", "preview")
    return hit


async def _hit_of(request: Request, assignment: Assignment) -> Hit:
    hit = await marketplace_of(request).database.hits.find_one({"_id": assignment["hit"]})
    if hit is None:
        raise NotThere("This HIT does not exist.")
    return hit


async def _own_assignment(request: Request) -> Assignment:
    here, marketplace = session.current(request), marketplace_of(request)
    wanted = {"_id": request.path_params["assignment_id"], "worker": here.worker_id if here else ""}
    found = await marketplace.database.assignments.find_one(wanted)
    if found is None:
        raise NotThere("You have no such assignment.", "Your work in progress is on the list page.")
    now = marketplace.clock()
    if found["state"] == AssignmentState.IN_PROGRESS and found["deadline"] <= now:
        await lifecycle.catch_up(marketplace.database, now, {"hit": found["hit"]})
        found = await marketplace.database.assignments.find_one(wanted)
        assert found is not None
    return found


def _frame(hit: Hit, question: Question, parameters: list[tuple[str, str]]) -> dict[str, object]:
    if question.form is not None:
        return {"form": question.form, "reading": blank(question.form)}
    if question.url is not None:
        source, sandbox = frame_url(question.url, parameters), pages.FRAME_SANDBOX
    else:
        source, sandbox = frame_url(f"/frames/{hit['_id']}", parameters), pages.OPAQUE_SANDBOX
    return {"frame": source, "sandbox": sandbox, "height": question.height}


def _framing(request: Request, question: Question) -> str:
    if question.form is not None:
        return pages.policy(media=True)
    # Our own origin too: after submitting, the frame shows our thank-you page.
    frames = ["'self'", marketplace_of(request).settings.public_url]
    return pages.policy([*frames, origin_of(question.url)] if question.url is not None else frames)


ROUTES = [
    Route("/", front, methods=["GET"]),
    Route("/hits.json", hits_json, methods=["GET"]),
    Route("/hits/{hit_id}", preview, methods=["GET"]),
    Route("/hits/{hit_id}/accept", accept, methods=["POST"]),
    Route("/frames/{hit_id}", html_frame, methods=["GET"]),
    Route("/assignments/{assignment_id}", work, methods=["GET"]),
    Route("/assignments/{assignment_id}/answers", answers, methods=["POST"]),
    Route("/assignments/{assignment_id}/state", state, methods=["GET"]),
    Route("/assignments/{assignment_id}/return", give_back, methods=["POST"]),
    Route("/mturk/externalSubmit", external_submit, methods=["POST"]),
    *entrance.ROUTES,
    *following.ROUTES,
    *earned.ROUTES,
    *talking.ROUTES,
]
