"""Every operation through the unmodified boto3 client: good input, bad input, pages, tokens, tenants."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.loaders import Loader

from tests.turk.served import (
    NAMESPACE,
    balance,
    counters,
    external_question,
    hit,
    hit_type_values,
    post_hit,
    refused,
    signed,
)
from workers.turk.operations.registry import OPERATIONS

MODEL = Loader().load_service_model("mturk", "service-2")
INVALID = "InvalidParameterValue"


def raw(site, operation, body, **headers):
    """A call that boto3 would not send."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return signed(site, operation, content, **headers)


def test_hit_types_are_equal_when_their_values_are(requester):
    first = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    assert requester.create_hit_type(**hit_type_values())["HITTypeId"] == first
    assert requester.create_hit_type(**hit_type_values(Reward="0.51"))["HITTypeId"] != first
    explicit = hit_type_values(AutoApprovalDelayInSeconds=2_592_000, Reward="0.5")
    assert requester.create_hit_type(**explicit)["HITTypeId"] == first, "defaults written out are the same values"


@pytest.mark.parametrize(
    "change",
    [
        {"Reward": "-1"},
        {"Reward": "1.234"},
        {"Reward": "1,5"},
        {"Reward": ""},
        {"Reward": "0.05\n"},
        {"Reward": "9" * 30},
        {"Reward": "٣"},
        {"AssignmentDurationInSeconds": 29},
        {"AssignmentDurationInSeconds": 31_536_001},
        {"AutoApprovalDelayInSeconds": -1},
        {"AutoApprovalDelayInSeconds": 2_592_001},
        {"Title": "x" * 129},
        {"Title": "  "},
        {"Description": "x" * 2_001},
        {"Keywords": "x" * 1_001},
    ],
)
def test_hit_types_that_are_refused(requester, change):
    with refused(requester, INVALID):
        requester.create_hit_type(**hit_type_values(**change))


def test_a_hit_of_a_type(site, requester):
    type_id = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    made = requester.create_hit_with_hit_type(
        HITTypeId=type_id,
        LifetimeInSeconds=3600,
        MaxAssignments=3,
        Question=external_question(),
        RequesterAnnotation="round 7, task 12",
    )["HIT"]
    found = hit(requester, made["HITId"])
    assert found == made
    assert found["HITTypeId"] == type_id and found["HITStatus"] == "Assignable"
    assert found["Title"] == "Does this image show a 3?" and found["Reward"] == "0.50"
    assert found["MaxAssignments"] == 3 and found["RequesterAnnotation"] == "round 7, task 12"
    assert found["Question"] == external_question() and found["HITReviewStatus"] == "NotReviewed"
    assert (found["Expiration"] - found["CreationTime"]).total_seconds() == 3600
    assert abs((found["CreationTime"] - site.clock()).total_seconds()) < 5
    direct = hit(requester, post_hit(requester))
    assert (direct["HITTypeId"], direct["HITGroupId"]) == (type_id, found["HITGroupId"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"LifetimeInSeconds": 29}, INVALID),
        ({"LifetimeInSeconds": 31_536_001}, INVALID),
        ({"LifetimeInSeconds": 2**62}, INVALID),
        ({"MaxAssignments": 0}, INVALID),
        ({"MaxAssignments": 1_000_000_001}, INVALID),
        ({"MaxAssignments": 1_000_000_000}, "InsufficientFunds"),
        ({"Reward": "99999"}, "InsufficientFunds"),
        ({"RequesterAnnotation": "x" * 256}, INVALID),
        ({"UniqueRequestToken": "x" * 65}, INVALID),
        ({"HITReviewPolicy": {"PolicyName": "SimplePlurality/2011-09-01"}}, INVALID),
        ({"HITLayoutId": "3ABC"}, INVALID),
        ({"Question": "x"}, "XMLParseError"),
        ({"Question": "<a/>"}, "XMLParseError"),
        ({"Question": f'<ExternalQuestion xmlns="{NAMESPACE}"/>'}, "XMLParseError"),
        ({"Question": "<ExternalQuestion><ExternalURL>https://a.b</ExternalURL></ExternalQuestion>"}, "XMLParseError"),
        ({"Question": '<!DOCTYPE q [<!ENTITY a "b">]>' + external_question()}, "XMLParseError"),
        ({"Question": external_question("https://example.org/" + "x" * 65_535)}, INVALID),
        ({"Question": external_question("http://example.org/task")}, INVALID),
        ({"Question": external_question("javascript:alert(1)")}, INVALID),
        ({"Question": external_question("https://user:word@example.org/")}, INVALID),
        ({"Question": external_question("https://example.org; script-src *")}, INVALID),
        ({"Question": external_question("https://[/")}, INVALID),
        ({"Question": external_question(height="tall")}, INVALID),
    ],
)
def test_hits_that_are_refused_leave_nothing(requester, change, code):
    with refused(requester, code):
        post_hit(requester, **change)
    assert requester.list_hits()["NumResults"] == 0
    assert balance(requester) == ("10000.00", "0.00")


