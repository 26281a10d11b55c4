"""The state machines, seen through boto3: Amazon's worked example, expiry, deadlines, auto-approval, deletion."""

import time

import pytest

from tests.turk.served import Site, balance, counters, hit, post_hit, refused


def test_amazons_worked_example_with_five_assignments(site, requester):
    hit_id = post_hit(requester, 5)
    assert counters(requester, hit_id) == (5, 0, 0, "Assignable")
    people = [site.worker() for _ in range(6)]
    held = [person.accept(hit_id) for person in people[:3]]
    assert counters(requester, hit_id) == (2, 3, 0, "Assignable")
    held += [person.accept(hit_id) for person in people[3:5]]
    for assignment_id in held[:2]:
        people[0].submit(assignment_id)
    assert counters(requester, hit_id) == (0, 3, 0, "Unassignable")
    people[2].give_back(held[2])
    assert counters(requester, hit_id) == (1, 2, 0, "Assignable")
    for assignment_id in [held[3], held[4], people[5].accept(hit_id)]:
        people[0].submit(assignment_id)
    assert counters(requester, hit_id) == (0, 0, 0, "Reviewable")
    for assignment in requester.list_assignments_for_hit(HITId=hit_id)["Assignments"]:
        requester.approve_assignment(AssignmentId=assignment["AssignmentId"])
    assert counters(requester, hit_id) == (0, 0, 5, "Reviewable")


def test_reviewing_and_back(site, requester):
    hit_id = post_hit(requester)
    with refused(requester, "InvalidHITState"):
        requester.update_hit_review_status(HITId=hit_id)
    site.worker().submit(site.worker().accept(hit_id))
    requester.update_hit_review_status(HITId=hit_id)
    assert hit(requester, hit_id)["HITStatus"] == "Reviewing"
    assert requester.list_reviewable_hits()["NumResults"] == 0
    assert [h["HITId"] for h in requester.list_reviewable_hits(Status="Reviewing")["HITs"]] == [hit_id]
    requester.update_hit_review_status(HITId=hit_id, Revert=True)
    assert hit(requester, hit_id)["HITStatus"] == "Reviewable"
    assert [h["HITId"] for h in requester.list_reviewable_hits()["HITs"]] == [hit_id]
    requester.update_hit_review_status(HITId=hit_id)
    requester.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=2)
    assert counters(requester, hit_id) == (2, 0, 0, "Assignable")


def test_expired_with_work_in_progress(site, requester):
    hit_id = post_hit(requester, 3)
    late, idle = site.worker(), site.worker()
    working, returned = late.accept(hit_id), idle.accept(hit_id)
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=0)
    assert counters(requester, hit_id) == (1, 2, 0, "Unassignable")
    assert site.worker().try_accept(hit_id).status_code == 409
    idle.give_back(returned)
    assert counters(requester, hit_id) == (2, 1, 0, "Unassignable")
    assert late.submit(working).status_code == 200
    assert counters(requester, hit_id) == (2, 0, 0, "Reviewable")
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=site.clock().timestamp() + 3600)
    assert counters(requester, hit_id) == (2, 0, 0, "Assignable")


def test_lifetime_ends_by_itself(site, requester):
    hit_id = post_hit(requester, 2, LifetimeInSeconds=60)
    assert balance(requester) == ("9998.80", "1.20")
    site.clock.move(seconds=61)
    assert counters(requester, hit_id) == (2, 0, 0, "Reviewable")
    assert balance(requester) == ("10000.00", "0.00")
    assert site.worker().try_accept(hit_id).status_code == 409
    assert hit_id not in [h["hit_id"] for h in site.worker().http.get("/hits.json").json()]


def test_a_missed_deadline_reopens_the_slot(site, requester):
    hit_id = post_hit(requester, 1, AssignmentDurationInSeconds=60)
    slow = site.worker()
    assignment_id = slow.accept(hit_id)
    site.clock.move(seconds=61)
    assert counters(requester, hit_id) == (1, 0, 0, "Assignable")
    late = slow.submit(assignment_id)
    assert late.status_code == 409 and "time ran out" in late.text
    assert requester.list_assignments_for_hit(HITId=hit_id)["NumResults"] == 0
    with refused(requester, "AssignmentDoesNotExist"):
        requester.get_assignment(AssignmentId=assignment_id)
    assert slow.submit(slow.accept(hit_id)).status_code == 200


def test_a_late_submission_is_refused_even_before_anyone_noticed(site, requester):
    worker, hit_id = site.worker(), post_hit(requester, 1, AssignmentDurationInSeconds=60)
    assignment_id = worker.accept(hit_id)
    site.clock.move(seconds=61)
    assert worker.submit(assignment_id).status_code == 409
    assert counters(requester, hit_id) == (1, 0, 0, "Assignable")


