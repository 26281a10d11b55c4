"""Stand-ins that use a served marketplace: unmodified boto3 clients, and workers with cookies."""

import contextlib
import itertools
import os
import random
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from workers.turk.identifiers import secret_of
from workers.turk.settings import TurkSettings
from workers.turk.signatures import SERVICE
from workers.turk.tenants import first_key

SECRET = "a secret that only tests use"
NAMESPACE = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd"
TASK_URL = "https://tasks.example.org/tasks/7?lang=en"
numbers = itertools.count(1)

TLS = ssl.create_default_context()
"""Made once: httpx would read the certificate store again for every client, at 40 ms each."""


def external_question(url: str = TASK_URL, height: str = "600") -> str:
    return (
        f'<ExternalQuestion xmlns="{NAMESPACE}"><ExternalURL>{url.replace("&", "&amp;")}</ExternalURL>'
        f"<FrameHeight>{height}</FrameHeight></ExternalQuestion>"
    )


def free_port() -> int:
    """A port that nobody listens on, below the range that systems take for outgoing connections: it stays free."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def turk_settings(mongod_uri: str, port: int, **changes: Any) -> TurkSettings:
    """Settings of a marketplace at this port, with a database of its own, where a name is enough to sign in."""
    values = {
        "mongodb_uri": mongod_uri,
        "secret": SECRET,
        "sign_up": "names",
        "database": f"turk_{os.getpid()}_{next(numbers)}",
        "public_url": f"http://127.0.0.1:{port}",
    }
    return TurkSettings(**{**values, **changes})


class MovableClock:
    """Starts at the machine's time, runs with it, and can be moved forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        now = datetime.now(UTC) + self.ahead
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class Site:
    """A served marketplace."""

    url: str
    settings: TurkSettings
    clock: MovableClock
    database: Any

    def requester(self, key: str | None = None) -> Any:
        """An unmodified boto3 client of a tenant of its own."""
        return boto3.client(
            "mturk",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=(known := self.key(key or f"TENANT{next(numbers)}"))[0],
            aws_secret_access_key=known[1],
            config=Config(retries={"max_attempts": 0}),
        )

    def key(self, key: str) -> tuple[str, str]:
        """An access key of the tenant of the same name, and its secret."""
        first = first_key(self.settings)
        if first is not None and first[0] == key:
            return first
        document = {"_id": key, "requester": key, "created_at": self.clock(), "revoked_at": None}
        self.database.access_keys.replace_one({"_id": key}, document, upsert=True)
        return key, secret_of(key, self.settings.secret)

    def worker(self, name: str | None = None) -> "Worker":
        return Worker(self, name or f"worker {next(numbers)}")


@dataclass
class Worker:
    """A signed-in worker who uses the site like a browser does."""

    site: Site
    name: str
    http: httpx.Client = field(init=False)
    id: str = field(init=False)
    csrf: str = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.site.url, timeout=30, verify=TLS)
        assert self.http.post("/sign-in", data={"name": self.name}).status_code == 303
        known = self.http.get("/session.json").json()
        self.id, self.csrf = known["worker_id"], known["csrf"]

    def try_accept(self, hit_id: str) -> httpx.Response:
        return self.http.post(f"/hits/{hit_id}/accept", data={"csrf": self.csrf})

    def accept(self, hit_id: str) -> str:
        reply = self.try_accept(hit_id)
        assert reply.status_code == 303, reply.text
        return reply.headers["location"].removeprefix("/assignments/")

    def give_back(self, assignment_id: str) -> httpx.Response:
        return self.http.post(f"/assignments/{assignment_id}/return", data={"csrf": self.csrf})

    def submit(self, assignment_id: str, **answers: str) -> httpx.Response:
        return submit(self.site, assignment_id, **answers)


def submit(site: Site, assignment_id: str, **answers: str) -> httpx.Response:
    """The frame's POST: no cookie."""
    body = urlencode({"assignmentId": assignment_id, **(answers or {"receipt": "R1"})})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return httpx.post(f"{site.url}/mturk/externalSubmit", content=body, headers=headers, timeout=30, verify=TLS)


def signed(site: Site, operation: str, body: bytes, **headers: str) -> httpx.Response:
    """A call that boto3 would not send, signed by tenant RAW; what is in ``headers`` replaces what it has."""
    values = {"x-amz-target": f"MTurkRequesterServiceV20170117.{operation}", **headers}
    request = AWSRequest("POST", site.url + "/", data=body, headers=values)
    SigV4Auth(Credentials(*site.key("RAW")), SERVICE, "us-east-1").add_auth(request)
    sent = {name.lower(): value for name, value in request.headers.items()}
    return httpx.post(site.url, content=body, headers={**sent, **headers}, verify=TLS)


def hit_type_values(**changes: Any) -> dict[str, Any]:
    values = {
        "AssignmentDurationInSeconds": 600,
        "Reward": "0.50",
        "Title": "Does this image show a 3?",
        "Description": "Look at 150 images and answer yes or no.",
        "Keywords": "image, yes/no",
    }
    return {**values, **changes}


def post_hit(client: Any, count: int = 1, **changes: Any) -> str:
    """Posts a HIT and gives its id."""
    values = {"LifetimeInSeconds": 3600, "MaxAssignments": count, "Question": external_question()}
    return str(client.create_hit(**hit_type_values(**{**values, **changes}))["HIT"]["HITId"])


def hit(client: Any, hit_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get_hit(HITId=hit_id)["HIT"]
    return found


def counters(client: Any, hit_id: str) -> tuple[int, int, int, str]:
    """available, pending, completed, status."""
    found = hit(client, hit_id)
    names = ("NumberOfAssignmentsAvailable", "NumberOfAssignmentsPending", "NumberOfAssignmentsCompleted", "HITStatus")
    return tuple(found[name] for name in names)  # type: ignore[return-value]


def balance(client: Any) -> tuple[str, str]:
    found = client.get_account_balance()
    return found["AvailableBalance"], found["OnHoldBalance"]


def refused(client: Any, code: str) -> Any:
    """The block must be refused with this TurkErrorCode."""
    return _Refusal(client, code)


class _Refusal:
    def __init__(self, client: Any, code: str) -> None:
        self._client, self._code = client, code
        self.message = ""

    def __enter__(self) -> "_Refusal":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        assert error is not None, "nothing was refused"
        if not isinstance(error, self._client.exceptions.RequestError):
            return False
        code = "AWS.MechanicalTurk." + self._code if not self._code.startswith("AWS.") else self._code
        assert error.response["TurkErrorCode"] == code, error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        self.message = error.response["Error"]["Message"]
        return True
