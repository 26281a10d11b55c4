"""Who may see, preview and accept a HIT: its qualification requirements against what a worker has.

A requirement is kept as the API spells it, with ``ActionsGuarded`` always there. What a worker has is his granted
qualifications and what the marketplace itself knows of him: the system qualifications.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workers.turk.database import Database
from workers.turk.errors import InvalidParameter, Unqualified
from workers.turk.states import LISTED, AssignmentState, Hit

APPROVED_COUNT = "00000000000000000040"
PERCENT_APPROVED = "000000000000000000L0"
LOCALE = "00000000000000000071"
ADULT = "00000000000000000060"
MASTERS = ("2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6")

# Amazon does not say how it chose its Masters. Here they are those with this much approved work, this often approved.
MASTER_APPROVED, MASTER_PERCENT = 1_000, 99
FEW_SUBMISSIONS = 100
"""Below so many submissions the percentage of approved ones says little; it reads 100."""

MAX_REQUIREMENTS, MAX_INTEGERS, MAX_LOCALES = 10, 15, 30
ACCEPT, PREVIEW, DISCOVER = "Accept", "PreviewAndAccept", "DiscoverPreviewAndAccept"
GUARDS: Mapping[str, list[str]] = {
    "accept": [ACCEPT, PREVIEW, DISCOVER],
    "preview": [PREVIEW, DISCOVER],
    "discover": [DISCOVER],
}
"""What a worker wants to do with a HIT, and the values of ActionsGuarded that are asked about it."""

_PRESENCE = ("Exists", "DoesNotExist")
_MANY = ("In", "NotIn")
_OF_LOCALES = ("EqualTo", "NotEqualTo", *_MANY, *_PRESENCE)
_WORDS = {
    "LessThan": "below",
    "LessThanOrEqualTo": "at most",
    "GreaterThan": "above",
    "GreaterThanOrEqualTo": "at least",
    "EqualTo": "exactly",
    "NotEqualTo": "anything but",
    "In": "one of",
    "NotIn": "none of",
    "Exists": "any value",
    "DoesNotExist": "must not be had",
}


@dataclass(frozen=True, slots=True)
class SystemQualification:
    """A qualification that the marketplace itself gives."""

    name: str
    description: str


SYSTEM: Mapping[str, SystemQualification] = {
    APPROVED_COUNT: SystemQualification("Number of HITs approved", "How many submissions of the worker were approved."),
    PERCENT_APPROVED: SystemQualification(
        "HIT approval rate (%)", "How many percent of the decided submissions were approved; 100 below 100 submissions."
    ),
    LOCALE: SystemQualification("Location", "The country that the worker has said to live in."),
    ADULT: SystemQualification("Adult content", "1 for workers of age who agreed to see adult content."),
    **dict.fromkeys(
        MASTERS,
        SystemQualification(
            "Masters", f"{MASTER_APPROVED} submissions approved, and at least {MASTER_PERCENT} percent of all."
        ),
    ),
}


def read_requirement(given: Mapping[str, Any]) -> dict[str, Any]:
    """One checked requirement as it is stored. Raises InvalidParameter."""
    kind, comparator = given["QualificationTypeId"], given["Comparator"]
    numbers, places = given.get("IntegerValues", []), given.get("LocaleValues", [])
    if "ActionsGuarded" in given and "RequiredToPreview" in given:
        raise InvalidParameter("Give ActionsGuarded or the deprecated RequiredToPreview, not both.")
    if kind == LOCALE:
        if comparator not in _OF_LOCALES:
            raise InvalidParameter(f"Comparator {comparator} does not compare places. Use one of {_OF_LOCALES}.")
        _check_count("LocaleValues", comparator, len(places), MAX_LOCALES)
        _check_absent("IntegerValues", numbers)
    else:
        _check_count("IntegerValues", comparator, len(numbers), MAX_INTEGERS)
        _check_absent("LocaleValues", places)
    guarded = given.get("ActionsGuarded") or (PREVIEW if given.get("RequiredToPreview") else ACCEPT)
    return {
        "QualificationTypeId": kind,
        "Comparator": comparator,
        **({"IntegerValues": numbers} if numbers else {}),
        **({"LocaleValues": places} if places else {}),
        "RequiredToPreview": guarded != ACCEPT,
        "ActionsGuarded": guarded,
    }


def _check_count(name: str, comparator: str, count: int, most: int) -> None:
    if comparator in _PRESENCE:
        low = high = 0
    else:
        low, high = 1, most if comparator in _MANY else 1
    if not low <= count <= high:
        raise InvalidParameter(f"{name} must have {low} to {high} values with Comparator {comparator}, not {count}.")


def _check_absent(name: str, values: Sequence[Any]) -> None:
    if values:
        raise InvalidParameter(f"{name} cannot be compared with a qualification of this type.")


def satisfied(requirement: Mapping[str, Any], value: Any) -> bool:
    """Whether a worker with this value (a number, a Locale, or None without the qualification) meets it."""
    comparator = requirement["Comparator"]
    if comparator == "DoesNotExist":
        return value is None
    if value is None or comparator == "Exists":
        return value is not None
    if "LocaleValues" in requirement:
        inside = any(_lies_in(value, place) for place in requirement["LocaleValues"])
        return inside == (comparator in {"EqualTo", "In"})
    numbers = requirement["IntegerValues"]
    compared: Mapping[str, bool] = {
        "LessThan": value < numbers[0],
        "LessThanOrEqualTo": value <= numbers[0],
        "GreaterThan": value > numbers[0],
        "GreaterThanOrEqualTo": value >= numbers[0],
        "EqualTo": value == numbers[0],
        "NotEqualTo": value != numbers[0],
        "In": value in numbers,
        "NotIn": value not in numbers,
    }
    return compared[comparator]


def _lies_in(home: Mapping[str, str], place: Mapping[str, str]) -> bool:
    """A country holds all of its subdivisions."""
    return home["Country"] == place["Country"] and place.get("Subdivision") in {None, home.get("Subdivision")}


def words(requirement: Mapping[str, Any]) -> str:
    """What a requirement asks for, in words for the worker."""
    places = ["-".join(filter(None, (p["Country"], p.get("Subdivision")))) for p in requirement.get("LocaleValues", [])]
    values = places or [str(number) for number in requirement.get("IntegerValues", [])]
    return " ".join([_WORDS[requirement["Comparator"]], ", ".join(values)]).strip()


async def standing(database: Database, worker: str, kinds: Iterable[str]) -> dict[str, Any]:
    """What the worker has of these types: a number or a Locale by type; a type that he lacks is left out."""
    wanted = set(kinds)
    own = {"worker": worker, "status": "Granted", "type": {"$in": sorted(wanted - set(SYSTEM))}}
    values: dict[str, Any] = {granted["type"]: granted["value"] async for granted in database.qualifications.find(own)}
    if wanted & {LOCALE, ADULT}:
        record = await database.workers.find_one({"_id": worker}, {"locale": 1, "adult": 1}) or {}
        if record.get("locale"):
            values[LOCALE] = record["locale"]
        if record.get("adult"):
            values[ADULT] = 1
    if wanted & {APPROVED_COUNT, PERCENT_APPROVED, *MASTERS}:
        values |= await _record_of_work(database, worker)
    return values


async def _record_of_work(database: Database, worker: str) -> dict[str, int]:
    counts = {
        state: await database.assignments.count_documents({"worker": worker, "state": str(state)}) for state in LISTED
    }
    approved, rejected = counts[AssignmentState.APPROVED], counts[AssignmentState.REJECTED]
    few = sum(counts.values()) < FEW_SUBMISSIONS or approved + rejected == 0
    percent = 100 if few else 100 * approved // (approved + rejected)
    master = approved >= MASTER_APPROVED and percent >= MASTER_PERCENT
    return {APPROVED_COUNT: approved, PERCENT_APPROVED: percent, **(dict.fromkeys(MASTERS, 1) if master else {})}


async def unmet(
    database: Database, worker: str, requirements: Sequence[Mapping[str, Any]], act: str
) -> list[Mapping[str, Any]]:
    """The requirements that keep this worker from ``act``: "accept", "preview" or "discover"."""
    asked = [requirement for requirement in requirements if requirement["ActionsGuarded"] in GUARDS[act]]
    if not asked:
        return []
    values = await standing(database, worker, (requirement["QualificationTypeId"] for requirement in asked))
    return [one for one in asked if not satisfied(one, values.get(one["QualificationTypeId"]))]


async def require(database: Database, hit: Hit, worker: str, act: str) -> None:
    """Raises Unqualified when the worker may not preview or accept this HIT. What he has begun he may finish."""
    missing = await unmet(database, worker, hit.get("requirements", []), act)
    if missing and not await database.assignments.find_one({"hit": hit["_id"], "worker": worker, "live": True}):
        raise Unqualified(missing)


async def closed_to(database: Database, worker: str, *acts: str) -> list[list[str]]:
    """For each of ``acts`` ("accept", "discover") the HIT types whose requirements keep this worker from it.

    It costs the same however many HITs they have.
    """
    guarded = {"requirements.ActionsGuarded": {"$in": sorted({guard for act in acts for guard in GUARDS[act]})}}
    kinds = await database.hit_types.find(guarded, {"requirements": 1}).to_list()
    asked = {one["QualificationTypeId"] for kind in kinds for one in kind["requirements"]}
    values = await standing(database, worker, asked) if asked else {}
    missing = {
        kind["_id"]: {
            one["ActionsGuarded"]
            for one in kind["requirements"]
            if not satisfied(one, values.get(one["QualificationTypeId"]))
        }
        for kind in kinds
    }
    return [[kind for kind, guards in missing.items() if guards & set(GUARDS[act])] for act in acts]
