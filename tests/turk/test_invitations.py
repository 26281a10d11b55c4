"""Invitations: how many, until when, and by whom they are ended."""

import asyncio
from datetime import timedelta

import pytest

from workers.turk import invitations, registration
from workers.turk.database import Database
from workers.turk.errors import FormRefused, InvalidParameter, NotNow

PASSWORD = "seven small stones"


@pytest.fixture
async def database(site):
    opened = Database(site.settings.mongodb_uri, site.settings.database)
    yield opened
    await opened.close()


def join(database, token, name, now):
    return registration.sign_up(database, "invited", name, PASSWORD, f"of {token}", now, invitation=token)


async def test_as_many_as_it_is_for_and_not_one_more(site, database):
    now = site.clock()
    made = await invitations.make(database, "LAB", now, uses=3, until=now + timedelta(days=7), note=" first year ")
    joined = await asyncio.gather(
        *(join(database, made["_id"], f"student {n}", now) for n in range(8)), return_exceptions=True
    )
    assert sum(isinstance(each, dict) for each in joined) == 3
    assert all(isinstance(each, dict | NotNow) for each in joined)
    (known,) = await invitations.of_requester(database, "LAB")
    assert (known["used"], known["uses"], known["note"]) == (3, 3, "first year")
    assert await database.workers.count_documents({"invitation": made["_id"], "invited_by": "LAB"}) == 3
    with pytest.raises(NotNow):
        await invitations.find_open(database, made["_id"], now)


async def test_a_name_that_is_taken_costs_no_place(site, database):
    now = site.clock()
    made = await invitations.make(database, None, now, uses=1, until=now + timedelta(days=1))
    await registration.sign_up(database, "open", "Taken Name", PASSWORD, "elsewhere", now)
    with pytest.raises(NotNow, match="this name already"):
        await join(database, made["_id"], "taken  NAME", now)
    assert (await invitations.find_open(database, made["_id"], now))["used"] == 0


async def test_over_by_time_or_revoked(site, database):
    now = site.clock()
    late = await invitations.make(database, "LAB2", now, uses=9, until=now + timedelta(days=1))
    ended = await invitations.make(database, "LAB2", now, uses=9, until=now + timedelta(days=1))
    with pytest.raises(InvalidParameter):
        await invitations.revoke(database, "LAB3", ended["_id"], now)
    assert (await invitations.find_open(database, ended["_id"], now))["_id"] == ended["_id"]
    first = await invitations.revoke(database, "LAB2", ended["_id"], now)
    again = await invitations.revoke(database, "LAB2", ended["_id"], now + timedelta(hours=1))
    assert first["revoked_at"] == again["revoked_at"]
    for token, moment in ((late["_id"], now + timedelta(days=1)), (ended["_id"], now), ("NONE", now)):
        with pytest.raises(NotNow):
            await join(database, token, "too late", moment)
    with pytest.raises(NotNow, match="by invitation"):
        await registration.sign_up(database, "invited", "uninvited", PASSWORD, "there", now)


@pytest.mark.parametrize(
    ("uses", "days", "note"), [(0, 1, ""), (10_001, 1, ""), (1, 0, ""), (1, 400, ""), (1, 1, "x" * 201)]
)
async def test_invitations_that_cannot_be(site, database, uses, days, note):
    now = site.clock()
    with pytest.raises(InvalidParameter):
        await invitations.make(database, "LAB", now, uses=uses, until=now + timedelta(days=days), note=note)


async def test_a_new_password_from_the_operator(site, database):
    now = site.clock()
    made = await registration.sign_up(database, "open", "Forgetful Fay", PASSWORD, "home", now)
    worker, password = await registration.reset_password(database, "forgetful fay")
    assert worker["_id"] == made["_id"] == (await registration.reset_password(database, made["_id"]))[0]["_id"]
    with pytest.raises(FormRefused):
        await registration.sign_in(database, "Forgetful Fay", password, "home", now)
    _, newest = await registration.reset_password(database, made["_id"])
    assert (await registration.sign_in(database, "Forgetful Fay", newest, "home", now))["generation"] == 3
    with pytest.raises(InvalidParameter):
        await registration.reset_password(database, "nobody at all")
