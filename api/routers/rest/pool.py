"""The pool: candidates by filter and by likeness, gold, exclusion."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from active_learning.domain.value import Value
from api.access import Curator, Reader
from api.deps import Opened
from api.operations import browsing, hand_acts, likeness
from api.operations.browsing import Filters, Seen
from api.operations.hand_acts import Act, Done
from api.routers.rest import PREFIX
from api.schemas import ERRORS, GoldIn

router = APIRouter(prefix=f"{PREFIX}/categories/{{slug}}", tags=["pool"], responses=ERRORS)

Image = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Look(Filters):
    """Filters, and which page: ``after`` is the ``next`` of the page before."""

    after: str | None = Field(default=None, max_length=500)
    limit: int = Field(default=100, ge=1, le=browsing.MOST)

    @property
    def filters(self) -> Filters:
        """The filters alone."""
        return Filters(**self.model_dump(exclude={"after", "limit"}))


class Candidates(Value):
    """A page of candidates. A page that is not full and has a ``next`` looked at as many as one page may."""

    items: tuple[Seen, ...]
    next: str | None
    looked: int


class Likeness(Value):
    """What looks like an image, the likest first; until ``ready``, ``done`` of ``total`` parts are compared."""

    items: tuple[Seen, ...]
    next: str | None
    ready: bool
    done: int
    total: int
    compared: int


class ImagesIn(Value):
    """Images by their ids."""

    images: tuple[Image, ...] = Field(max_length=hand_acts.MOST)


class GoldDone(Value):
    """What became gold, with the acts that undo it, and why the rest did not (reason -> how many)."""

    changed: tuple[str, ...]
    left: dict[str, int]
    acts: tuple[str, ...]


@router.get("/candidates")
async def list_candidates(w: Opened, me: Reader, slug: str, look: Annotated[Look, Query()]) -> Candidates:
    """The candidates of a pool that match the filters, a page at a time."""
    found = await browsing.page(w, slug, look.filters, look.after, look.limit)
    return Candidates(items=found.items, next=found.next, looked=found.looked)


@router.get("/candidates/like/{image}")
async def list_candidates_like(
    w: Opened,
    me: Reader,
    slug: str,
    image: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    look: Annotated[Look, Query()],
) -> Likeness:
    """What looks like an image of the pool. A large pool is searched by a job: ask again until ``ready``."""
    found = await likeness.like(w, slug, image, look.filters, look.after, look.limit)
    page = found.page
    return Likeness(
        items=page.items if page else (),
        next=page.next if page else None,
        ready=page is not None,
        done=found.done,
        total=found.total,
        compared=found.compared,
    )


@router.post("/gold")
async def mark_gold(w: Opened, me: Curator, slug: str, body: GoldIn) -> GoldDone:
    """Make your own answers gold: they check people from now on."""
    await w.store.categories.get(slug)
    done: list[Done] = []
    for value, act in ((True, Act.GOLD_YES), (False, Act.GOLD_NO)):
        images = [answer.image for answer in body.answers if answer.value is value]
        if images:
            done.append(await hand_acts.do(w, slug, act, images, me.name))
    left: dict[str, int] = {}
    for one in done:
        for why, n in one.left.items():
            left[why] = left.get(why, 0) + n
    changed = tuple(image for one in done for image in one.changed)
    return GoldDone(changed=changed, left=left, acts=tuple(one.id for one in done))


@router.post("/exclusions")
async def exclude_images(w: Opened, me: Curator, slug: str, body: ImagesIn) -> Done:
    """Exclude images by hand: nobody is asked about them any more, and no dataset has them."""
    return await hand_acts.do(w, slug, Act.EXCLUDE, body.images, me.name)


@router.delete("/exclusions")
async def bring_images_back(w: Opened, me: Curator, slug: str, body: ImagesIn) -> Done:
    """Bring excluded images back."""
    return await hand_acts.do(w, slug, Act.BRING_BACK, body.images, me.name)


@router.post("/hand-acts/{act}/undo")
async def undo_hand_act(w: Opened, me: Curator, slug: str, act: str) -> Done:
    """Take back what an act by hand has changed, as far as nobody has built on it."""
    return await hand_acts.undo(w, slug, act, me.name)
