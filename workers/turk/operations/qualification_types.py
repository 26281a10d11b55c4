"""Qualification types: what requesters can ask of workers. A type's name is its requester's only once."""

import re
from collections.abc import Mapping
from typing import Any

from pymongo.errors import DuplicateKeyError

from workers.turk import qualifying
from workers.turk.answer_keys import parse_answer_key
from workers.turk.database import Document
from workers.turk.errors import InvalidParameter, RequestRefused
from workers.turk.granting import PENDING, REJECTED
from workers.turk.identifiers import new_id, order_key
from workers.turk.operations.call import Call, after, page, page_size
from workers.turk.question_forms import parse_question_form

MAX_NAME, MAX_DESCRIPTION, MAX_KEYWORDS = 200, 2_000, 1_000
MAX_SECONDS = 2**31 - 1
SEARCHED = ("name", "description", "keywords")
_SYSTEM_ORDER = "000000000000000"


def type_reply(kind: Document, asking: str) -> dict[str, Any]:
    """The QualificationType structure of the API; the answer key is shown to its owner only."""
    return {
        "QualificationTypeId": kind["_id"],
        "CreationTime": kind["created_at"],
        "Name": kind["name"],
        "Description": kind["description"],
        "Keywords": kind["keywords"] or None,
        "QualificationTypeStatus": kind["status"],
        "Test": kind.get("test"),
        "TestDurationInSeconds": kind.get("test_duration"),
        "AnswerKey": kind.get("answer_key") if kind["requester"] == asking else None,
        "RetryDelayInSeconds": kind.get("retry_delay"),
        "IsRequestable": kind["status"] == "Active",
        "AutoGranted": kind["auto_granted"],
        "AutoGrantedValue": kind["auto_granted_value"] if kind["auto_granted"] else None,
    }


def system_reply(identifier: str) -> dict[str, Any]:
    """A qualification that the marketplace gives, as the API shows it: nobody can ask for it."""
    known = qualifying.SYSTEM[identifier]
    return {
        "QualificationTypeId": identifier,
        "Name": known.name,
        "Description": known.description,
        "QualificationTypeStatus": "Active",
        "IsRequestable": False,
    }


async def find_type(call: Call, identifier: str, *, own: bool) -> Document:
    """A qualification type of a requester's, not deleted. Raises RequestRefused(QualificationTypeDoesNotExist)."""
    wanted = {"_id": identifier, "deleted_at": None, **({"requester": call.requester} if own else {})}
    found = await call.database.qualification_types.find_one(wanted)
    if found is None:
        raise RequestRefused(
            "AWS.MechanicalTurk.QualificationTypeDoesNotExist", f"QualificationType {identifier} does not exist."
        )
    return found


