"""Who hears what: settings of HIT types, the events of every move, and what an event says."""

import re

import pytest

from tests.turk.receivers import notification
from tests.turk.served import external_question, hit_type_values, refused

EVERYTHING = (
    *("AssignmentAccepted", "AssignmentAbandoned", "AssignmentReturned", "AssignmentSubmitted", "AssignmentRejected"),
    *("AssignmentApproved", "HITCreated", "HITExpired", "HITReviewable", "HITExtended", "HITDisposed"),
)


@pytest.fixture
def told(requester, receiver):
    """A HIT type that tells everything, and the address that hears it."""
    address = receiver.address()
    kind = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    requester.update_notification_settings(HITTypeId=kind, Notification=notification(address, *EVERYTHING))
    return kind, address


def post(requester, kind, count=1):
    values = {"LifetimeInSeconds": 3600, "MaxAssignments": count, "Question": external_question()}
    return requester.create_hit_with_hit_type(HITTypeId=kind, **values)["HIT"]["HITId"]


def heard(receiver, address, count):
    return sorted(arrived.event["EventType"] for arrived in receiver.take(address, count))


def test_a_hit_from_creation_to_deletion(site, requester, receiver, told):
    kind, address = told
    hit_id = post(requester, kind)
    first = receiver.take(address)[0]
    assert first.document["EventDocVersion"] == "2014-08-15"
    assert first.event["HITId"] == hit_id
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first.event["EventTimestamp"])
    worker = site.worker()
    assignment_id = worker.accept(hit_id)
    (accepted,) = receiver.take(address)
    assert accepted.event | {"EventTimestamp": ""} == {
        "EventType": "AssignmentAccepted",
        "EventTimestamp": "",
        "HITGroupId": requester.get_hit(HITId=hit_id)["HIT"]["HITGroupId"],
        "HITId": hit_id,
        "HITTypeId": kind,
        "AssignmentId": assignment_id,
        "WorkerId": worker.id,
    }
    worker.submit(assignment_id)
    worker.submit(assignment_id)  # A repeat changes nothing, so it tells nothing.
    assert heard(receiver, address, 2) == ["AssignmentSubmitted", "HITReviewable"]
    requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="no")
    requester.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True)
    requester.delete_hit(HITId=hit_id)
    assert heard(receiver, address, 3) == ["AssignmentApproved", "AssignmentRejected", "HITDisposed"]
    assert receiver.box(address).empty()


def test_what_time_does(site, requester, receiver, told):
    kind, address = told
    hit_id = post(requester, kind, 2)
    site.worker().give_back(site.worker().accept(hit_id))  # Not his own: it stays, and is abandoned below.
    worker = site.worker()
    worker.give_back(worker.accept(hit_id))
    assert heard(receiver, address, 4) == [
        *("AssignmentAccepted", "AssignmentAccepted", "AssignmentReturned", "HITCreated"),
    ]
    site.clock.move(seconds=3601)
    requester.get_hit(HITId=hit_id)
    told_late = heard(receiver, address, 3)
    assert told_late == ["AssignmentAbandoned", "HITExpired", "HITReviewable"]
    requester.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=1)
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=site.clock().timestamp() + 3600)
    assert heard(receiver, address, 2) == ["HITExtended", "HITExtended"]


def test_only_what_was_asked_for_while_it_is_active(site, requester, receiver):
    address = receiver.address()
    kind = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    with refused(requester, "InvalidParameterValue"):
        requester.update_notification_settings(HITTypeId=kind, Active=True)
    with refused(requester, "InvalidParameterValue"):
        requester.update_notification_settings(HITTypeId=kind)
    settings = notification(address, "HITCreated")
    requester.update_notification_settings(HITTypeId=kind, Notification=settings, Active=False)
    post(requester, kind)
    assert site.database["outbox"].count_documents({"destination": address}) == 0
    requester.update_notification_settings(HITTypeId=kind, Active=True)
    hit_id = post(requester, kind)
    site.worker().accept(hit_id)
    assert receiver.take(address)[0].event["HITId"] == hit_id
    requester.update_notification_settings(HITTypeId=kind, Active=False)
    # A new specification leaves the switch as it is.
    requester.update_notification_settings(HITTypeId=kind, Notification=settings)
    post(requester, kind)
    assert site.database["outbox"].count_documents({"destination": address}) == 0
    assert receiver.box(address).empty()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Transport": "Email", "Destination": "me@example.org"}, "InvalidTransportEndpoint"),
        ({"Transport": "SQS", "Destination": "https://example.org/queue"}, "InvalidTransportEndpoint"),
        ({"Transport": "SQS", "Destination": "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"}, None),
        ({"Destination": "arn:aws:sqs:us-east-1:123456789012:x"}, "InvalidTransportEndpoint"),
        ({"Destination": "https://me:secret@example.org/"}, "InvalidTransportEndpoint"),
        ({"Destination": "https://"}, "InvalidTransportEndpoint"),
        ({"Destination": "https://exa mple.org:many/"}, "InvalidTransportEndpoint"),
        ({"Version": "2020-01-01"}, "InvalidParameterValue"),
        ({"EventTypes": []}, "InvalidParameterValue"),
        ({"EventTypes": ["Ping"]}, "InvalidParameterValue"),
        ({"EventTypes": ["HITEaten"]}, "InvalidParameterValue"),
    ],
)
def test_settings_that_cannot_be_kept(requester, changes, code):
    kind = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    specification = {**notification("https://example.org/hook"), **changes}
    with refused(requester, code or "InvalidTransportEndpoint"):
        requester.update_notification_settings(HITTypeId=kind, Notification=specification)


def test_another_tenants_hit_type(site, requester):
    kind = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    stranger = site.requester()
    with refused(stranger, "HITTypeDoesNotExist"):
        stranger.update_notification_settings(HITTypeId=kind, Notification=notification("https://example.org/"))
