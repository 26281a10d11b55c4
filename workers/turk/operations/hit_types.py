"""CreateHITType, and the properties that CreateHIT shares with it."""

from collections.abc import Mapping
from typing import Any

from workers.turk.errors import InvalidParameter, RequestRefused
from workers.turk.identifiers import digest_id
from workers.turk.money import cents
from workers.turk.operations.call import Call
from workers.turk.operations.qualification_types import find_type
from workers.turk.qualifying import MAX_REQUIREMENTS, SYSTEM, read_requirement

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
    delay = {"AutoApprovalDelayInSeconds": AUTO_APPROVAL[1], **parameters}
    return {
        "title": parameters["Title"],
        "description": parameters["Description"],
        "keywords": parameters.get("Keywords", ""),
        "reward": cents(parameters["Reward"], "Reward"),
        "duration": in_range(parameters, "AssignmentDurationInSeconds", *DURATION),
        "auto_approval_delay": in_range(delay, "AutoApprovalDelayInSeconds", *AUTO_APPROVAL),
        **_requirements(parameters.get("QualificationRequirements", [])),
    }


def _requirements(given: list[dict[str, Any]]) -> dict[str, Any]:
    """The checked requirements; absent when there are none, so that the ids of such types stay what they were."""
    if len(given) > MAX_REQUIREMENTS:
        raise InvalidParameter(f"QualificationRequirements may be at most {MAX_REQUIREMENTS}.")
    return {"requirements": [read_requirement(one) for one in given]} if given else {}


async def store_hit_type(call: Call, properties: Mapping[str, Any]) -> str:
    """Stores the HIT type unless it exists, and gives its id: the same values always have the same id.

    Raises RequestRefused for a requirement of a qualification type that does not exist or is inactive.
    """
    await _check_types(call, properties)
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
    await _check_types(call, found)
    return {name: value for name, value in found.items() if name not in {"_id", "requester", "created_at"}}


async def _check_types(call: Call, properties: Mapping[str, Any]) -> None:
    for requirement in properties.get("requirements", []):
        kind = requirement["QualificationTypeId"]
        if kind not in SYSTEM and (await find_type(call, kind, own=False))["status"] != "Active":
            raise RequestRefused(
                "AWS.MechanicalTurk.InvalidQualificationTypeState",
                "This operation can be called with a status of: Active",
            )


async def create_hit_type(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """CreateHITType: equal values give the HITTypeId that they had before."""
    return {"HITTypeId": await store_hit_type(call, read_hit_type(parameters))}
