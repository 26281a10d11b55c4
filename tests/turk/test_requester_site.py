"""The requesters' pages over HTTP: what is done there is what the API then says."""

import re

import boto3
import httpx
import pytest

from tests.turk.requesters import PASSWORD, have_password, send, sign_in
from tests.turk.served import TLS, balance, counters, numbers, post_hit
from workers.turk.site.requester.routes import ROUTES


@pytest.fixture
def name() -> str:
    return f"DESK{next(numbers)}"


def submitted(site, client, count: int = 2, **answers: str):
    """A HIT with so many submissions: its id, and (worker, assignment) of each."""
    hit_id = post_hit(client, count)
    workers = [site.worker() for _ in range(count)]
    done = [(worker, worker.accept(hit_id)) for worker in workers]
    for worker, assignment in done:
        worker.submit(assignment, **answers)
    return hit_id, done


def state(client, assignment: str) -> str:
    return str(client.get_assignment(AssignmentId=assignment)["Assignment"]["AssignmentStatus"])


def test_only_the_right_password_signs_in(site, name):
    have_password(site, name)
    url = f"{site.url}/requester/sign-in"
    wrong = httpx.post(url, data={"name": name, "password": "another one"}, verify=TLS)
    assert wrong.status_code == 403 and "do not go together" in wrong.text
    assert httpx.post(url, data={"name": "nobody", "password": PASSWORD}, verify=TLS).status_code == 403
    right = httpx.post(url, data={"name": name, "password": PASSWORD, "next": "//evil.example"}, verify=TLS)
    assert right.headers["location"] == "/requester"
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/requester" in cookie


def test_guesses_are_counted(site, name):
    have_password(site, name)
    url, guess = f"{site.url}/requester/sign-in", {"name": name, "password": "a wrong guess"}
    replies = [httpx.post(url, data=guess, verify=TLS).status_code for _ in range(11)]
    assert replies == [403] * 10 + [429]


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.path != "/requester/sign-in"], ids=lambda r: r.endpoint.__name__
)
def test_a_stranger_sees_and_does_nothing(site, route):
    path = re.sub(r"{\w+}", "X1", route.path)
    (method,) = route.methods - {"HEAD"}
    reply = httpx.request(method, site.url + path, verify=TLS)
    if method == "POST":
        assert reply.status_code == 401 and "You are not signed in." in reply.text
    else:
        assert reply.status_code == 303 and reply.headers["location"].startswith("/requester/sign-in")


@pytest.mark.parametrize("path", [r.path for r in ROUTES if "POST" in r.methods and r.path != "/requester/sign-in"])
def test_a_form_of_another_site_does_nothing(site, path):
    desk = sign_in(site, "FORGED")
    assert desk.post(re.sub(r"{\w+}", "X1", path), data={"csrf": "guessed"}).status_code == 403


def test_hits_are_listed_by_state_and_words(site, name):
    client, desk = site.requester(name), sign_in(site, name)
    open_hit = post_hit(client, Title="Count the birds")
    review_hit, _ = submitted(site, client, 1)
    everything = desk.get("/requester").text
    assert open_hit in everything and review_hit in everything and "$9998.80 free" in everything
    assert review_hit not in desk.get("/requester?state=open").text
    assert open_hit not in desk.get("/requester?state=review").text
    found = desk.get("/requester?q=BIRDS").text
    assert open_hit in found and review_hit not in found
    assert "Nothing like that" in desk.get("/requester?q=(").text


def test_approve_reject_and_approve_after_all(site, name):
    client, desk = site.requester(name), sign_in(site, name)
    hit_id, done = submitted(site, client, 2, sees="three <b>birds</b>")
    page = desk.get(f"/requester/hits/{hit_id}").text
    assert "three &lt;b&gt;birds&lt;/b&gt;" in page and done[0][0].name in page
    ids = [assignment for _, assignment in done]
    unexplained = send(desk, f"/requester/hits/{hit_id}/review", assignment=ids, decision="reject")
    assert unexplained.status_code == 400 and "needs a reason" in unexplained.text
    reply = send(desk, f"/requester/hits/{hit_id}/review", assignment=ids, decision="reject", feedback="Too fast.")
    assert reply.status_code == 303 and "Rejected+2" in reply.headers["location"]
    assert [state(client, each) for each in ids] == ["Rejected", "Rejected"]
    send(desk, f"/requester/hits/{hit_id}/review", assignment=ids[:1], decision="approve")
    assert [state(client, each) for each in ids] == ["Approved", "Rejected"]
    assert balance(client) == ("9999.40", "0.00")


