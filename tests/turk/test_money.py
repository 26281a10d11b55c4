"""Money: holds, payments, fees; and a long random walk in which none of it appears or disappears."""

import random

import pytest
from botocore.exceptions import ClientError

from tests.turk.served import balance, post_hit, refused
from workers.turk.errors import InvalidParameter
from workers.turk.ledger import AMOUNTS
from workers.turk.money import cents, dollars, fee_of_assignment, fee_of_bonus
from workers.turk.settings import TurkSettings

SETTINGS = TurkSettings(mongodb_uri="mongodb://unused", secret="x" * 16)


def test_amounts():
    assert [cents(text, "Reward") for text in ("0", "5", "5.", "0.5", "0.05", "007.10")] == [0, 500, 500, 50, 5, 710]
    assert [dollars(value) for value in (0, 5, 50, 710, 1_000_000)] == ["0.00", "0.05", "0.50", "7.10", "10000.00"]
    for text in ("", ".5", "1.234", "-1", "1e3", " 1", "1\n", "100000.01", "9" * 400):
        with pytest.raises(InvalidParameter):
            cents(text, "Reward")


def test_fees():
    assert [fee_of_assignment(reward, 1, SETTINGS) for reward in (0, 1, 5, 12, 13, 50)] == [1, 1, 1, 2, 3, 10]
    assert fee_of_assignment(50, 9, SETTINGS) == 10
    assert fee_of_assignment(50, 10, SETTINGS) == 20, "ten or more assignments cost a second fee"
    assert fee_of_bonus(100, SETTINGS) == 20
    free = TurkSettings(mongodb_uri="mongodb://unused", secret="x" * 16, fee_percent=0, large_hit_fee_percent=0)
    assert fee_of_assignment(50, 10, free) == 0


def test_holds_and_payments(site, requester):
    assert balance(requester) == ("10000.00", "0.00")
    hit_id = post_hit(requester, 2)
    assert balance(requester) == ("9998.80", "1.20")
    people = [site.worker() for _ in range(2)]
    done = [person.accept(hit_id) for person in people]
    for assignment_id in done:
        people[0].submit(assignment_id)
    assert balance(requester) == ("9998.80", "1.20")
    requester.approve_assignment(AssignmentId=done[0])
    assert balance(requester) == ("9998.80", "0.60")
    requester.reject_assignment(AssignmentId=done[1], RequesterFeedback="no")
    assert balance(requester) == ("9999.40", "0.00")
    requester.approve_assignment(AssignmentId=done[1], OverrideRejection=True)
    assert balance(requester) == ("9998.80", "0.00")


def test_an_expired_hit_holds_only_what_is_still_being_worked_on(site, requester):
    hit_id = post_hit(requester, 3)
    returning, submitting = site.worker(), site.worker()
    returned, submitted = returning.accept(hit_id), submitting.accept(hit_id)
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=0)
    assert balance(requester) == ("9998.80", "1.20")
    returning.give_back(returned)
    assert balance(requester) == ("9999.40", "0.60")
    submitting.submit(submitted)
    assert balance(requester) == ("9999.40", "0.60")
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=site.clock().timestamp() + 3600)
    assert balance(requester) == ("9998.20", "1.80")


def test_an_overridden_rejection_must_be_covered(serve):
    site = serve(starting_balance_cents=60)
    requester, worker = site.requester("EXACT"), site.worker()
    hit_id = post_hit(requester)
    assignment_id = worker.accept(hit_id)
    worker.submit(assignment_id)
    requester.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="no")
    post_hit(requester)
    with refused(requester, "InsufficientFunds"):
        requester.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True)
    assert requester.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"] == "Rejected"


def test_reopening_an_expired_hit_must_be_covered(serve):
    site = serve(starting_balance_cents=60)
    requester = site.requester("EXACT")
    hit_id = post_hit(requester)
    requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=0)
    post_hit(requester)
    with refused(requester, "InsufficientFunds"):
        requester.update_expiration_for_hit(HITId=hit_id, ExpireAt=site.clock().timestamp() + 3600)
    assert requester.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == "Reviewable"


