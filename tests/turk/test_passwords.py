"""Passwords and the limits on guessing them."""

from datetime import timedelta

import pytest

from workers.turk import attempts, passwords
from workers.turk.database import Database
from workers.turk.errors import FormRefused


async def test_a_password_fits_its_hash_only():
    kept = await passwords.hashed("correct horse battery")
    assert kept.startswith("$argon2id$") and "horse" not in kept
    assert await passwords.fits(kept, "correct horse battery")
    assert not await passwords.fits(kept, "correct horse batterz")
    assert not await passwords.fits(None, "correct horse battery")
    assert not await passwords.fits("not a hash", "correct horse battery")
    assert not passwords.needs_rehash(kept)
    assert passwords.needs_rehash("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$J8gj2qe8bLgzJ8QyqkhBHg")


@pytest.mark.parametrize("password", ["", "x7-b9_q2p", "x" * 201, "abcabcabcabc", "my name is Grace!"])
def test_passwords_that_are_refused(password):
    with pytest.raises(FormRefused):
        passwords.check(password, "grace")


def test_passwords_that_are_fine():
    for password in ("seven small stones", "x7-b9_q2pé", "four" * 50, passwords.generated()):
        passwords.check(password, "grace")


@pytest.fixture
async def database(site):
    opened = Database(site.settings.mongodb_uri, site.settings.database)
    yield opened
    await opened.close()


async def test_ten_guesses_at_a_name_and_then_a_wait(site, database):
    now = site.clock()
    for _ in range(10):
        await attempts.sign_in(database, now, "worker:GUESSED", "192.0.2.1")
    with pytest.raises(FormRefused) as refusal:
        await attempts.sign_in(database, now + timedelta(minutes=5), "worker:GUESSED", "192.0.2.1")
    assert refusal.value.status == 429 and "again in 10 minutes" in refusal.value.hint
    await attempts.sign_in(database, now, "worker:GUESSED", "192.0.2.2")
    await attempts.sign_in(database, now, "worker:OTHER", "192.0.2.1")
    await attempts.sign_in(database, now + attempts.WINDOW, "worker:GUESSED", "192.0.2.1")


async def test_being_right_ends_the_count(site, database):
    now = site.clock()
    for _ in range(3):
        for _ in range(9):
            await attempts.sign_in(database, now, "worker:FORGETFUL", "192.0.2.3")
        await attempts.signed_in(database, "worker:FORGETFUL", "192.0.2.3")


async def test_many_names_from_one_address(site, database):
    now = site.clock()
    for n in range(attempts.FROM_ONE_ADDRESS):
        await attempts.sign_in(database, now, f"worker:N{n}", f"2001:db8::{n:x}")
    with pytest.raises(FormRefused):
        await attempts.sign_in(database, now, "worker:LAST", "2001:db8::ffff")
    await attempts.sign_in(database, now, "worker:LAST", "2001:db8:0:1::1")
