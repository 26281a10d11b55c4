"""Signing in with an organisation's account, against a real provider behind a real socket."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from active_learning.domain.access import UserRole
from active_learning.domain.errors import InputError
from api.access import COOKIE
from api.app import create_app
from api.operations import accounts, audit_log
from api.operations.audit_log import Wanted
from api.operations.context import Winnow
from api.settings import Settings
from tests.api.provider import CLIENT, SECRET, Provider
from tests.jobs.serving import Served
from tests.turk.served import free_port

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    """One provider for all tests of the file."""
    provider, port = Provider(), free_port()
    served = Served(provider.app, port)
    provider.issuer = served.url
    yield provider
    served.stop()


@pytest.fixture
def provider(server: Provider) -> Provider:
    """The provider, as it is when nobody has told it to lie."""
    fresh = Provider()
    server.claims, server.lie, server.refuses = fresh.claims, fresh.lie, fresh.refuses
    return server


class Browser:
    """Somebody who signs in there."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def to_provider(self, after: str = "/categories/x") -> str:
        """Follow the link; returns the address at the provider."""
        reply = await self.http.get("/sign-in/elsewhere", params={"next": after})
        assert reply.status_code == 303
        return reply.headers["location"]

    async def back(self, address: str) -> str:
        """Ask the provider; returns the path, with what it says, that it sends the browser back to."""
        async with httpx.AsyncClient() as outside:
            back = urlsplit((await outside.get(address)).headers["location"])
        return f"{back.path}?{back.query}"

    async def sign_in(self, after: str = "/categories/x") -> httpx.Response:
        """The whole way."""
        return await self.http.get(await self.back(await self.to_provider(after)), headers=HTML)


@pytest_asyncio.fixture
async def visitor(w: Winnow, provider: Provider) -> AsyncIterator[Browser]:
    """A browser at a Winnow that lets the provider's accounts in."""
    async with _browser(w, provider) as opened:
        yield opened


def _settings(w: Winnow, provider: Provider, **changes: object) -> Settings:
    known = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    return replace(w.settings, **{**known, "oidc_title": "The Lab", "oidc_domains": ("lab.org",), **changes})


class _browser:
    def __init__(self, w: Winnow, provider: Provider, **changes: object) -> None:
        settings = _settings(w, provider, **changes)
        app = create_app(settings, w.clock)
        app.state.winnow = replace(w, settings=settings)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://winnow")

    async def __aenter__(self) -> Browser:
        return Browser(await self.http.__aenter__())

    async def __aexit__(self, *error: object) -> None:
        await self.http.aclose()


async def test_from_the_link_to_the_page_that_was_wanted(w: Winnow, provider: Provider, visitor: Browser) -> None:
    assert "Sign in with The Lab" in (await visitor.http.get("/sign-in", headers=HTML)).text
    reply = await visitor.sign_in()
    assert (reply.status_code, reply.headers["location"]) == (303, "/categories/x")
    asked = provider.asked[-1]
    assert (asked["code_challenge_method"], asked["response_type"], asked["scope"]) == (
        "S256",
        "code",
        "openid email profile",
    )
    user = await accounts.find(w, "ann@lab.org")
    assert (user["role"], user["password"], user["subject"]["id"]) == ("viewer", None, "42")
    page = await visitor.http.get("/account", headers=HTML)
    assert "there is no password here" in page.text
    (entry,) = await audit_log.newest(w, Wanted(), None, 9)
    assert audit_log.said(entry) == f"ann@lab.org signed in as ann@lab.org with an account at {provider.issuer}"
    provider.claims |= {"email": "ann.smith@lab.org"}  # she has married; the subject stays
    assert (await visitor.sign_in()).status_code == 303
    assert len(await w.store.users.all()) == 1


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        ("signature", "(BadSignatureError)"),
        ("audience", "(InvalidClaimError)"),
        ("nonce", "(InvalidClaimError)"),
        ("token issuer", "(InvalidClaimError)"),
        ("expired", "(ExpiredTokenError)"),
        ("none", "(UnsupportedAlgorithmError)"),
        ("hmac", "(UnsupportedAlgorithmError)"),
        ("issuer", "calls itself"),
    ],
)
async def test_a_token_that_is_not_as_it_must_be_lets_nobody_in(
    w: Winnow, provider: Provider, visitor: Browser, lie: str, words: str
) -> None:
    address = await visitor.to_provider()
    provider.lie = lie
    reply = await visitor.http.get(await visitor.back(address), headers=HTML)
    assert reply.status_code == 403, reply.text
    assert words in reply.text
    assert COOKIE not in visitor.http.cookies
    assert await w.store.users.all() == []
    assert [bool(entry["refused"]) for entry in await audit_log.newest(w, Wanted(), None, 9)] == [True]


