"""The workers' site as a browser uses it, and as a stranger would attack it."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

import httpx
import pytest

from tests.turk.served import TLS, external_question, post_hit, submit

ANSWERS = "{http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd}"
HTML_QUESTION = (
    '<HTMLQuestion xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd">'
    "<HTMLContent><![CDATA[<!DOCTYPE html><form action='x'>pick <b>one</b></form>]]></HTMLContent>"
    "<FrameHeight>450</FrameHeight></HTMLQuestion>"
)


class Tags(HTMLParser):
    """The elements of a page with their attributes, as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def one(self, tag: str, **wanted: str) -> dict[str, str | None]:
        matching = [a for t, a in self.found if t == tag and wanted.items() <= a.items()]
        assert len(matching) == 1, (tag, wanted, matching)
        return matching[0]


def test_the_whole_way(site, requester):
    hit_id = post_hit(requester, RequesterAnnotation="round-7-secret")
    worker = site.worker()
    listed = [h for h in worker.http.get("/hits.json").json() if h["hit_id"] == hit_id]
    assert listed[0]["reward"] == "0.50" and listed[0]["available"] == 1
    assert "annotation" not in listed[0] and "question" not in listed[0]
    preview = worker.http.get(f"/hits/{hit_id}")
    assert "round-7-secret" not in preview.text
    source = urlsplit(Tags(preview.text).one("iframe", id="task")["src"])
    assert parse_qs(source.query) == {
        "lang": ["en"],
        "assignmentId": ["ASSIGNMENT_ID_NOT_AVAILABLE"],
        "hitId": [hit_id],
    }
    assert "form-action 'self'" in preview.headers["content-security-policy"]

    assignment_id = worker.accept(hit_id)
    page = worker.http.get(f"/assignments/{assignment_id}")
    frame = Tags(page.text).one("iframe", id="task")
    assert parse_qs(urlsplit(frame["src"]).query) == {
        "lang": ["en"],
        "assignmentId": [assignment_id],
        "hitId": [hit_id],
        "workerId": [worker.id],
        "turkSubmitTo": [site.url],
    }
    assert frame["sandbox"] == "allow-scripts allow-forms allow-same-origin"
    assert "https://tasks.example.org" in page.headers["content-security-policy"]
    state = worker.http.get(f"/assignments/{assignment_id}/state").json()
    assert state["state"] == "in_progress" and 590 <= state["seconds_left"] <= 600
    assert "Your work in progress" in worker.http.get("/").text

    first = worker.submit(assignment_id, receipt="R-1", note='<b>&"ü')
    assert first.status_code == 200 and "Thank you" in first.text
    assert worker.http.get(f"/assignments/{assignment_id}/state").json()["state"] == "submitted"
    assert "Thank you" in worker.http.get(f"/assignments/{assignment_id}").text

    found = requester.get_assignment(AssignmentId=assignment_id)["Assignment"]
    answers = ElementTree.fromstring(found["Answer"])
    pairs = [
        (a.findtext(f"{ANSWERS}QuestionIdentifier"), a.findtext(f"{ANSWERS}FreeText"))
        for a in answers.findall(f"{ANSWERS}Answer")
    ]
    assert pairs == [("receipt", "R-1"), ("note", '<b>&"ü')]
    assert found["WorkerId"] == worker.id


def test_repeating_a_submission_changes_nothing(site, requester):
    worker, hit_id = site.worker(), post_hit(requester)
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id, receipt="first")
    before = requester.get_assignment(AssignmentId=assignment_id)
    again = worker.submit(assignment_id, receipt="second")
    assert again.status_code == 200 and "Thank you" in again.text
    after = requester.get_assignment(AssignmentId=assignment_id)
    assert before["Assignment"] == after["Assignment"] and before["HIT"] == after["HIT"]


def test_submitting_from_a_preview_stores_nothing(site, requester):
    hit_id = post_hit(requester)
    for assignment_id in ("ASSIGNMENT_ID_NOT_AVAILABLE", ""):
        reply = submit(site, assignment_id, receipt="x")
        assert reply.status_code == 400 and "preview" in reply.text
    assert site.database["assignments"].count_documents({"hit": hit_id}) == 0


def test_a_forged_assignment_is_refused(site):
    assert submit(site, "A" * 32).status_code == 404
    worker = site.worker()
    assert worker.http.get("/assignments/" + "A" * 32).status_code == 404
    assert worker.give_back("A" * 32).status_code == 404


def test_a_large_answer_is_refused(site, requester):
    worker, hit_id = site.worker(), post_hit(requester)
    assignment_id = worker.accept(hit_id)
    assert worker.submit(assignment_id, receipt="x" * 10_000_000).status_code == 413
    many = "&".join(f"f{i}=1" for i in range(2_000))
    reply = httpx.post(f"{site.url}/mturk/externalSubmit", content=f"assignmentId={assignment_id}&{many}", verify=TLS)
    assert reply.status_code == 400
    assert worker.submit(assignment_id, receipt="x" * 100_000).status_code == 200


