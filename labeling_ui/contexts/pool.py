"""The page where a curator looks through a pool, selects images and acts on them."""

from typing import Any, Literal

from labeling_ui.contexts.base import Page, Shown

Kind = Literal["unknown", "people", "model", "gold", "validation", "busy", "excluded"]


class PoolTile(Shown):
    """One image of the grid. ``standing`` says in words where it stands, ``doubt`` what people disagree about.

    ``why_not`` is why people cannot be asked about it.
    """

    image: str
    kind: Kind
    standing: str
    answer: bool | None = None
    score: float | None = None
    likeness: float | None = None
    doubt: str = ""
    name: str = ""
    licence: str = ""
    origin: str = ""
    why_not: str = ""

    @property
    def said(self) -> str:
        """Everything about it in one line: what a screen reader says, and what hovering shows."""
        answer = "" if self.answer is None else ("yes" if self.answer else "no")
        score = "" if self.score is None else f"score {self.score:.3f}"
        likeness = "" if self.likeness is None else f"likeness {self.likeness:.2f}"
        name = self.name or f"image {self.image[:12]}"
        told = (name, self.standing, answer, score, likeness, self.doubt, self.licence, self.origin)
        return ", ".join(part for part in told if part)


class PoolChoice(Shown):
    """One filter that is a choice, as (value, label), or a text or number when there are no ``choices``."""

    name: str
    label: str
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    suggestions: tuple[str, ...] = ()
    number: bool = False


class Stand(Shown):
    """How many images stand somewhere, and the address that shows them."""

    label: str
    images: int
    address: str
    here: bool
    kind: Kind


class DoneNote(Shown):
    """What an act did, in words, with why some images were left, and how it is undone."""

    said: str
    left: tuple[tuple[str, int], ...] = ()
    undo: str | None = None
    task_set: str | None = None


class LikeNote(Shown):
    """A search by example: its example, how many images were compared, or how far it is (``None``: it has ended)."""

    image: str
    compared: int = 0
    progress: tuple[int, int] | None = None
    error: str = ""
    everything: str


class PoolPage(Page):
    """A page of a pool of ``total`` images; ``next`` is the address of what follows, ``looked`` how many it looked at.

    ``acted`` pages show the images of one act instead; ``back`` is where the curator was.
    """

    template = "pool.html"

    slug: str
    question: str
    total: int
    curator: bool
    stands: tuple[Stand, ...] = ()
    filters: tuple[PoolChoice, ...] = ()
    excluded: bool = False
    chips: tuple[tuple[str, str], ...] = ()
    tiles: tuple[PoolTile, ...] = ()
    next: str | None = None
    looked: int = 0
    drafts: tuple[tuple[int, str], ...] = ()
    done: DoneNote | None = None
    like: LikeNote | None = None
    acted: bool = False
    back: str = ""
    scored: bool = False

    @property
    def base(self) -> str:
        """The address of the page, and the beginning of those of its acts."""
        return f"/categories/{self.slug}/pool"

    def client(self) -> dict[str, Any]:
        """Where images and stories are."""
        return {"base": self.base, "category": f"/categories/{self.slug}"}
