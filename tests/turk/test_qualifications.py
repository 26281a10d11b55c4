"""Qualifications through the unmodified boto3 client and the workers' site."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.turk.forms import answer_key, form, free_text, key_question, option, question, selection
from tests.turk.served import post_hit, refused

INVALID = "InvalidParameterValue"
TEST = form(question("animal", selection("cat", "dog")))
KEY = answer_key(key_question("animal", option(7, "cat")))


def make(client, **changes):
    """A qualification type; gives its id."""
    values = {"Name": "Careful", "Description": "Works carefully.", "QualificationTypeStatus": "Active", **changes}
    return client.create_qualification_type(**values)["QualificationType"]["QualificationTypeId"]


def ask(worker, kind):
    return worker.http.post(f"/qualifications/{kind}/ask", data={"csrf": worker.csrf})


def page(worker, kind):
    return worker.http.get(f"/qualifications/{kind}").text


def score(client, kind, worker):
    return client.get_qualification_score(QualificationTypeId=kind, WorkerId=worker.id)["Qualification"]


def test_a_type_is_made_read_changed_and_found(site, requester):
    other = site.requester()
    kind = make(requester, Keywords="unusual zebra", RetryDelayInSeconds=60)
    made = requester.get_qualification_type(QualificationTypeId=kind)["QualificationType"]
    assert (made["Name"], made["Keywords"], made["IsRequestable"]) == ("Careful", "unusual zebra", True)
    assert (made["AutoGranted"], made["RetryDelayInSeconds"]) == (False, 60)
    changed = requester.update_qualification_type(QualificationTypeId=kind, Description="Works fast.")
    assert changed["QualificationType"]["Description"] == "Works fast."
    assert changed["QualificationType"]["RetryDelayInSeconds"] == 60
    found = other.list_qualification_types(MustBeRequestable=True, Query="fast ZEBRA")["QualificationTypes"]
    assert [one["QualificationTypeId"] for one in found] == [kind]
    assert not other.list_qualification_types(MustBeRequestable=True, MustBeOwnedByCaller=True)["QualificationTypes"]
    requester.update_qualification_type(QualificationTypeId=kind, QualificationTypeStatus="Inactive")
    assert not other.list_qualification_types(MustBeRequestable=True, Query="zebra")["QualificationTypes"]
    with refused(other, "QualificationTypeDoesNotExist"):
        other.update_qualification_type(QualificationTypeId=kind, Description="mine now")
    masters = other.list_qualification_types(MustBeRequestable=False, Query="masters")["QualificationTypes"]
    assert [one["IsRequestable"] for one in masters] == [False, False]


def test_every_page_of_types(requester):
    kinds = [make(requester, Name=f"type {number}") for number in range(5)]
    asked = requester.get_paginator("list_qualification_types").paginate(
        MustBeRequestable=False, MustBeOwnedByCaller=True, PaginationConfig={"PageSize": 2}
    )
    assert [one["QualificationTypeId"] for reply in asked for one in reply["QualificationTypes"]] == kinds
    everything = requester.get_paginator("list_qualification_types").paginate(
        MustBeRequestable=False, Query="submissions", PaginationConfig={"PageSize": 1}
    )
    assert len([one for reply in everything for one in reply["QualificationTypes"]]) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"Name": "  "},
        {"Name": "x" * 201},
        {"Description": "x" * 2_001},
        {"RetryDelayInSeconds": -1},
        {"Test": TEST},
        {"Test": TEST, "TestDurationInSeconds": 60, "AutoGranted": True},
        {"AnswerKey": KEY},
        {"Test": form(question("name", free_text())), "TestDurationInSeconds": 60, "AnswerKey": KEY},
    ],
)
def test_types_that_are_refused(requester, change):
    with refused(requester, INVALID):
        make(requester, **change)


def test_a_test_must_be_a_question_form(requester):
    with refused(requester, "XMLParseError"):
        make(requester, Test="<QuestionForm/>", TestDurationInSeconds=60)


def test_a_name_is_a_requesters_only_once_and_free_again_when_no_hit_needs_its_type(site, requester):
    kind = make(requester)
    make(site.requester())
    with refused(requester, "QualificationTypeAlreadyExists"):
        make(requester)
    worker = site.worker()
    assert ask(worker, kind).status_code == 303
    (waiting,) = requester.list_qualification_requests()["QualificationRequests"]
    for _ in range(2):
        requester.delete_qualification_type(QualificationTypeId=kind)
    assert not requester.list_qualification_requests()["QualificationRequests"]
    with refused(requester, "InvalidQualificationRequestState"):
        requester.accept_qualification_request(QualificationRequestId=waiting["QualificationRequestId"])
    with refused(requester, "QualificationTypeDoesNotExist"):
        requester.get_qualification_type(QualificationTypeId=kind)
    assert worker.http.get(f"/qualifications/{kind}").status_code == 404
    again = make(requester)
    assert again != kind
    asked = [{"QualificationTypeId": again, "Comparator": "Exists"}]
    hit_id = post_hit(requester, QualificationRequirements=asked)
    requester.delete_qualification_type(QualificationTypeId=again)
    with refused(requester, "QualificationTypeAlreadyExists"):
        make(requester)
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=0)
    requester.delete_hit(HITId=hit_id)
    make(requester)


def test_given_changed_taken_back(site, requester):
    kind, worker = make(requester), site.worker()
    with refused(requester, "QualificationDoesNotExist"):
        score(requester, kind, worker)
    with refused(requester, "QualificationDoesNotExist"):
        requester.disassociate_qualification_from_worker(QualificationTypeId=kind, WorkerId=worker.id)
    requester.associate_qualification_with_worker(QualificationTypeId=kind, WorkerId=worker.id)
    assert (score(requester, kind, worker)["IntegerValue"], score(requester, kind, worker)["Status"]) == (1, "Granted")
    requester.associate_qualification_with_worker(
        QualificationTypeId=kind, WorkerId=worker.id, IntegerValue=-3, SendNotification=False
    )
    (held,) = requester.list_workers_with_qualification_type(QualificationTypeId=kind)["Qualifications"]
    assert (held["WorkerId"], held["IntegerValue"]) == (worker.id, -3)
    assert "value -3" in page(worker, kind)
    requester.disassociate_qualification_from_worker(
        QualificationTypeId=kind, WorkerId=worker.id, Reason="too fast <b>"
    )
    with refused(requester, "InvalidQualificationState") as answer:
        score(requester, kind, worker)
    assert answer.message.startswith("This operation can be called with a status of: Granted")
    listed = requester.list_workers_with_qualification_type
    assert listed(QualificationTypeId=kind)["NumResults"] == 0
    assert listed(QualificationTypeId=kind, Status="Revoked")["NumResults"] == 1
    told = worker.http.get("/messages").text
    assert told.count("You are qualified") == 1 and "too fast &lt;b&gt;" in told
    with refused(site.requester(), "QualificationTypeDoesNotExist"):
        site.requester().associate_qualification_with_worker(QualificationTypeId=kind, WorkerId=worker.id)


def test_every_page_of_workers(requester):
    kind = make(requester)
    workers = [f"A{number:013d}" for number in range(5)]
    for worker in workers:
        requester.associate_qualification_with_worker(QualificationTypeId=kind, WorkerId=worker, SendNotification=False)
    pages = requester.get_paginator("list_workers_with_qualification_type").paginate(
        QualificationTypeId=kind, PaginationConfig={"PageSize": 2}
    )
    assert [held["WorkerId"] for reply in pages for held in reply["Qualifications"]] == workers


def test_a_worker_asks_and_the_requester_decides(site, requester):
    kind, lucky, other = make(requester), site.worker(), site.worker()
    assert "Careful" in lucky.http.get("/qualifications").text
    assert "Ask for it" in page(lucky, kind)
    for worker in (lucky, other):
        assert ask(worker, kind).status_code == 303
        assert "The requester decides" in page(worker, kind)
        assert ask(worker, kind).status_code == 409
    first, second = requester.list_qualification_requests(QualificationTypeId=kind)["QualificationRequests"]
    assert (first["WorkerId"], second["WorkerId"]) == (lucky.id, other.id)
    stranger = site.requester()
    assert stranger.list_qualification_requests()["NumResults"] == 0
    with refused(stranger, "QualificationRequestDoesNotExist"):
        stranger.accept_qualification_request(QualificationRequestId=first["QualificationRequestId"])
    requester.accept_qualification_request(QualificationRequestId=first["QualificationRequestId"], IntegerValue=42)
    requester.reject_qualification_request(QualificationRequestId=second["QualificationRequestId"], Reason="too new")
    with refused(requester, "InvalidQualificationRequestState"):
        requester.reject_qualification_request(QualificationRequestId=first["QualificationRequestId"])
    assert score(requester, kind, lucky)["IntegerValue"] == 42
    assert "You have it" in page(lucky, kind)
    with refused(requester, "QualificationDoesNotExist"):
        score(requester, kind, other)
    assert "Reason: too new" in page(other, kind) and "once only" in page(other, kind)
    assert ask(other, kind).status_code == 409
    assert requester.list_qualification_requests()["NumResults"] == 0


def test_one_that_is_granted_by_itself_and_one_that_can_be_asked_for_again(serve):
    site = serve()
    requester, worker = site.requester(), site.worker()
    kind = make(requester, AutoGranted=True, AutoGrantedValue=9)
    assert ask(worker, kind).status_code == 303
    assert score(requester, kind, worker)["IntegerValue"] == 9
    again = make(requester, Name="Patient", RetryDelayInSeconds=3600)
    ask(worker, again)
    (waiting,) = requester.list_qualification_requests()["QualificationRequests"]
    requester.reject_qualification_request(QualificationRequestId=waiting["QualificationRequestId"])
    assert "Again from" in page(worker, again)
    assert ask(worker, again).status_code == 409
    site.clock.move(hours=1)
    assert ask(worker, again).status_code == 303
    assert requester.list_qualification_requests()["NumResults"] == 1


def test_many_tabs_make_one_request(site, requester):
    kind, worker = make(requester), site.worker()
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: ask(worker, kind).status_code, range(6)))
    assert sorted(replies) == [303] + [409] * 5
    assert requester.list_qualification_requests()["NumResults"] == 1


def test_a_request_without_the_sessions_token_is_refused(site, requester):
    kind, worker = make(requester), site.worker()
    assert worker.http.post(f"/qualifications/{kind}/ask", data={"csrf": "guessed"}).status_code == 403
    assert worker.http.post("/qualifications/about", data={"csrf": "guessed", "country": "US"}).status_code == 403
    assert requester.list_qualification_requests()["NumResults"] == 0