def test_another_workers_assignment_is_out_of_reach(site, requester):
    owner, other, hit_id = site.worker(), site.worker(), post_hit(requester)
    assignment_id = owner.accept(hit_id)
    assert other.http.get(f"/assignments/{assignment_id}").status_code == 404
    assert other.http.get(f"/assignments/{assignment_id}/state").status_code == 404
    assert other.give_back(assignment_id).status_code == 404
    assert owner.http.get(f"/assignments/{assignment_id}/state").json()["state"] == "in_progress"


def test_who_submits_anothers_assignment_earns_nothing_by_it(site, requester):
    owner, other, hit_id = site.worker(), site.worker(), post_hit(requester)
    assignment_id = owner.accept(hit_id)
    other.submit(assignment_id)  # whoever knows the id may submit, as at Amazon: the frame has no cookie
    [found] = requester.list_assignments_for_hit(HITId=hit_id)["Assignments"]
    requester.approve_assignment(AssignmentId=assignment_id)
    assert found["WorkerId"] == owner.id
    assert "$0.50" in owner.http.get("/earnings").text and "$0.50" not in other.http.get("/earnings").text


def test_forms_need_the_sessions_token(site, requester):
    worker, other, hit_id = site.worker(), site.worker(), post_hit(requester)
    for token in ("", "wrong", other.csrf):
        assert worker.http.post(f"/hits/{hit_id}/accept", data={"csrf": token}).status_code == 403
    stranger = httpx.Client(base_url=site.url, verify=TLS)
    assert stranger.post(f"/hits/{hit_id}/accept", data={"csrf": worker.csrf}).status_code == 401
    crossed = worker.http.post(
        f"/hits/{hit_id}/accept", data={"csrf": worker.csrf}, headers={"sec-fetch-site": "cross-site"}
    )
    assert crossed.status_code == 403
    forged = httpx.Client(
        base_url=site.url, cookies={"winnow_turk": worker.http.cookies["winnow_turk"][:-3] + "AAA"}, verify=TLS
    )
    assert forged.get("/session.json").status_code == 401
    assert site.database["assignments"].count_documents({"hit": hit_id}) == 0


def test_the_cookie(site):
    reply = httpx.post(f"{site.url}/sign-in", data={"name": "Ada"}, verify=TLS)
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie
    assert reply.headers["location"] == "/"


def test_one_name_is_one_worker(site):
    ada, again, grace = site.worker("Ada Lovelace"), site.worker(" ada   LOVELACE "), site.worker("Grace")
    assert ada.id == again.id != grace.id
    assert re.fullmatch("A[A-Z0-9]{1,63}", ada.id)


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\x00b"])
def test_names_that_are_refused(site, name):
    assert httpx.post(f"{site.url}/sign-in", data={"name": name}, verify=TLS).status_code == 400


def test_script_in_texts_stays_text(site, requester):
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>\" onfocus='x'"
    url = "https://tasks.example.org/?a=%22><script>alert(3)</script>&b='"
    hit_id = post_hit(
        requester,
        Title=attack,
        Description=attack,
        Reward="0.01",
        Question=external_question(url.replace("<", "&lt;").replace(">", "&gt;")),
    )
    worker = site.worker(attack[:64])
    assignment_id = worker.accept(hit_id)
    pages = [worker.http.get(path) for path in ("/", f"/hits/{hit_id}", f"/assignments/{assignment_id}")]
    worker.submit(assignment_id)
    requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback=attack)
    pages += [worker.http.get(path) for path in ("/", "/earnings", f"/assignments/{assignment_id}")]
    for page in pages:
        assert page.status_code == 200
        tags = Tags(page.text)
        assert [a.get("src") for t, a in tags.found if t == "script"] in ([], ["/static/turk.js"])
        assert not [a for t, a in tags.found if t == "img" or "onerror" in a or "onfocus" in a]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[0].text


def test_a_worker_does_a_hit_once(site, requester):
    worker, hit_id = site.worker(), post_hit(requester, 3)
    assignment_id = worker.accept(hit_id)
    assert worker.accept(hit_id) == assignment_id, "a double click leads to the same assignment"
    worker.submit(assignment_id)
    refusal = worker.try_accept(hit_id)
    assert refusal.status_code == 409 and "already done" in refusal.text
    assert hit_id not in [h["hit_id"] for h in worker.http.get("/hits.json").json()]


