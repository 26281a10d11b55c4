"""Making, reading, extending, reviewing and deleting HITs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from workers.turk import lifecycle, notifications
from workers.turk.database import Session
from workers.turk.errors import InvalidParameter, RequestRefused
from workers.turk.identifiers import digest_id, new_id, order_key
from workers.turk.money import LARGE_HIT, dollars, fee_of_assignment
from workers.turk.notifications import Event
from workers.turk.operations.call import Call, after, page, page_size, wrong_hit_state
from workers.turk.operations.hit_types import DURATION, find_hit_type, in_range, read_hit_type, store_hit_type
from workers.turk.questions import parse_question
from workers.turk.review_policies import read_policies
from workers.turk.states import Hit, HitStatus, held, hit_status, price

MAX_ASSIGNMENTS = 1_000_000_000
MAX_ANNOTATION = 255
LAYOUTS = ("HITLayoutId", "HITLayoutParameters")


def hit_reply(hit: Hit, now: datetime) -> dict[str, Any]:
    """The HIT structure of the API."""
    return {
        "HITId": hit["_id"],
        "HITTypeId": hit["hit_type"],
        "HITGroupId": hit["group"],
        "CreationTime": hit["created_at"],
        "Title": hit["title"],
        "Description": hit["description"],
        "Question": hit["question"],
        "Keywords": hit["keywords"],
        "HITStatus": str(hit_status(hit, now)),
        "MaxAssignments": hit["max_assignments"],
        "Reward": dollars(hit["reward"]),
        "AutoApprovalDelayInSeconds": hit["auto_approval_delay"],
        "Expiration": hit["expires_at"],
        "AssignmentDurationInSeconds": hit["duration"],
        "RequesterAnnotation": hit["annotation"],
        "QualificationRequirements": hit.get("requirements", []),
        "HITReviewStatus": "NotReviewed",
        "NumberOfAssignmentsPending": hit["pending"],
        "NumberOfAssignmentsAvailable": hit["available"],
        "NumberOfAssignmentsCompleted": hit["completed"],
    }


async def create_hit(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """CreateHIT: assigns the HIT type of the given values and posts the HIT."""
    properties = read_hit_type(parameters)
    return await _post(call, "CreateHIT", parameters, await store_hit_type(call, properties), properties)


async def create_hit_with_hit_type(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """CreateHITWithHITType: posts a HIT of an existing type."""
    properties = await find_hit_type(call, parameters["HITTypeId"])
    return await _post(call, "CreateHITWithHITType", parameters, parameters["HITTypeId"], properties)


async def _post(
    call: Call, operation: str, parameters: dict[str, Any], hit_type: str, properties: dict[str, Any]
) -> dict[str, Any]:
    hit = _new_hit(call, parameters, hit_type, properties)
    token = parameters.get("UniqueRequestToken")
    await call.open_account()

    async def act(session: Session) -> None:
        await call.claim_token(session, operation, token, hit["_id"])
        await call.database.hits.insert_one(hit, session=session)
        await call.books(session).hold(hit["_id"], held(hit))
        await notifications.record(call.database, session, hit, call.now, Event.HIT_CREATED)

    try:
        await call.database.atomically(act)
    except DuplicateKeyError:
        existing = await call.token_result(operation, token)
        raise RequestRefused(
            "AWS.MechanicalTurk.HitAlreadyExists",
            f"A HIT with this UniqueRequestToken already exists: {existing}.",
        ) from None
    return {"HIT": hit_reply(hit, call.now)}


def _new_hit(call: Call, parameters: dict[str, Any], hit_type: str, properties: dict[str, Any]) -> Hit:
    for name in LAYOUTS:
        if parameters.get(name):
            raise InvalidParameter(f"{name} cannot be used: layouts are made on Amazon's site only. Give a Question.")
    if "Question" not in parameters:
        raise InvalidParameter("Question is required.")
    parse_question(parameters["Question"], call.settings.public_url)
    annotation = parameters.get("RequesterAnnotation")
    if annotation is not None and len(annotation) > MAX_ANNOTATION:
        raise InvalidParameter(f"RequesterAnnotation may have at most {MAX_ANNOTATION} characters.")
    count = in_range({"MaxAssignments": 1, **parameters}, "MaxAssignments", 1, MAX_ASSIGNMENTS)
    expires_at = call.now + timedelta(seconds=in_range(parameters, "LifetimeInSeconds", *DURATION))
    identifier, kind = new_id(), _of_type(call, hit_type, properties, count)
    hit = Hit(
        _id=identifier,
        requester=call.requester,
        order=order_key(call.now, identifier),
        hit_type=hit_type,
        group=kind["group"],
        title=kind["title"],
        description=kind["description"],
        keywords=kind["keywords"],
        reward=kind["reward"],
        fee=kind["fee"],
        duration=kind["duration"],
        auto_approval_delay=kind["auto_approval_delay"],
        question=parameters["Question"],
        annotation=annotation,
        created_at=call.now,
        expires_at=expires_at,
        due_at=expires_at,
        expired=False,
        disposed=False,
        reviewing=False,
        max_assignments=count,
        available=count,
        pending=0,
        submitted=0,
        completed=0,
        policies=read_policies(parameters),
    )
    if "requirements" in kind:
        hit["requirements"] = kind["requirements"]
    return hit


def _of_type(call: Call, hit_type: str, properties: dict[str, Any], count: int) -> dict[str, Any]:
    """What a HIT of so many assignments has from its type."""
    return {
        "hit_type": hit_type,
        "group": digest_id({"group": hit_type}),
        "fee": fee_of_assignment(properties["reward"], count, call.settings),
        **properties,
    }


async def get_hit(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """GetHIT: a deleted HIT is still shown, as Disposed."""
    return {"HIT": hit_reply(await call.hit(parameters["HITId"]), call.now)}


async def list_hits(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListHITs: the requester's HITs that are not deleted, oldest first."""
    return await _list(call, parameters, {})


