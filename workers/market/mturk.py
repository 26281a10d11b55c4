"""Amazon Mechanical Turk's Requester API through boto3: Amazon's own endpoints, or any marketplace that speaks it.

A call may fail after the market has carried it out. So every act is made to be repeated: HITs, extensions and bonuses
carry a token, approvals and rejections compare the state that they find. The market remembers tokens for 24 hours; what
is older is recognised by what the market lists.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError
from botocore.exceptions import ConnectionError as ConnectionFailed

from active_learning.domain.errors import InputError, MarketUnavailable, NotFound, StateError, WinnowError
from workers.market import requester_api as api
from workers.market.calling import NotYet, pace_of, patiently
from workers.market.protocol import HitOrder, HitStatus, MarketAssignment, MarketBonus, with_reference

SANDBOX = "https://mturk-requester-sandbox.us-east-1.amazonaws.com"
LIVE = "https://mturk-requester.us-east-1.amazonaws.com"

PAGE = 100

LIST_AGAIN_S = 12 * 3600.0
"""What is posted while a list of HITs is younger than this has a token that the market still knows."""

TRANSIENT = frozenset(
    {"throttlingexception", "throttling", "toomanyrequestsexception", "requestlimitexceeded", "servicefault"}
)

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class MTurkMarket:
    """A :class:`Marketplace` of the MTurk kind. ``patience_s`` bounds how long one act is tried."""

    def __init__(
        self,
        endpoint_url: str,
        access_key: str,
        secret_key: str,
        region: str = "us-east-1",
        patience_s: float = 30.0,
        per_second: float = 0.0,
        events_url: str = "",
    ) -> None:
        self._endpoint = endpoint_url
        self._patience_s = patience_s
        self._events_url = events_url
        self._hit_types: dict[str, str] = {}
        self._posted: dict[str, str] = {}
        self._listed_at: float | None = None
        self._pace = pace_of(f"{endpoint_url} {access_key}", per_second)
        # Retrying is done here, where it is known what may be repeated and for how long.
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20, max_pool_connections=16)
        self._client = boto3.session.Session().client(
            "mturk",
            endpoint_url=endpoint_url,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=config,
        )

    async def post(self, order: HitOrder) -> str:
        """Post a HIT, or find that of an earlier call: by its annotation, or its token where it is not listed yet."""
        known = await self._listed(order.annotation)
        if known is not None:
            return known
        parameters = {
            "HITTypeId": await self._hit_type(order),
            "MaxAssignments": order.assignments,
            "LifetimeInSeconds": order.lifetime_s,
            "Question": api.external_question(order.question_url),
            "RequesterAnnotation": order.annotation,
            "UniqueRequestToken": api.request_token(order.token),
        }
        try:
            reply = await self._call("create_hit_with_hit_type", **parameters)
        except ClientError as error:
            if api.error_code(error.response) != "hitalreadyexists":
                raise _refused(error) from error
            return await self._posted_before(order, error.response["Error"]["Message"])
        return str(reply["HIT"]["HITId"])

    async def status(self, hit: str) -> HitStatus:
        """GetHIT."""
        return api.hit_status((await self._ask("get_hit", HITId=hit))["HIT"])

    async def assignments(self, hit: str) -> list[MarketAssignment]:
        """ListAssignmentsForHIT, all pages."""
        found = await self._all("list_assignments_for_hit", "Assignments", HITId=hit)
        return [api.market_assignment(assignment) for assignment in found]

    async def approve(self, assignment: str, feedback: str = "", *, override: bool = False) -> None:
        """ApproveAssignment; one that is approved already is fine."""
        said: dict[str, Any] = {"RequesterFeedback": api.feedback(feedback)} if feedback.strip() else {}
        if override:
            said["OverrideRejection"] = True
        await self._review("approve_assignment", "Approved", AssignmentId=assignment, **said)

    async def reject(self, assignment: str, reason: str) -> None:
        """RejectAssignment; one that is rejected already is fine. Raises :class:`InputError` without a reason."""
        if not reason.strip():
            raise InputError("A rejection needs a reason: the annotator must learn why.", "Say what was wrong.")
        said = api.feedback(reason)
        await self._review("reject_assignment", "Rejected", AssignmentId=assignment, RequesterFeedback=said)

    async def extend(self, hit: str, places: int) -> None:
        """CreateAdditionalAssignmentsForHIT, as many as are missing."""
        missing = places - (await self.status(hit)).max_assignments
        if missing <= 0:
            return
        try:
            await self._call(
                "create_additional_assignments_for_hit",
                HITId=hit,
                NumberOfAdditionalAssignments=missing,
                UniqueRequestToken=api.request_token(f"extend:{hit}:{places}"),
            )
        except ClientError as error:
            # Was it an earlier try that did it? Amazon does not say with which code it refuses a used token.
            if (await self.status(hit)).max_assignments < places:
                raise _refused(error) from error

    async def expire(self, hit: str) -> None:
        """UpdateExpirationForHIT to the past."""
        await self._ask("update_expiration_for_hit", HITId=hit, ExpireAt=0)

    async def bonus(self, annotator: str, assignment: str, cents: int, reason: str, token: str) -> None:
        """SendBonus, once: the reason ends with the token, and ListBonusPayments tells whether it was paid."""
        text = with_reference(reason, token)
        if await self._bonus_paid(assignment, text):
            return
        try:
            await self._call(
                "send_bonus",
                WorkerId=annotator,
                AssignmentId=assignment,
                BonusAmount=api.dollars(cents),
                Reason=text,
                UniqueRequestToken=api.request_token(token),
            )
        except ClientError as error:
            if not await self._bonus_paid(assignment, text):
                raise _refused(error) from error

    async def bonuses(self, hit: str) -> list[MarketBonus]:
        """ListBonusPayments, all pages."""
        return [api.market_bonus(paid) for paid in await self._all("list_bonus_payments", "BonusPayments", HITId=hit)]

    async def block(self, annotator: str, reason: str) -> None:
        """CreateWorkerBlock; a repeat changes nothing."""
        await self._ask("create_worker_block", WorkerId=annotator, Reason=api.feedback(reason) or "No reason given.")

    async def unblock(self, annotator: str, reason: str) -> None:
        """DeleteWorkerBlock."""
        said = {"Reason": api.feedback(reason)} if reason.strip() else {}
        await self._ask("delete_worker_block", WorkerId=annotator, **said)

    async def blocked(self) -> list[str]:
        """ListWorkerBlocks, all pages."""
        return [str(block["WorkerId"]) for block in await self._all("list_worker_blocks", "WorkerBlocks")]

    async def notify(self, annotator: str, subject: str, text: str) -> None:
        """NotifyWorkers, one at a time: the reply says who could not be reached."""
        reply = await self._ask(
            "notify_workers",
            Subject=subject[: api.MAX_SUBJECT],
            MessageText=text[: api.MAX_MESSAGE],
            WorkerIds=[annotator],
        )
        for failure in reply.get("NotifyWorkersFailureStatuses", []):
            said = f"The market could not deliver the message: {failure.get('NotifyWorkersFailureMessage', '')}"
            if failure.get("NotifyWorkersFailureCode") == "SoftFailure":
                raise MarketUnavailable(said, "Try again later.")
            raise NotFound(said, "Only those can be written to whose work was approved or rejected.")

    async def balance(self) -> int:
        """GetAccountBalance."""
        return api.cents((await self._ask("get_account_balance"))["AvailableBalance"])

    async def find(self, annotation: str) -> list[HitStatus]:
        """ListHITs, all pages: those whose annotation begins with ``annotation``."""
        began = time.monotonic()
        statuses = [api.hit_status(hit) for hit in await self._all("list_hits", "HITs")]
        self._posted, self._listed_at = {status.annotation: status.hit for status in statuses}, began
        return [status for status in statuses if status.annotation.startswith(annotation)]

    async def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    async def _hit_type(self, order: HitOrder) -> str:
        values = api.hit_type(order)
        key = repr(values)
        if key not in self._hit_types:
            hit_type = (await self._ask("create_hit_type", **values))["HITTypeId"]
            if self._events_url:
                await self._listen(hit_type)
            self._hit_types[key] = hit_type
        return self._hit_types[key]

    async def _listen(self, hit_type: str) -> None:
        """Ask to be told what happens to HITs of a type. Without it the next poll sees it: no reason not to post."""
        try:
            await self._ask(
                "update_notification_settings", HITTypeId=hit_type, Notification=api.notification(self._events_url)
            )
        except WinnowError as error:
            logger.warning("The market will not tell what happens: %s", error)

    async def _listed(self, annotation: str) -> str | None:
        """The HIT that carries this annotation, as far as a list of some hours ago can tell."""
        if self._listed_at is None or time.monotonic() - self._listed_at > LIST_AGAIN_S:
            await self.find("")
        hit = self._posted.get(annotation)
        try:
            return None if hit is None or (await self.status(hit)).state == "disposed" else hit
        except NotFound:
            return None

    async def _posted_before(self, order: HitOrder, message: str) -> str:
        """The HIT that this order's token made: named in the message, or else found by its annotation."""
        for hit in api.ids_in(message):
            try:
                found = await self.status(hit)
            except (InputError, NotFound):
                continue
            if found.annotation == order.annotation:
                return found.hit
        for found in await self.find(order.annotation):
            if found.annotation == order.annotation:
                return found.hit
        raise StateError(
            f"The market has used the token '{order.token}' for another HIT.",
            "Was the database made anew within the last 24 hours? Then use another market account, or wait.",
        )

    async def _review(self, operation: str, wanted: str, **parameters: Any) -> None:
        """Approve or reject; a refusal because of the state is compared with the state that is wanted."""
        assignment = parameters["AssignmentId"]

        async def attempt() -> None:
            try:
                await self._once(operation, **parameters)
            except ClientError as error:
                if api.error_code(error.response) != "invalidassignmentstate":
                    raise
                found = (await self._once("get_assignment", AssignmentId=assignment))["Assignment"]["AssignmentStatus"]
                if found == "Submitted":
                    # For minutes after a submit, Amazon may refuse to review it.
                    raise NotYet(f"assignment {assignment} cannot be reviewed yet") from error
                if found != wanted:
                    raise StateError(
                        f"Assignment {assignment} is {found.lower()}, so it cannot be {wanted.lower()}."
                    ) from error

        try:
            await self._patiently(attempt)
        except ClientError as error:
            raise _refused(error) from error

    async def _bonus_paid(self, assignment: str, reason: str) -> bool:
        paid = await self._all("list_bonus_payments", "BonusPayments", AssignmentId=assignment)
        return any(payment["Reason"] == reason for payment in paid)

    async def _all(self, operation: str, items: str, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        following: dict[str, str] = {}
        while True:
            page = await self._ask(operation, MaxResults=PAGE, **parameters, **following)
            found += page.get(items, [])
            if not page.get("NextToken"):
                return found
            following = {"NextToken": page["NextToken"]}

    async def _ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """A call whose refusal is final: it becomes one of Winnow's errors."""
        try:
            return await self._call(operation, **parameters)
        except ClientError as error:
            raise _refused(error) from error

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """A call, repeated while the market is out of reach; a refusal raises ClientError."""
        return await self._patiently(lambda: self._once(operation, **parameters))

    async def _once(self, operation: str, **parameters: Any) -> dict[str, Any]:
        await self._pace.turn()
        try:
            return await asyncio.to_thread(getattr(self._client, operation), **parameters)
        except ParamValidationError as error:
            raise InputError(f"The market cannot take this: {error}") from error
        except (HTTPClientError, ConnectionFailed) as error:
            raise NotYet(error) from error
        except ClientError as error:
            if _transient(error):
                raise NotYet(error) from error
            raise
        except BotoCoreError as error:
            raise InputError(f"boto3 cannot make this call: {error}", "Check the market's settings.") from error

    async def _patiently(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        return await patiently(attempt, self._patience_s, self._endpoint)


def _transient(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or api.error_code(error.response) in TRANSIENT


def _refused(error: ClientError) -> WinnowError:
    return api.refusal(api.error_code(error.response), error.response["Error"].get("Message", str(error)))
