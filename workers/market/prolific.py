"""Prolific's API: a HIT is a study of its own, an assignment is a submission, a block is a place in a group.

Prolific knows no tokens. A study is recognised by its internal name, and made as a draft first, so that of several that
were made at once only one is published. A bonus is announced to its receiver in a message that carries the token before
it is paid; until Prolific must show a payment that was announced, nobody pays again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from active_learning.domain.errors import (
    BudgetExhausted,
    Forbidden,
    InputError,
    MarketUnavailable,
    NotFound,
    StateError,
    WinnowError,
)
from workers.market import prolific_api as api
from workers.market.calling import NotYet, pace_of, patiently
from workers.market.protocol import HitOrder, HitStatus, MarketAssignment, MarketBonus, reference

ENDPOINT = "https://api.prolific.com"
CURRENCY = "USD"
PAGE = 100
GROUP = "Winnow: no more work"

SHOWN_AFTER = timedelta(hours=1)
"""Bonuses are paid within minutes of the call; one that is not listed by then was never paid."""


class ProlificMarket:
    """A :class:`Marketplace` at Prolific. ``patience_s`` bounds how long one act is tried.

    A study has no end that could be said beforehand, and Prolific approves by itself after 21 days. Who is rejected
    leaves the place to somebody else.
    """

    def __init__(
        self,
        token: str,
        workspace: str,
        project: str,
        endpoint: str = ENDPOINT,
        patience_s: float = 30.0,
        per_second: float = 0.0,
    ) -> None:
        self._workspace, self._project = workspace, project
        self._endpoint, self._patience_s = endpoint, patience_s
        self._pace = pace_of(f"{endpoint} {token}", per_second)
        self._group = ""
        headers = {"Authorization": f"Token {token}"}
        self._http = httpx.AsyncClient(base_url=f"{endpoint}/api/v1", headers=headers, timeout=20.0)

    async def post(self, order: HitOrder) -> str:
        """Make a draft and publish it, or find what an earlier call has made."""
        known = [study for study in await self._studies() if study["internal_name"] == order.annotation]
        if not known:
            await self.balance()  # raises where the workspace counts in another currency
            body = api.study(order, self._project, await self._blocklist())
            made = (await self._call("POST", "/studies/", json=body))["id"]
            # Another process may have made one meanwhile, or an earlier try whose answer was lost.
            known = [study for study in await self._studies() if study["internal_name"] == order.annotation]
            known = known or [await self._call("GET", f"/studies/{made}/")]
        chosen = min(known, key=lambda study: (study["status"] == api.DRAFT, study["date_created"], study["id"]))
        if chosen["status"] == api.DRAFT:
            await self._publish(chosen["id"])
        for other in known:
            if other["id"] != chosen["id"] and other["status"] == api.DRAFT:
                await self._delete(other["id"])
        return str(chosen["id"])

    async def status(self, hit: str) -> HitStatus:
        """The study and its submissions."""
        return api.hit_status(await self._call("GET", f"/studies/{hit}/"), await self._submissions(hit))

    async def assignments(self, hit: str) -> list[MarketAssignment]:
        """The submissions of a study that came in."""
        found = (api.market_assignment(hit, one) for one in await self._submissions(hit))
        return sorted((one for one in found if one), key=lambda one: (one.submitted_at, one.id))

    async def approve(self, assignment: str, feedback: str = "", *, override: bool = False) -> None:
        """Approve a submission; Prolific says nothing with it, and takes no rejection back."""
        await self._review(assignment, "approved", {"action": "APPROVE"})

    async def reject(self, assignment: str, reason: str) -> None:
        """Reject a submission. Raises :class:`InputError` without a reason."""
        if not reason.strip():
            raise InputError("A rejection needs a reason: the annotator must learn why.", "Say what was wrong.")
        body = {"action": "REJECT", "message": api.rejection(reason), "rejection_category": "FAILED_CHECK"}
        await self._review(assignment, "rejected", body)

    async def extend(self, hit: str, places: int) -> None:
        """Let a study have so many places; a repeat sets the same number."""
        if (await self._call("GET", f"/studies/{hit}/"))["total_available_places"] < places:
            try:
                await self._call("PATCH", f"/studies/{hit}/", json={"total_available_places": places})
            except InputError as error:
                raise StateError(error.message, error.hint) from error

    async def expire(self, hit: str) -> None:
        """Stop a study: nobody starts any more."""
        try:
            await self._call("POST", f"/studies/{hit}/transition/", json={"action": "STOP"})
        except InputError:
            if (await self._call("GET", f"/studies/{hit}/"))["status"] in api.RUNNING:
                raise

    async def bonus(self, annotator: str, assignment: str, cents: int, reason: str, token: str) -> None:
        """Announce a bonus and pay it, once: what was announced lately is waited for, whether or not it was paid."""
        submission = await self._call("GET", f"/submissions/{assignment}/")
        messages = await self._messages(annotator)
        known = {"bonus_payments": submission.get("bonus_payments"), "id": assignment, "participant_id": annotator}
        tokens = api.announced([message["body"] for message in messages], assignment)
        if any(paid.token == token for paid in api.market_bonuses(known, tokens)):
            return
        last = max((_time(m) for m in messages if reference(token) in m["body"]), default=None)
        if last is not None and datetime.now(UTC) - last < SHOWN_AFTER:
            raise MarketUnavailable(
                f"Prolific does not show yet whether the bonus for submission {assignment} was paid.",
                "It is looked at again; nobody is paid twice.",
            )
        if await self.balance() < cents:
            raise BudgetExhausted(
                f"Prolific's workspace has too little money for a bonus of {cents} cents.",
                "Add money there; what is open goes on then.",
            )
        study = submission["study_id"]
        line = f"{assignment},{cents // 100}.{cents % 100:02d}"
        body = {"study_id": study, "csv_bonuses": line}
        prepared = await self._call("POST", "/submissions/bonus-payments/", json=body)
        await self._say(annotator, study, api.announcement(cents, assignment, reason, token))
        try:
            await self._once("POST", f"/bulk-bonus-payments/{prepared['id']}/pay/")  # a repeat would pay again
        except NotYet as error:
            raise MarketUnavailable(
                f"Prolific may or may not have paid the bonus for submission {assignment} ({error}).",
                "It is looked at again in an hour; nobody is paid twice.",
            ) from error

    async def bonuses(self, hit: str) -> list[MarketBonus]:
        """The bonuses of a study's submissions, with the tokens that were announced."""
        found: list[MarketBonus] = []
        for submission in await self._submissions(hit):
            if submission.get("bonus_payments"):
                messages = await self._messages(submission["participant_id"])
                tokens = api.announced([message["body"] for message in messages], submission["id"])
                found += api.market_bonuses(submission, tokens)
        return found

    async def block(self, annotator: str, reason: str) -> None:
        """Put somebody into the group that none of our studies lets in."""
        await self._members("POST", annotator)

    async def unblock(self, annotator: str, reason: str) -> None:
        """Take somebody out of the group again."""
        await self._members("DELETE", annotator)

    async def blocked(self) -> list[str]:
        """Everybody in the group."""
        reply = await self._call("GET", f"/participant-groups/{await self._blocklist()}/participants/")
        return [str(member["participant_id"]) for member in reply["results"]]

    async def notify(self, annotator: str, subject: str, text: str) -> None:
        """A message about the newest study of ours that somebody took part in and was judged."""
        for study in sorted(await self._studies(), key=lambda one: str(one["date_created"]), reverse=True):
            for one in await self._submissions(study["id"]):
                if one["participant_id"] == annotator and api.review_state(one["status"]) in ("approved", "rejected"):
                    await self._say(annotator, study["id"], f"{subject}\n\n{text}")
                    return
        raise NotFound(
            f"{annotator} has no work at Prolific that was approved or rejected.", "Only those can be written to."
        )

    async def balance(self) -> int:
        """What the workspace can spend. Raises :class:`InputError` where it counts in another currency."""
        reply = await self._call("GET", f"/workspaces/{self._workspace}/balance/")
        if reply["currency_code"] != CURRENCY:
            raise InputError(
                f"Prolific's workspace counts in {reply['currency_code']}, and Winnow in US dollars.",
                "Use a workspace in US dollars: no amount is converted.",
            )
        return int(reply["available_balance"])

    async def find(self, annotation: str) -> list[HitStatus]:
        """The published studies of the project whose internal name begins so."""
        return [
            api.hit_status(study, await self._submissions(study["id"]))
            for study in await self._studies()
            if study["internal_name"].startswith(annotation) and study["status"] != api.DRAFT
        ]

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _publish(self, study: str) -> None:
        """Publish a draft; that another process was faster is fine."""
        try:
            await self._call("POST", f"/studies/{study}/transition/", json={"action": "PUBLISH"})
        except InputError as error:
            found = await self._call("GET", f"/studies/{study}/")
            if found["status"] != api.DRAFT:
                return
            if found.get("total_cost", 0) > await self.balance():
                raise BudgetExhausted(
                    "Prolific's workspace has too little money for a study.",
                    "Add money there; what is open goes on then.",
                ) from error
            raise

    async def _delete(self, study: str) -> None:
        try:
            await self._call("DELETE", f"/studies/{study}/")
        except NotFound:
            return

    async def _review(self, assignment: str, wanted: str, body: Mapping[str, str]) -> None:
        status = (await self._call("GET", f"/submissions/{assignment}/"))["status"]
        found = api.review_state(status)
        if found == "submitted":
            await self._call("POST", f"/submissions/{assignment}/transition/", json=body)
        elif found != wanted:
            raise StateError(f"Submission {assignment} is {status.lower()}, so it cannot be {wanted}.")

    async def _blocklist(self) -> str:
        """The group of those who get no more work; it is made when it is first needed."""
        while not self._group:
            groups = await self._all("/participant-groups/", workspace_id=self._workspace)
            ours = [str(group["id"]) for group in groups if group["name"] == GROUP]
            if ours:
                self._group = min(ours)  # of several that were made at once, every process takes the same
            else:
                body = {"name": GROUP, "workspace_id": self._workspace}
                await self._call("POST", "/participant-groups/", json=body)
        return self._group

    async def _members(self, method: str, annotator: str) -> None:
        path = f"/participant-groups/{await self._blocklist()}/participants/"
        await self._call(method, path, json={"participant_ids": [annotator]})

    async def _messages(self, annotator: str) -> list[dict[str, Any]]:
        return sorted(await self._all("/messages/", user_id=annotator), key=_time)

    async def _say(self, annotator: str, study: str, text: str) -> None:
        body = {"recipient_id": annotator, "study_id": study, "body": text}
        await self._call("POST", "/messages/", json=body)

    async def _studies(self) -> list[dict[str, Any]]:
        return await self._all(f"/projects/{self._project}/studies/")

    async def _submissions(self, study: str) -> list[dict[str, Any]]:
        return await self._all(f"/studies/{study}/submissions/")

    async def _all(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Every page of a list: the last one is not full."""
        found: list[dict[str, Any]] = []
        while True:
            parameters = {**query, "limit": PAGE, "offset": len(found)}
            page = (await self._call("GET", path, params=parameters))["results"]
            known = {one["id"] for one in found if "id" in one}
            new = [one for one in page if one.get("id") not in known]
            found += new
            # A list that takes no notice of offsets gives the same again.
            if len(page) < PAGE or not new:
                return found

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        return await patiently(lambda: self._once(method, path, **options), self._patience_s, self._endpoint)

    async def _once(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        await self._pace.turn()
        try:
            reply = await self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise NotYet(error or type(error).__name__) from error
        if reply.status_code == 429 or reply.status_code >= 500:
            raise NotYet(reply.status_code, _retry_after(reply))
        if reply.status_code >= 400:
            raise _refusal(reply)
        return dict(reply.json()) if reply.content else {}


def _time(message: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(message.get("sent_at") or message["datetime_created"])


def _retry_after(reply: httpx.Response) -> float:
    text = reply.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _refusal(reply: httpx.Response) -> WinnowError:
    """The error that stands for a refused call."""
    try:
        error = reply.json().get("error", {})
        detail = error.get("detail") if isinstance(error, dict) else error
    except (ValueError, AttributeError):
        detail = ""
    text = f"Prolific refuses: {detail or reply.reason_phrase}."
    if reply.status_code in (401, 403):
        return Forbidden(text, "Check WINNOW_PROLIFIC_TOKEN, and that its owner may use the workspace and the project.")
    if reply.status_code == 404:
        return NotFound(text, "It belongs to another workspace, or was deleted.")
    return InputError(text, f"Prolific answered {reply.status_code}.")