async def list_reviewable_hits(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListReviewableHITs: those in Reviewable (default) or Reviewing, of one HIT type or all."""
    wanted: dict[str, Any] = {
        "pending": 0,
        "$or": [{"expired": True}, {"available": 0}],
        "reviewing": parameters.get("Status") == HitStatus.REVIEWING,
    }
    if "HITTypeId" in parameters:
        wanted["hit_type"] = parameters["HITTypeId"]
    return await _list(call, parameters, wanted)


async def _list(call: Call, parameters: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    await lifecycle.catch_up(call.database, call.now, {"requester": call.requester})
    query: dict[str, Any] = {"requester": call.requester, "disposed": False, **wanted, **after(parameters)}
    cursor = call.database.hits.find(query).sort("order", 1).limit(page_size(parameters) + 1)
    found = [(hit["order"], hit_reply(hit, call.now)) async for hit in cursor]
    return page("HITs", parameters, found)


async def create_additional_assignments(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """CreateAdditionalAssignmentsForHIT: more slots. An expired HIT also needs a later expiry before they open."""
    operation, token = "CreateAdditionalAssignmentsForHIT", parameters.get("UniqueRequestToken")
    extra = in_range(parameters, "NumberOfAdditionalAssignments", 1, MAX_ASSIGNMENTS)
    hit_id = (await call.hit(parameters["HITId"]))["_id"]
    await call.open_account()

    async def act(session: Session) -> None:
        await call.claim_token(session, operation, token, call.request_id)
        hit = await call.database.hits.find_one({"_id": hit_id, "disposed": False}, session=session)
        if hit is None:
            raise wrong_hit_state(HitStatus.DISPOSED)
        total = hit["max_assignments"] + extra
        if total > MAX_ASSIGNMENTS or (hit["max_assignments"] < LARGE_HIT <= total):
            raise RequestRefused(
                "AWS.MechanicalTurk.InvalidMaximumAssignmentsIncrease",
                f"A HIT created with fewer than {LARGE_HIT} assignments cannot be extended to {LARGE_HIT} or more, "
                f"and none beyond {MAX_ASSIGNMENTS}.",
            )
        more = {"$inc": {"max_assignments": extra, "available": extra}, "$set": {"reviewing": False}}
        await call.database.hits.update_one({"_id": hit_id}, more, session=session)
        if not hit["expired"]:
            await call.books(session).hold(hit_id, price(hit) * extra)
        await notifications.record(call.database, session, hit, call.now, Event.HIT_EXTENDED)

    try:
        await call.database.atomically(act)
    except DuplicateKeyError:
        raise await call.duplicate_request(operation, token) from None
    return {}


async def update_expiration(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """UpdateExpirationForHIT: a time in the past expires it now; a later one extends it; otherwise never shortened."""
    hit = await call.hit(parameters["HITId"])
    expire_at: datetime = parameters["ExpireAt"].astimezone(UTC)
    if hit["disposed"]:
        raise wrong_hit_state(HitStatus.DISPOSED)
    if expire_at <= call.now:
        await lifecycle.expire(call.database, hit["_id"], call.now)
        return {}
    if expire_at > call.now + timedelta(seconds=DURATION[1]):
        raise InvalidParameter("ExpireAt may be at most one year from now.")
    await _extend_lifetime(call, hit["_id"], expire_at)
    return {}


async def _extend_lifetime(call: Call, hit_id: str, expire_at: datetime) -> None:
    await call.open_account()

    async def act(session: Session) -> None:
        hit = await call.database.hits.find_one({"_id": hit_id}, session=session)
        if hit is None or hit["disposed"]:
            raise wrong_hit_state(HitStatus.DISPOSED)
        if not hit["expired"] and expire_at < hit["expires_at"].replace(microsecond=0):
            raise InvalidParameter("ExpireAt is before the present expiration. Extend it, or expire it now with 0.")
        due_at = call.now if hit.get("review_due") else expire_at
        change = {"expires_at": expire_at, "due_at": due_at, "expired": False, "reviewing": False}
        await call.database.hits.update_one({"_id": hit_id}, {"$set": change}, session=session)
        if hit["expired"]:
            await call.books(session).hold(hit_id, price(hit) * hit["available"])
        await notifications.record(call.database, session, hit, call.now, Event.HIT_EXTENDED)

    await call.database.atomically(act)


async def update_hit_type(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """UpdateHITTypeOfHIT: the HIT takes on the values of another type.

    Nobody's pay changes while he works: another reward is refused as long as assignments are in progress. Those that
    are submitted keep the reward that they were accepted for.
    """
    hit_id = (await call.hit(parameters["HITId"]))["_id"]
    hit_type = parameters["HITTypeId"]
    properties = await find_hit_type(call, hit_type)
    await call.open_account()

    async def act(session: Session) -> None:
        hit = await call.database.hits.find_one({"_id": hit_id, "disposed": False}, session=session)
        if hit is None:
            raise wrong_hit_state(HitStatus.DISPOSED)
        if hit["pending"] and hit["reward"] != properties["reward"]:
            raise RequestRefused(
                "AWS.MechanicalTurk.InvalidHITState",
                f"{hit['pending']} assignments are in progress, so the reward cannot change. Try when none is.",
            )
        change = _of_type(call, hit_type, properties, hit["max_assignments"])
        gone = {} if "requirements" in change else {"$unset": {"requirements": ""}}
        await call.database.hits.update_one({"_id": hit_id}, {"$set": change, **gone}, session=session)
        if not hit["expired"]:
            dearer = change["reward"] + change["fee"] - price(hit)
            await call.books(session).hold(hit_id, dearer * hit["available"])

    await call.database.atomically(act)
    return {}


async def update_review_status(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """UpdateHITReviewStatus: Reviewable to Reviewing, or back with Revert."""
    hit = await call.hit(parameters["HITId"])
    status = hit_status(hit, call.now)
    if status not in {HitStatus.REVIEWABLE, HitStatus.REVIEWING}:
        raise wrong_hit_state(status)
    reviewing = not parameters.get("Revert", False)
    # The filter repeats what makes a HIT reviewable, so an extension in the same moment is not undone.
    settled: dict[str, Any] = {"pending": 0, "disposed": False, "$or": [{"expired": True}, {"available": 0}]}
    await call.database.hits.update_one({"_id": hit["_id"], **settled}, {"$set": {"reviewing": reviewing}})
    return {}


async def delete_hit(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """DeleteHIT: only Reviewable or Reviewing, and only when every submission is approved or rejected."""
    hit = await call.hit(parameters["HITId"])
    if not await lifecycle.dispose(call.database, hit["_id"], call.now):
        raise wrong_hit_state(hit_status(await call.hit(hit["_id"]), call.now))
    return {}