async def create_qualification_type(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """CreateQualificationType: a name that the requester has used already is refused."""
    name = parameters["Name"].strip()
    if not name or len(name) > MAX_NAME:
        raise InvalidParameter(f"Name must have 1 to {MAX_NAME} characters.")
    if len(parameters.get("Keywords", "")) > MAX_KEYWORDS:
        raise InvalidParameter(f"Keywords may have at most {MAX_KEYWORDS} characters.")
    identifier = new_id()
    kind: Document = {
        "_id": identifier,
        "requester": call.requester,
        "order": order_key(call.now, identifier),
        "name": name,
        "holds_name": True,
        "keywords": parameters.get("Keywords", ""),
        "created_at": call.now,
        "deleted_at": None,
        **_checked(_changes(parameters), {"auto_granted": False, "auto_granted_value": 1}),
    }
    await _free_name(call, name)
    try:
        await call.database.qualification_types.insert_one(kind)
    except DuplicateKeyError:
        raise RequestRefused(
            "AWS.MechanicalTurk.QualificationTypeAlreadyExists",
            "You have already created a QualificationType with this name.",
        ) from None
    return {"QualificationType": type_reply(kind, call.requester)}


async def update_qualification_type(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """UpdateQualificationType: what is given changes. A new test leaves the answer key of the old one behind."""
    kind = await find_type(call, parameters["QualificationTypeId"], own=True)
    changes = _changes(parameters)
    if "test" in changes and "answer_key" not in changes:
        changes["answer_key"] = None
    changed = _checked(changes, kind)
    await call.database.qualification_types.update_one({"_id": kind["_id"]}, {"$set": changed})
    return {"QualificationType": type_reply(changed, call.requester)}


def _changes(parameters: Mapping[str, Any]) -> Document:
    """What of a type's own values is given, by the name under which it is stored."""
    names = {
        "Description": "description",
        "QualificationTypeStatus": "status",
        "RetryDelayInSeconds": "retry_delay",
        "Test": "test",
        "AnswerKey": "answer_key",
        "TestDurationInSeconds": "test_duration",
        "AutoGranted": "auto_granted",
        "AutoGrantedValue": "auto_granted_value",
    }
    return {stored: parameters[name] for name, stored in names.items() if name in parameters}


def _checked(changes: Document, before: Document) -> Document:
    """The type with its changes, when all of it goes together. Raises InvalidParameter."""
    kind = {**before, **changes}
    if not kind["description"].strip() or len(kind["description"]) > MAX_DESCRIPTION:
        raise InvalidParameter(f"Description must have 1 to {MAX_DESCRIPTION} characters.")
    for name, stored, low in (("RetryDelayInSeconds", "retry_delay", 0), ("TestDurationInSeconds", "test_duration", 1)):
        if kind.get(stored) is not None and not low <= kind[stored] <= MAX_SECONDS:
            raise InvalidParameter(f"{name} must be between {low} and {MAX_SECONDS}.")
    if kind.get("test") and kind["auto_granted"]:
        raise InvalidParameter("AutoGranted cannot be true for a type with a Test.")
    if kind.get("test") and not kind.get("test_duration"):
        raise InvalidParameter("TestDurationInSeconds is required with a Test.")
    if kind.get("answer_key") and not kind.get("test"):
        raise InvalidParameter("AnswerKey is of use with a Test only.")
    if "test" in changes or "answer_key" in changes:
        test = parse_question_form(kind["test"], "Test")
        if kind.get("answer_key"):
            parse_answer_key(kind["answer_key"], test)
    return kind


async def _free_name(call: Call, name: str) -> None:
    """Gives the name of a deleted type back when no HIT needs that type any more."""
    wanted = {"requester": call.requester, "name": name, "holds_name": True, "deleted_at": {"$ne": None}}
    async for deleted in call.database.qualification_types.find(wanted):
        if not await _in_use(call, deleted["_id"]):
            await call.database.qualification_types.update_one({"_id": deleted["_id"]}, {"$unset": {"holds_name": ""}})


async def _in_use(call: Call, identifier: str) -> bool:
    using = {"requirements.QualificationTypeId": identifier, "disposed": False}
    return await call.database.hits.find_one(using, {"_id": 1}) is not None


async def get_qualification_type(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """GetQualificationType: of any requester, and those of the marketplace itself."""
    identifier = parameters["QualificationTypeId"]
    if identifier in qualifying.SYSTEM:
        return {"QualificationType": system_reply(identifier)}
    return {"QualificationType": type_reply(await find_type(call, identifier, own=False), call.requester)}


async def list_qualification_types(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListQualificationTypes: everybody's or the caller's, those that can be asked for or all, by words."""
    own, requestable = parameters.get("MustBeOwnedByCaller", False), parameters["MustBeRequestable"]
    query: dict[str, Any] = {"deleted_at": None, **after(parameters)}
    if own:
        query["requester"] = call.requester
    if requestable:
        query["status"] = "Active"
    sought = parameters.get("Query", "").split()
    if sought:
        query["$and"] = [
            {"$or": [{field: {"$regex": re.escape(word), "$options": "i"}} for field in SEARCHED]} for word in sought
        ]
    first = [] if own or requestable else _system_types(sought, query.get("order", {}).get("$gt", ""))
    cursor = call.database.qualification_types.find(query).sort("order", 1).limit(page_size(parameters) + 1)
    found = [(kind["order"], type_reply(kind, call.requester)) async for kind in cursor]
    return page("QualificationTypes", parameters, first + found)


def _system_types(sought: list[str], beyond: str) -> list[tuple[str, dict[str, Any]]]:
    """The marketplace's own types, before all others: their order keys are of the year 1970."""
    listed = []
    for identifier in sorted(qualifying.SYSTEM):
        order = f"{_SYSTEM_ORDER}-{identifier.rjust(32, '0')}"
        known = qualifying.SYSTEM[identifier]
        text = f"{known.name} {known.description}".casefold()
        if order > beyond and all(word.casefold() in text for word in sought):
            listed.append((order, system_reply(identifier)))
    return sorted(listed, key=lambda item: item[0])


async def delete_qualification_type(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """DeleteQualificationType: nobody can use or ask for it any more; requests that wait are rejected.

    Qualifications of this type are still asked of workers by HITs that exist, and its name is free again when there
    are none. A repeat is fine.
    """
    identifier = parameters["QualificationTypeId"]
    wanted = {"_id": identifier, "requester": call.requester}
    found = await call.database.qualification_types.find_one(wanted)
    if found is None:
        raise RequestRefused(
            "AWS.MechanicalTurk.QualificationTypeDoesNotExist", f"QualificationType {identifier} does not exist."
        )
    await call.database.qualification_types.update_one(
        {**wanted, "deleted_at": None}, {"$set": {"deleted_at": call.now}}
    )
    waiting = {"type": identifier, "state": PENDING}
    decided = {"state": REJECTED, "decided_at": call.now, "reason": "The qualification was deleted."}
    await call.database.qualification_requests.update_many(waiting, {"$set": decided})
    await call.database.qualifications.update_many(
        {"type": identifier, "pending": {"$ne": None}}, {"$set": {"pending": None}}
    )
    return {}