def test_question_on_the_marketplaces_own_address_is_refused(site, requester):
    with refused(requester, INVALID):
        post_hit(requester, Question=external_question(f"{site.url}/earnings"))
    assert post_hit(requester, Question=external_question("http://127.0.0.1:9/task"))
    with refused(requester, INVALID):
        requester.create_hit(**hit_type_values(LifetimeInSeconds=60))
    with refused(requester, "HITTypeDoesNotExist"):
        requester.create_hit_with_hit_type(HITTypeId="3NOPE", LifetimeInSeconds=60, Question=external_question())


def test_pages_of_hits(requester):
    made = [post_hit(requester, Reward="0.01") for _ in range(7)]
    pages = list(requester.get_paginator("list_hits").paginate(PaginationConfig={"PageSize": 3}))
    assert [page["NumResults"] for page in pages] == [3, 3, 1]
    assert [h["HITId"] for page in pages for h in page["HITs"]] == made
    for token in ("nonsense", "ü" * 10, "x" * 256):
        with refused(requester, INVALID):
            requester.list_hits(NextToken=token)
    with refused(requester, INVALID):
        requester.list_hits(MaxResults=101)


def test_pages_of_assignments(site, requester):
    hit_id = post_hit(requester, 5)
    people = [site.worker() for _ in range(5)]
    done = [(person, person.accept(hit_id)) for person in people]
    for person, assignment_id in reversed(done):
        person.submit(assignment_id)
    paginator = requester.get_paginator("list_assignments_for_hit")
    pages = list(paginator.paginate(HITId=hit_id, PaginationConfig={"PageSize": 2}))
    assert [page["NumResults"] for page in pages] == [2, 2, 1]
    assert [a["AssignmentId"] for page in pages for a in page["Assignments"]] == [i for _, i in reversed(done)]
    requester.approve_assignment(AssignmentId=done[0][1])
    requester.reject_assignment(AssignmentId=done[1][1], RequesterFeedback="no")

    def listed(*states: str) -> int:
        return int(requester.list_assignments_for_hit(HITId=hit_id, AssignmentStatuses=states)["NumResults"])

    assert [listed("Approved"), listed("Rejected"), listed("Submitted"), listed("Approved", "Rejected")] == [1, 1, 3, 2]
    with refused(requester, INVALID):
        listed("InProgress")
    assert requester.list_reviewable_hits(HITTypeId=hit(requester, hit_id)["HITTypeId"])["NumResults"] == 1
    assert requester.list_reviewable_hits(HITTypeId="3OTHER")["NumResults"] == 0
    with refused(requester, INVALID):
        requester.list_reviewable_hits(Status="Assignable")


def test_more_assignments(requester):
    hit_id = post_hit(requester, 2)
    requester.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=7)
    assert counters(requester, hit_id)[0] == 9
    with refused(requester, "InvalidMaximumAssignmentsIncrease"):
        requester.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=1)
    for number in (0, -1):
        with refused(requester, INVALID):
            requester.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=number)
    large = post_hit(requester, 10)
    requester.create_additional_assignments_for_hit(HITId=large, NumberOfAdditionalAssignments=90)
    assert counters(requester, large)[0] == 100
    with refused(requester, "InsufficientFunds"):
        requester.create_additional_assignments_for_hit(HITId=large, NumberOfAdditionalAssignments=100_000)
    assert counters(requester, large)[0] == 100


def test_moving_the_expiration(site, requester):
    hit_id = post_hit(requester, 2, LifetimeInSeconds=3600)
    later = (site.clock() + timedelta(hours=5)).replace(microsecond=0)
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=later)
    assert hit(requester, hit_id)["Expiration"] == later
    with refused(requester, INVALID):
        requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=site.clock() + timedelta(hours=1))
    with refused(requester, INVALID):
        requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=site.clock() + timedelta(days=366))
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=datetime(2015, 1, 1, tzinfo=UTC))
    expired = hit(requester, hit_id)
    assert expired["HITStatus"] == "Reviewable" and expired["Expiration"] <= site.clock()
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=0)
    assert hit(requester, hit_id) == expired, "expiring twice changes nothing"