@pytest.mark.parametrize("delay", [0, 3600])
def test_auto_approval(site: Site, requester, delay):
    hit_id = post_hit(requester, 1, AutoApprovalDelayInSeconds=delay)
    worker = site.worker()
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id)
    if delay:
        found = requester.get_assignment(AssignmentId=assignment_id)["Assignment"]
        assert found["AssignmentStatus"] == "Submitted"
        assert (found["AutoApprovalTime"] - found["SubmitTime"]).total_seconds() == delay
        site.clock.move(seconds=delay + 1)
    found = requester.get_assignment(AssignmentId=assignment_id)["Assignment"]
    assert found["AssignmentStatus"] == "Approved"
    assert found["ApprovalTime"] >= found["AutoApprovalTime"]
    with refused(requester, "InvalidAssignmentState"):
        requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="too late")
    assert balance(requester) == ("9999.40", "0.00")


def test_deleting(site, requester):
    hit_id = post_hit(requester)
    with refused(requester, "InvalidHITState") as answer:
        requester.delete_hit(HITId=hit_id)
    assert answer.message.startswith(
        "This HIT is currently in the state 'Assignable'. "
        "This operation can be called with a status of: Reviewing, Reviewable ("
    )
    worker = site.worker()
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id)
    with refused(requester, "InvalidHITState") as answer:
        requester.delete_hit(HITId=hit_id)
    assert "state 'Reviewable'" in answer.message
    requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="wrong")
    requester.delete_hit(HITId=hit_id)
    assert hit(requester, hit_id)["HITStatus"] == "Disposed"
    assert requester.list_hits()["HITs"] == []
    for call in (
        lambda: requester.delete_hit(HITId=hit_id),
        lambda: requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=0),
        lambda: requester.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=1),
    ):
        with refused(requester, "InvalidHITState"):
            call()
    with refused(requester, "InvalidAssignmentState"):
        requester.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True)


def test_disposal_after_120_days(site, requester):
    hit_id = post_hit(requester)
    site.clock.move(days=119)
    assert hit(requester, hit_id)["HITStatus"] == "Reviewable"
    site.clock.move(days=2)
    assert hit(requester, hit_id)["HITStatus"] == "Disposed"
    assert balance(requester) == ("10000.00", "0.00")


def test_reviewing_an_assignment(site, requester):
    hit_id = post_hit(requester, 2)
    worker = site.worker()
    assignment_id = worker.accept(hit_id)
    for call in (requester.get_assignment, requester.approve_assignment):
        with refused(requester, "InvalidAssignmentState") as answer:
            call(AssignmentId=assignment_id)
        assert "status of: Reviewable,Approved,Rejected (" in answer.message
    worker.submit(assignment_id)
    requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="all answers were no")
    with refused(requester, "InvalidAssignmentState") as answer:
        requester.approve_assignment(AssignmentId=assignment_id)
    assert "status of: Submitted (" in answer.message
    requester.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True, RequesterFeedback="my mistake")
    found = requester.get_assignment(AssignmentId=assignment_id)
    assert found["Assignment"]["AssignmentStatus"] == "Approved"
    assert found["Assignment"]["RequesterFeedback"] == "my mistake"
    assert found["HIT"]["HITId"] == hit_id
    for call in (
        lambda: requester.approve_assignment(AssignmentId=assignment_id),
        lambda: requester.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True),
        lambda: requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="again"),
    ):
        with refused(requester, "InvalidAssignmentState"):
            call()


def test_a_rejection_can_be_overridden_for_30_days_only(site, requester):
    worker, hit_id = site.worker(), post_hit(requester)
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id)
    requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="wrong")
    site.clock.move(days=31)
    with refused(requester, "InvalidAssignmentState"):
        requester.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True)


def test_the_sweep_serves_what_nobody_looks_at(serve):
    site = serve(sweep_seconds=0.05)
    hit_id = post_hit(site.requester("SWEPT"), 1, LifetimeInSeconds=60, AssignmentDurationInSeconds=30)
    assignment_id = site.worker().accept(hit_id)
    site.clock.move(seconds=90)

    def settled() -> bool:
        stored = site.database["hits"].find_one({"_id": hit_id})
        state = site.database["assignments"].find_one({"_id": assignment_id})["state"]
        return (stored["available"], stored["pending"], stored["expired"], state) == (1, 0, True, "Abandoned")

    _wait(settled)
    assert site.database["accounts"].find_one({"_id": "SWEPT"})["on_hold"] == 0


def _wait(condition) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen within 4 seconds")
