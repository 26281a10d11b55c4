"""CreateHITType, and the properties that CreateHIT shares with it."""

from collections.abc import Mapping
from typing import Any

from workers.turk.errors import InvalidParameter, RequestRefused
from workers.turk.identifiers import digest_id
from workers.turk.money import cents
from workers.turk.operations.call import Call

# Lengths and ranges that the service model does not state; from the 2014-08-15 reference and the requester guide.
TEXT_LIMITS = {"Title": 128, "Description": 2_000, "Keywords": 1_000}
DURATION = (30, 31_536_000)
AUTO_APPROVAL = (0, 2_592_000)


def in_range(parameters: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """A number of seconds or assignments within its documented range. Raises InvalidParameter."""
    value = int(parameters[name])
    if not low <= value <= high:
        raise InvalidParameter(f"{name} must be between {low} and {high}, not {value}.")
    return value


def read_hit_type(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The checked properties of a HIT type as they are stored. Raises RequestRefused."""
    for name, limit in TEXT_LIMITS.items():
        text = parameters.get(name, "")
        if len(text) > limit:
            raise InvalidParameter(f"{name} may have at most {limit} characters.")
        if name != "Keywords" and not text.strip():
            raise InvalidParameter(f"{name} is empty.")
    for requirement in parameters.get("QualificationRequirements", []):
        # A requirement that nobody checks would be a false promise, so it is refused like an unknown type.
        kind = requirement["QualificationTypeId"]
        raise RequestRefused(
            "AWS.MechanicalTurk.QualificationTypeDoesNotExist", f"QualificationType {kind} does not exist."
        )
    delay = {"AutoApprovalDelayInSeconds": AUTO_APPROVAL[1], **parameters}
    return {
        "title": parameters["Title"],
        "description": parameters["Description"],
        "keywords": parameters.get("Keywords", ""),
        "reward": cents(parameters["Reward"], "Reward"),
        "duration": in_range(parameters, "AssignmentDurationInSeconds", *DURATION),
        "auto_approval_delay": in_range(delay, "AutoApprovalDelayInSeconds", *AUTO_APPROVAL),
    }


async def store_hit_type(call: Call, properties: Mapping[str, Any]) -> str:
    """Stores the HIT type unless it exists, and gives its id: the same values always have the same id."""
    identifier = digest_id({"requester": call.requester, **properties})
    await call.database.hit_types.update_one(
        {"_id": identifier},
        {"$setOnInsert": {"requester": call.requester, "created_at": call.now, **properties}},
        upsert=True,
    )
    return identifier


async def find_hit_type(call: Call, identifier: str) -> dict[str, Any]:
    """The stored properties of the requester's own HIT type. Raises RequestRefused(HITTypeDoesNotExist)."""
    found = await call.database.hit_types.find_one({"_id": identifier, "requester": call.requester})
    if found is None:
        raise RequestRefused("AWS.MechanicalTurk.HITTypeDoesNotExist", f"HITType {identifier} does not exist.")
    return {name: value for name, value in found.items() if name not in {"_id", "requester", "created_at"}}


async def create_hit_type(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """CreateHITType: equal values give the HITTypeId that they had before."""
    return {"HITTypeId": await store_hit_type(call, read_hit_type(parameters))}
