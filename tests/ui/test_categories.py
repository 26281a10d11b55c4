"""A new category and the settings of one in Chromium, with the real web process on the real MongoDB."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from active_learning.domain.access import UserRole
from active_learning.domain.label import Source
from active_learning.domain.policy import Policy
from api.operations import categories, curating, intake
from tests import factories
from tests.ui.axe import violations_in_every_look
from tests.ui.office import Office

PHONE = {"width": 390, "height": 844}
YAML = "slug: car\nquestion: Is it a car?\npolicy:\n  reward_cents: 90\n"


@pytest.fixture
def office(mongod_uri: str, page: Page) -> Iterator[Office]:
    """An empty installation; a researcher is signed in."""
    with ExitStack() as exits:
        office = Office(mongod_uri, exits)
        office.sign_in(page, UserRole.RESEARCHER)
        yield office


def fits(page: Page) -> bool:
    """Whether nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_researcher_makes_a_category_and_sees_what_it_will_cost(page: Page, office: Office, quiet: list[str]) -> None:
    page.goto(office.web)
    page.get_by_role("link", name="Make the first one").click()
    cost = page.locator(".forecast-cost strong")
    page.get_by_label("Images", exact=True).fill("200")
    expect(cost).to_have_text(re.compile(r"^\$\d\.\d\d$"))
    before = cost.inner_text()
    reward = page.get_by_label("Reward")
    reward.fill("1.20")
    expect(cost).not_to_have_text(before)
    assert float(cost.inner_text()[1:]) > 1.9 * float(before[1:])
    # What does not fit is said beside its field, while the rest stays; Enter in a number asks, and does not create.
    gold = page.get_by_label("Known ones among them")
    gold.fill("500")
    expect(gold).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#policy-hidden_gold-notes")).to_contain_text("must be below")
    gold.fill("30")
    gold.press("Enter")
    expect(gold).not_to_have_attribute("aria-invalid", "true")
    expect(cost).to_be_visible()
    assert page.url.endswith("/categories/new")
    page.get_by_role("button", name="Create the category").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Question").fill("Is it a <car>?")
    page.get_by_label("Short name").fill("car")
    page.get_by_role("button", name="Create the category").click()
    page.wait_for_url("**/categories/car")
    made = office.do(categories.get(office.w, "car"))
    assert (made.question, made.policy) == ("Is it a <car>?", Policy(reward_cents=120, hidden_gold=30))


def test_what_was_typed_before_the_script_came_is_forecast_too(page: Page, office: Office, quiet: list[str]) -> None:
    def when_typed(route: Route) -> None:
        page.get_by_label("Images", exact=True).fill("200")
        route.continue_()

    page.goto(f"{office.web}/categories/new", wait_until="commit")
    unhurried = page.locator(".forecast-cost strong").inner_text()
    page.route("**/settings*.js", when_typed)
    page.reload()
    expect(page.locator(".forecast-cost strong")).not_to_have_text(unhurried)
    assert page.get_by_label("Images", exact=True).input_value() == "200"


def test_settings_are_changed_paused_and_put_away(page: Page, office: Office, quiet: list[str]) -> None:
    office.do(categories.create(office.w, factories.category("car", slots=60, hidden_gold=20), "ann"))
    images, truth = factories.new_images(range(24), yes_every=2)
    office.do(intake.add_images(office.w, "car", images))
    office.do(curating.give_gold(office.w, "car", truth, Source.GOLD, {"by": "ann"}))
    page.goto(f"{office.web}/categories/car")
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Reward").fill("0.90")
    page.get_by_label("Why", exact=True).last.fill("more for the same work")
    page.get_by_role("button", name="Put it in force").click()
    versions = page.locator("#versions")
    expect(versions).to_contain_text("more for the same work")
    expect(versions).to_contain_text("$0.90")
    first = page.locator("#examples .teaching-images li").first
    first.get_by_label("Why").fill("bright in the middle")
    page.get_by_role("button", name="Save the examples").click()
    expect(first.get_by_label("Why")).to_have_value("bright in the middle")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".badge")).to_have_text("paused")
    page.get_by_text("Clone", exact=True).click()
    page.get_by_role("button", name="Make the copy").click()
    page.wait_for_url("**/categories/car-2/settings")
    page.get_by_role("button", name="Archive").click()
    expect(page.locator(".badge")).to_have_text("archived")
    page.goto(office.web)
    expect(page.get_by_role("heading", name="Is the middle bright?")).to_have_count(1)
    page.locator(".archived > summary").click()
    expect(page.get_by_role("heading", name="Is the middle bright?")).to_have_count(2)


def test_a_file_fills_in_the_form(page: Page, office: Office, quiet: list[str]) -> None:
    page.goto(f"{office.web}/categories/new")
    page.get_by_text("From a YAML file").click()
    file = page.get_by_label("YAML file", exact=True)
    file.set_input_files({"name": "car.yaml", "mimeType": "text/yaml", "buffer": b"slug: car\nquestoin: what?"})
    page.get_by_role("button", name="Fill in the form").click()
    expect(page.get_by_role("alert")).to_contain_text("Did you mean 'question'?")
    file.set_input_files({"name": "car.yaml", "mimeType": "text/yaml", "buffer": YAML.encode()})
    page.get_by_role("button", name="Fill in the form").click()
    expect(page.get_by_label("Question")).to_have_value("Is it a car?")
    expect(page.get_by_label("Reward")).to_have_value("0.90")


def test_pages_are_for_everybody(browser: Browser, page: Page, office: Office) -> None:
    """No violation in light and dark, on a desk and on a phone; a viewer sees all and can change nothing."""
    office.do(categories.create(office.w, factories.category("car"), "ann"))
    office.do(office.w.store.categories.put("car", {"validation_below": 0.2, "looks": 1}))
    for address in ("/", "/categories/new?policy.slots=1", "/categories/car/settings"):
        page.goto(office.web + address)
        assert violations_in_every_look(page) == []
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        assert fits(page), address
        page.set_viewport_size({"width": 1280, "height": 900})
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert violations_in_every_look(page) == []
    other = browser.new_context(java_script_enabled=False)
    look = other.new_page()
    office.sign_in(look, UserRole.VIEWER)
    look.goto(f"{office.web}/categories/car/settings")
    expect(look.get_by_label("Reward")).to_be_disabled()
    expect(look.get_by_role("button", name="Pause")).to_have_count(0)
    office.sign_in(look, UserRole.RESEARCHER)
    look.goto(f"{office.web}/categories/new")
    look.get_by_label("Images", exact=True).fill("200")
    look.get_by_role("button", name="Forecast again").click()
    expect(look.get_by_label("Images", exact=True)).to_have_value("200")
    other.close()