def test_feedback(site, requester):
    worker, hit_id = site.worker(), post_hit(requester)
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id)
    for feedback in ("", "   ", "x" * 1_025, "bell\x07"):
        with refused(requester, INVALID):
            requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback=feedback)
    with refused(requester, INVALID):
        requester.approve_assignment(AssignmentId=assignment_id, RequesterFeedback="x" * 1_025)
    requester.approve_assignment(AssignmentId=assignment_id, RequesterFeedback="well\ndone")
    assert requester.get_assignment(AssignmentId=assignment_id)["Assignment"]["RequesterFeedback"] == "well\ndone"


def test_bonuses(site, requester):
    worker, hit_id = site.worker(), post_hit(requester, 2)
    assignment_id = worker.accept(hit_id)
    bonus = {"WorkerId": worker.id, "AssignmentId": assignment_id, "BonusAmount": "1.00", "Reason": "careful"}
    with refused(requester, "InvalidAssignmentState"):
        requester.send_bonus(**bonus)
    worker.submit(assignment_id)
    for i in range(3):
        requester.send_bonus(**{**bonus, "Reason": f"careful {i}"})
    for change, code in (
        ({"BonusAmount": "0"}, INVALID),
        ({"BonusAmount": "0.005"}, INVALID),
        ({"Reason": " "}, INVALID),
        ({"BonusAmount": "9999"}, "InsufficientFunds"),
        ({"WorkerId": site.worker().id}, "PermissionDeniedException"),
        ({"WorkerId": "B123"}, INVALID),
        ({"AssignmentId": "NOPE"}, "AssignmentDoesNotExist"),
    ):
        with refused(requester, code):
            requester.send_bonus(**{**bonus, **change})
    pages = list(
        requester.get_paginator("list_bonus_payments").paginate(HITId=hit_id, PaginationConfig={"PageSize": 2})
    )
    payments = [payment for page in pages for payment in page["BonusPayments"]]
    assert [payment["Reason"] for payment in payments] == ["careful 0", "careful 1", "careful 2"]
    assert payments[0]["BonusAmount"] == "1.00" and payments[0]["WorkerId"] == worker.id
    assert requester.list_bonus_payments(AssignmentId=assignment_id)["NumResults"] == 3
    for both in ({}, {"HITId": hit_id, "AssignmentId": assignment_id}):
        with refused(requester, INVALID):
            requester.list_bonus_payments(**both)
    assert balance(requester) == ("9995.20", "1.20")


def test_a_bonus_for_work_that_ran_out_of_time_but_not_for_what_was_given_back(serve):
    site = serve()
    requester, late, gone = site.requester(), site.worker(), site.worker()
    hit_id = post_hit(requester, 2)
    kept, returned = late.accept(hit_id), gone.accept(hit_id)
    gone.give_back(returned)
    bonus = {"BonusAmount": "0.10", "Reason": "80 of 150 images"}
    site.clock.move(seconds=700)
    requester.send_bonus(WorkerId=late.id, AssignmentId=kept, **bonus)
    assert requester.list_bonus_payments(AssignmentId=kept)["NumResults"] == 1
    with refused(requester, "AssignmentDoesNotExist"):
        requester.send_bonus(WorkerId=gone.id, AssignmentId=returned, **bonus)
    with refused(requester, "PermissionDeniedException"):
        requester.send_bonus(WorkerId=gone.id, AssignmentId=kept, **bonus)


def test_request_tokens_hold_for_24_hours(site, requester):
    first = post_hit(requester, UniqueRequestToken="t-1")
    with refused(requester, "HitAlreadyExists") as answer:
        post_hit(requester, UniqueRequestToken="t-1", Reward="9999")
    assert first in answer.message
    type_id = requester.create_hit_type(**hit_type_values())["HITTypeId"]
    typed = {"HITTypeId": type_id, "LifetimeInSeconds": 3600, "Question": external_question()}
    requester.create_hit_with_hit_type(**typed, UniqueRequestToken="t-1")
    with refused(requester, "HitAlreadyExists"):
        requester.create_hit_with_hit_type(**typed, UniqueRequestToken="t-1")
    assert post_hit(site.requester(), UniqueRequestToken="t-1"), "another tenant's tokens are others"
    with refused(requester, "InsufficientFunds"):
        post_hit(requester, Reward="9999", UniqueRequestToken="t-2")
    assert post_hit(requester, UniqueRequestToken="t-2"), "a refused call does not use its token up"
    site.clock.move(hours=24, seconds=1)
    assert post_hit(requester, UniqueRequestToken="t-1") != first


