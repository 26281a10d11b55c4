"""Qualification tests: taken on the workers' site, graded by a key or by the requester."""

import pytest

from tests.turk.forms import REQUIRED, answer_key, form, free_text, key_question, option, question, selection
from tests.turk.test_qualifications import KEY, TEST, ask, make, page, score

ESSAY = form(question("why", free_text(), more=REQUIRED))


@pytest.fixture(scope="module")
def site(serve):
    """One of its own: its clock is moved."""
    return serve()


def hand_in(worker, kind, **answers):
    return worker.http.post(f"/qualifications/{kind}/test", data={"csrf": worker.csrf, **answers})


def graded(requester, **changes):
    return make(requester, Test=TEST, AnswerKey=KEY, TestDurationInSeconds=600, **changes)


def test_a_key_grades_at_once(site, requester):
    kind, right, wrong = graded(requester), site.worker(), site.worker()
    assert "test of 10 minutes" in page(right, kind)
    for worker, answer, value in ((right, "cat", 7), (wrong, "dog", 0)):
        begun = ask(worker, kind)
        assert begun.headers["location"] == f"/qualifications/{kind}/test"
        assert "It is cat" in worker.http.get(begun.headers["location"]).text
        assert hand_in(worker, kind, q1=answer).status_code == 303
        assert score(requester, kind, worker)["IntegerValue"] == value
        assert f"with the value {value}" in page(worker, kind) and "once only" in page(worker, kind)
        assert hand_in(worker, kind, q1="cat").status_code == 409, "what is handed in is handed in"
    assert score(requester, kind, wrong)["IntegerValue"] == 0
    assert requester.list_qualification_requests()["NumResults"] == 0


def test_the_key_is_its_owners(site, requester):
    kind, other = graded(requester), site.requester()
    assert requester.get_qualification_type(QualificationTypeId=kind)["QualificationType"]["AnswerKey"] == KEY
    told = other.get_qualification_type(QualificationTypeId=kind)["QualificationType"]
    assert told["Test"] == TEST and "AnswerKey" not in told
    listed = other.list_qualification_types(MustBeRequestable=True)["QualificationTypes"]
    assert not any("AnswerKey" in one for one in listed)
    worker = site.worker()
    ask(worker, kind)
    assert "AnswerScore" not in worker.http.get(f"/qualifications/{kind}/test").text


def test_a_test_without_a_key_waits_for_the_requester(site, requester):
    kind, worker = make(requester, Test=ESSAY, TestDurationInSeconds=60), site.worker()
    assert worker.http.get(f"/qualifications/{kind}/test").status_code == 303, "not begun"
    assert hand_in(worker, kind, q1="x").status_code == 409
    ask(worker, kind)
    empty = hand_in(worker, kind, q1=" ")
    assert empty.status_code == 422 and "needs an answer" in empty.text
    assert hand_in(worker, kind, q1="because & <b>").status_code == 303
    assert "The requester decides" in page(worker, kind)
    (request,) = requester.list_qualification_requests(QualificationTypeId=kind)["QualificationRequests"]
    assert request["Test"] == ESSAY and "<FreeText>because &amp; &lt;b&gt;</FreeText>" in request["Answer"]
    requester.accept_qualification_request(QualificationRequestId=request["QualificationRequestId"], IntegerValue=5)
    assert score(requester, kind, worker)["IntegerValue"] == 5


def test_what_comes_too_late_does_not_count_and_can_be_taken_again(site, requester):
    kind, worker = graded(requester, RetryDelayInSeconds=3600), site.worker()
    ask(worker, kind)
    assert "Go on with the test" in page(worker, kind)
    site.clock.move(seconds=700)
    late = hand_in(worker, kind, q1="cat")
    assert late.status_code == 409 and "The time of this test is over" in late.text
    assert "Again from" in page(worker, kind) and ask(worker, kind).status_code == 409
    site.clock.move(hours=1)
    ask(worker, kind)
    assert hand_in(worker, kind, q1="dog").status_code == 303
    site.clock.move(hours=2)
    ask(worker, kind)
    hand_in(worker, kind, q1="cat")
    assert score(requester, kind, worker)["IntegerValue"] == 7, "the newest attempt counts"


def test_another_test_leaves_the_old_key_behind(requester):
    kind = graded(requester)
    other = form(question("sky", selection("blue", "green")))
    changed = requester.update_qualification_type(QualificationTypeId=kind, Test=other, TestDurationInSeconds=60)
    assert "AnswerKey" not in changed["QualificationType"]
    key = answer_key(key_question("sky", option(1, "blue")))
    requester.update_qualification_type(QualificationTypeId=kind, AnswerKey=key)
    assert requester.get_qualification_type(QualificationTypeId=kind)["QualificationType"]["AnswerKey"] == key


def test_a_test_is_handed_in_from_our_own_page_only(site, requester):
    kind, worker = graded(requester), site.worker()
    ask(worker, kind)
    assert worker.http.post(f"/qualifications/{kind}/test", data={"q1": "cat"}).status_code == 403
    huge = {"csrf": worker.csrf, "q1": "x" * (1 << 18)}
    assert worker.http.post(f"/qualifications/{kind}/test", data=huge).status_code == 413
    assert hand_in(worker, kind, q1="cat").status_code == 303