class Walk:
    """Random acts of one requester and four workers; refusals are fine, broken books are not."""

    def __init__(self, site, seed: int) -> None:
        self.site, self.random = site, random.Random(seed)
        self.key = f"WALK{seed}"
        self.requester = site.requester(self.key)
        self.people = [site.worker(f"walker {seed} {i}") for i in range(4)]
        self.hits: list[str] = []
        self.assignments: list[str] = []

    def step(self) -> None:
        often = [self.post, self.accept, self.accept, self.submit, self.submit, self.approve, self.approve]
        money = [self.reject, self.override, self.bonus, self.extend, self.expire, self.reopen]
        act = self.random.choice([*often, *money, self.give_back, self.delete, self.wait])
        try:
            act()
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error

    def hit(self) -> str:
        return self.random.choice(self.hits or ["NONE"])

    def assignment(self) -> str:
        return self.random.choice(self.assignments[-12:] or ["NONE"])

    def post(self) -> None:
        count = self.random.choice([1, 2, 3, 10])
        lifetime = self.random.choice([60, 86_400])
        values = {"AssignmentDurationInSeconds": 300, "AutoApprovalDelayInSeconds": self.random.choice([0, 900])}
        self.hits.append(post_hit(self.requester, count, LifetimeInSeconds=lifetime, **values))

    def accept(self) -> None:
        reply = self.random.choice(self.people).try_accept(self.hit())
        if reply.status_code == 303:
            self.assignments.append(reply.headers["location"].removeprefix("/assignments/"))

    def submit(self) -> None:
        self.people[0].submit(self.assignment())

    def give_back(self) -> None:
        self.random.choice(self.people).give_back(self.assignment())

    def approve(self) -> None:
        self.requester.approve_assignment(AssignmentId=self.assignment())

    def override(self) -> None:
        self.requester.approve_assignment(AssignmentId=self.assignment(), OverrideRejection=True)

    def reject(self) -> None:
        self.requester.reject_assignment(AssignmentId=self.assignment(), RequesterFeedback="no")

    def bonus(self) -> None:
        assignment_id = self.assignment()
        found = self.site.database["assignments"].find_one({"_id": assignment_id}) or {"worker": self.people[0].id}
        amount = f"{self.random.uniform(0, 3):.2f}"
        self.requester.send_bonus(
            WorkerId=found["worker"], AssignmentId=assignment_id, BonusAmount=amount, Reason="careful"
        )

    def extend(self) -> None:
        self.requester.create_additional_assignments_for_hit(HITId=self.hit(), NumberOfAdditionalAssignments=2)

    def expire(self) -> None:
        self.requester.update_expiration_for_hit(HITId=self.hit(), ExpireAt=0)

    def reopen(self) -> None:
        later = self.site.clock().timestamp() + 90_000
        self.requester.update_expiration_for_hit(HITId=self.hit(), ExpireAt=later)

    def delete(self) -> None:
        self.requester.delete_hit(HITId=self.hit())

    def wait(self) -> None:
        self.site.clock.move(seconds=self.random.choice([10, 100, 1000]))

    def check(self) -> None:
        """The account equals the sum of the ledger, holds equal the HITs' open slots, payments the approved work."""
        database = self.site.database
        self.requester.list_hits()
        account = database["accounts"].find_one({"_id": self.key})
        entries = list(database["ledger"].find({"requester": self.key}))
        recount = {name: sum(entry["amounts"].get(name, 0) for entry in entries) for name in AMOUNTS}
        assert {name: account[name] for name in AMOUNTS} == recount
        assert account["deposited"] == sum(account[name] for name in AMOUNTS[1:])
        held = 0
        for hit in database["hits"].find({"requester": self.key}):
            states = [a["state"] for a in database["assignments"].find({"hit": hit["_id"]})]
            assert hit["pending"] == states.count("InProgress")
            assert hit["submitted"] == states.count("Submitted")
            assert hit["completed"] == states.count("Approved") + states.count("Rejected")
            open_slots = 0 if hit["expired"] or hit["disposed"] else hit["available"]
            held += (hit["reward"] + hit["fee"]) * (open_slots + hit["pending"] + hit["submitted"])
        assert account["on_hold"] == held
        approved = database["assignments"].find({"requester": self.key, "state": "Approved"})
        bonuses = database["bonuses"].find({"requester": self.key})
        assert account["paid"] == sum(a["reward"] for a in approved) + sum(b["amount"] for b in bonuses)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_money_is_conserved_in_a_random_walk(serve, seed):
    walk = Walk(serve(starting_balance_cents=2_000), seed)
    for number in range(200):
        walk.step()
        if number % 25 == 24:
            walk.check()
    kinds = {entry["_id"].partition(":")[0] for entry in walk.site.database["ledger"].find()}
    assert kinds == {"deposit", "hold", "release", "pay", "bonus"}, "the walk did every kind of thing"