def test_what_could_not_be_done_in_bulk_is_named_and_the_rest_is_done(site, name):
    client, desk = site.requester(name), sign_in(site, name)
    hit_id, done = submitted(site, client)
    ids = [assignment for _, assignment in done]
    client.approve_assignment(AssignmentId=ids[0])
    reply = send(desk, f"/requester/hits/{hit_id}/review", assignment=ids, decision="reject", feedback="No.")
    assert reply.status_code == 400 and f"{ids[0]}: " in reply.text and f"{ids[1]}: " not in reply.text
    assert [state(client, each) for each in ids] == ["Approved", "Rejected"]


def test_a_bonus_is_paid_once_however_often_the_form_is_sent(site, name):
    client, desk = site.requester(name), sign_in(site, name)
    hit_id, done = submitted(site, client, 1)
    fields = {"assignment": done[0][1], "amount": "1.50", "reason": "Careful.", "token": "T1"}
    assert send(desk, f"/requester/hits/{hit_id}/bonus", **fields).status_code == 303
    assert send(desk, f"/requester/hits/{hit_id}/bonus", **fields).status_code == 400
    paid = client.list_bonus_payments(HITId=hit_id)["BonusPayments"]
    assert [bonus["BonusAmount"] for bonus in paid] == ["1.50"]


def test_a_hit_is_extended_ended_and_deleted(site, name):
    client, desk = site.requester(name), sign_in(site, name)
    hit_id = post_hit(client)
    before = client.get_hit(HITId=hit_id)["HIT"]["Expiration"]
    shown = re.search(r'name="ends" value="([^"]+)"', desk.get(f"/requester/hits/{hit_id}").text)
    assert shown is not None
    fields = {"hours": "5", "token": "T2", "ends": shown[1]}
    send(desk, f"/requester/hits/{hit_id}/extend", more="2", **fields)
    send(desk, f"/requester/hits/{hit_id}/extend", more="2", **fields)  # the button was pressed twice
    after = client.get_hit(HITId=hit_id)["HIT"]
    assert after["MaxAssignments"] == 3 and (after["Expiration"] - before).total_seconds() == pytest.approx(
        18_000, abs=1
    )
    assert send(desk, f"/requester/hits/{hit_id}/extend", more="-1", hours="0", token="T3").status_code == 400
    for ends in ("", "soon"):
        assert send(desk, f"/requester/hits/{hit_id}/extend", more="0", hours="1", ends=ends).status_code == 400
    assert send(desk, f"/requester/hits/{hit_id}/delete").status_code == 400, "it is still open"
    send(desk, f"/requester/hits/{hit_id}/expire")
    assert counters(client, hit_id)[3] == "Reviewable"
    assert send(desk, f"/requester/hits/{hit_id}/delete").headers["location"].startswith("/requester?done=")
    assert counters(client, hit_id)[3] == "Disposed"


def test_another_requesters_things_do_not_exist(site, name):
    client, desk = site.requester(), sign_in(site, name)
    hit_id, done = submitted(site, client, 1)
    worker, assignment = done[0]
    invitation = send(sign_in(site, "HOST"), "/requester/invitations", uses="1", until="2027-01-01", note="mine")
    assert invitation.status_code == 303
    token = site.database.invitations.find_one({"requester": "HOST"})["_id"]
    assert desk.get(f"/requester/hits/{hit_id}").status_code == 404
    assert desk.get(f"/requester/workers/{worker.id}").status_code == 404
    own = post_hit(site.requester(name))
    for path, fields in {
        f"/requester/hits/{hit_id}/review": {"assignment": assignment, "decision": "approve"},
        f"/requester/hits/{own}/review": {"assignment": assignment, "decision": "approve"},
        f"/requester/hits/{own}/bonus": {"assignment": assignment, "amount": "1", "reason": "x", "token": "T4"},
        f"/requester/hits/{hit_id}/extend": {
            "more": "1",
            "hours": "1",
            "token": "T5",
            "ends": "2027-01-01T00:00:00+00:00",
        },
        f"/requester/hits/{hit_id}/expire": {},
        f"/requester/hits/{hit_id}/delete": {},
        f"/requester/appeals/{assignment}": {"decision": "approve", "text": "x"},
        f"/requester/invitations/{token}/revoke": {},
        f"/requester/workers/{worker.id}/message": {"subject": "x", "text": "x"},
    }.items():
        assert send(desk, path, **fields).status_code in {400, 404}, path
    assert state(client, assignment) == "Submitted" and counters(client, hit_id)[3] == "Reviewable"
    assert site.database.invitations.find_one({"_id": token})["revoked_at"] is None


