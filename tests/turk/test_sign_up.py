"""Accounts of workers: sign up, sign in, change the password, be invited."""

from datetime import timedelta

import httpx
import pytest

from tests.turk.served import SECRET, TLS, post_hit
from workers.turk import invitations, passwords
from workers.turk.database import Database
from workers.turk.errors import SettingsError
from workers.turk.settings import TurkSettings

PASSWORD = "seven small stones"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    """What is tried here is not Argon2."""
    monkeypatch.setattr(passwords, "HASHER", passwords.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture(scope="module")
def open_site(serve):
    return serve(sign_up="open")


def browser(site) -> httpx.Client:
    return httpx.Client(base_url=site.url, timeout=30, verify=TLS)


def join(site, name, password=PASSWORD, **fields):
    client = browser(site)
    reply = client.post("/join", data={"name": name, "password": password, "again": password, **fields})
    return client, reply


def sign_in(site, name, password=PASSWORD, **fields):
    client = browser(site)
    return client, client.post("/sign-in", data={"name": name, "password": password, **fields})


def signed_in(client) -> bool:
    return client.get("/session.json").status_code == 200


def token(client) -> str:
    return str(client.get("/session.json").json()["csrf"])


def test_from_the_front_page_to_work(open_site):
    hit_id = post_hit(open_site.requester())
    client = browser(open_site)
    assert 'href="/join"' in client.get("/").text and 'name="again"' in client.get("/join").text
    client, reply = join(open_site, "Ada Lovelace")
    assert (reply.status_code, reply.headers["location"]) == (303, "/") and signed_in(client)
    assert hit_id in client.get("/").text
    kept = open_site.database["workers"].find_one({"name": "Ada Lovelace"})
    assert kept["password"].startswith("$argon2id$") and PASSWORD not in str(kept)
    again, reply = sign_in(open_site, " ada  LOVELACE ")
    assert reply.status_code == 303 and again.get("/session.json").json()["worker_id"] == kept["_id"]


def test_a_name_alone_is_not_enough(open_site):
    join(open_site, "Grace")
    for name, password in (("Grace", ""), ("Grace", "wrong and long"), ("Nobody here", PASSWORD), ("", PASSWORD)):
        client, reply = sign_in(open_site, name, password)
        assert reply.status_code in {400, 403} and not signed_in(client)
        assert 'role="alert"' in reply.text
    assert f'value="{"Grace"}"' in sign_in(open_site, "Grace", "wrong")[1].text, "the name is still there"
    unknown, wrong = (sign_in(open_site, name, "wrong and long")[1].text for name in ("Graze", "Grace"))
    assert unknown.replace("Graze", "Grace") == wrong, "the page does not tell who has an account"


@pytest.mark.parametrize(
    ("name", "password", "again"),
    [
        ("", PASSWORD, PASSWORD),
        ("x" * 65, PASSWORD, PASSWORD),
        ("a\x00b", PASSWORD, PASSWORD),
        ("Short", "123456789", "123456789"),
        ("Two", PASSWORD, PASSWORD + "!"),
        ("evelyn", "evelyn evelyn", "evelyn evelyn"),
    ],
)
def test_accounts_that_are_refused(open_site, name, password, again):
    client, reply = join(open_site, name, password, again=again)
    assert reply.status_code == 400 and 'role="alert"' in reply.text and not signed_in(client)
    assert password not in reply.text, "a password is not sent back"


def test_a_name_that_is_taken(open_site):
    join(open_site, "Only One")
    client, reply = join(open_site, "only one", "another long password")
    assert reply.status_code == 409 and not signed_in(client)
    assert sign_in(open_site, "Only One")[1].status_code == 303


def test_guessing_ends(open_site):
    join(open_site, "Guessed")
    statuses = [sign_in(open_site, "Guessed", f"guess number {n}")[1].status_code for n in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    assert sign_in(open_site, "Guessed")[1].status_code == 429, "nor does the right one help"
    open_site.clock.move(minutes=16)
    assert sign_in(open_site, "Guessed")[1].status_code == 303


def test_changing_the_password_ends_other_sessions(open_site):
    client, _ = join(open_site, "Changing")
    elsewhere, _ = sign_in(open_site, "Changing")
    new = {"password": "eight large rocks", "again": "eight large rocks", "csrf": token(client)}
    assert client.post("/account/password", data={**new, "old": "wrong"}).status_code == 403
    assert client.post("/account/password", data={**new, "old": PASSWORD, "again": "x"}).status_code == 400
    assert client.post("/account/password", data={**new, "old": PASSWORD, "csrf": ""}).status_code == 403
    assert signed_in(elsewhere)
    changed = client.post("/account/password", data={**new, "old": PASSWORD})
    assert changed.headers["location"] == "/account?changed"
    assert "The password is changed." in client.get("/account?changed").text
    assert signed_in(client) and not signed_in(elsewhere)
    assert sign_in(open_site, "Changing")[1].status_code == 403
    assert sign_in(open_site, "Changing", "eight large rocks")[1].status_code == 303


def test_back_to_where_one_was_going(open_site):
    join(open_site, "Going")
    client = browser(open_site)
    sent = client.get("/hits/ABC")
    assert sent.headers["location"] == "/?next=%2Fhits%2FABC"
    assert 'name="next" value="/hits/ABC"' in client.get(sent.headers["location"]).text
    assert sign_in(open_site, "Going", next="/hits/ABC")[1].headers["location"] == "/hits/ABC"
    for elsewhere in ("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:x"):
        assert sign_in(open_site, "Going", next=elsewhere)[1].headers["location"] == "/"


def test_forms_from_other_sites_are_refused(open_site):
    client = browser(open_site)
    for path in ("/join", "/sign-in"):
        crossed = client.post(path, data={"name": "X"}, headers={"sec-fetch-site": "cross-site"})
        assert crossed.status_code == 403


async def test_an_invitation(serve):
    site = serve(sign_up="invited")
    assert join(site, "Uninvited")[1].status_code == 409
    client = browser(site)
    assert "by invitation" in client.get("/").text and client.get("/join").headers["location"] == "/"
    assert client.get("/join/NOSUCHTOKEN").status_code == 409
    database = Database(site.settings.mongodb_uri, site.settings.database)
    now = site.clock()
    made = await invitations.make(database, "LAB", now, uses=1, until=now + timedelta(days=1))
    await database.close()
    page = client.get(invitations.path(made["_id"]))
    assert "You are invited." in page.text and f'value="{made["_id"]}"' in page.text
    guest, reply = join(site, "Guest", invitation=made["_id"])
    assert reply.status_code == 303 and signed_in(guest)
    assert join(site, "Second guest", invitation=made["_id"])[1].status_code == 409
    assert client.get(invitations.path(made["_id"])).status_code == 409


def test_names_where_there_were_passwords(open_site, serve):
    join(open_site, "Has One")
    names = serve(sign_up="names", database=open_site.settings.database)
    assert "A name is enough here" in browser(names).get("/").text
    client, reply = sign_in(names, "has one")
    assert reply.status_code == 403 and not signed_in(client)
    assert names.worker("Has None").id


def test_the_setting():
    with pytest.raises(SettingsError, match="open, invited, names"):
        TurkSettings(mongodb_uri="mongodb://x", secret=SECRET, sign_up="closed")
    assert TurkSettings(mongodb_uri="mongodb://x", secret=SECRET).sign_up == "open"
