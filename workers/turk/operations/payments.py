"""Bonuses and the account's balance."""

from typing import Any

from pymongo.errors import DuplicateKeyError

from workers.turk import lifecycle
from workers.turk.database import Session
from workers.turk.errors import InvalidParameter, RequestRefused
from workers.turk.identifiers import new_id, order_key
from workers.turk.money import cents, dollars, fee_of_bonus
from workers.turk.operations.call import Call, after, page, page_size
from workers.turk.states import AssignmentState

MAX_REASON = 4_096


async def get_account_balance(call: Call, _parameters: dict[str, Any]) -> dict[str, Any]:
    """GetAccountBalance: what is free and what is on hold for posted HITs."""
    account = await call.open_account()
    return {"AvailableBalance": dollars(account["available"]), "OnHoldBalance": dollars(account["on_hold"])}


async def send_bonus(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """SendBonus: to a worker who submitted an assignment of this requester's or ran out of time with it.

    It comes from the available balance.
    """
    amount, reason = cents(parameters["BonusAmount"], "BonusAmount"), parameters["Reason"]
    if amount == 0:
        raise InvalidParameter("BonusAmount must be above 0.")
    if not reason.strip() or len(reason) > MAX_REASON:
        raise InvalidParameter(f"Reason must have 1 to {MAX_REASON} characters.")
    found = await call.assignment_with_bonus(parameters["AssignmentId"])
    if found["state"] == AssignmentState.IN_PROGRESS:
        raise lifecycle.wrong_assignment_state("Reviewable,Approved,Rejected")
    if found["worker"] != parameters["WorkerId"]:
        raise RequestRefused(
            "AWS.MechanicalTurk.PermissionDeniedException",
            f"Worker {parameters['WorkerId']} did not submit assignment {found['_id']}.",
        )
    await call.open_account()
    bonus, token = new_id(), parameters.get("UniqueRequestToken")

    async def act(session: Session) -> None:
        await call.claim_token(session, "SendBonus", token, call.request_id)
        document = {
            "_id": bonus,
            "order": order_key(call.now, bonus),
            "requester": call.requester,
            "worker": found["worker"],
            "assignment": found["_id"],
            "hit": found["hit"],
            "amount": amount,
            "reason": reason,
            "granted_at": call.now,
        }
        await call.database.bonuses.insert_one(document, session=session)
        fee = fee_of_bonus(amount, call.settings)
        await call.books(session).pay_bonus(bonus, amount, fee)

    try:
        await call.database.atomically(act)
    except DuplicateKeyError:
        raise await call.duplicate_request("SendBonus", token) from None
    return {}


async def list_bonus_payments(call: Call, parameters: dict[str, Any]) -> dict[str, Any]:
    """ListBonusPayments: of one HIT or of one assignment, oldest first."""
    if ("HITId" in parameters) == ("AssignmentId" in parameters):
        raise InvalidParameter("Give either HITId or AssignmentId.")
    if "HITId" in parameters:
        wanted = {"hit": (await call.hit(parameters["HITId"]))["_id"]}
    else:
        wanted = {"assignment": (await call.assignment_with_bonus(parameters["AssignmentId"]))["_id"]}
    query: dict[str, Any] = {**wanted, **after(parameters)}
    cursor = call.database.bonuses.find(query).sort("order", 1).limit(page_size(parameters) + 1)
    found = [
        (
            bonus["order"],
            {
                "WorkerId": bonus["worker"],
                "BonusAmount": dollars(bonus["amount"]),
                "AssignmentId": bonus["assignment"],
                "Reason": bonus["reason"],
                "GrantTime": bonus["granted_at"],
            },
        )
        async for bonus in cursor
    ]
    return page("BonusPayments", parameters, found)
