"""Blocking workers and writing to them, through the unmodified boto3 client and the workers' site."""

import re

import pytest

from tests.turk.served import post_hit, refused

INVALID = "InvalidParameterValue"
NOTE = {"Subject": "More work", "MessageText": "There are new images: https://winnow.example/tasks <b>today</b>"}


def test_a_blocked_worker_finds_nothing_of_this_requester_until_unblocked(site, requester):
    other, worker = site.requester(), site.worker()
    hit_id, elsewhere, begun = post_hit(requester), post_hit(other), post_hit(requester)
    assignment = worker.accept(begun)
    for reason in ("answers at random", "still does"):
        requester.create_worker_block(WorkerId=worker.id, Reason=reason)
    blocks = requester.list_worker_blocks()
    assert [(b["WorkerId"], b["Reason"]) for b in blocks["WorkerBlocks"]] == [(worker.id, "still does")]
    assert other.list_worker_blocks()["WorkerBlocks"] == []
    listed = {hit["hit_id"] for hit in worker.http.get("/hits.json").json()}
    assert hit_id not in listed and elsewhere in listed
    reply = worker.try_accept(hit_id)
    assert reply.status_code == 409
    assert "no more work for you" in reply.text
    assert worker.submit(assignment).status_code == 200, "what was begun can be finished"
    for _ in range(2):
        requester.delete_worker_block(WorkerId=worker.id, Reason="talked to them")
    assert requester.list_worker_blocks()["NumResults"] == 0
    worker.accept(hit_id)


def test_every_page_of_blocks(site, requester):
    workers = [f"A{number:013d}" for number in range(5)]
    for worker in workers:
        requester.create_worker_block(WorkerId=worker, Reason="x")
    pages = requester.get_paginator("list_worker_blocks").paginate(PaginationConfig={"PageSize": 2})
    assert [block["WorkerId"] for page in pages for block in page["WorkerBlocks"]] == workers
    with refused(requester, INVALID):
        requester.create_worker_block(WorkerId=workers[0], Reason="  ")


def test_a_message_reaches_those_whose_work_was_decided(site, requester):
    known, stranger = site.worker(), site.worker()
    hit_id = post_hit(requester)
    assignment = known.accept(hit_id)
    known.submit(assignment)
    waiting = requester.notify_workers(WorkerIds=[known.id], **NOTE)["NotifyWorkersFailureStatuses"]
    assert [failure["WorkerId"] for failure in waiting] == [known.id]
    requester.approve_assignment(AssignmentId=assignment)
    failures = requester.notify_workers(WorkerIds=[known.id, stranger.id, known.id], **NOTE)
    (failure,) = failures["NotifyWorkersFailureStatuses"]
    assert (failure["WorkerId"], failure["NotifyWorkersFailureCode"]) == (stranger.id, "HardFailure")
    assert "1 new message" in known.http.get("/").text
    page = known.http.get("/messages").text
    assert page.count("More work") == 1 and "1 new" in page
    assert "<b>today" not in page
    page = known.http.get(re.findall('href="(/messages/[A-Z0-9]+)"', page)[0]).text
    assert 'href="https://winnow.example/tasks"' in page
    assert "<b>today" not in page
    assert "new message" not in known.http.get("/").text
    assert "More work" not in stranger.http.get("/messages").text


@pytest.mark.parametrize(
    "change",
    [
        {"Subject": " "},
        {"Subject": "x" * 201},
        {"MessageText": "x" * 4_097},
        {"WorkerIds": [f"A{number:013d}" for number in range(101)]},
    ],
)
def test_messages_that_are_refused(requester, change):
    with refused(requester, INVALID):
        requester.notify_workers(**{"WorkerIds": ["A1"], **NOTE, **change})