def test_request_tokens_of_bonus_and_extension(site, requester):
    worker, hit_id = site.worker(), post_hit(requester, 2)
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id)
    bonus = {"WorkerId": worker.id, "AssignmentId": assignment_id, "BonusAmount": "1.00", "Reason": "careful"}
    sent = requester.send_bonus(**bonus, UniqueRequestToken="b")
    with refused(requester, "DuplicateRequest") as answer:
        requester.send_bonus(**bonus, UniqueRequestToken="b")
    assert sent["ResponseMetadata"]["RequestId"] in answer.message
    assert requester.list_bonus_payments(HITId=hit_id)["NumResults"] == 1
    extension = {"HITId": hit_id, "NumberOfAdditionalAssignments": 1, "UniqueRequestToken": "b"}
    requester.create_additional_assignments_for_hit(**extension)
    with refused(requester, "DuplicateRequest"):
        requester.create_additional_assignments_for_hit(**extension)
    assert hit(requester, hit_id)["MaxAssignments"] == 3


def test_tenants_do_not_see_each_other(site, requester):
    other, worker = site.requester(), site.worker()
    hit_id = post_hit(requester)
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id)
    for call in (
        lambda: other.get_hit(HITId=hit_id),
        lambda: other.list_assignments_for_hit(HITId=hit_id),
        lambda: other.delete_hit(HITId=hit_id),
        lambda: other.update_expiration_for_hit(HITId=hit_id, ExpireAt=0),
        lambda: other.update_hit_review_status(HITId=hit_id),
        lambda: other.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=1),
        lambda: other.list_bonus_payments(HITId=hit_id),
    ):
        with refused(other, "HITDoesNotExist"):
            call()
    for call in (
        lambda: other.get_assignment(AssignmentId=assignment_id),
        lambda: other.approve_assignment(AssignmentId=assignment_id),
        lambda: other.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="x"),
        lambda: other.list_bonus_payments(AssignmentId=assignment_id),
        lambda: other.send_bonus(WorkerId=worker.id, AssignmentId=assignment_id, BonusAmount="1", Reason="x"),
    ):
        with refused(other, "AssignmentDoesNotExist"):
            call()
    assert other.list_hits()["HITs"] == [] and other.list_reviewable_hits()["HITs"] == []
    type_id = hit(requester, hit_id)["HITTypeId"]
    with refused(other, "HITTypeDoesNotExist"):
        other.create_hit_with_hit_type(HITTypeId=type_id, LifetimeInSeconds=60, Question=external_question())
    assert balance(other) == ("10000.00", "0.00")


def test_what_does_not_exist(requester):
    with refused(requester, "HITDoesNotExist") as answer:
        requester.get_hit(HITId="3NOPE")
    assert answer.message.startswith("Hit 3NOPE does not exist. (")
    with refused(requester, "AssignmentDoesNotExist") as answer:
        requester.get_assignment(AssignmentId="3NOPE")
    assert answer.message.startswith("Assignment 3NOPE does not exist. (")
    for identifier in ("lower", "3NOPE\n", "X" * 65, "A-B"):
        with refused(requester, INVALID):
            requester.get_hit(HITId=identifier)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"[" * 100_000, b"null", b'{"HITId": 7, "Reward": {}}'])
def test_nonsense_is_refused_or_answered(site, operation, body):
    reply = raw(site, operation, body)
    free = {"GetAccountBalance", "ListHITs", "ListQualificationRequests", "ListReviewableHITs", "ListWorkerBlocks"}
    harmless = body == b"" and operation in free
    tolerated = body == b'{"HITId": 7, "Reward": {}}' and operation in free
    assert reply.status_code == (200 if harmless or tolerated else 400), reply.text
    assert "x-amzn-requestid" in reply.headers


def test_a_program_that_only_has_the_address_in_its_environment(site, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_MTURK", site.url)
    key, secret = site.key("FROMENVIRONMENT")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    client = boto3.Session(region_name="us-east-1").client("mturk")
    assert client.get_account_balance()["AvailableBalance"] == "10000.00"


def test_calls_that_are_no_calls(site):
    target = "MTurkRequesterServiceV20170117."
    assert raw(site, "GetHIT", {}, authorization="").json()["TurkErrorCode"] == "AWS.BadCredentialSupplied"
    assert raw(site, "GetHIT", {}, authorization="Basic x").status_code == 400
    for name in ("Other.GetHIT", target + "Nope", target, ""):
        assert raw(site, "", {}, **{"x-amz-target": name}).status_code == 400
    assert raw(site, "GetHIT", b" " * (2 << 20)).json()["Message"].startswith("The request is larger than")


@pytest.mark.parametrize("when", [1e300, -1e300, True, "soon", [], 1e18, float("nan")])
def test_times_that_are_none(site, when):
    reply = raw(site, "UpdateExpirationForHIT", {"HITId": "X", "ExpireAt": when})
    assert reply.json()["TurkErrorCode"] == "AWS.MechanicalTurk.InvalidParameterValue"
