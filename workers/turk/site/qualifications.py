"""The workers' pages of qualifications: what I have, what I can ask for, and what a HIT asks of me."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from workers.turk import granting, qualifying
from workers.turk.answer_keys import parse_answer_key, score
from workers.turk.database import Document
from workers.turk.errors import FormRefused, NotThere, Unqualified
from workers.turk.form_answers import blank, read_answers
from workers.turk.marketplace import Marketplace, marketplace_of
from workers.turk.question_forms import parse_question_form
from workers.turk.questions import form_answer_xml
from workers.turk.site import pages, session

PAGE = 100
MAX_TEST_BYTES = 1 << 18
_COUNTRY = re.compile("[A-Z]{2}")


async def front(request: Request) -> Response:
    """GET /qualifications: those that this worker has, those that he can ask for, and what he has said of himself."""
    here, marketplace = session.required(request), marketplace_of(request)
    database = marketplace.database
    mine = await database.qualifications.find({"worker": here.worker_id}).sort("order", -1).limit(PAGE).to_list()
    held = {one["type"]: one for one in mine}
    wanted = {"_id": {"$in": sorted(held)}}
    kinds = {kind["_id"]: kind async for kind in database.qualification_types.find(wanted)}
    more = {"deleted_at": None, "status": "Active", "_id": {"$nin": sorted(held)}}
    others = await database.qualification_types.find(more).sort("order", -1).limit(PAGE).to_list()
    context = {
        "mine": [(kinds[one["type"]], one) for one in mine if one["type"] in kinds],
        "others": others,
        "standing": await _system_rows(marketplace, here.worker_id),
        "record": await database.workers.find_one({"_id": here.worker_id}) or {},
    }
    return pages.render(request, "qualifications.html", context)


async def _system_rows(marketplace: Marketplace, worker: str) -> list[tuple[str, str]]:
    values = await qualifying.standing(marketplace.database, worker, qualifying.SYSTEM)
    shown = [qualifying.APPROVED_COUNT, qualifying.PERCENT_APPROVED, qualifying.LOCALE, qualifying.ADULT]
    rows = [*shown, qualifying.MASTERS[0]]
    return [(qualifying.SYSTEM[kind].name, _shown(values.get(kind))) for kind in rows]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "-".join(filter(None, (value["Country"], value.get("Subdivision"))))
    return "none" if value is None else str(value)


async def about(request: Request) -> Response:
    """POST /qualifications/about: where the worker lives, said once, and whether he wants to see adult content."""
    (here, form), marketplace = await session.require_fields(request), marketplace_of(request)
    workers, mine = marketplace.database.workers, {"_id": here.worker_id}
    await workers.update_one(mine, {"$set": {"adult": form.get("adult") == "yes"}})
    country, part = (form.get(name, "").strip().upper() for name in ("country", "subdivision"))
    if country:
        if not _COUNTRY.fullmatch(country) or (part and not (country == "US" and _COUNTRY.fullmatch(part))):
            raise FormRefused(
                400, "A country has two letters, as in US or DE; a state is given in the US only.", "Go back and see."
            )
        locale = {"Country": country, **({"Subdivision": part} if part else {})}
        # Said once: requesters rely on it, so it cannot be changed to fit the next HIT.
        await workers.update_one({**mine, "locale": None}, {"$set": {"locale": locale}})
    return RedirectResponse("/qualifications", status_code=303)


async def show(request: Request) -> Response:
    """GET /qualifications/{kind}: one qualification, what came of asking for it, and when it can be asked for again."""
    here, marketplace = session.required(request), marketplace_of(request)
    kind, held = await _kind(request, here.worker_id)
    now = marketplace.clock()
    context = {
        "kind": kind,
        "held": held or {},
        "obstacle": granting.obstacle(kind, held, now),
        "again": granting.retry_at(kind, held),
        "taking": bool(held and held.get("test_until") and held["test_until"] > now),
    }
    return pages.render(request, "qualification.html", context)


async def ask(request: Request) -> Response:
    """POST /qualifications/{kind}/ask: leads back to the page of the qualification, or to its test."""
    here, marketplace = await session.require_form(request), marketplace_of(request)
    kind, _ = await _kind(request, here.worker_id)
    await granting.begin(marketplace.database, kind, here.worker_id, marketplace.clock())
    return RedirectResponse(f"/qualifications/{kind['_id']}{'/test' if kind.get('test') else ''}", status_code=303)


async def test(request: Request) -> Response:
    """GET /qualifications/{kind}/test: the questions, as long as the test is being taken."""
    here = session.required(request)
    kind, held = await _kind(request, here.worker_id)
    left = _time_left(request, held)
    if not kind.get("test") or left == 0:
        return RedirectResponse(f"/qualifications/{kind['_id']}", status_code=303)
    form = parse_question_form(kind["test"], "Test")
    return _test_page(request, {"kind": kind, "form": form, "reading": blank(form), "left": left})


async def hand_in(request: Request) -> Response:
    """POST /qualifications/{kind}/test: graded by the answer key, or for the requester to look at.

    With complaints the form is shown again, and the time goes on.
    """
    fields = await session.require_long_form(request, MAX_TEST_BYTES)
    here, marketplace = session.required(request), marketplace_of(request)
    kind, held = await _kind(request, here.worker_id)
    if not kind.get("test"):
        raise NotThere("This qualification has no test.")
    form = parse_question_form(kind["test"], "Test")
    reading, left = read_answers(form, fields), _time_left(request, held)
    if reading.complaints and left:
        return _test_page(request, {"kind": kind, "form": form, "reading": reading, "left": left}, 422)
    key, reached = kind.get("answer_key"), None
    if key:
        reached = score(parse_answer_key(key, form), reading.answers)
    xml = form_answer_xml(reading.answers)
    await granting.finish(marketplace.database, kind, here.worker_id, xml, reached, marketplace.clock())
    return RedirectResponse(f"/qualifications/{kind['_id']}", status_code=303)


def _test_page(request: Request, context: Mapping[str, object], status: int = 200) -> Response:
    return pages.render(request, "test.html", context, status=status, csp=pages.policy(media=True))


def _time_left(request: Request, held: Document | None) -> int:
    until = (held or {}).get("test_until")
    return pages.seconds_left(until, marketplace_of(request).clock()) if until is not None else 0


async def refused(request: Request, reason: Exception) -> Response:
    """Answers Unqualified: which requirements are missing, and where each can be had."""
    assert isinstance(reason, Unqualified)
    here = session.current(request)
    if here is None or request.url.path.startswith("/frames/"):
        return await pages.refused(request, reason)
    rows = await explained(marketplace_of(request), here.worker_id, reason.missing)
    return pages.render(request, "unqualified.html", {"missing": rows}, status=reason.status)


async def explained(marketplace: Marketplace, worker: str, missing: Sequence[Mapping[str, Any]]) -> list[Document]:
    """Requirements that this worker does not meet, for the page: name, link, what is asked and what the worker has."""
    kinds = [one["QualificationTypeId"] for one in missing]
    found = marketplace.database.qualification_types.find({"_id": {"$in": kinds}}, {"name": 1, "deleted_at": 1})
    named: dict[str, Document] = {kind["_id"]: kind async for kind in found}
    values = await qualifying.standing(marketplace.database, worker, kinds)
    rows: list[Document] = []
    for one in missing:
        kind = one["QualificationTypeId"]
        own = named.get(kind)
        link = "/qualifications" if own is None else None if own["deleted_at"] else f"/qualifications/{kind}"
        name = qualifying.SYSTEM[kind].name if kind in qualifying.SYSTEM else own["name"] if own else kind
        rows.append({"name": name, "link": link, "asked": qualifying.words(one), "mine": _shown(values.get(kind))})
    return rows


async def _kind(request: Request, worker: str) -> tuple[Document, Document | None]:
    database, identifier = marketplace_of(request).database, request.path_params["kind"]
    kind = await database.qualification_types.find_one({"_id": identifier, "deleted_at": None})
    if kind is None:
        raise NotThere("There is no such qualification.", "Its requester may have deleted it.")
    return kind, await database.qualifications.find_one({"_id": granting.key(identifier, worker)})


ROUTES = [
    Route("/qualifications", front, methods=["GET"]),
    Route("/qualifications/about", about, methods=["POST"]),
    Route("/qualifications/{kind}", show, methods=["GET"]),
    Route("/qualifications/{kind}/ask", ask, methods=["POST"]),
    Route("/qualifications/{kind}/test", test, methods=["GET"]),
    Route("/qualifications/{kind}/test", hand_in, methods=["POST"]),
]
