"""Made from botocore's service model: good and bad values for every operation that is answered, sent by boto3.

The client is unmodified; its own look at parameters is switched off by its own setting, so that bad ones are sent.
"""

from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config

from tests.turk.receivers import Receiver, notification
from tests.turk.served import external_question, hit_type_values, post_hit, refused
from workers.turk.model import operation_names, service_model
from workers.turk.operations.registry import OPERATIONS

INVALID = "InvalidParameterValue"
CODES = {
    "HITId": "HITDoesNotExist",
    "AssignmentId": "AssignmentDoesNotExist",
    "QualificationTypeId": "QualificationTypeDoesNotExist",
    "QualificationRequestId": "QualificationRequestDoesNotExist",
}
"""What names a thing of a requester's, and the answer to another requester."""

OF_EVERYBODY = {"GetQualificationType", "ListHITsForQualificationType"}
"""A qualification type may be looked at and asked for by every requester."""


def values_of(site: Any, requester: Any, receiver: Receiver) -> dict[str, Any]:
    """One good value for each member that operations ask for, of things that exist."""
    hit_id = post_hit(requester, 2)
    worker = site.worker()
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id)
    return {
        **hit_type_values(),
        "HITId": hit_id,
        "AssignmentId": assignment_id,
        "WorkerId": worker.id,
        "WorkerIds": [worker.id],
        "HITTypeId": requester.get_hit(HITId=hit_id)["HIT"]["HITTypeId"],
        "LifetimeInSeconds": 3600,
        "Question": external_question(),
        "RequesterFeedback": "thank you",
        "NumberOfAdditionalAssignments": 1,
        "ExpireAt": 0,
        "BonusAmount": "0.10",
        "Reason": "careful",
        "Subject": "hello",
        "MessageText": "hello",
        **qualification_values(requester, worker),
        "Notification": notification(receiver.url + "/hook"),
        "TestEventType": "Ping",
        "QuestionIdentifier": "receipt",
    }


def qualification_values(requester: Any, worker: Any) -> dict[str, Any]:
    """A qualification type that one worker has and another has asked for."""
    values = {"Name": "known", "Description": "x", "QualificationTypeStatus": "Active"}
    kind = requester.create_qualification_type(**values)["QualificationType"]["QualificationTypeId"]
    worker.http.post(f"/qualifications/{kind}/ask", data={"csrf": worker.csrf})
    requester.associate_qualification_with_worker(QualificationTypeId=kind, WorkerId=worker.id)
    asking = worker.site.worker()
    asking.http.post(f"/qualifications/{kind}/ask", data={"csrf": asking.csrf})
    request = requester.list_qualification_requests()["QualificationRequests"][0]["QualificationRequestId"]
    return {
        "QualificationTypeId": kind,
        "QualificationRequestId": request,
        "Name": "new",
        "QualificationTypeStatus": "Active",
        "MustBeRequestable": True,
    }


def members(operation: str) -> dict[str, Any]:
    shape = service_model().operation_model(operation).input_shape
    return dict(shape.members) if shape is not None else {}


def bad_values(operation: str) -> list[Any]:
    """(operation, member, what is wrong, value): one for each rule that the model has for the member."""
    cases: list[Any] = []
    required = service_model().operation_model(operation).input_shape.required_members
    for name, shape in members(operation).items():
        wrong: dict[str, Any] = {}
        if name in required:
            wrong["missing"] = None
        if shape.type_name == "string":
            wrong |= {"a number": 7, "a truth value": True, "a list": ["x"]}
            if shape.metadata.get("pattern"):
                wrong |= {"pattern": "a b!", "newline": "A1\n", "empty": ""}
            if shape.enum:
                wrong["enum"] = "NoSuchWord"
            if "max" in shape.metadata:
                wrong["too long"] = "A" * (shape.metadata["max"] + 1)
        if shape.type_name in {"integer", "long"}:
            wrong |= {"a text": "many", "a truth value": True, "too large": 1 << 70}
            if "min" in shape.metadata:
                wrong["too small"] = shape.metadata["min"] - 1
            if "max" in shape.metadata:
                wrong["above the largest"] = shape.metadata["max"] + 1
        if shape.type_name == "boolean":
            wrong |= {"a text": "yes", "a number": 1}
        if shape.type_name == "list" and shape.member.type_name == "string":
            wrong["of numbers"] = [7]
        cases += [pytest.param(operation, name, bad, id=f"{operation}-{name}-{what}") for what, bad in wrong.items()]
    return cases