def test_returning_opens_the_slot_again(site, requester):
    first, second, hit_id = site.worker(), site.worker(), post_hit(requester)
    assignment_id = first.accept(hit_id)
    refusal = second.try_accept(hit_id)
    assert refusal.status_code == 409 and "no work left" in refusal.text
    assert first.give_back(assignment_id).headers["location"] == "/"
    assert first.submit(assignment_id).status_code == 409
    assert first.give_back(assignment_id).status_code == 303, "a second click does no harm"
    again = second.accept(hit_id)
    assert second.submit(again).status_code == 200


def test_signed_out(site, requester):
    hit_id, stranger = post_hit(requester), httpx.Client(base_url=site.url, verify=TLS)
    assert "Your name" in stranger.get("/").text
    assert stranger.get("/hits.json").status_code == 401
    for path in (f"/hits/{hit_id}", "/assignments/X", "/earnings"):
        reply = stranger.get(path)
        assert (reply.status_code, reply.headers["location"]) == (303, f"/?next={quote(path, safe='')}")
    worker = site.worker()
    assert worker.http.post("/sign-out", data={"csrf": worker.csrf}).status_code == 303
    assert worker.http.get("/hits.json").status_code == 401


def test_earnings(site, requester):
    worker = site.worker()
    done = [worker.accept(post_hit(requester)) for _ in range(3)]
    for assignment_id in done:
        worker.submit(assignment_id)
    requester.approve_assignment(AssignmentId=done[0])
    requester.reject_assignment(AssignmentId=done[1], RequesterFeedback="every answer was no")
    requester.send_bonus(WorkerId=worker.id, AssignmentId=done[0], BonusAmount="1.25", Reason="careful work")
    text = worker.http.get("/earnings").text
    for expected in ("every answer was no", "careful work", "$1.25", "1 done", "1 in review", "1 not paid"):
        assert expected in text


def test_pages_that_are_not_there(site):
    worker = site.worker()
    assert worker.http.get("/hits/NOPE").status_code == 404
    assert worker.try_accept("NOPE").status_code == 404
    missing = worker.http.get("/nope")
    assert missing.status_code == 404 and "There is no such page." in missing.text
    assert worker.http.get("/static/../app.py").status_code == 404


def test_html_question(site, requester):
    worker, hit_id = site.worker(), post_hit(requester, Question=HTML_QUESTION)
    page = worker.http.get(f"/hits/{hit_id}")
    frame = Tags(page.text).one("iframe", id="task")
    assert frame["sandbox"] == "allow-scripts allow-forms" and frame["height"] == "450"
    content = httpx.get(site.url + frame["src"], verify=TLS)
    assert content.text == "<!DOCTYPE html><form action='x'>pick <b>one</b></form>"
    assert content.headers["content-security-policy"].startswith("sandbox allow-scripts allow-forms;")
    assert httpx.get(f"{site.url}/frames/{post_hit(requester)}", verify=TLS).status_code == 404


def listed(worker, **query):
    """The titles of the list's cards."""
    page = worker.http.get("/", params=query)
    assert page.status_code == 200
    return re.findall(r'<h2><a href="/hits/[A-Z0-9]+">([^<]+)</a></h2>', page.text)


def test_looking_for_work(serve):
    site = serve()
    lab, zoo = site.requester("LAB"), site.requester("ZOO")
    post_hit(lab, Title="Cars in the rain", Reward="0.10", AssignmentDurationInSeconds=1200)
    post_hit(zoo, Title="Cats (and dogs?)", Reward="0.50", AssignmentDurationInSeconds=300)
    for _ in range(2):
        post_hit(lab, Title="Cars at night", Reward="0.20", AssignmentDurationInSeconds=60)
    worker = site.worker()
    rain, cats, night = "Cars in the rain", "Cats (and dogs?)", "Cars at night"
    assert listed(worker) == [rain, cats, night]
    assert listed(worker, sort="newest") == [night, cats, rain]
    assert listed(worker, sort="pay") == [cats, night, rain]
    assert listed(worker, sort="time") == [night, cats, rain]
    assert listed(worker, sort="hits") == [night, rain, cats]
    assert listed(worker, q="CARS") == [rain, night]
    assert listed(worker, q="night cars") == [night]
    assert listed(worker, q="(and") == [cats], "what is typed is no pattern"
    assert listed(worker, q="zoo") == [cats]
    assert listed(worker, pay="$0.20") == [cats, night]
    assert listed(worker, minutes="5") == [cats, night]
    assert listed(worker, q="cars", pay="0.15", minutes="2") == [night]
    assert listed(worker, q="cow") == []
    for odd in ("x", "-1", "1" * 400, "²"):
        assert listed(worker, pay=odd, minutes=odd, page=odd, sort=odd) == [rain, cats, night]