def test_access_keys_are_made_shown_once_and_ended(site, name):
    desk = sign_in(site, name)
    made = send(desk, "/requester/keys").text
    key, secret = (re.findall(rf"{word}=([^\s<]+)", made)[0] for word in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    mturk = boto3.client(
        "mturk", region_name="us-east-1", endpoint_url=site.url, aws_access_key_id=key, aws_secret_access_key=secret
    )
    assert mturk.get_account_balance()["AvailableBalance"] == "10000.00"
    assert secret not in desk.get("/requester/account").text
    assert send(sign_in(site, "STRANGER"), "/requester/keys/revoke", key=key).status_code == 400
    mturk.get_account_balance()
    send(desk, "/requester/keys/revoke", key=key)
    with pytest.raises(mturk.exceptions.ClientError, match="UnrecognizedClient"):
        mturk.get_account_balance()


def test_a_new_password_ends_other_sessions(site, name):
    desk, elsewhere = sign_in(site, name), sign_in(site, name)
    new = {"old": PASSWORD, "password": "quite another one", "again": "quite another one"}
    assert send(desk, "/requester/password", **{**new, "old": "wrong wrong"}).status_code == 403
    assert send(desk, "/requester/password", **{**new, "again": "not the same"}).status_code == 400
    assert send(desk, "/requester/password", **new).status_code == 303
    assert desk.get("/requester").status_code == 200
    assert elsewhere.get("/requester").status_code == 303


def test_workers_are_counted_blocked_and_written_to(site, name):
    client, desk = site.requester(name), sign_in(site, name)
    _, done = submitted(site, client)
    (ada, first), (_, second) = done
    client.approve_assignment(AssignmentId=first)
    client.reject_assignment(AssignmentId=second, RequesterFeedback="No.")
    assert "100 %" in desk.get(f"/requester/workers/{ada.id}").text
    listed = desk.get("/requester/workers").text
    assert ada.name in listed and "0 %" in listed
    send(desk, f"/requester/workers/{ada.id}/block", reason="Answers at random.")
    assert client.list_worker_blocks()["WorkerBlocks"] == [{"WorkerId": ada.id, "Reason": "Answers at random."}]
    assert ada.try_accept(post_hit(client)).status_code == 409
    send(desk, f"/requester/workers/{ada.id}/unblock")
    assert client.list_worker_blocks()["WorkerBlocks"] == []
    send(desk, f"/requester/workers/{ada.id}/message", subject="Thanks", text="Well done.")
    thread = re.findall(r"/messages/([A-Z0-9]+)", ada.http.get("/messages").text)[0]
    ada.http.post(f"/messages/{thread}", data={"csrf": ada.csrf, "text": "You are welcome."})
    assert "1 new" in desk.get("/requester/messages").text
    assert "You are welcome." in desk.get(f"/requester/messages/{thread}").text
    send(desk, f"/requester/messages/{thread}", text="See you.")
    assert "See you." in ada.http.get(f"/messages/{thread}").text


def test_an_appeal_is_heard(site, name):
    client, desk = site.requester(name), sign_in(site, name)
    _, done = submitted(site, client)
    for worker, assignment in done:
        client.reject_assignment(AssignmentId=assignment, RequesterFeedback="Empty.")
        worker.http.post(f"/assignments/{assignment}/appeal", data={"csrf": worker.csrf, "text": "It was not."})
    page = desk.get("/requester/appeals").text
    assert page.count("It was not.") == 2 and "Empty." in page
    (_, first), (bob, second) = done
    send(desk, f"/requester/appeals/{first}", decision="approve", text="You are right.")
    send(desk, f"/requester/appeals/{second}", decision="stay", text="It was.")
    assert [state(client, each) for each in (first, second)] == ["Approved", "Rejected"]
    assert "It was." in bob.http.get(f"/assignments/{second}").text
    assert "Nobody waits" in desk.get("/requester/appeals").text


def test_the_ledger_adds_up_to_what_is_shown(site, name):
    client, desk = site.requester(name), sign_in(site, name)
    _, done = submitted(site, client, 1)
    client.approve_assignment(AssignmentId=done[0][1])
    page = desk.get("/requester/money").text
    assert "$9999.40" in page and "+10000.00" in page and "Set aside for a HIT" in page and "Reward" in page


def test_an_invitation_is_made_and_revoked(site, name):
    desk = sign_in(site, name)
    until = site.clock().strftime("%Y-12-31") if site.clock().month < 12 else f"{site.clock().year + 1}-06-01"
    send(desk, "/requester/invitations", uses="3", until=until, note="the evening class")
    page = desk.get("/requester/invitations").text
    (token,) = re.findall(r"/join/([A-Z0-9]+)", page)
    assert "the evening class" in page and "0 of 3 used" in page
    send(desk, f"/requester/invitations/{token}/revoke")
    assert f"/join/{token}" not in desk.get("/requester/invitations").text
    assert send(desk, "/requester/invitations", uses="0", until=until).status_code == 400
    assert send(desk, "/requester/invitations", uses="1", until="2020-01-01").status_code == 400


def test_a_qualification_is_made_given_asked_for_and_taken_back(site, name):
    client, desk = site.requester(name), sign_in(site, name)
    ada, bob = site.worker(), site.worker()
    made = send(desk, "/requester/qualifications", name="Birds", description="Knows birds.", requestable="yes")
    (kind,) = re.findall(r"/qualifications/([A-Z0-9]+)", made.headers["location"])
    path = f"/requester/qualifications/{kind}"

    def value(worker) -> int:
        found = client.get_qualification_score(QualificationTypeId=kind, WorkerId=worker.id)
        return int(found["Qualification"]["IntegerValue"])

    send(desk, f"{path}/grant", worker=ada.id, value="7")
    assert value(ada) == 7 and ada.name in desk.get(path).text
    assert send(desk, f"{path}/grant", worker="ANOBODY", value="1").status_code == 400
    send(desk, f"{path}/take", worker=ada.id)
    with pytest.raises(client.exceptions.RequestError):
        value(ada)
    bob.http.post(f"/qualifications/{kind}/ask", data={"csrf": bob.csrf})
    waiting = client.list_qualification_requests(QualificationTypeId=kind)["QualificationRequests"]
    assert [each["WorkerId"] for each in waiting] == [bob.id]
    assert bob.name in desk.get("/requester/qualifications").text
    request = f"/requester/qualification-requests/{waiting[0]['QualificationRequestId']}"
    assert send(sign_in(site, "STRANGER"), request, decision="accept", value="1").status_code == 400
    send(desk, request, decision="accept", value="3")
    assert value(bob) == 3
    send(desk, f"{path}/status", status="Inactive")
    assert client.get_qualification_type(QualificationTypeId=kind)["QualificationType"]["IsRequestable"] is False
    assert send(sign_in(site, "STRANGER"), f"{path}/delete").status_code == 400
    send(desk, f"{path}/delete")
    with pytest.raises(client.exceptions.RequestError):
        client.get_qualification_type(QualificationTypeId=kind)


def test_a_link_from_elsewhere_puts_no_words_on_the_page(site, name):
    desk = sign_in(site, name)
    assert "Send money" not in desk.get("/requester?done=Send+money+to+Eve").text
    said = send(desk, "/requester/qualifications", name="Fish", description="Knows fish.").headers["location"]
    assert "The qualification is made." in desk.get(said).text
