"""Many at once, and the process killed in the middle: what was acknowledged holds, and nothing is given twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
from botocore.exceptions import ClientError

from tests.turk.served import SECRET, TLS, MovableClock, Site, balance, counters, free_port, post_hit, submit
from workers.turk.settings import TurkSettings


def test_fifty_accept_ten_places(site, requester):
    hit_id = post_hit(requester, 10, Reward="0.01")
    people = [site.worker() for _ in range(50)]
    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(lambda person: person.try_accept(hit_id), people))
    assert Counter(reply.status_code for reply in replies) == {303: 10, 409: 40}
    assert counters(requester, hit_id) == (0, 10, 0, "Unassignable")
    assert site.database["assignments"].count_documents({"hit": hit_id}) == 10


def test_one_worker_in_twenty_tabs(site, requester):
    worker, hit_id = site.worker(), post_hit(requester, 5)
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: worker.try_accept(hit_id), range(20)))
    assert {reply.status_code for reply in replies} == {303}
    assert len({reply.headers["location"] for reply in replies}) == 1
    assert counters(requester, hit_id) == (4, 1, 0, "Assignable")


def test_one_submission_of_twenty(site, requester):
    worker, hit_id = site.worker(), post_hit(requester)
    assignment_id = worker.accept(hit_id)
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda i: submit(site, assignment_id, receipt=f"R{i}"), range(20)))
    assert {reply.status_code for reply in replies} == {200}
    assert counters(requester, hit_id) == (0, 0, 0, "Reviewable")


def test_one_payment_of_twenty(site, requester):
    worker, hit_id = site.worker(), post_hit(requester)
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id)

    def decide(i: int) -> str:
        try:
            if i % 2:
                requester.approve_assignment(AssignmentId=assignment_id)
            else:
                requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="no")
        except ClientError as error:
            return str(error.response["TurkErrorCode"]).rpartition(".")[2]
        return "done"

    with ThreadPoolExecutor(20) as pool:
        outcomes = Counter(pool.map(decide, range(20)))
    assert outcomes == {"done": 1, "InvalidAssignmentState": 19}
    assert balance(requester) in {("9999.40", "0.00"), ("10000.00", "0.00")}


def test_one_hit_for_ten_calls_with_one_token(requester):
    def post(_: int) -> str:
        try:
            return post_hit(requester, UniqueRequestToken="the same")
        except ClientError as error:
            assert error.response["TurkErrorCode"] == "AWS.MechanicalTurk.HitAlreadyExists"
            return str(error.response["Error"]["Message"]).split("already exists: ")[1].split(".")[0]

    with ThreadPoolExecutor(10) as pool:
        assert len(set(pool.map(post, range(10)))) == 1
    assert requester.list_hits()["NumResults"] == 1
    assert balance(requester) == ("9999.40", "0.60")


def test_money_is_not_spent_twice(serve):
    site = serve(starting_balance_cents=300)
    requester = site.requester("POOR")

    def post(_: int) -> str:
        try:
            return post_hit(requester)
        except ClientError as error:
            return str(error.response["TurkErrorCode"])

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(post, range(10)))
    assert outcomes.count("AWS.MechanicalTurk.InsufficientFunds") == 5
    assert balance(requester) == ("0.00", "3.00")


def test_kill_9_loses_nothing_acknowledged(mongod_uri):
    port = free_port()
    environment = {
        **os.environ,
        "WINNOW_TURK_MONGODB_URI": mongod_uri,
        "WINNOW_TURK_SECRET": SECRET,
        "WINNOW_TURK_DATABASE": f"turk_killed_{os.getpid()}",
        "WINNOW_TURK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WINNOW_TURK_FIRST_KEY": "SURVIVOR:any",
        "WINNOW_TURK_SIGN_UP": "names",
    }
    url = environment["WINNOW_TURK_PUBLIC_URL"]
    settings = TurkSettings(mongodb_uri=mongod_uri, secret=SECRET, public_url=url, first_key="SURVIVOR:any")
    site = Site(url, settings, MovableClock(), None)
    process = _start(environment, port)
    requester = site.requester("SURVIVOR")
    hit_id = post_hit(requester, 60, Reward="0.01")
    acknowledged: list[str] = []

    def work(i: int) -> None:
        try:
            worker = site.worker(f"survivor {i}")
            assignment_id = worker.accept(hit_id)
            if worker.submit(assignment_id).status_code == 200:
                acknowledged.append(assignment_id)
            if len(acknowledged) >= 20:
                process.kill()
        except (httpx.HTTPError, AssertionError):
            return  # the server is gone: this one was not acknowledged

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(60)))
    assert process.wait(10) == -signal.SIGKILL
    process = _start(environment, port)
    try:
        pages = requester.get_paginator("list_assignments_for_hit").paginate(HITId=hit_id)
        stored = [a["AssignmentId"] for page in pages for a in page["Assignments"]]
        assert set(acknowledged) <= set(stored) and len(stored) == len(set(stored))
        available, pending, _, _ = counters(requester, hit_id)
        assert available + pending + len(stored) == 60
    finally:
        process.kill()
        process.wait(10)


def _start(environment: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "uvicorn", "--factory", "workers.turk.app:factory", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "warning"], env=environment)
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{port}/", verify=TLS)
        except httpx.TransportError:
            assert process.poll() is None, "the marketplace ended at its start"
            time.sleep(0.05)
        else:
            return process
    process.kill()
    raise AssertionError("the marketplace did not start within 30 seconds")
