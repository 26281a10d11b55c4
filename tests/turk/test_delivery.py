"""How notifications arrive: SQS and SNS through boto3, signed webhooks; again after failures."""

import re
import time
from pathlib import Path

import httpx
import pytest

from tests.turk.receivers import notification
from tests.turk.served import hit_type_values, post_hit, refused
from workers.turk.webhooks import _is_public

README = Path(__file__).resolve().parents[2] / "README.md"
TOPIC = "arn:aws:sns:us-east-1:123456789012:hits"


@pytest.fixture(autouse=True)
def aws_credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def tell(requester, destination, transport="SNS"):
    kind = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    specification = notification(destination, "HITCreated", transport=transport)
    requester.update_notification_settings(HITTypeId=kind, Notification=specification)


def test_a_queue_and_a_topic(requester, receiver):
    queue = f"{receiver.url}/123456789012/results"
    for transport, destination in (("SQS", queue), ("SNS", TOPIC)):
        tell(requester, destination, transport)
        hit_id = post_hit(requester)
        (arrived,) = receiver.take(destination)
        assert (arrived.way, arrived.event["HITId"]) == (transport, hit_id)


def test_a_webhook_is_signed_as_the_readme_verifies_it(site, receiver):
    requester, address = site.requester("SIGNER"), receiver.address()
    tell(requester, address)
    post_hit(requester)
    (arrived,) = receiver.take(address)
    said = dict(part.split("=", 1) for part in arrived.headers["winnow-signature"].split(","))
    secret = site.key("SIGNER")[1]
    known: dict = {}
    (program,) = re.findall(r"```python\n(import hashlib.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    exec(program, known)
    verify, header, body = known["from_the_marketplace"], arrived.headers["winnow-signature"], arrived.body.encode()
    assert verify(header, body, {"SIGNER": secret})
    assert not verify(header, body + b" ", {"SIGNER": secret})
    assert not verify(header.replace("time=1", "time=2"), body, {"SIGNER": secret})
    assert said["key"] == "SIGNER"
    assert abs(time.time() - int(said["time"])) < 60


def test_what_fails_is_sent_again_later_and_is_the_same(site, requester, receiver):
    address = receiver.address()
    receiver.failing.add(address)
    tell(requester, address)
    hit_id = post_hit(requester)
    waiting = {"destination": address, "due_at": {"$gt": site.clock()}}
    wait_until(lambda: site.database["outbox"].find_one(waiting) is not None)
    kept = site.database["outbox"].find_one(waiting)
    wait_until(lambda: receiver.turned_away)
    receiver.failing.clear()
    assert receiver.box(address).empty()
    site.clock.move(seconds=61)
    (arrived,) = receiver.take(address)
    assert arrived.event["HITId"] == hit_id
    assert arrived.document["EventDocId"] == kept["_id"]
    wait_until(lambda: site.database["outbox"].find_one({"_id": kept["_id"]}) is None)


def test_a_destination_that_is_gone_keeps_nobody_waiting(serve, receiver):
    site, gone, well = serve(private_webhooks="yes"), receiver.address(), receiver.address()
    receiver.failing.add(gone)
    requester, other = site.requester(), site.requester()
    tell(requester, gone)
    tell(other, well)
    for _ in range(20):
        post_hit(requester)
    # One that cannot even be tried, as an older version may have left it.
    site.database["outbox"].insert_one({"_id": "ODD", "due_at": site.clock(), "at": site.clock(), "attempts": 0})
    hit_id = post_hit(other)
    assert receiver.take(well)[0].event["HITId"] == hit_id
    assert receiver.box(gone).empty()
    assert site.database["outbox"].count_documents({"destination": gone}) == 20


def test_a_marketplace_that_starts_sends_what_the_last_one_left(serve, site, requester, receiver):
    address = receiver.address()
    asleep = serve(private_webhooks="yes", delivery_seconds=3600.0)
    client = asleep.requester()
    wait_until(lambda: httpx.get(asleep.url).status_code == 200)
    tell(client, address)
    hit_id = post_hit(client)
    assert asleep.database["outbox"].count_documents({}) == 1
    serve(asleep.clock, database=asleep.settings.database, private_webhooks="yes")
    assert receiver.take(address)[0].event["HITId"] == hit_id


def test_a_test_event_arrives_at_once_or_says_why_not(requester, receiver):
    address = receiver.address()
    requester.send_test_event_notification(Notification=notification(address), TestEventType="Ping")
    assert receiver.box(address).get_nowait().event["EventType"] == "Ping"
    receiver.failing.add(address)
    with refused(requester, "InvalidTransportEndpoint") as answer:
        requester.send_test_event_notification(Notification=notification(address), TestEventType="HITExpired")
    assert "500" in answer.message
    with refused(requester, "InvalidTransportEndpoint"):
        requester.send_test_event_notification(Notification=notification("http://127.0.0.1:9/"), TestEventType="Ping")


def test_no_webhook_leads_into_our_own_network(serve, receiver):
    strict = serve().requester()
    for inside in ("https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://169.254.169.254/latest"):
        with refused(strict, "InvalidTransportEndpoint") as answer:
            strict.send_test_event_notification(Notification=notification(inside), TestEventType="Ping")
        assert "private network" in answer.message
    with refused(strict, "InvalidTransportEndpoint"):
        strict.send_test_event_notification(Notification=notification(receiver.address()), TestEventType="Ping")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *((a, True) for a in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")),
        *((a, False) for a in ("10.1.2.3", "100.64.0.1", "0.0.0.0", "224.0.0.1", "168.63.129.16", "255.255.255.255")),
        *((a, False) for a in ("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "fd00:ec2::254")),
    ],
)
def test_which_addresses_are_public(address, public):
    assert _is_public(address) is public


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
