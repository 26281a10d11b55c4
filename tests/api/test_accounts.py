"""Signing in and out, one's own account, users, API tokens."""

import re
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from active_learning.domain.access import Scope, UserRole
from active_learning.domain.errors import Forbidden, InputError, NotFound, StateError
from api.access import COOKIE
from api.app import create_app
from api.operations import accounts, api_tokens, audit_log, passwords, throttling
from api.operations.accounts import Whence
from api.operations.audit_log import Wanted
from api.operations.context import Winnow
from api.store.migrations import stored_secret
from tests import factories

HTML = {"Accept": "text/html"}
GOOD = "a few words in a row"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same algorithm with less work: the tests are about who gets in."""
    monkeypatch.setattr(passwords, "HASHER", passwords.PasswordHasher(1, 64, 1))


async def ann(w: Winnow, role: UserRole = UserRole.RESEARCHER) -> None:
    await accounts.add(w, "ann", role, GOOD)


async def signed_in(http: httpx.AsyncClient, name: str = "ann", password: str = GOOD) -> httpx.Response:
    return await http.post("/sign-in", data={"name": name, "password": password}, headers=HTML)


async def sentences(w: Winnow) -> list[str]:
    return [audit_log.said(one) for one in reversed(await audit_log.newest(w, Wanted(), None, 100))]


async def test_the_first_admin_is_made_once(w: Winnow) -> None:
    password = await accounts.first_admin(w)
    assert password is not None
    assert await accounts.first_admin(w) is None
    assert (await accounts.sign_in(w, "Admin ", password)).name == "admin"
    user = await accounts.find(w, "admin")
    assert user["password"].startswith("$argon2id$")
    assert password not in str(user)


async def test_signing_in_and_out(w: Winnow, anonymous: httpx.AsyncClient) -> None:
    await ann(w)
    asked = await anonymous.get("/categories/x?a=1", headers=HTML)
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=%2Fcategories%2Fx%3Fa%3D1")
    page = await anonymous.get(asked.headers["location"], headers=HTML)
    assert 'name="after" value="/categories/x?a=1"' in page.text
    wrong = await signed_in(anonymous, password="not this one")
    assert wrong.status_code == 403
    assert "The name or the password is not right." in wrong.text
    assert COOKIE not in anonymous.cookies
    reply = await anonymous.post("/sign-in", data={"name": "ANN", "password": GOOD, "after": "/categories/x"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/categories/x")
    flags = reply.headers["set-cookie"].lower()
    assert "httponly" in flags and "samesite=lax" in flags and "secure" not in flags
    assert (await anonymous.get("/")).status_code == 200
    assert (await anonymous.get("/sign-in")).status_code == 303
    kept = str(await w.store.sign_ins.of("ann"))
    assert anonymous.cookies[COOKIE] not in kept
    key = anonymous.cookies[COOKIE]
    await anonymous.post("/sign-out")
    assert await accounts.by_cookie(w, key) is None
    assert (await sentences(w))[-2:] == ["Somebody tried, and was refused: signed in as ann", "ann signed in as ann"]


@pytest.mark.parametrize("after", ["//evil.test", "/\\evil.test", "https://evil.test", "/\t/evil.test", "evil"])
async def test_a_link_to_the_sign_in_page_cannot_lead_elsewhere(
    w: Winnow, anonymous: httpx.AsyncClient, after: str
) -> None:
    await ann(w)
    reply = await anonymous.post("/sign-in", data={"name": "ann", "password": GOOD, "after": after})
    assert reply.headers["location"] == "/"


async def test_a_new_sign_in_ends_the_one_before_in_the_same_browser(w: Winnow, anonymous: httpx.AsyncClient) -> None:
    await ann(w)
    await signed_in(anonymous)
    first = anonymous.cookies[COOKIE]
    await signed_in(anonymous)
    assert anonymous.cookies[COOKIE] != first
    assert await accounts.by_cookie(w, first) is None
    assert len(await w.store.sign_ins.of("ann")) == 1


async def test_over_https_the_cookie_stays_there(w: Winnow) -> None:
    settings = factories.settings("", "", public_url="https://winnow.test")
    app = create_app(settings, w.clock)
    app.state.winnow = type(w)(w.store, w.blobs, settings, w.secret, w.clock)
    await ann(w)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://winnow.test") as http:
        reply = await signed_in(http)
        assert "; secure" in reply.headers["set-cookie"].lower()
        assert reply.headers["strict-transport-security"].startswith("max-age=")
        policy = reply.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy and "form-action 'self';" in policy
        framed = (await http.get("/tasks/none")).headers["content-security-policy"]
        assert f"frame-ancestors 'self' {settings.market_endpoint}" in framed


async def test_whoever_guesses_waits_and_the_owner_does_not(w: Winnow) -> None:
    clock = w.clock
    assert isinstance(clock, factories.FakeClock)
    await ann(w)
    burglar, owner = Whence(address="6.6.6.6"), Whence(address="1.2.3.4")

    async def guess(name: str = "ann", whence: Whence = burglar) -> str:
        with pytest.raises(Forbidden) as refused:
            await accounts.sign_in(w, name, "guess", whence)
        return refused.value.message

    for _ in range(throttling.FREE["both"] + 1):
        assert await guess() == "The name or the password is not right."
    assert await guess() == "Too many wrong passwords."
    assert (await accounts.sign_in(w, "ann", GOOD, owner)).name == "ann"
    clock.move(3)
    assert await guess() == "The name or the password is not right."
    assert await guess() == "Too many wrong passwords."
    said = {await guess(f"user{number}") for number in range(throttling.FREE["address"])}
    assert said == {"The name or the password is not right.", "Too many wrong passwords."}
    clock.move(throttling.KEPT.total_seconds())
    assert (await accounts.sign_in(w, "ann", GOOD, burglar)).name == "ann"


async def test_a_guess_that_comes_too_soon_is_not_noted(w: Winnow, anonymous: httpx.AsyncClient) -> None:
    for _ in range(throttling.FREE["both"] + 1):
        assert (await signed_in(anonymous, password="guess")).status_code == 403
    soon = await signed_in(anonymous, password="guess")
    assert (soon.status_code, soon.headers["retry-after"]) == (429, "2")
    assert "Try again in 2 seconds." in soon.text
    assert len(await sentences(w)) == throttling.FREE["both"] + 1


async def test_many_guesses_at_the_same_moment_are_no_way_round(w: Winnow) -> None:
    limits = (2, throttling.LONGEST_WAIT, throttling.KEPT)
    allowed = [await w.store.tries.begin("key", w.clock(), *limits) for _ in range(8)]
    assert allowed == [True] * 3 + [False] * 5


async def test_names_and_passwords_that_are_none(w: Winnow) -> None:
    for name in ("", "Ann Smith", "-ann", "ä", "a" * 65, "a\n"):
        with pytest.raises(InputError):
            await accounts.add(w, name.replace("\n", "\nb"), UserRole.VIEWER)
    for password in ("short", "aaaaaaaaaaaa", "ann-barbara-1"):
        with pytest.raises(InputError):
            await accounts.add(w, "ann-barbara", UserRole.VIEWER, password)
    await ann(w)
    with pytest.raises(StateError):
        await accounts.add(w, "ANN", UserRole.VIEWER)


async def test_changing_the_own_password_ends_the_other_sign_ins(w: Winnow, anonymous: httpx.AsyncClient) -> None:
    await ann(w)
    firefox = "Mozilla/5.0 (X11; Linux) Firefox/140.0"
    elsewhere = await accounts.let_in(w, "ann", Whence(agent=firefox, address="9.9.9.9"))
    await signed_in(anonymous)
    page = (await anonymous.get("/account", headers=HTML)).text
    assert "Firefox on Linux" in page and "9.9.9.9" in page

    async def change(old: str, new: str, again: str) -> httpx.Response:
        form = {"old_password": old, "new_password": new, "again": again}
        return await anonymous.post("/account/password", data=form, headers=HTML)

    for old, new, again, words in (
        ("not this one", "another few words", "another few words", "The present password is not right."),
        (GOOD, "another few words", "another", "not typed the same twice"),
        (GOOD, "short", "short", "at least 10 characters"),
        (GOOD, GOOD, GOOD, "The new password is the old one."),
    ):
        refused = await change(old, new, again)
        assert refused.status_code == 422
        assert words in refused.text
    before = anonymous.cookies[COOKIE]
    assert (await change(GOOD, "another few words", "another few words")).status_code == 200
    assert anonymous.cookies[COOKIE] != before
    assert (await anonymous.get("/")).status_code == 200
    assert await accounts.by_cookie(w, elsewhere.key) is None
    assert await accounts.by_cookie(w, before) is None
    assert "words" not in str(await audit_log.newest(w, Wanted(act="accounts.change_password"), None, 9))


async def test_signing_out_everywhere_else(w: Winnow, anonymous: httpx.AsyncClient) -> None:
    await ann(w)
    elsewhere = await accounts.let_in(w, "ann")
    await signed_in(anonymous)
    await anonymous.post("/account/sign-out-elsewhere")
    assert await accounts.by_cookie(w, elsewhere.key) is None
    assert (await anonymous.get("/account")).status_code == 200


async def test_a_form_of_another_site_does_nothing(w: Winnow, http: httpx.AsyncClient) -> None:
    for headers in ({"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        reply = await http.post("/users", data={"name": "eve", "role": "admin"}, headers=headers)
        assert reply.status_code == 403
    assert await w.store.users.get("eve") is None
    assert (await http.post("/users", data={"name": "eve"}, headers={"Origin": "http://winnow"})).status_code == 200


def shown_once(page: str) -> str:
    found = re.search(r'id="secret">([^<]+)<', page)
    assert found is not None
    return found[1]


async def test_a_token_on_the_page(w: Winnow, http: httpx.AsyncClient) -> None:
    form = {"name": "night export", "scopes": ["read", "curate"], "days": "30"}
    page = (await http.post("/account/tokens", data=form, headers=HTML)).text
    key = shown_once(page)
    assert key.startswith("winnow_")
    assert key not in (await http.get("/account", headers=HTML)).text
    for changes, words in (
        ({}, "already"),
        ({"name": "b", "scopes": []}, "at least one thing"),
        ({"name": "b", "days": "400"}, "from 1 to 366 days"),
        ({"name": "b", "days": "soon"}, "a whole number"),
        ({"name": "../b"}, "letters, digits"),
    ):
        refused = await http.post("/account/tokens", data={**form, **changes}, headers=HTML)
        assert refused.status_code == 422
        assert words in refused.text
    headers = {"Authorization": f"Bearer {key}"}
    http.cookies.clear()
    account = (await http.get("/api/v1/account", headers=headers)).json()
    assert account == {"name": "admin", "role": "admin", "scopes": ["read", "curate"], "via": "token night export"}
    assert (await http.get("/api/v1/users", headers=headers)).status_code == 403
    assert (await http.post("/account/sign-out-elsewhere", headers=headers)).status_code == 403


async def test_tokens_end_with_their_time_and_with_their_owner(w: Winnow) -> None:
    clock = w.clock
    assert isinstance(clock, factories.FakeClock)
    await ann(w)
    owner = await accounts.by_cookie(w, (await accounts.let_in(w, "ann")).key)
    assert owner is not None
    with pytest.raises(InputError):
        await api_tokens.make(w, owner, "too much", [Scope.ADMIN], 1)
    day = await api_tokens.make(w, owner, "day", [Scope.CURATE], 1)
    month = await api_tokens.make(w, owner, "month", [Scope.READ, Scope.CURATE], 30)
    through = await api_tokens.by_token(w, month.key)
    assert through is not None
    await api_tokens.make(w, through, "child", [Scope.READ], 30)
    with pytest.raises(InputError):
        await api_tokens.make(w, through, "elder", [Scope.READ], 31)
    await accounts.change(w, "ann", UserRole.VIEWER)
    weaker = await api_tokens.by_token(w, month.key)
    assert weaker is not None and weaker.scopes == {Scope.READ}
    clock.move(timedelta(days=1, seconds=1).total_seconds())
    assert await api_tokens.by_token(w, day.key) is None
    await accounts.change(w, "ann", disabled=True)
    assert await api_tokens.by_token(w, month.key) is None
    await accounts.change(w, "ann", disabled=False)
    assert await api_tokens.by_token(w, month.key) is not None
    assert await accounts.end_everything(w, "ann") == (0, 3)
    assert await api_tokens.by_token(w, month.key) is None


async def test_the_rest_api_of_tokens_and_users(w: Winnow, http: httpx.AsyncClient) -> None:
    made = (await http.post("/api/v1/account/tokens", json={"name": "a b", "scopes": ["admin", "read"]})).json()
    http.cookies.clear()
    http.headers["Authorization"] = f"Bearer {made['token']}"
    listed = (await http.get("/api/v1/account/tokens")).json()["items"]
    assert [(one["name"], one["scopes"]) for one in listed] == [("a b", ["read", "admin"])]
    assert "token" not in listed[0]
    created = await http.post("/api/v1/users", json={"name": "Eve", "role": "viewer"})
    assert (created.status_code, created.json()["name"]) == (201, "eve")
    assert (await http.post("/api/v1/users", json={"name": "eve", "role": "viewer"})).status_code == 409
    key = (await accounts.sign_in(w, "eve", created.json()["password"])).key
    changed = (await http.patch("/api/v1/users/eve", json={"role": "researcher", "renew_password": True})).json()
    assert changed["password"] not in (None, created.json()["password"])
    assert await accounts.by_cookie(w, key) is None
    rows = {row["name"]: row for row in (await http.get("/api/v1/users")).json()["items"]}
    assert (rows["eve"]["role"], rows["eve"]["lent"], rows["admin"]["tokens"]) == ("researcher", True, 1)
    assert (await http.patch("/api/v1/users/admin", json={"disabled": True})).status_code == 409
    assert (await http.patch("/api/v1/users/nobody", json={"disabled": True})).status_code == 404
    assert (await http.delete("/api/v1/account/tokens/a%20b")).status_code == 204
    assert (await http.get("/api/v1/users")).status_code == 401
    assert "admin changed the user eve" in await sentences(w)


async def test_the_page_of_users(w: Winnow, http: httpx.AsyncClient) -> None:
    password = shown_once((await http.post("/users", data={"name": "Eve", "role": "viewer"}, headers=HTML)).text)
    twice = await http.post("/users", data={"name": "eve", "role": "viewer"}, headers=HTML)
    assert (twice.status_code, "There is a user &#39;eve&#39; already." in twice.text) == (422, True)
    let = await accounts.sign_in(w, "eve", password)
    assert (await http.post("/users/eve/role", data={"role": "researcher"})).status_code == 303
    renewed = shown_once((await http.post("/users/eve/password", headers=HTML)).text)
    assert await accounts.by_cookie(w, let.key) is None
    assert (await http.post("/users/eve/disable")).headers["location"] == "/users#user-eve"
    with pytest.raises(Forbidden):
        await accounts.sign_in(w, "eve", renewed)
    await http.post("/users/eve/enable")
    let = await accounts.sign_in(w, "eve", renewed)
    await http.post("/users/eve/end")
    assert await accounts.by_cookie(w, let.key) is None
    last = await http.post("/users/admin/role", data={"role": "viewer"}, headers=HTML)
    assert (last.status_code, "This is the last admin." in last.text) == (409, True)
    assert (await http.post("/users/nobody/disable")).status_code == 404
    said = await sentences(w)
    assert "admin added the user Eve as viewer" in said
    assert "admin made eve researcher" in said
    assert renewed not in str(await audit_log.newest(w, Wanted(), None, 100))


async def test_who_has_a_lent_password_is_asked_to_choose(w: Winnow, anonymous: httpx.AsyncClient) -> None:
    password = await accounts.add(w, "eve", UserRole.VIEWER)
    assert (await signed_in(anonymous, "eve", password)).headers["location"] == "/account"
    assert "Somebody else has seen your password." in (await anonymous.get("/account", headers=HTML)).text


async def test_two_admins_cannot_demote_each_other_at_once(w: Winnow) -> None:
    for name in ("ann", "bob"):
        await accounts.enrol(w, name, UserRole.ADMIN, {})
    await accounts.change(w, "ann", UserRole.VIEWER)
    with pytest.raises(StateError):
        await accounts.change(w, "bob", disabled=True)
    with pytest.raises(NotFound):
        await accounts.change(w, "eve", UserRole.ADMIN)


async def test_what_is_too_large_is_turned_away(w: Winnow, app: FastAPI, http: httpx.AsyncClient) -> None:
    large = b"a" * 1_100_000

    async def chunks() -> object:
        for _ in range(11):
            yield large[:100_000]

    who = http.cookies[COOKIE]
    http.cookies.clear()
    for body in (large, chunks()):
        reply = await http.post("/api/v1/users", content=body, headers={"Content-Type": "application/json"})
        assert (reply.status_code, reply.json()["error"]["message"]) == (413, "This is more than 1 MB.")
    http.cookies.set(COOKIE, who)
    for body in (large, chunks()):
        reply = await http.post("/api/v1/users", content=body, headers={"Content-Type": "application/json"})
        assert reply.status_code == 422


async def test_docs_that_load_scripts_from_elsewhere_stay_off(w: Winnow, http: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await http.get(path)).status_code == 404
    assert await stored_secret(w.store.connection) not in (await http.get("/account", headers=HTML)).text
