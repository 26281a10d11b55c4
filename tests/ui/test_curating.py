"""A curator in Chromium: from a text file of ids to a posted task, and by hand in the pool."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from active_learning.domain.access import UserRole
from tests.ui.axe import violations_in_every_look
from tests.ui.curating_desk import SLUG, CuratingDesk


@pytest.fixture
def desk(mongod_uri: str, page: Page) -> Iterator[CuratingDesk]:
    """A web process and a pool; a researcher is signed in."""
    with ExitStack() as exits:
        desk = CuratingDesk(mongod_uri, exits)
        desk.sign_in(page, UserRole.RESEARCHER)
        yield desk


def test_from_a_text_file_with_wrong_ids_and_duplicates_to_a_posted_task(
    page: Page, desk: CuratingDesk, quiet: list[str], tmp_path: Path
) -> None:
    free = desk.free()
    names = [desk.names[image] for image in free[:6]]
    wrong = ["f" * 64, "shapes/nowhere.png", "not an image"]
    listed = tmp_path / "night.txt"
    listed.write_text("\n".join([*free[6:20], *names, wrong[0], free[6], wrong[1], names[0], wrong[2]]))

    page.goto(f"{desk.category}/task-sets")
    expect(page.get_by_text("There is no task set yet")).to_be_visible()
    page.get_by_label("A file").set_input_files(listed)
    page.get_by_label("Name").fill('Night "shift" <1>')
    page.get_by_label("Number").fill("12")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="20 of 25 lines matched")).to_be_visible()
    missing = page.locator(".left-out", has_text="3 · Missing")
    for text in wrong:
        expect(missing).to_contain_text(text)
    expect(page.locator(".left-out", has_text="2 · Named twice")).to_contain_text("as in line 1")
    assert violations_in_every_look(page) == []

    page.get_by_role("button", name="Save 20 images").click()
    page.wait_for_url("**/task-sets/12")
    expect(page.get_by_role("heading", level=1)).to_have_text('Night "shift" <1>')
    page.get_by_label("Images in a task").fill("16")
    page.get_by_label("Hidden gold").fill("6")
    assert violations_in_every_look(page) == []
    page.get_by_role("button", name="Arrange 20 images").click()
    expect(page.get_by_role("heading", name="2 tasks")).to_be_visible()
    assert desk.standing(free[6])[0] == "selected"
    page.get_by_role("button", name="Back to the list").click()
    expect(page.get_by_role("button", name="Arrange 20 images")).to_be_visible()
    assert desk.standing(free[6])[0] == "unknown"

    page.get_by_role("button", name="Arrange 20 images").click()
    expect(page.get_by_role("cell", name="not posted")).to_have_count(2)
    page.get_by_role("button", name=re.compile(r"Post 2 tasks for \$")).click()
    expect(page.get_by_role("cell", name="being posted")).to_have_count(2)
    assert violations_in_every_look(page) == []
    posted = desk.collect()
    assert [task.wave for task in posted] == [12, 12] and all(task.hit for task in posted)
    expect(page.get_by_role("cell", name="at the market")).to_have_count(2)
    assert desk.standing(free[6])[0] == "posted"
    assert {image for task in posted for image in task.asked} == set(free[:20])


def test_selecting_with_keys_and_mouse_acting_and_undoing(page: Page, desk: CuratingDesk, quiet: list[str]) -> None:
    page.goto(f"{desk.category}/pool?state=unknown&role=train")
    boxes = page.locator("#grid input")
    images = [box.get_attribute("value") or "" for box in boxes.all()]
    selected = page.locator("#grid input:checked")
    chosen = page.locator("#chosen")

    boxes.first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(chosen).to_have_text("3 selected")
    page.keyboard.press("Shift+ArrowDown")
    columns = page.evaluate(
        "[...document.querySelectorAll('#grid > li')].filter((t, i, all) => t.offsetTop === all[0].offsetTop).length"
    )
    expect(selected).to_have_count(columns + 3)
    page.keyboard.press("Escape")
    expect(chosen).to_have_text("Nothing selected")
    boxes.nth(1).click()
    page.locator("#grid label").nth(4).click(modifiers=["Shift"])
    expect(selected).to_have_count(4)
    first, last = (page.locator("#grid label").nth(n).bounding_box() for n in (6, 8))
    assert first and last
    page.mouse.move(first["x"] + 60, first["y"] + 60)
    page.mouse.down()
    page.mouse.move(last["x"] + 60, last["y"] + 60, steps=4)
    page.mouse.up()
    expect(selected).to_have_count(7)

    page.evaluate("window.loaded_once = true")
    page.keyboard.press("x")
    expect(page.locator("#said")).to_contain_text("7 images excluded")
    expect(page.locator(".tile-excluded")).to_have_count(7)
    assert desk.standing(images[1])[3] and not desk.standing(images[0])[3]
    assert violations_in_every_look(page) == []
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("u")
    expect(page.locator("#said")).to_contain_text("Undone")
    expect(page.locator(".tile-excluded")).to_have_count(0)
    assert not desk.standing(images[1])[3]

    boxes.nth(0).click()
    page.keyboard.press("y")
    expect(page.locator("#said")).to_contain_text("1 image made gold with the answer yes")
    assert desk.standing(images[0]) == ("labeled", "gold", True, False)
    for n in (2, 3):
        boxes.nth(n).click()
    page.keyboard.press("t")
    expect(page.locator("#said")).to_contain_text("2 images added to task set 1")
    boxes.nth(2).click()
    page.keyboard.press("t")
    expect(page.locator("#said")).to_contain_text("0 images added to task set 1")
    expect(page.locator("#said")).to_contain_text("1 left as it was")
    assert page.evaluate("window.loaded_once"), "the page was loaded anew"
    page.get_by_role("link", name="Look at the set").click()
    expect(page.get_by_role("heading", name="2 images")).to_be_visible()


def test_looking_filtering_and_more_like_this(page: Page, desk: CuratingDesk, quiet: list[str]) -> None:
    page.goto(f"{desk.category}/pool")
    tiles = page.locator("#grid > li")
    expect(tiles.first).to_be_visible()
    page.locator("#more").scroll_into_view_if_needed()
    expect(tiles).to_have_count(120)
    expect(page.get_by_text("That was the last one.")).to_be_attached()
    assert len({tile.get_attribute("data-image") for tile in tiles.all()}) == 120
    page.get_by_label("Licence").select_option("cc0")
    page.wait_for_url("**licence=cc0")
    expect(tiles).to_have_count(30)
    page.get_by_label("Where from").fill("openverse")
    page.keyboard.press("Enter")
    expect(tiles).to_have_count(6)
    page.get_by_role("link", name="Without the filter: CC0").click()
    expect(tiles).to_have_count(24)
    page.goto(f"{desk.category}/pool?role=validation")
    expect(tiles).to_have_count(12)
    page.locator("#grid input").first.click()
    page.keyboard.press("t")
    expect(page.locator("#said")).to_contain_text("kept for validation")
    example = desk.free()[0]
    page.goto(f"{desk.category}/pool?like={example}")
    expect(tiles.first).to_have_attribute("data-image", example)
    expect(tiles.first).to_contain_text("≈ 1.00")
    expect(page.get_by_role("heading", level=1)).to_have_text("More like this")
    assert violations_in_every_look(page) == []


def test_without_scripts_the_grid_is_a_form(mongod_uri: str, browser: object, desk: CuratingDesk) -> None:
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    desk.sign_in(page, UserRole.RESEARCHER)
    page.goto(f"{desk.category}/pool?state=unknown&role=train")
    image = page.locator("#grid input").first.get_attribute("value") or ""
    page.locator("#grid input").first.check()
    page.get_by_role("button", name="Exclude").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What you just did")
    assert desk.standing(image)[3]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#said")).to_contain_text("Undone")
    assert not desk.standing(image)[3]
    page.get_by_role("link", name="Back to where you were").click()
    page.wait_for_url(f"**/categories/{SLUG}/pool?state=unknown&role=train")
    context.close()