BAD = [case for operation in sorted(OPERATIONS) for case in bad_values(operation)]


@pytest.fixture(scope="module")
def tenant(site):
    return site.requester("CONFORMANCE")


@pytest.fixture(scope="module")
def good(site, tenant, receiver):
    return values_of(site, tenant, receiver)


@pytest.fixture(scope="module")
def loose(site, tenant):
    """The same client with its own checks of parameters off."""
    known = tenant._get_credentials()
    return boto3.client(
        "mturk",
        endpoint_url=site.url,
        region_name="us-east-1",
        aws_access_key_id=known.access_key,
        aws_secret_access_key=known.secret_key,
        config=Config(parameter_validation=False, retries={"max_attempts": 0}),
    )


def needed(operation: str, values: dict[str, Any]) -> dict[str, Any]:
    """What the operation cannot do without: the model's required members and those that only the reference names."""
    asked = set(service_model().operation_model(operation).input_shape.required_members)
    asked |= {"CreateHIT": {"Question"}, "CreateHITWithHITType": {"Question"}}.get(operation, set())
    asked |= {"ListBonusPayments": {"HITId"}, "UpdateNotificationSettings": {"Notification"}}.get(operation, set())
    return {name: values[name] for name in asked}


@pytest.mark.parametrize(("operation", "name", "bad"), BAD)
def test_a_bad_value_is_refused(loose, good, operation, name, bad):
    parameters = {**needed(operation, good), name: bad}
    if bad is None:
        del parameters[name]
    with refused(loose, INVALID) as answer:
        getattr(loose, xform_name(operation))(**parameters)
    assert name in answer.message


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - {"GetFileUploadURL"}))
def test_good_values_are_taken(site, receiver, operation):
    requester = site.requester()
    values = values_of(site, requester, receiver)
    if operation == "DeleteHIT":
        requester.update_expiration_for_hit(HITId=values["HITId"], ExpireAt=0)
        requester.approve_assignment(AssignmentId=values["AssignmentId"])
    if operation == "UpdateHITReviewStatus":
        requester.update_expiration_for_hit(HITId=values["HITId"], ExpireAt=0)
    reply = getattr(requester, xform_name(operation))(**needed(operation, values))
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    "operation",
    sorted(
        o
        for o in set(OPERATIONS) - OF_EVERYBODY
        if set(CODES) & set(needed(o, {"HITId": 1} | dict.fromkeys(members(o), 1)))
    ),
)
def test_another_tenants_things_do_not_exist(site, good, operation):
    stranger = site.requester()
    own = stranger.create_hit_type(**hit_type_values(Title="mine"))["HITTypeId"]
    parameters = needed(operation, {**good, "HITTypeId": own})
    code = next(code for name, code in CODES.items() if name in parameters)
    with refused(stranger, code):
        getattr(stranger, xform_name(operation))(**parameters)


def test_no_question_has_a_file(tenant, good):
    with refused(tenant, INVALID) as answer:
        tenant.get_file_upload_url(AssignmentId=good["AssignmentId"], QuestionIdentifier="receipt")
    assert "FileUploadAnswer" in answer.message


def test_there_are_at_least_300_cases():
    assert len(BAD) + len(OPERATIONS) >= 300, len(BAD)


def test_every_operation_of_the_model_is_answered():
    assert set(OPERATIONS) == operation_names()
    assert len(OPERATIONS) == 39
