"""The web process, a real marketplace and a category with a pool that a curator works on."""

import hashlib
import io
from contextlib import ExitStack

import numpy as np
from PIL import Image, ImageDraw

from active_learning.domain.label import Source
from active_learning.domain.task import Task, TaskState
from api.operations import curating, intake, rounds
from api.operations.intake import NewImage
from tests import factories
from tests.jobs.serving import Served
from tests.turk.served import free_port, turk_settings
from tests.ui.office import Office
from workers.jobs import collect
from workers.jobs.desk import Desk as WorkersDesk
from workers.market import MarketOptions, open_market
from workers.ray_runtime import RayRuntime
from workers.turk.app import create_app as create_marketplace

SLUG = "round"
IMAGES = 120


def picture(number: int) -> bytes:
    """A circle or a square of some colour; every third is a circle."""
    rng = np.random.default_rng(number)
    ground, ink = (tuple(int(v) for v in rng.integers(low, high, 3)) for low, high in ((150, 250), (10, 130)))
    drawn = Image.new("RGB", (96, 96), ground)
    x, y, r = (int(v) for v in rng.integers((30, 30, 14), (66, 66, 28)))
    shape = ImageDraw.Draw(drawn)
    (shape.ellipse if number % 3 == 0 else shape.rectangle)((x - r, y - r, x + r, y + r), fill=ink)
    out = io.BytesIO()
    drawn.save(out, format="PNG")
    return out.getvalue()


class CuratingDesk(Office):
    """Pictures of circles and squares with gold, a drawn validation sample, and features of chance."""

    def __init__(self, uri: str, exits: ExitStack) -> None:
        super().__init__(uri, exits)
        self._uri, self._exits = uri, exits
        self.category = f"{self.web}/categories/{SLUG}"
        self.names: dict[str, str] = {}
        """image -> file name"""
        self.do(self._fill())

    async def _fill(self) -> None:
        w = self.w
        policy = {"slots": 24, "hidden_gold": 8, "batch": 10, "validation": 12, "redundancy": 2, "lessons": 0}
        await intake.create_category(
            w, factories.category(SLUG, **policy).model_copy(update={"question": "Is there a circle?"})
        )
        images = []
        for number in range(IMAGES):
            data = picture(number)
            digest = hashlib.sha256(data).hexdigest()
            name = f"shapes/{number:03}.png"
            self.names[digest] = name
            told = {"licence": "by" if number % 4 else "cc0", "source": "flickr" if number % 5 else "openverse"}
            images.append(NewImage(digest, data, "PNG", 96, 96, name, "folder", provenance=told))
        await intake.add_images(w, SLUG, images)
        order = list(self.names)
        for value in (True, False):
            gold = [image for n, image in enumerate(order) if (n % 3 == 0) is value][:10]
            await curating.give_gold(w, SLUG, dict.fromkeys(gold, value), Source.IMPORTED, {"by": "test"})
        await rounds.draw_validation(w, SLUG)
        await w.store.features.put(
            "chance", order, np.random.default_rng(1).standard_normal((len(order), 8)).astype(np.float32)
        )
        await w.store.candidates.collection.update_many({}, {"$set": {"embedded": True}})
        await w.store.categories.put(SLUG, {"backbone": "chance", "embedded": len(order)})

    def free(self) -> list[str]:
        """Images that may be chosen, in the order in which the pool shows them."""
        only = {"role": "train", "state": "unknown", "votes_wanted": False, "excluded": None}
        return [c["image"] for c in self.do(self.w.store.candidates.find(SLUG, only, ["image"]))]

    def standing(self, image: str) -> tuple[str, str, object, bool]:
        """State, role, gold, excluded."""
        c = self.do(self.w.store.candidates.get(SLUG, image))
        assert c is not None
        return c["state"], c["role"], c["gold"], bool(c.get("excluded"))

    def collect(self) -> list[Task]:
        """Let the worker post what is drafted at a real marketplace; returns the tasks that are posted."""
        port = free_port()
        market_url = f"http://127.0.0.1:{port}"
        settings = turk_settings(self._uri, port, sweep_seconds=3600.0, first_key="WINNOW:any")
        self._exits.callback(Served(lambda: create_marketplace(settings), port).stop)
        self.do(self._collect(market_url))
        return self.do(self.w.store.tasks.in_state(SLUG, TaskState.POSTED))

    async def _collect(self, market_url: str) -> None:
        market = open_market("turk", MarketOptions(market_url, "WINNOW", "any"))
        await collect.run(WorkersDesk(self.w, market, RayRuntime(self.w.settings)), {"category": SLUG})
