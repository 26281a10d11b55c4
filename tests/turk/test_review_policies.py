"""Review policies and UpdateHITTypeOfHIT, seen through boto3; Amazon's own example of the scores."""

import asyncio

import pytest

from tests.turk.served import balance, counters, hit, hit_type_values, post_hit, refused
from workers.turk import lifecycle, reviewing
from workers.turk.database import Database
from workers.turk.review_policies import agreement, normal, read_policy

KNOWN = "ScoreMyKnownAnswers/2011-09-01"
PLURALITY = "SimplePlurality/2011-09-01"


def known(**values):
    key = {"Key": "AnswerKey", "MapEntries": [{"Key": "q1", "Values": ["yes"]}, {"Key": "q2", "Values": ["a", "b"]}]}
    return {"PolicyName": KNOWN, "Parameters": [key, *({"Key": k, "Values": [v]} for k, v in values.items())]}


def plurality(**values):
    values = {"QuestionIds": "q", "QuestionAgreementThreshold": "50", **values}
    return {"PolicyName": PLURALITY, "Parameters": [{"Key": k, "Values": [v]} for k, v in values.items()]}


def states(requester, hit_id):
    found = requester.list_assignments_for_hit(HITId=hit_id)["Assignments"]
    return {a["AssignmentId"]: (a["AssignmentStatus"], a.get("RequesterFeedback")) for a in found}


def answer(site, hit_id, **answers):
    worker = site.worker()
    assignment_id = worker.accept(hit_id)
    assert worker.submit(assignment_id, **answers).status_code == 200
    return assignment_id


def results(reply, level):
    report = reply[f"{level}ReviewReport"]
    return {(r["SubjectId"], r.get("QuestionId"), r["Key"]): r["Value"] for r in report["ReviewResults"]}


def test_amazons_example_of_scores():
    policy = read_policy("HIT", plurality(QuestionIds="A, B,C,D"))
    rows = {"A": "coat sweater coat", "B": "blue blue green", "C": "large large large", "D": "Furry fur furr"}
    people = {str(i): {q: normal([row.split()[i]]) for q, row in rows.items()} for i in range(3)}
    found = agreement(policy, people)
    assert found.scores == {"A": 66, "B": 66, "C": 100}
    assert (found.hit, found.workers) == (75, {"0": 100, "1": 66, "2": 66})


def test_a_tie_an_empty_field_and_a_long_text_agree_on_nothing():
    policy = read_policy("HIT", plurality(QuestionAgreementThreshold="0"))
    for texts in (["a", "b"], ["", ""], ["x" * 257, "x" * 257]):
        found = agreement(policy, {str(i): {"q": normal([text])} for i, text in enumerate(texts)})
        assert (found.hit, found.workers) == (0, {})


def test_known_answers_approve_and_reject(site, requester):
    policy = known(
        ApproveIfKnownAnswerScoreIsAtLeast="100", RejectIfKnownAnswerScoreIsLessThan="50", RejectReason="look again"
    )
    hit_id = post_hit(requester, 3, AssignmentReviewPolicy=policy)
    worker = site.worker()
    good = worker.accept(hit_id)
    body = f"assignmentId={good}&q1=+yes+&q2=b&q2=a"
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert worker.http.post("/mturk/externalSubmit", content=body, headers=form).status_code == 200
    half, bad = answer(site, hit_id, q1="yes", q2="a"), answer(site, hit_id, q1="Yes")
    found = states(requester, hit_id)
    assert found == {good: ("Approved", None), half: ("Submitted", None), bad: ("Rejected", "look again")}
    assert balance(requester) == ("9998.80", "0.60")
    reply = requester.list_review_policy_results_for_hit(HITId=hit_id, MaxResults=100)
    scores = results(reply, "Assignment")
    assert [scores[a, None, "KnownAnswerScore"] for a in (good, half, bad)] == ["100", "50", "0"]
    assert scores[half, "q2", "KnownAnswerCorrect"] == "0"
    actions = reply["AssignmentReviewReport"]["ReviewActions"]
    assert {(a["ActionName"], a["TargetId"], a["Status"]) for a in actions} == {
        ("approve", good, "Succeeded"),
        ("reject", bad, "Succeeded"),
    }
    assert reply["AssignmentReviewPolicy"] == policy


def test_known_answers_extend_up_to_the_limit(site, requester):
    policy = known(ExtendIfKnownAnswerScoreIsLessThan="80", ExtendMaximumAssignments="2")
    hit_id = post_hit(requester, 1, AssignmentReviewPolicy=policy)
    answer(site, hit_id, q1="no")
    assert counters(requester, hit_id) == (1, 0, 0, "Assignable")
    assert balance(requester)[1] == "1.20"
    answer(site, hit_id, q1="no")
    assert counters(requester, hit_id) == (0, 0, 0, "Reviewable")
    actions = requester.list_review_policy_results_for_hit(HITId=hit_id)["AssignmentReviewReport"]["ReviewActions"]
    assert sorted(a["Status"] for a in actions) == ["Cancelled", "Succeeded"]


