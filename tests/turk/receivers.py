"""A small real HTTP server that takes what the marketplace sends: SQS and SNS as boto3 speaks them, and webhooks."""

import contextlib
import hashlib
import itertools
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

numbers = itertools.count(1)

PUBLISHED = b"""<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId>
</PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>"""


@dataclass
class Arrived:
    """One delivery: by which way, to which address, with which headers."""

    way: str
    address: str
    body: str
    headers: dict[str, str]

    @property
    def document(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read

    @property
    def event(self) -> dict[str, str]:
        (event,) = self.document["Events"]
        return dict(event)


@dataclass
class Receiver:
    """What has arrived, by address; ``failing`` addresses answer 500."""

    url: str = ""
    boxes: dict[str, "queue.Queue[Arrived]"] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    turned_away: int = 0

    def address(self) -> str:
        """A webhook address that nobody else uses."""
        return f"{self.url}/hooks/{next(numbers)}"

    def box(self, address: str) -> "queue.Queue[Arrived]":
        return self.boxes.setdefault(address, queue.Queue())

    def take(self, address: str, count: int = 1) -> list[Arrived]:
        """The next so many deliveries to an address; fails when they do not come."""
        return [self.box(address).get(timeout=10) for _ in range(count)]


def notification(destination: str, *events: str, transport: str = "SNS") -> dict[str, Any]:
    kinds = list(events or ["AssignmentSubmitted"])
    return {"Destination": destination, "Transport": transport, "Version": "2006-05-05", "EventTypes": kinds}


@contextlib.contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver on a free port of its own."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            arrived, reply, kind = _understand(receiver, self.path, dict(self.headers), body)
            if arrived.address in receiver.failing:
                receiver.turned_away += 1
                self.send_error(500)
                return
            receiver.box(arrived.address).put(arrived)
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _understand(receiver: Receiver, path: str, headers: dict[str, str], body: bytes) -> tuple[Arrived, bytes, str]:
    named = {name.lower(): value for name, value in headers.items()}
    if named.get("x-amz-target") == "AmazonSQS.SendMessage":
        given = json.loads(body)
        text = given["MessageBody"]
        digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        reply = json.dumps({"MessageId": "m", "MD5OfMessageBody": digest}).encode()
        return Arrived("SQS", given["QueueUrl"], text, named), reply, "application/x-amz-json-1.0"
    if "/sns/aws4_request" in named.get("authorization", ""):
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        assert form["Action"] == "Publish", form
        return Arrived("SNS", form["TopicArn"], form["Message"], named), PUBLISHED, "text/xml"
    return Arrived("webhook", receiver.url + path, body.decode(), named), b"ok", "text/plain"
