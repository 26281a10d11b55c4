"""Messages between a worker and requesters: the threads, one thread, a new one about a HIT or an assignment."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.turk import threads
from workers.turk.errors import NotThere, WorkerRefused
from workers.turk.marketplace import marketplace_of
from workers.turk.site import pages, session
from workers.turk.threads import Side


async def messages(request: Request) -> Response:
    """GET /messages: the threads, the newest first."""
    here = session.required(request)
    found = await threads.threads(marketplace_of(request).database, Side.WORKER, here.worker_id)
    return pages.render(request, "messages.html", {"threads": found})


async def thread(request: Request) -> Response:
    """GET /messages/{thread}: its messages, which from now on count as read."""
    return await _thread(request)


async def answer(request: Request) -> Response:
    """POST /messages/{thread}: adds a message."""
    here, form = await session.require_fields(request)
    marketplace, identifier = marketplace_of(request), request.path_params["thread"]
    text, now = _text(form), marketplace.clock()
    try:
        await threads.reply(marketplace.database, Side.WORKER, here.worker_id, identifier, text, now)
    except WorkerRefused as refused:
        return await _thread(request, text, refused)
    return RedirectResponse(f"/messages/{identifier}#last", status_code=303)


async def _thread(request: Request, text: str = "", refused: WorkerRefused | None = None) -> Response:
    here, identifier = session.required(request), request.path_params["thread"]
    found = await threads.thread(marketplace_of(request).database, Side.WORKER, here.worker_id, identifier)
    context = {"messages": found, "text": text, "refused": refused, "longest": threads.MAX_TEXT}
    return pages.render(request, "thread.html", context, status=refused.status if refused else 200)


async def write(request: Request) -> Response:
    """GET /hits/{hit_id}/message: a form to write to the HIT's requester."""
    session.required(request)
    hit = await _hit(request)
    return _form(request, hit, {"subject": hit["title"], "text": ""})


async def send(request: Request) -> Response:
    """POST /hits/{hit_id}/message: begins a thread."""
    here, form = await session.require_fields(request)
    hit, marketplace = await _hit(request), marketplace_of(request)
    subject, text = form.get("subject", ""), _text(form)
    try:
        identifier = await threads.start(
            marketplace.database,
            requester=hit["requester"],
            worker=here.worker_id,
            sender=Side.WORKER,
            subject=subject,
            text=text,
            now=marketplace.clock(),
            hit=hit["_id"],
        )
    except WorkerRefused as refused:
        return _form(request, hit, {"subject": subject, "text": text}, refused)
    return RedirectResponse(f"/messages/{identifier}", status_code=303)


def _form(
    request: Request, hit: dict[str, str], typed: dict[str, str], refused: WorkerRefused | None = None
) -> Response:
    limits = {"longest": threads.MAX_TEXT, "longest_subject": threads.MAX_SUBJECT}
    context = {"hit": hit, "refused": refused, **typed, **limits}
    return pages.render(request, "write.html", context, status=refused.status if refused else 200)


async def _hit(request: Request) -> dict[str, str]:
    # Also one that is over or deleted: the worker may have a question about what became of it.
    wanted = {"_id": request.path_params["hit_id"]}
    found = await marketplace_of(request).database.hits.find_one(wanted, {"title": 1, "requester": 1})
    if found is None:
        raise NotThere("This HIT does not exist.", "Messages that you have are on the page Messages.")
    return {name: str(value) for name, value in found.items()}


def _text(form: dict[str, str]) -> str:
    return form.get("text", "").replace("\r\n", "\n")


ROUTES = [
    Route("/messages", messages, methods=["GET"]),
    Route("/messages/{thread}", thread, methods=["GET"]),
    Route("/messages/{thread}", answer, methods=["POST"]),
    Route("/hits/{hit_id}/message", write, methods=["GET"]),
    Route("/hits/{hit_id}/message", send, methods=["POST"]),
]
