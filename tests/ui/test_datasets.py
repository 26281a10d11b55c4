"""A researcher's journey in Chromium, from the sign-in to a dataset on the disk; and labels that exist, coming in."""

import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from active_learning.domain.access import UserRole
from active_learning.domain.dataset import Recipe
from active_learning.domain.label import Source
from api.operations import accounts, curating, datasets, importing_labels, intake
from tests import factories
from tests.ui.axe import violations_in_every_look
from tests.ui.office import Office

SLUG = "bright"
IMAGES = 48


class Archive(Office):
    """A category with some answers; a test plays the worker."""

    def __init__(self, uri: str, exits: ExitStack) -> None:
        super().__init__(uri, exits)
        self.page = f"{self.web}/categories/{SLUG}/datasets"
        new, truth = factories.new_images(range(IMAGES), yes_every=3)
        found = [replace(image, provenance={"licence": ("by", "cc0", "")[n % 3]}) for n, image in enumerate(new)]
        self.do(intake.create_category(self.w, factories.category(SLUG)))
        self.do(intake.add_images(self.w, SLUG, found))
        self.truth = truth

    def answer(self, number: int = IMAGES) -> None:
        """Let an expert answer so many images."""
        answers = dict(list(self.truth.items())[:number])
        self.do(curating.give_gold(self.w, SLUG, answers, Source.GOLD, {"by": "ann"}))

    def freeze(self, number: int) -> None:
        """Do a worker's job."""
        self.do(datasets.freeze(self.w, SLUG, number))

    def save(self) -> None:
        """Do a worker's job: the file that was brought last."""
        (file,) = self.do(self.w.store.label_files.latest(SLUG, 1))
        self.do(importing_labels.apply(self.w, SLUG, file["_id"]))


@pytest.fixture
def archive(mongod_uri: str) -> Iterator[Archive]:
    """A web process and the category."""
    with ExitStack() as exits:
        yield Archive(mongod_uri, exits)


def test_from_the_sign_in_to_a_downloaded_dataset(
    page: Page, archive: Archive, quiet: list[str], tmp_path: Path
) -> None:
    archive.answer()
    password = "three little words and a number 7"
    archive.do(accounts.add(archive.w, "rosa", UserRole.RESEARCHER, password))
    page.goto(archive.web)
    page.get_by_label("Name").fill("rosa")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Is the middle bright?").click()
    page.get_by_role("link", name="Datasets").click()
    expect(page.locator("#decided")).to_have_text(f"{IMAGES} of {IMAGES} images have an answer now")
    expect(page.locator(".empty-line")).to_contain_text("There is no version yet")

    page.get_by_label("Name").fill("for the paper")
    page.get_by_text("Leave some labels out").click()
    page.get_by_label("Only these").check()
    for licence in ("CC0", "CC BY"):
        page.get_by_label(licence, exact=True).check()
    page.get_by_role("button", name="Freeze a version").click()
    version = page.locator("#v1")
    expect(version).to_contain_text("Waiting for a worker")
    archive.freeze(1)
    expect(version).to_contain_text("32 images")
    expect(version).to_contain_text("16 left out by licence")
    shares = "train 11 yes and 13 no, val 4 yes and 1 no, test 1 yes and 2 no"
    expect(version.get_by_role("img")).to_have_attribute("aria-label", shares)

    with page.expect_download() as download:
        version.get_by_role("link", name="Image folders").click()
    assert download.value.suggested_filename == "bright-v1-imagefolder.tar"
    saved = tmp_path / "dataset.tar"
    download.value.save_as(saved)
    with tarfile.open(saved) as read:
        pictures = [Path(name) for name in read.getnames() if name.endswith(".png")]
        assert {path.stem: path.parent.name == "yes" for path in pictures}.items() <= archive.truth.items()
        assert len(pictures) == 32
    version.get_by_role("link", name="Version 1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Version 1 for the paper")
    expect(page.locator(".sheet")).to_contain_text("Left out on purpose: 16 by licence.")