async def test_an_answer_belongs_to_the_browser_that_has_asked(w: Winnow, provider: Provider, visitor: Browser) -> None:
    mine, other = await visitor.to_provider(), await visitor.to_provider()
    back = await visitor.back(mine)
    assert "another sign-in" in (await visitor.http.get(back, headers=HTML)).text  # the newer one is kept
    assert parse_qs(urlsplit(mine).query)["state"] != parse_qs(urlsplit(other).query)["state"]
    fresh = await visitor.back(await visitor.to_provider())
    kept = dict(visitor.http.cookies)
    visitor.http.cookies.clear()
    assert (await visitor.http.get(fresh, headers=HTML)).status_code == 403
    visitor.http.cookies.update(kept)
    assert (await visitor.http.get(fresh, headers=HTML)).status_code == 303
    visitor.http.cookies.update(kept)
    assert "invalid_grant" in (await visitor.http.get(fresh, headers=HTML)).text  # a code counts once
    visitor.http.cookies.update(kept)
    mixed = fresh.replace("iss=", "iss=x")
    assert "another sign-in" in (await visitor.http.get(mixed, headers=HTML)).text


async def test_who_says_no_is_not_let_in(provider: Provider, visitor: Browser) -> None:
    provider.refuses = True
    assert "The Lab did not let you in: access_denied." in (await visitor.sign_in()).text


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"email": "eve@evil.test"}, "Accounts of evil.test may not sign in here."),
        ({"email_verified": False}, "Only verified addresses of lab.org."),
        ({"email": "eve@evil.test@lab.org.evil"}, "may not sign in here"),
        ({"email": "a b@lab.org"}, "cannot be a user"),
    ],
)
async def test_accounts_that_may_not_come_in(
    w: Winnow, provider: Provider, visitor: Browser, claims: dict[str, object], words: str
) -> None:
    provider.claims |= claims
    reply = await visitor.sign_in()
    assert (reply.status_code, words in reply.text) == (403, True), reply.text
    assert await w.store.users.all() == []


async def test_a_user_with_a_password_is_not_taken_over_and_an_invited_one_is(
    w: Winnow, provider: Provider, visitor: Browser
) -> None:
    await accounts.add(w, "ann@lab.org", UserRole.ADMIN)
    assert "There is a user" in (await visitor.sign_in()).text
    provider.claims |= {"sub": "43", "email": "bob@lab.org"}
    await accounts.enrol(w, "bob@lab.org", UserRole.RESEARCHER, {})
    assert (await visitor.sign_in()).status_code == 303
    assert (await accounts.find(w, "bob@lab.org"))["role"] == "researcher"
    await accounts.change(w, "bob@lab.org", disabled=True)
    assert "is disabled" in (await visitor.sign_in()).text


async def test_roles_that_the_provider_names(w: Winnow, provider: Provider) -> None:
    changes = {"oidc_domains": ("*",), "oidc_role_claim": "groups", "oidc_default_role": ""}
    async with _browser(w, provider, **changes) as visitor:
        assert "has no role in Winnow" in (await visitor.sign_in()).text
        for groups, role in (
            (["staff", "winnow-researcher", "viewer"], "researcher"),
            ("admin", "admin"),
            ([], "admin"),
        ):
            provider.claims["groups"] = groups
            assert (await visitor.sign_in()).status_code == 303
            assert (await accounts.find(w, "ann@lab.org"))["role"] == role
        provider.claims["groups"] = "viewer"
        assert (await visitor.sign_in()).status_code == 303
        assert (await accounts.find(w, "ann@lab.org"))["role"] == "admin"  # the last one stays


async def test_a_provider_that_does_not_answer(w: Winnow, provider: Provider) -> None:
    async with _browser(w, provider, oidc_issuer=f"http://127.0.0.1:{free_port()}") as visitor:
        reply = await visitor.http.get("/sign-in/elsewhere")
        assert (reply.status_code, reply.json()["error"]["message"]) == (503, "The Lab does not answer.")


async def test_without_a_provider_there_is_no_way_in(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/sign-in/elsewhere")).status_code == 404
    assert "Sign in with" not in (await anonymous.get("/sign-in", headers=HTML)).text


def test_settings_that_would_let_anybody_in_are_refused() -> None:
    env = {"WINNOW_MONGODB_URI": "mongodb://x", "WINNOW_OIDC_ISSUER": "https://id.test/", "WINNOW_OIDC_CLIENT_ID": "a"}
    with pytest.raises(InputError):
        Settings.from_env(env)
    with pytest.raises(InputError):
        Settings.from_env({**env, "WINNOW_OIDC_DOMAINS": "lab.org", "WINNOW_OIDC_DEFAULT_ROLE": "king"})
    chosen = {**env, "WINNOW_OIDC_DOMAINS": "@Lab.org, uni.edu", "WINNOW_OIDC_DEFAULT_ROLE": "none"}
    settings = Settings.from_env(chosen)
    assert settings == Settings.from_env(settings.to_env())
    assert (settings.oidc_issuer, settings.oidc_title) == ("https://id.test", "id.test")
    assert (settings.oidc_domains, settings.oidc_default_role) == (("lab.org", "uni.edu"), "")
