"""The chaos switches: each does what it says and nothing else; off unless asked for, and seen by everybody when on."""

import logging
import time

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.turk.receivers import notification
from tests.turk.served import SECRET, Site, balance, counters, hit_type_values, post_hit, refused, submit
from workers.turk.chaos import CALM, read_chaos
from workers.turk.errors import SettingsError
from workers.turk.settings import TurkSettings


def failed(kind, status, act, **parameters):
    with pytest.raises(ClientError) as caught:
        act(**parameters)
    assert caught.value.response["Error"]["Code"] == kind
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_throttled_calls_do_nothing(serve):
    site = serve(chaos="throttle=1")
    requester = site.requester()
    failed("ThrottlingException", 400, requester.create_hit_type, **hit_type_values())
    assert site.database["hit_types"].count_documents({}) == 0


def test_what_failed_after_its_commit_was_done_once(serve):
    site = serve(chaos="fail_after_commit=1")
    requester = site.requester()
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            post_hit(requester, UniqueRequestToken="ONCE")
    assert caught.value.response["TurkErrorCode"] == "AWS.MechanicalTurk.HitAlreadyExists"
    failed("ServiceFault", 500, requester.get_account_balance)
    assert site.database["hits"].count_documents({}) == 1


def test_no_funds(serve):
    requester = serve(chaos="insufficient_funds=1").requester()
    before = balance(requester)
    with refused(requester, "InsufficientFunds"):
        post_hit(requester)
    assert balance(requester) == before


@pytest.fixture(scope="module")
def odd(serve) -> Site:
    """A marketplace that is odd about assignments."""
    return serve(chaos="approve_too_early=60,late_submits=600,reuse_assignment_ids")


def test_approved_too_early(odd):
    requester, worker = odd.requester(), odd.worker()
    assignment_id = worker.accept(post_hit(requester))
    worker.submit(assignment_id)
    with refused(requester, "InvalidAssignmentState") as answer:
        requester.approve_assignment(AssignmentId=assignment_id)
    assert "status of: null" in answer.message
    odd.clock.move(seconds=61)
    requester.approve_assignment(AssignmentId=assignment_id)


def test_submitted_after_the_deadline(odd):
    requester, worker = odd.requester(), odd.worker()
    hit_id = post_hit(requester, 2)
    late, too_late = worker.accept(hit_id), odd.worker().accept(hit_id)
    odd.clock.move(seconds=1_100)
    assert submit(odd, late).status_code == 200
    (assignment,) = requester.list_assignments_for_hit(HITId=hit_id)["Assignments"]
    assert assignment["SubmitTime"] > assignment["Deadline"]
    odd.clock.move(seconds=101)
    assert submit(odd, too_late).status_code == 409


def test_the_id_of_a_returned_assignment_comes_back(odd):
    requester, first, second = odd.requester(), odd.worker(), odd.worker()
    hit_id = post_hit(requester)
    assignment_id = first.accept(hit_id)
    first.give_back(assignment_id)
    assert second.accept(hit_id) == assignment_id
    assert counters(requester, hit_id) == (0, 1, 0, "Unassignable")
    assert second.submit(assignment_id).status_code == 200
    assert requester.get_assignment(AssignmentId=assignment_id)["Assignment"]["WorkerId"] == second.id


def told(serve, receiver, chaos):
    """A marketplace, a client of it and an address that hears of every HIT."""
    site, address = serve(chaos=chaos, private_webhooks="yes"), receiver.address()
    requester = site.requester()
    kind = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    requester.update_notification_settings(HITTypeId=kind, Notification=notification(address, "HITCreated"))
    return site, requester, address


def test_lost_notifications_never_come(serve, receiver):
    site, requester, address = told(serve, receiver, "lose=1")
    post_hit(requester)
    deadline = time.monotonic() + 10
    while site.database["outbox"].count_documents({}):
        assert time.monotonic() < deadline, "it is still there"
    assert receiver.box(address).empty()


def test_doubled_notifications_are_the_same_twice(serve, receiver):
    _, requester, address = told(serve, receiver, "double=1")
    post_hit(requester)
    first, second = receiver.take(address, 2)
    assert first.body == second.body


def test_reordered_notifications_come_later(serve, receiver):
    site, requester, address = told(serve, receiver, "reorder=0.5,seed=1")
    posted = [post_hit(requester) for _ in range(8)]
    order = [arrived.event["HITId"] for arrived in receiver.take(address, 2)]  # This seed lets some through at once.
    while len(order) < 8:
        site.clock.move(seconds=31)
        hit_id = receiver.take(address)[0].event["HITId"]
        if hit_id not in order:  # The clock runs so fast that one may be sent again while it is under way.
            order.append(hit_id)
    assert sorted(order) == sorted(posted)
    assert order != posted


def test_everybody_sees_that_it_is_on(serve, odd, site, caplog):
    with caplog.at_level(logging.WARNING, "workers.turk.app"):
        loud = serve(chaos="lose=0.1")
    assert any("CHAOS IS ON" in record.message for record in caplog.records)
    assert "on purpose (lose=0.1)" in httpx.get(loud.url).text
    assert "on purpose" in odd.worker().http.get("/earnings").text
    assert "on purpose" not in httpx.get(site.url).text


@pytest.mark.parametrize(
    "text",
    [
        "explode=1",
        "throttle=often",
        "throttle=1.5",
        "lose=-1",
        "lose",
        "lose=nan",
        "reuse_assignment_ids=1",
        "dice=1",
        "seed=x",
    ],
)
def test_impossible_switches_are_refused(text):
    with pytest.raises(SettingsError, match="chaos"):
        TurkSettings(mongodb_uri="mongodb://127.0.0.1", secret=SECRET, chaos=text)


def test_the_seed_fixes_the_dice():
    first, again, other = (read_chaos(f"lose=0.5,seed={seed}") for seed in (7, 7, 8))
    throws = [[chaos.happens("lose") for _ in range(64)] for chaos in (first, again, other)]
    assert throws[0] == throws[1] != throws[2]
    assert read_chaos("") == CALM
    assert not CALM.happens("lose")
