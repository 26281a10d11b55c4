"""What every operation gets besides its parameters, and what several families share: lookups, pages, tokens."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from workers.turk import ledger, lifecycle
from workers.turk.database import Database, Document, Session
from workers.turk.errors import InvalidParameter, RequestRefused
from workers.turk.identifiers import ORDER_KEY
from workers.turk.settings import TurkSettings
from workers.turk.states import LISTED, Assignment, AssignmentState, Hit

TOKEN_LIFETIME = timedelta(hours=24)
DEFAULT_PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call: who asks, when, and the marketplace it is asked of."""

    requester: str
    request_id: str
    now: datetime
    database: Database
    settings: TurkSettings

    async def open_account(self) -> Document:
        """The requester's account, opened at the first call. What time alone has set free or paid by now is in it."""
        await lifecycle.catch_up(self.database, self.now, {"requester": self.requester})
        return await ledger.open_account(self.database, self.requester, self.settings.starting_balance_cents, self.now)

    async def hit(self, hit_id: str) -> Hit:
        """The requester's own HIT, brought up to this moment. Raises HITDoesNotExist, for other tenants' HITs too."""
        await lifecycle.catch_up(self.database, self.now, {"hit": hit_id})
        hit = await self.database.hits.find_one({"_id": hit_id, "requester": self.requester})
        if hit is None:
            raise RequestRefused("AWS.MechanicalTurk.HITDoesNotExist", f"Hit {hit_id} does not exist.")
        return hit

    async def assignment(self, assignment_id: str) -> Assignment:
        """The requester's own assignment, brought up to this moment; also one in progress, never one given back."""
        mine: dict[str, Any] = {"_id": assignment_id, "requester": self.requester, "live": True}
        found = await self.database.assignments.find_one(mine)
        if found is not None and await lifecycle.catch_up(self.database, self.now, {"hit": found["hit"]}):
            found = await self.database.assignments.find_one(mine)
        if found is None:
            raise RequestRefused(
                "AWS.MechanicalTurk.AssignmentDoesNotExist", f"Assignment {assignment_id} does not exist."
            )
        return found

    async def submitted_assignment(self, assignment_id: str) -> Assignment:
        """Like ``assignment``, but one in progress raises InvalidAssignmentState with Amazon's odd words."""
        found = await self.assignment(assignment_id)
        if found["state"] not in LISTED:
            raise lifecycle.wrong_assignment_state("Reviewable,Approved,Rejected")
        return found

    async def assignment_with_bonus(self, assignment_id: str) -> Assignment:
        """Like ``assignment``, but also one that was abandoned when its time ran out: it may have a bonus.

        Amazon's documentation asks for an assignment of the worker's, not for a submitted one.
        """
        found = await self.database.assignments.find_one({"_id": assignment_id, "requester": self.requester})
        if found is not None:
            await lifecycle.catch_up(self.database, self.now, {"hit": found["hit"]})
            found = await self.database.assignments.find_one({"_id": assignment_id, "state": AssignmentState.ABANDONED})
        return found or await self.assignment(assignment_id)

    async def claim_token(self, session: Session, operation: str, token: str | None, result: str) -> None:
        """Takes a UniqueRequestToken for 24 hours. Raises DuplicateKeyError when it is taken."""
        if token is None:
            return
        await self.database.tokens.find_one_and_update(
            {"_id": self._token_key(operation, token), "at": {"$lte": self.now - TOKEN_LIFETIME}},
            {"$set": {"at": self.now, "result": result}},
            upsert=True,
            session=session,
        )

    def books(self, session: Session) -> ledger.Books:
        """The requester's account inside a transaction."""
        return ledger.Books(self.database, session, self.requester, self.now)

    async def token_result(self, operation: str, token: str | None) -> str:
        """What the first call with this token left: a HITId or a request id."""
        record = await self.database.tokens.find_one({"_id": self._token_key(operation, token or "")})
        return str(record["result"]) if record is not None else "unknown"

    async def duplicate_request(self, operation: str, token: str | None) -> RequestRefused:
        """The answer to a repeated token of SendBonus and CreateAdditionalAssignmentsForHIT.

        Amazon's reference promises an error with the first request's id, but names no code; this one is ours.
        """
        first = await self.token_result(operation, token)
        return RequestRefused(
            "AWS.MechanicalTurk.DuplicateRequest", f"This UniqueRequestToken was already used by request {first}."
        )

    def _token_key(self, operation: str, token: str) -> str:
        return f"{self.requester}/{operation}/{token}"


def next_token(order: str) -> str:
    """The NextToken that continues after this order key."""
    return base64.urlsafe_b64encode(order.encode()).decode()


def after(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The query that continues where NextToken says. Raises InvalidParameter for a token that we did not make."""
    token = parameters.get("NextToken")
    if token is None:
        return {}
    try:
        order = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        order = ""
    if ORDER_KEY.fullmatch(order) is None:
        raise InvalidParameter("NextToken is not one that this operation returned.")
    return {"order": {"$gt": order}}


def page_size(parameters: Mapping[str, Any]) -> int:
    """MaxResults, 10 when absent."""
    return int(parameters.get("MaxResults", DEFAULT_PAGE))


def page(name: str, parameters: Mapping[str, Any], found: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """A reply with one page: ``found`` are (order key, item), fetched with one more than the page holds."""
    size = page_size(parameters)
    shown = found[:size]
    following = next_token(shown[-1][0]) if len(found) > size else None
    return {name: [item for _, item in shown], "NumResults": len(shown), "NextToken": following}


def wrong_hit_state(status: str) -> RequestRefused:
    """The answer when a HIT's state does not allow the operation; the wording is Amazon's (boto3 issue 2107)."""
    return RequestRefused(
        "AWS.MechanicalTurk.InvalidHITState",
        f"This HIT is currently in the state '{status}'. "
        "This operation can be called with a status of: Reviewing, Reviewable",
    )
