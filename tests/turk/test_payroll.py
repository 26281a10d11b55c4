"""The list that people are paid by: amounts of a period, and names that a spreadsheet does not run."""

import csv
import io

import pytest

from tests.turk.requesters import sign_in
from tests.turk.served import post_hit
from workers.turk.payroll import Pay, as_csv, defused


def test_rewards_and_bonuses_of_the_period_by_worker(serve) -> None:
    site = serve()
    client, desk = site.requester("PAYER"), sign_in(site, "PAYER")
    ada, bob = site.worker("Ada"), site.worker("=HYPERLINK(1)")
    hit_id = post_hit(client, 3)
    done = {worker.name: worker.accept(hit_id) for worker in (ada, bob)}
    for worker in (ada, bob):
        worker.submit(done[worker.name])
    client.approve_assignment(AssignmentId=done["Ada"])
    client.send_bonus(WorkerId=ada.id, AssignmentId=done["Ada"], BonusAmount="1.25", Reason="Good work.")
    client.send_bonus(WorkerId=bob.id, AssignmentId=done[bob.name], BonusAmount="0.10", Reason="Patience.")
    other = site.requester("OTHER")
    theirs = ada.accept(post_hit(other))
    ada.submit(theirs)
    other.approve_assignment(AssignmentId=theirs)
    today = site.clock().strftime("%Y-%m-%d")
    reply = desk.get(f"/requester/payments.csv?from={today}&to={today}")
    assert reply.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(reply.text)))[1:]
    assert rows == [
        ["'=HYPERLINK(1)", bob.id, "0", "0.00", "0.10", "0.10"],
        ["Ada", ada.id, "1", "0.50", "1.25", "1.75"],
    ]
    earlier = desk.get("/requester/payments.csv?from=2020-01-01&to=2020-01-31")
    assert len(earlier.text.splitlines()) == 1


@pytest.mark.parametrize("asked", ["from=2026-02-30&to=2026-03-01", "from=2026-03-02&to=2026-03-01", "from=&to=x"])
def test_days_that_cannot_be_are_refused(site, asked: str) -> None:
    assert sign_in(site, "DAYS").get(f"/requester/payments.csv?{asked}").status_code == 400


def test_the_last_day_of_all_is_a_day(site) -> None:
    assert sign_in(site, "DAYS").get("/requester/payments.csv?from=0001-01-01&to=9999-12-31").status_code == 200


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1"])
def test_formulas_are_made_texts(text: str) -> None:
    assert defused(text) == f"'{text}"
    assert as_csv([Pay("A1", text)]).splitlines()[1].lstrip('"').startswith("'")


def test_names_stay_names() -> None:
    assert defused("Ada Lovelace-King") == "Ada Lovelace-King"
