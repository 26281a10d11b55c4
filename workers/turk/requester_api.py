"""POST /: the MTurk Requester API, AWS JSON 1.1.

The tenant is the requester whose access key signed the request: each has HITs, assignments and money of its own.
"""

import json
import logging
import uuid
from typing import Any

from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import Response

from workers.turk import signatures, tenants
from workers.turk.clock import epoch_milliseconds, system_clock
from workers.turk.errors import (
    Disturbed,
    FormRefused,
    InvalidParameter,
    ModelMismatch,
    RequestRefused,
    SignatureRefused,
)
from workers.turk.marketplace import Marketplace, marketplace_of, read_body
from workers.turk.model import TARGET_PREFIX, operation_names, read_request, write_reply
from workers.turk.operations.call import Call
from workers.turk.operations.registry import OPERATIONS

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1 << 20


async def answer(request: Request) -> Response:
    """One API call: HTTP 200 with the reply, 400 with RequestError and its TurkErrorCode, or 500 with ServiceFault."""
    marketplace = marketplace_of(request)
    now, request_id = marketplace.clock(), str(uuid.uuid4())
    try:
        body = await read_body(request, MAX_BODY_BYTES)
        requester = await _tenant(request, marketplace, body)
        operation = _operation(request)
        parameters = read_request(operation, _json(body))
        call = Call(
            requester=requester,
            request_id=request_id,
            now=now,
            database=marketplace.database,
            settings=marketplace.settings,
        )
        await marketplace.chaos.before(marketplace.database, requester, operation, parameters, now)
        reply = write_reply(operation, await OPERATIONS[operation](call, parameters))
        marketplace.chaos.after()
    except SignatureRefused as refused:
        return _error(400, refused.kind, refused.message, refused.code, request_id)
    except RequestRefused as refused:
        return _error(400, "RequestError", f"{refused.message} ({epoch_milliseconds(now)})", refused.code, request_id)
    except FormRefused as refused:
        return _error(413, "RequestError", refused.message, "AWS.MechanicalTurk.InvalidParameterValue", request_id)
    except Disturbed as disturbed:
        return _error(disturbed.status, disturbed.kind, disturbed.message, None, request_id)
    except (PyMongoError, ModelMismatch):
        logger.exception("request %s failed", request_id)
        return _error(500, "ServiceFault", "The marketplace could not carry this out. Try again.", None, request_id)
    return _respond(200, reply, request_id)


def _operation(request: Request) -> str:
    target = request.headers.get("x-amz-target", "")
    name = target.removeprefix(TARGET_PREFIX)
    if not target.startswith(TARGET_PREFIX) or name not in operation_names():
        raise RequestRefused("AWS.NotAuthorized", f"X-Amz-Target {target[:100]!r} is not {TARGET_PREFIX}<Operation>.")
    if name not in OPERATIONS:
        raise RequestRefused(
            "AWS.MechanicalTurk.PermissionDeniedException",
            f"{name} is not offered by this marketplace. It offers: {', '.join(OPERATIONS)}.",
        )
    return name


async def _tenant(request: Request, marketplace: Marketplace, body: bytes) -> str:
    async def find(key: str) -> signatures.AccessKey | None:
        return await tenants.find_key(marketplace.database, marketplace.settings, key)

    # The machine's own time, whatever moment the marketplace plays at: clients sign with theirs.
    return await signatures.requester_of(request.headers, request.url.query, body, system_clock(), find)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise InvalidParameter("The request's body is not JSON.") from None


def _error(status: int, kind: str, message: str, code: str | None, request_id: str) -> Response:
    body = {"__type": kind, "Message": message}
    if code is not None:
        body["TurkErrorCode"] = code
    return _respond(status, body, request_id)


def _respond(status: int, body: dict[str, Any], request_id: str) -> Response:
    return Response(
        json.dumps(body),
        status_code=status,
        media_type="application/x-amz-json-1.1",
        headers={"x-amzn-RequestId": request_id},
    )
