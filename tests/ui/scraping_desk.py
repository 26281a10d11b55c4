"""The web process on the real MongoDB for the page Images in, and a worker that a test moves by hand."""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any

from active_learning.domain.intake import IntakePolicy
from api.operations import intake, scraping
from api.operations.scraping import NewFind, Seen, Settlement, Wanted
from api.store.finds import Ended
from tests import factories
from tests.ui.office import Office

SLUG = "car"
IMAGES = 12

ENDS = (
    *(["stored"] * 5_210 + ["duplicate"] * 340 + ["near_duplicate"] * 610 + ["licence_not_allowed"] * 880),
    *(["too_small"] * 130 + ["robots_txt"] * 74 + ["truncated"] * 12 + ["not_an_image"] * 31 + ["unreadable"] * 3),
    *(["not_found"] * 210 + ["timeout"] * 96 + ["server_error"] * 41 + ["no_address"] * 8),
)


class Desk(Office):
    """A category ``car`` without images, its pages, and what a worker would do."""

    def __init__(self, uri: str, exits: ExitStack) -> None:
        super().__init__(uri, exits)
        self.category = f"{self.web}/categories/{SLUG}"
        self.page = f"{self.category}/images-in"
        self.do(intake.create_category(self.w, factories.category(SLUG)))
        new, _ = factories.new_images(range(IMAGES))
        self.images = [image.sha256 for image in new]
        """They are in the pool only after :meth:`fill`."""
        self._new = new
        self._numbers = count()

    def searches(self) -> list[Seen]:
        """What the category has."""
        return self.do(scraping.of_category(self.w, SLUG))

    def intake(self) -> IntakePolicy:
        """What the category lets in."""
        return self.do(self.w.store.categories.definition(SLUG)).intake

    def start(self, options: dict[str, Any], source: str = "openverse", **more: Any) -> str:
        """Start a search."""
        return self.do(scraping.start(self.w, Wanted(category=SLUG, source=source, options=options, **more)))

    def find(self, scrape: str, number: int, total: int | None = None) -> None:
        """Let the source find so many images more."""
        finds = []
        for n in (next(self._numbers) for _ in range(number)):
            told = {"title": f"Red car no. {n}", "page": f"https://photos.test/pages/{n}", "licence": "by"}
            finds.append(NewFind(f"https://static.photos.test/large/2016/{n:08}_b.jpg", f"{n}.jpg", told))
        self.do(scraping.add_found(self.w, scrape, finds, {"at": number}, total))

    def settle(self, scrape: str, ends: Sequence[str], rates: tuple[float, float] = (0.0, 0.0)) -> None:
        """Let as many of its images end so; ``rates`` are images and bytes a second."""
        leases = self.do(scraping.lease(self.w, [scrape], len(ends)))
        assert len(leases) == len(ends)
        ended = [
            Ended(lease.find, end, DETAILS.get(end, ""), self.images[n % len(self.images)] if end == "stored" else None)
            for n, (lease, end) in enumerate(zip(leases, ends, strict=True))
        ]
        owned = {lease.find: lease.owner for lease in leases}
        self.do(scraping.settle(self.w, Settlement(scrape, "test", owned, 78_000 * len(ends), rates), ended))

    def end(self, scrape: str) -> None:
        """The source has nothing more."""
        self.do(scraping.gathered(self.w, scrape))
        assert self.do(scraping.finish_if_done(self.w, scrape))

    def fill(self) -> None:
        """Four searches: one that ended, one that failed, one that sleeps, and one in the middle of its work."""
        self.do(intake.add_images(self.w, SLUG, self._new))
        done = self.start({"query": "Category:Cars", "depth": 2}, "commons")
        self.find(done, 60)
        self.settle(done, ["stored"] * 48 + ["duplicate"] * 7 + ["too_many_pixels"] * 5)
        self.end(done)
        failed = self.start({"path": "https://cars.test/gallery.html", "depth": 1}, "web")
        self.do(scraping.fail(self.w, failed, "The page https://cars.test/gallery.html is not there (404)."))
        asleep = self.start({"path": "s3://lab-pictures/street/2026"}, "s3", every_h=24.0)
        self.find(asleep, 30)
        self.settle(asleep, ["stored"] * 30)
        self.end(asleep)
        options = {"query": "car", "licences": ["cc0", "by", "by-sa"], "expand": True}
        running = self.start(options, limit=100_000)
        self.find(running, 9_000, 240_000)
        self.settle(running, ENDS, (38.4, 3.1e6))


DETAILS = {
    "timeout": "no byte for 10 s",
    "not_found": "404",
    "server_error": "503",
    "licence_not_allowed": "by-nc",
    "near_duplicate": "3 of 64 bits from another",
}
