"""ListReviewPolicyResultsForHIT."""

from typing import Any

from workers.turk.operations.call import Call, after, next_token, page_size
from workers.turk.review_policies import LEVELS

_RESULT = ("SubjectId", "SubjectType", "QuestionId", "Key", "Value")
_ACTION = ("ActionName", "TargetId", "TargetType", "Status", "CompleteTime", "Result", "ErrorCode")


async def list_review_policy_results(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListReviewPolicyResultsForHIT: the HIT's policies, what they found and did, oldest first; pages go over both."""
    hit = await call.hit(parameters["HITId"])
    levels = parameters.get("PolicyLevels") or list(LEVELS)
    kinds = [
        kind
        for kind, name in (("result", "RetrieveResults"), ("action", "RetrieveActions"))
        if parameters.get(name, True)
    ]
    query: dict[str, Any] = {"hit": hit["_id"], "level": {"$in": levels}, "kind": {"$in": kinds}, **after(parameters)}
    size = page_size(parameters)
    found = [entry async for entry in call.database.reviews.find(query).sort("order", 1).limit(size + 1)]
    shown = found[:size]
    reply: dict[str, Any] = {
        "HITId": hit["_id"],
        "NextToken": next_token(shown[-1]["order"]) if len(found) > size else None,
    }
    for level in levels:
        place, _ = LEVELS[level]
        policy = (hit.get("policies") or {}).get(level)
        if policy is not None:
            reply[place] = policy
            reply[place.replace("Policy", "Report")] = {
                "ReviewResults": [_entry(e, _RESULT) for e in shown if (e["level"], e["kind"]) == (level, "result")],
                "ReviewActions": [_entry(e, _ACTION) for e in shown if (e["level"], e["kind"]) == (level, "action")],
            }
    return reply


def _entry(entry: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {"ActionId": entry["_id"], **{name: entry.get(name) for name in names}}
