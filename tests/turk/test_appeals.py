"""Appeals against rejections, and their one answer."""

from datetime import timedelta

import pytest

from tests.turk.served import balance, post_hit
from workers.turk import appeals
from workers.turk.database import Database
from workers.turk.errors import FormRefused, NotNow, NotThere


@pytest.fixture
async def database(site):
    opened = Database(site.settings.mongodb_uri, site.settings.database)
    yield opened
    await opened.close()


@pytest.fixture
def rejected(site, requester):
    """An assignment that was rejected, with its requester's name."""
    worker = site.worker()
    assignment = worker.accept(post_hit(requester))
    worker.submit(assignment)
    requester.reject_assignment(AssignmentId=assignment, RequesterFeedback="all the same")
    return assignment, site.database["assignments"].find_one({"_id": assignment})["requester"]


async def stored(database, assignment):
    return await database.assignments.find_one({"_id": assignment})


async def test_accepting_an_appeal_pays_once(site, requester, database, rejected):
    assignment, owner = rejected
    now, before = site.clock(), balance(requester)
    await appeals.appeal(database, await stored(database, assignment), " Look again. ", now)
    await appeals.appeal(database, await stored(database, assignment), "Look again.", now)
    with pytest.raises(NotNow):
        await appeals.appeal(database, await stored(database, assignment), "And again!", now)
    (waiting,) = await appeals.of_requester(database, owner, now, waiting=True)
    assert (waiting["text"], waiting["reason"], waiting["can_accept"]) == ("Look again.", "all the same", True)
    for _ in range(2):
        await appeals.answer(database, owner, assignment, "You were right.", now, accept=True)
    with pytest.raises(NotNow):
        await appeals.answer(database, owner, assignment, "No.", now, accept=False)
    assert requester.get_assignment(AssignmentId=assignment)["Assignment"]["AssignmentStatus"] == "Approved"
    assert float(before[0]) - float(balance(requester)[0]) == pytest.approx(0.60)
    answered = await appeals.of_assignment(database, assignment)
    assert (answered["accepted"], answered["answer"]) == (True, "You were right.")
    assert await appeals.of_requester(database, owner, now, waiting=True) == []


async def test_refusing_an_appeal_pays_nothing(site, requester, database, rejected):
    assignment, owner = rejected
    now, before = site.clock(), balance(requester)
    await appeals.appeal(database, await stored(database, assignment), "Please.", now)
    with pytest.raises(NotThere):
        await appeals.answer(database, "SOMEBODY-ELSE", assignment, "Yes", now, accept=True)
    await appeals.answer(database, owner, assignment, "Every answer was no.", now, accept=False)
    assert balance(requester) == before
    (told,) = await appeals.of_requester(database, owner, now)
    assert (told["state"], told["accepted"]) == ("Rejected", False)


async def test_when_there_is_nothing_to_appeal(site, requester, database, rejected):
    assignment, owner = rejected
    now, found = site.clock(), await stored(database, assignment)
    with pytest.raises(NotNow):
        await appeals.appeal(database, found, "late", found["submitted_at"] + timedelta(days=30, seconds=1))
    for text in ("  ", "x" * 2_001):
        with pytest.raises(FormRefused):
            await appeals.appeal(database, found, text, now)
    await appeals.appeal(database, found, "in time", now)
    requester.approve_assignment(AssignmentId=assignment, OverrideRejection=True)
    assert await appeals.of_requester(database, owner, now, waiting=True) == [], "it was approved without an answer"
    with pytest.raises(NotNow):
        await appeals.appeal(database, await stored(database, assignment), "in time", now)