def test_labels_that_exist_come_in(page: Page, archive: Archive, quiet: list[str], tmp_path: Path) -> None:
    archive.answer(6)
    archive.sign_in(page, UserRole.RESEARCHER)
    page.goto(archive.page)
    labels = tmp_path / "labels.csv"
    rows = [f"{n}.png,{'bus' if n % 3 else 'yes'}" for n in range(20)]
    labels.write_text("\n".join(["path,label", *rows, "gone.png,yes", "0.png,no"]))
    page.get_by_role("button", name="Look at it first").click()
    expect(page.get_by_role("alert")).to_contain_text("No file was chosen.")
    page.get_by_label("File", exact=True).set_input_files(labels)
    page.get_by_label("No", exact=True).fill("bus, truck")
    page.get_by_role("button", name="Look at it first").click()
    expect(page.locator("#state .sum")).to_have_text("5 yes and 9 no that nobody has answered")
    expect(page.locator(".stays")).to_contain_text("not in the pool 1")
    expect(page.locator(".stays")).to_contain_text("gone.png (line 22)")
    page.get_by_role("button", name="Save 14 labels").click()
    expect(page.locator("#state")).to_contain_text("Waiting for a worker")
    archive.save()
    expect(page.locator("#state")).to_contain_text("14 saved as imported labels")
    page.get_by_role("link", name="Make a version").click()
    expect(page.locator("#decided")).to_contain_text("20 of 48")
    expect(page.locator("#files")).to_contain_text("labels.csv 14 saved as imported labels")


def test_what_does_not_fit_is_said_beside_it(page: Page, archive: Archive, quiet: list[str]) -> None:
    archive.sign_in(page, UserRole.RESEARCHER)
    page.goto(archive.page)
    page.get_by_label("Train, %").fill("most")
    page.get_by_label("Name").fill("half a name")
    page.get_by_role("button", name="Freeze a version").click()
    field = page.get_by_label("Train, %")
    expect(field).to_have_value("most")
    expect(field).to_have_accessible_description("A number from 0 to 100, please.")
    field.fill("90")
    page.get_by_role("button", name="Freeze a version").click()
    expect(page.get_by_label("Train, %")).to_have_accessible_description("Train, validate and test must add up to 100.")
    expect(page.get_by_label("Name")).to_have_value("half a name")
    page.get_by_label("Test, %").fill("0")
    page.get_by_role("button", name="Freeze a version").click()
    expect(page.locator("#v1")).to_contain_text("half a name")


def test_a_viewer_takes_home_and_changes_nothing(page: Page, archive: Archive, quiet: list[str]) -> None:
    archive.answer()
    archive.do(datasets.make(archive.w, SLUG, Recipe(), "ann"))
    archive.freeze(1)
    archive.sign_in(page, UserRole.VIEWER)
    page.goto(archive.page)
    expect(page.locator("#v1 .downloads a")).to_have_count(7)
    expect(page.locator("form:not([action='/sign-out'])")).to_have_count(0)


@pytest.mark.parametrize("filled", [False, True])
def test_the_pages_are_accessible_and_nothing_sticks_out(page: Page, archive: Archive, filled: bool) -> None:
    archive.sign_in(page)
    addresses = [archive.page]
    if filled:
        archive.answer(30)
        archive.do(
            datasets.make(archive.w, SLUG, Recipe(name="a name as long as it may be " * 3, certainty=0.9), "ann")
        )
        archive.freeze(1)
        archive.do(datasets.make(archive.w, SLUG, Recipe(), "ann"))
        data = b"path,label\n0.png,no\n40.png,yes\n41.png,maybe\n" + b"".join(b"gone%d.png,yes\n" % n for n in range(9))
        brought = archive.do(importing_labels.bring(archive.w, SLUG, "a-long-file-name-" * 8 + ".csv", data, "ann"))
        addresses += [f"{archive.page}/1", f"{archive.page}/labels/{brought.id}"]
    for address in addresses:
        page.goto(address)
        expect(page.locator("#live")).not_to_be_empty()
        page.locator("details:not(.own)").evaluate_all("all => all.forEach((details) => (details.open = true))")
        assert violations_in_every_look(page) == []
        for width in (320, 390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (address, width)