def test_more_groups_than_a_page_holds(serve):
    site = serve()
    requester = site.requester("LAB")
    titles = [f"Question {n:02d}" for n in range(30)]
    for title in titles:
        post_hit(requester, Title=title)
    worker = site.worker()
    first = worker.http.get("/", params={"q": "question"})
    assert 'rel="next" href="/?q=question&amp;sort=oldest&amp;page=2"' in first.text and 'rel="prev"' not in first.text
    assert listed(worker) + listed(worker, page="2") == titles
    assert 'rel="next"' not in worker.http.get("/?page=2").text


def post(worker, path, **fields):
    return worker.http.post(path, data={"csrf": worker.csrf, **fields})


def test_going_on_to_the_next_one(site, requester):
    first, second = (post_hit(requester, Title="One of many") for _ in range(2))
    worker = site.worker()
    assert "checked" not in worker.http.get(f"/hits/{first}").text
    done = post(worker, f"/hits/{first}/accept", choice="asked", on="on").headers["location"]
    page = Tags(worker.http.get(done).text)
    assert "checked" in page.one("input", name="on") and page.one("form", id="next")["action"] == f"{done}/next"
    worker.submit(done.rpartition("/")[2])
    following = post(worker, f"{done}/next").headers["location"]
    assert following != done
    assert site.database["assignments"].find_one({"_id": following.rpartition("/")[2]})["hit"] == second
    worker.submit(following.rpartition("/")[2])
    assert post(worker, f"{following}/next").headers["location"] == following, "none is left"
    assert "Accept the next one" not in worker.http.get(following).text
    assert post(worker, "/going-on", next=following).headers["location"] == following
    assert "checked" not in worker.http.get("/account").text
    assert post(worker, "/going-on", on="on", next="https://evil.example/").headers["location"] == "/"
    assert site.worker().http.post(f"{done}/next", data={"csrf": worker.csrf}).status_code == 403
    other = site.worker()
    assert post(other, f"{done}/next").status_code == 404


def test_what_is_pending_and_until_when(site, requester):
    worker = site.worker()
    done = [worker.accept(post_hit(requester, AutoApprovalDelayInSeconds=3 * 24 * 3600)) for _ in range(2)]
    for assignment_id in done:
        worker.submit(assignment_id)
    requester.approve_assignment(AssignmentId=done[0])
    due = site.database["assignments"].find_one({"_id": done[1]})["auto_approval_at"]
    text = worker.http.get("/earnings").text
    assert text.count("Approved by itself on") == 1 and f"{due.day} {due:%B %Y}" in text
    assert f"/assignments/{done[0]}" not in worker.http.get("/earnings?state=Submitted").text
    assert f"/assignments/{done[0]}" in worker.http.get("/earnings?state=Approved").text
    assert "None of these." in worker.http.get("/earnings?state=Rejected").text
    assert "None of these." in worker.http.get("/earnings?page=2").text


def test_appealing_against_a_rejection(site, requester):
    worker, other = site.worker(), site.worker()
    assignment_id = worker.accept(post_hit(requester))
    page = f"/assignments/{assignment_id}"
    worker.submit(assignment_id)
    assert post(worker, f"{page}/appeal", text="too early").status_code == 409
    requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="every answer was no")
    assert f"{page}#appeal" in worker.http.get("/earnings").text
    assert "Why should the requester look at it again?" in worker.http.get(page).text
    assert post(other, f"{page}/appeal", text="mine too").status_code == 404
    assert worker.http.post(f"{page}/appeal", data={"text": "no token"}).status_code == 403
    assert post(worker, f"{page}/appeal", text="  ").status_code == 400
    assert post(worker, f"{page}/appeal", text="There <b>were</b> none.").status_code == 303
    told = worker.http.get(page).text
    assert "There &lt;b&gt;were&lt;/b&gt; none." in told and "answer will be here" in told
    assert post(worker, f"{page}/appeal", text="And another.").status_code == 409


def test_writing_to_a_requester(site, requester):
    hit_id, worker, other = post_hit(requester), site.worker(), site.worker()
    write = f"/hits/{hit_id}/message"
    assert "Write to TENANT" in worker.http.get(write).text
    assert worker.http.post(write, data={"subject": "s", "text": "t"}).status_code == 403
    empty = post(worker, write, subject="A question", text=" ")
    assert empty.status_code == 400 and 'value="A question"' in empty.text, "what was typed is still there"
    thread = post(worker, write, subject="A question", text="Is <i>this</i> a 3?").headers["location"]
    assert "Is &lt;i&gt;this&lt;/i&gt; a 3?" in worker.http.get(thread).text
    assert post(worker, thread, text="Or an 8?").headers["location"] == f"{thread}#last"
    assert "2 messages" in worker.http.get("/messages").text
    assert other.http.get(thread).status_code == 404 and post(other, thread, text="hello").status_code == 404
    stored = site.database["messages"].find_one({"thread": thread.rpartition("/")[2]})
    assert (stored["worker"], stored["sender"], stored["hit"]) == (worker.id, "worker", hit_id)
