"""Signing in, one's own account, users and the audit log in Chromium, with the real web process on the real MongoDB."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from active_learning.domain.access import UserRole
from api.operations import accounts, api_tokens
from tests.ui.axe import violations_in_every_look
from tests.ui.office import Office

GOOD = "a few words in a row"


@pytest.fixture
def office(mongod_uri: str) -> Iterator[Office]:
    """An empty installation with an admin."""
    with ExitStack() as exits:
        office = Office(mongod_uri, exits)
        office.do(accounts.add(office.w, "admin", UserRole.ADMIN, GOOD))
        yield office


def sign_in(page: Page, web: str, name: str, password: str, to: str = "/account") -> None:
    """As a person does it, by keyboard."""
    page.goto(web + to)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def test_from_the_first_sign_in_to_a_user_with_a_password_of_her_own(
    page: Page, browser: Browser, office: Office, quiet: list[str]
) -> None:
    sign_in(page, office.web, "admin", "not this one", "/users")
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is not right.")
    assert violations_in_every_look(page) == []
    page.keyboard.type(GOOD)  # the name is still there, and the password has the focus
    page.keyboard.press("Enter")
    page.wait_for_url("**/users")
    page.get_by_label("Name").fill("Ann")
    page.get_by_label("viewer").check()
    page.get_by_role("button", name="Add").click()
    lent = page.locator("#secret").inner_text()
    expect(page.locator("#user-ann")).to_contain_text("has not chosen a password yet")
    page.get_by_label("Change ann").click()
    assert violations_in_every_look(page) == []

    with browser.new_context() as other:
        hers = other.new_page()
        sign_in(hers, office.web, "ann", lent, "/")
        hers.wait_for_url("**/account")
        expect(hers.locator("#password")).to_contain_text("Somebody else has seen your password.")
        hers.get_by_label("Present password").fill(lent)
        hers.get_by_label("New password", exact=True).fill(GOOD)
        hers.get_by_label("New password, again").fill(GOOD)
        hers.get_by_role("button", name="Change the password").click()
        expect(hers.get_by_role("status")).to_contain_text("Your password is changed")
        expect(hers.get_by_role("navigation", name="Winnow")).not_to_contain_text("Users")

        page.get_by_role("button", name="Disable").click()
        expect(page.locator("#user-ann")).to_contain_text("disabled")
        hers.reload()  # it sends the form again
        expect(hers.get_by_role("heading", level=1)).to_have_text("You are not signed in any more.")
        hers.get_by_role("link", name="All categories").click()
        expect(hers.get_by_role("heading", name="Sign in")).to_be_visible()

    page.goto(office.web + "/audit-log?check=0")
    expect(page.get_by_role("status")).to_contain_text("entries fit together")
    said = page.locator("td.what summary, td.what b").all_inner_texts()
    assert any("admin added the user Ann as viewer" in words for words in said)
    assert any("ann changed the own password" in words for words in said)
    assert violations_in_every_look(page) == []


def test_a_token_from_the_page_to_a_script_and_back(page: Page, office: Office, quiet: list[str]) -> None:
    office.sign_in(page)
    page.goto(office.web + "/account")
    page.get_by_label("What it is for").fill("night export")
    page.get_by_label("curate make and change").check()
    page.get_by_label("Days until it ends").fill("30")
    page.get_by_role("button", name="Make the token").click()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    token = page.evaluate("navigator.clipboard.readText()")
    actor = office.do(api_tokens.by_token(office.w, token))
    assert actor is not None
    assert (actor.name, sorted(actor.scopes)) == ("admin", ["curate", "read"])
    assert violations_in_every_look(page) == []
    page.goto(office.web + "/account")
    assert token not in page.content()
    page.get_by_role("button", name="Revoke night export").click()
    expect(page.get_by_role("status")).to_contain_text("lets nobody in any more")
    assert office.do(api_tokens.by_token(office.w, token)) is None


def test_the_users_own_menu_on_a_phone(page: Page, office: Office, quiet: list[str]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    office.sign_in(page)
    for address in ("/account", "/users", "/audit-log"):
        page.goto(office.web + "/account")
        page.locator(".own > summary").click()
        page.locator(f'.own a[href="{address}"]').click()
        page.wait_for_url(f"**{address}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    page.locator(".own > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(office.web + "/users")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_signing_out_everywhere_else(page: Page, office: Office, quiet: list[str]) -> None:
    office.do(accounts.let_in(office.w, "admin"))
    office.sign_in(page)
    page.goto(office.web + "/account")
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_role("status")).to_contain_text("signed out everywhere else")
    expect(page.locator("#sign-ins li")).to_have_count(1)
