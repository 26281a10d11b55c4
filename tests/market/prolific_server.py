"""A stand-in for Prolific's API, built from its reference: the same paths, bodies, refusals, and no tokens."""

import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN, WORKSPACE, PROJECT = "secret-token", "workspace1", "project1"
REQUIRED = (
    *("name", "description", "external_study_url", "prolific_id_option", "completion_codes"),
    *("total_available_places", "estimated_completion_time", "reward"),
)
CATEGORIES = ("TOO_QUICKLY", "TOO_SLOWLY", "FAILED_INSTRUCTIONS", "FAILED_CHECK", "LOW_EFFORT", "NO_DATA", "OTHER")
TAKES_A_PLACE = ("RESERVED", "ACTIVE", "AWAITING REVIEW", "APPROVED")

Document = dict[str, Any]


def refused(status: int, detail: str, **headers: str) -> HTTPException:
    error = {"status": status, "error_code": 140000 + status, "title": "Error", "detail": detail}
    return HTTPException(status, detail=error, headers={k.replace("_", "-"): v for k, v in headers.items()} or None)  # type: ignore[arg-type]


class ProlificServer:
    """The account of one workspace, and people who take part. Faults are set by the test."""

    def __init__(self, balance: int = 1_000_000, currency: str = "USD") -> None:
        self.balance, self.currency = balance, currency
        self.studies: dict[str, Document] = {}
        self.submissions: dict[str, Document] = {}
        self.prepared: dict[str, list[tuple[str, int]]] = {}
        self.groups: dict[str, Document] = {}
        self.messages: list[Document] = []
        self.calls: list[tuple[str, str]] = []
        self.lies: list[tuple[str, str]] = []
        """Method and end of a path of calls that are carried out and answered 500, each once."""
        self.busy = 0
        """So many calls are answered 429."""
        self.late = False
        """Bonuses are paid, and not shown yet."""
        self._numbers = itertools.count(1)
        self.app = Starlette(
            routes=[Route("/api/v1/{path:path}", self._answer, methods=["GET", "POST", "PATCH", "DELETE"])],
            exception_handlers={HTTPException: _error},
        )

    async def _answer(self, request: Request) -> Response:
        path, method = request.path_params["path"], request.method
        self.calls.append((method, path))
        if request.headers.get("Authorization") != f"Token {TOKEN}":
            raise refused(401, "Invalid token.")
        if self.busy:
            self.busy -= 1
            raise refused(429, "Too many requests.", Retry_After="0")
        body = await request.json() if await request.body() else {}
        for pattern, act in ROUTES.items():
            name, expression = pattern.split(" ")
            match = re.fullmatch(expression, path)
            if name == method and match:
                reply = act(self, *match.groups(), body=body, query=request.query_params)
                lie = next((one for one in self.lies if one[0] == method and path.endswith(one[1])), None)
                if lie:
                    self.lies.remove(lie)
                    raise refused(500, "Something went wrong.")
                return JSONResponse(reply, status_code=201 if method == "POST" and path == "studies/" else 200)
        raise refused(404, f"There is no {method} {path}.")

    def _id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):020x}"

    def study(self, identifier: str, **_: Any) -> Document:
        if identifier not in self.studies:
            raise refused(404, "Study not found.")
        found = self.studies[identifier]
        taken = [one for one in self._of(identifier) if one["status"] in TAKES_A_PLACE]
        if found["status"] == "ACTIVE" and len(taken) >= found["total_available_places"]:
            return {**found, "status": "AWAITING REVIEW", "places_taken": len(taken)}
        return {**found, "places_taken": len(taken)}

    def make_study(self, body: Document, **_: Any) -> Document:
        missing = [name for name in REQUIRED if not body.get(name)]
        if missing or body["project"] != PROJECT:
            raise refused(400, f"{', '.join(missing) or 'project'}: this field is required.")
        if not body["external_study_url"].startswith(("http://127.0.0.1", "https://")):
            raise refused(400, "external_study_url: enter a valid https URL.")
        if body["maximum_allowed_time"] <= body["estimated_completion_time"]:
            raise refused(400, "maximum_allowed_time: too short.")
        cost = round(body["reward"] * body["total_available_places"] * 4 / 3)
        identifier = self._id("5f")
        now = datetime.now(UTC).isoformat()
        self.studies[identifier] = {
            **{"internal_name": body["name"], **body, "id": identifier, "status": "UNPUBLISHED"},
            **{"date_created": now, "total_cost": cost},
        }
        return self.study(identifier)

    def change_study(self, identifier: str, body: Document, **_: Any) -> Document:
        found, places = self.study(identifier), body["total_available_places"]
        if places < found["total_available_places"]:
            raise refused(400, "total_available_places: it can only be increased.")
        self.studies[identifier]["total_available_places"] = places
        return self.study(identifier)

    def delete_study(self, identifier: str, **_: Any) -> Document:
        if self.study(identifier)["status"] != "UNPUBLISHED":
            raise refused(400, "Only drafts can be deleted.")
        del self.studies[identifier]
        return {}

    def move_study(self, identifier: str, body: Document, **_: Any) -> Document:
        found = self.study(identifier)
        move = (found["status"], body["action"])
        if move == ("UNPUBLISHED", "PUBLISH"):
            if found["total_cost"] > self.balance:
                raise refused(400, "Your balance is too low.")
            self.balance -= found["total_cost"]
            self.studies[identifier]["status"] = "ACTIVE"
        elif body["action"] == "STOP" and found["status"] in ("ACTIVE", "PAUSED"):
            self.studies[identifier]["status"] = "AWAITING REVIEW"
        else:
            raise refused(400, f"{body['action']} is not possible: the study is {found['status']}.")
        return self.study(identifier)

    def list_studies(self, project: str, query: Mapping[str, str], **_: Any) -> Document:
        if project != PROJECT:
            raise refused(404, "Project not found.")
        return _page([self.study(identifier) for identifier in self.studies], query)

    def list_submissions(self, study: str, query: Mapping[str, str], **_: Any) -> Document:
        self.study(study)
        return _page([self._shown(one) for one in self._of(study)], query)

    def submission(self, identifier: str, **_: Any) -> Document:
        if identifier not in self.submissions:
            raise refused(404, "Submission not found.")
        found = self._shown(self.submissions[identifier])
        return {**found, "participant": found.pop("participant_id"), "entered_code": found.pop("study_code")}

    def move_submission(self, identifier: str, body: Document, **_: Any) -> Document:
        found = self.submission(identifier)
        wanted = {"APPROVE": "APPROVED", "REJECT": "REJECTED"}.get(body.get("action", ""))
        if wanted is None:
            raise refused(400, "action: not a valid choice.")
        if wanted == "REJECTED" and len(body.get("message", "")) < 100:
            raise refused(400, "message: ensure this field has at least 100 characters.")
        if wanted == "REJECTED" and body.get("rejection_category") not in CATEGORIES:
            raise refused(400, "rejection_category: not a valid choice.")
        if found["status"] not in ("AWAITING REVIEW", wanted):
            raise refused(400, f"The submission is {found['status']}.")
        self.submissions[identifier]["status"] = wanted
        return self.submission(identifier)

    def prepare_bonus(self, body: Document, **_: Any) -> Document:
        lines = [line.split(",") for line in body["csv_bonuses"].splitlines()]
        if any(self.submission(one)["study_id"] != body["study_id"] for one, _ in lines):
            raise refused(400, "csv_bonuses: not of this study.")
        identifier = self._id("b0")
        self.prepared[identifier] = [(one, round(float(amount) * 100)) for one, amount in lines]
        return {"id": identifier, "study": body["study_id"]}

    def pay_bonus(self, identifier: str, **_: Any) -> Document:
        if identifier not in self.prepared:
            raise refused(404, "Not found.")
        for submission, cents in self.prepared[identifier]:  # a repeat pays again
            self.submissions[submission]["bonus_payments"].append(cents)
            self.balance -= cents
        return {}

    def list_messages(self, query: Mapping[str, str], **_: Any) -> Document:
        return {"results": [one for one in self.messages if one["recipient_id"] == query["user_id"]]}

    def send_message(self, body: Document, **_: Any) -> Document:
        self.study(body["study_id"])
        sent = {"id": self._id("e0"), "sent_at": datetime.now(UTC).isoformat(), "data": {"study_id": body["study_id"]}}
        self.messages.append({**body, **sent})
        return {}

    def list_groups(self, query: Mapping[str, str], **_: Any) -> Document:
        return _page([g for g in self.groups.values() if g["workspace_id"] == query["workspace_id"]], query)

    def make_group(self, body: Document, **_: Any) -> Document:
        identifier = self._id("a0")
        self.groups[identifier] = {"id": identifier, "name": body["name"], "workspace_id": body["workspace_id"]}
        self.groups[identifier]["members"] = []
        return self.groups[identifier]

    def members(self, group: str, **_: Any) -> Document:
        return {"results": [{"participant_id": one} for one in self.groups[group]["members"]]}

    def add_members(self, group: str, body: Document, **_: Any) -> Document:
        members = self.groups[group]["members"]
        members += [one for one in body["participant_ids"] if one not in members]
        return self.members(group)

    def remove_members(self, group: str, body: Document, **_: Any) -> Document:
        members = self.groups[group]["members"]
        members[:] = [one for one in members if one not in body["participant_ids"]]
        return self.members(group)

    def money(self, workspace: str, **_: Any) -> Document:
        if workspace != WORKSPACE:
            raise refused(404, "Workspace not found.")
        return {"currency_code": self.currency, "total_balance": self.balance, "available_balance": self.balance}

    def starts(self, study: str, participant: str) -> tuple[str, dict[str, str]]:
        """Somebody takes a place; gives the submission, and what the task page's address tells."""
        found = self.study(study)
        groups = [self.groups[g] for one in found["filters"] for g in one["selected_values"]]
        assert found["status"] == "ACTIVE" and not any(participant in group["members"] for group in groups)
        identifier = self._id("c0")
        now = datetime.now(UTC).isoformat()
        self.submissions[identifier] = {
            **{"id": identifier, "study_id": study, "participant_id": participant, "status": "ACTIVE"},
            **{"started_at": now, "completed_at": None, "study_code": None, "bonus_payments": []},
        }
        url = found["external_study_url"]
        for name, value in {"PROLIFIC_PID": participant, "STUDY_ID": study, "SESSION_ID": identifier}.items():
            url = url.replace(f"{{{{%{name}%}}}}", value)
        return identifier, {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    def completes(self, submission: str, code: str) -> None:
        """The browser arrives at the page that takes the code."""
        found = self.submissions[submission]
        known = {one["code"] for one in self.studies[found["study_id"]]["completion_codes"]}
        assert code in known, "not a code of this study"
        found |= {"status": "AWAITING REVIEW", "completed_at": datetime.now(UTC).isoformat(), "study_code": code}

    def _of(self, study: str) -> list[Document]:
        return [one for one in self.submissions.values() if one["study_id"] == study]

    def _shown(self, submission: Document) -> Document:
        return {**submission, "bonus_payments": []} if self.late else dict(submission)


ROUTES: Mapping[str, Any] = {
    r"POST studies/": ProlificServer.make_study,
    r"GET studies/(\w+)/": ProlificServer.study,
    r"PATCH studies/(\w+)/": ProlificServer.change_study,
    r"DELETE studies/(\w+)/": ProlificServer.delete_study,
    r"POST studies/(\w+)/transition/": ProlificServer.move_study,
    r"GET studies/(\w+)/submissions/": ProlificServer.list_submissions,
    r"GET projects/(\w+)/studies/": ProlificServer.list_studies,
    r"GET submissions/(\w+)/": ProlificServer.submission,
    r"POST submissions/(\w+)/transition/": ProlificServer.move_submission,
    r"POST submissions/bonus-payments/": ProlificServer.prepare_bonus,
    r"POST bulk-bonus-payments/(\w+)/pay/": ProlificServer.pay_bonus,
    r"GET messages/": ProlificServer.list_messages,
    r"POST messages/": ProlificServer.send_message,
    r"GET participant-groups/": ProlificServer.list_groups,
    r"POST participant-groups/": ProlificServer.make_group,
    r"GET participant-groups/(\w+)/participants/": ProlificServer.members,
    r"POST participant-groups/(\w+)/participants/": ProlificServer.add_members,
    r"DELETE participant-groups/(\w+)/participants/": ProlificServer.remove_members,
    r"GET workspaces/(\w+)/balance/": ProlificServer.money,
}


def _page(items: list[Document], query: Mapping[str, str]) -> Document:
    start = int(query.get("offset", 0))
    return {"results": items[start : start + int(query.get("limit", 20))], "meta": {"count": len(items)}}


async def _error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)