def test_plurality_waits_for_all_then_extends_and_decides(site, requester):
    policy = plurality(
        ApproveIfWorkerAgreementScoreIsAtLeast="100",
        RejectIfWorkerAgreementScoreIsLessThan="1",
        ExtendIfHITAgreementScoreIsLessThan="100",
        ExtendMaximumAssignments="3",
        ExtendMinimumTimeInSeconds="7200",
    )
    hit_id = post_hit(requester, 2, HITReviewPolicy=policy)
    first = answer(site, hit_id, q="cat")
    assert states(requester, hit_id) == {first: ("Submitted", None)}
    second = answer(site, hit_id, q="dog")
    assert counters(requester, hit_id) == (1, 0, 0, "Assignable")
    assert (hit(requester, hit_id)["Expiration"] - site.clock()).total_seconds() > 7000
    third = answer(site, hit_id, q="cat")
    assert {a: s for a, (s, _) in states(requester, hit_id).items()} == {
        first: "Approved",
        second: "Rejected",
        third: "Approved",
    }
    reply = requester.list_review_policy_results_for_hit(HITId=hit_id, MaxResults=100)
    scores = results(reply, "HIT")
    assert scores[hit_id, None, "HITAgreementScore"] == "100"
    assert (scores[hit_id, "q", "PluralityAnswer"], scores[hit_id, "q", "PluralityLevel"]) == ("cat", "66")
    assert scores[second, "q", "AgreedWithPlurality"] == "0"


async def all_at_once(site, hit_id):
    """Several processes look at a HIT at the same moment."""
    databases = [Database(site.settings.mongodb_uri, site.settings.database) for _ in range(4)]
    await asyncio.gather(*(lifecycle.catch_up(database, site.clock(), {"hit": hit_id}) for database in databases))
    await asyncio.gather(*(database.close() for database in databases))


@pytest.mark.parametrize("rules", [{"ApproveIfWorkerAgreementScoreIsAtLeast": "100"}, {}])
def test_whoever_reviews_at_the_same_time_finds_and_pays_once(site, requester, rules):
    hit_id = post_hit(
        requester, 3, AssignmentReviewPolicy=known(), HITReviewPolicy=plurality(QuestionIds="q1", **rules)
    )
    people = [site.worker() for _ in range(3)]
    for worker, assignment_id in [(worker, worker.accept(hit_id)) for worker in people]:
        assert worker.submit(assignment_id, q1="yes", q2="a").status_code == 200
    asyncio.run(all_at_once(site, hit_id))
    assert {state for state, _ in states(requester, hit_id).values()} == {"Approved" if rules else "Submitted"}
    assert balance(requester) == ("9998.20", "0.00" if rules else "1.80")
    reply = requester.list_review_policy_results_for_hit(HITId=hit_id, MaxResults=100)
    for level, count in (("Assignment", 9), ("HIT", 9)):
        assert len(reply[f"{level}ReviewReport"]["ReviewResults"]) == len(results(reply, level)) == count, level


def test_what_was_only_intended_is_done_by_the_next_one(site, requester):
    hit_id = post_hit(requester, 2, AssignmentReviewPolicy=known(ApproveIfKnownAnswerScoreIsAtLeast="50"))
    assignment_id = answer(site, hit_id, q1="yes")

    async def killed(*_):
        raise SystemExit

    async def review():
        database = Database(site.settings.mongodb_uri, site.settings.database)
        try:
            await reviewing.review(database, hit_id, site.clock(), {"approve": killed, "reject": killed})
        finally:
            await database.close()

    with pytest.raises(SystemExit):
        asyncio.run(review())
    assert states(requester, hit_id)[assignment_id] == ("Approved", None)
    assert balance(requester) == ("9998.80", "0.60")


def test_pages_of_results(site, requester):
    hit_id = post_hit(requester, 1, AssignmentReviewPolicy=known())
    answer(site, hit_id, q1="yes")
    seen, token = [], {}
    while True:
        reply = requester.list_review_policy_results_for_hit(HITId=hit_id, MaxResults=2, **token)
        seen += reply["AssignmentReviewReport"]["ReviewResults"]
        if "NextToken" not in reply:
            break
        token = {"NextToken": reply["NextToken"]}
    assert len({r["ActionId"] for r in seen}) == len(seen) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"AssignmentReviewPolicy": {"PolicyName": KNOWN}},
        {"AssignmentReviewPolicy": plurality()},
        {"AssignmentReviewPolicy": known(ApproveIfKnownAnswerScoreIsAtLeast="102")},
        {"AssignmentReviewPolicy": known(Nonsense="1")},
        {"HITReviewPolicy": plurality(QuestionIds=" , ")},
        {"HITReviewPolicy": plurality(DisregardAssignmentIfRejected="maybe")},
        {"HITReviewPolicy": plurality(ExtendIfHITAgreementScoreIsLessThan="50")},
        {"HITLayoutId": "3LAYOUT"},
    ],
)
def test_policies_that_are_refused(requester, change):
    with refused(requester, "InvalidParameterValue"):
        post_hit(requester, **change)


def test_another_hit_type(site, requester):
    hit_id = post_hit(requester, 2)
    dearer = requester.create_hit_type(**hit_type_values(Reward="1.00", Title="Another title"))["HITTypeId"]
    worker = site.worker()
    assignment_id = worker.accept(hit_id)
    with refused(requester, "InvalidHITState"):
        requester.update_hit_type_of_hit(HITId=hit_id, HITTypeId=dearer)
    worker.submit(assignment_id)
    requester.update_hit_type_of_hit(HITId=hit_id, HITTypeId=dearer)
    found = hit(requester, hit_id)
    assert (found["HITTypeId"], found["Title"], found["Reward"]) == (dearer, "Another title", "1.00")
    assert balance(requester)[1] == "1.80", "0.60 for the work that is done, 1.20 for the place that is open"
    requester.approve_assignment(AssignmentId=assignment_id)
    assert balance(requester) == ("9998.20", "1.20")
    with refused(requester, "HITTypeDoesNotExist"):
        requester.update_hit_type_of_hit(HITId=hit_id, HITTypeId="3NONE")
    other = site.requester()
    with refused(other, "HITDoesNotExist"):
        other.update_hit_type_of_hit(HITId=hit_id, HITTypeId=dearer)
