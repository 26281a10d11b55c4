"""Images that somebody should look at: what people and model disagree about, and what neither is sure of."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from active_learning.domain.candidate import State
from active_learning.domain.label import Source
from labeling_ui.contexts.base import Page, Shown

MistakeKind = Literal["false-yes", "false-no", "uncertain", "contested", "doubtful", "rechecked"]
Why = Literal["audit", "validation", "uncertain", "disputed", "contested", "doubtful", "rechecked"]


class Told(NamedTuple):
    """What a list is called, what is in it, and what is said while it is empty."""

    title: str
    what: str
    empty: str


KINDS: Mapping[MistakeKind, Told] = {
    "false-yes": Told(
        "The model said yes, people say no",
        "Found by audits of the model's labels and, when the campaign is over, among the validation images.",
        "No audit has found one.",
    ),
    "false-no": Told(
        "The model said no, people say yes",
        "Found by audits of the model's labels and, when the campaign is over, among the validation images.",
        "No audit has found one.",
    ),
    "uncertain": Told(
        "The model is least certain",
        "Images of the pool whose score is nearest to one half, when the newest model scored it.",
        "There is no model yet, or people have decided everything that it was uncertain of.",
    ),
    "contested": Told(
        "People disagree",
        "Images that people could not agree on, then labels that their answers made least certain.",
        "People have agreed on everything so far.",
    ),
    "doubtful": Told(
        "People's labels that the model doubts",
        "The model, trained without them, is sure of the other answer. The worst go back to people in each round.",
        "The model doubts none of people's labels.",
    ),
    "rechecked": Told(
        "Went back to people",
        "Labels that were likely wrong: they were taken back, other people were asked, and all answers decided again.",
        "No label has gone back to people.",
    ),
}


class Mistake(Shown):
    """One image of a list. ``why`` it is there; ``said`` is the answer that is doubted, ``answer`` the one in force.

    ``score`` is the model's, ``certainty`` that of people's answers. ``validation``: it only calibrates.
    """

    image: str
    why: Why
    state: State
    answer: bool | None = None
    source: Source | None = None
    said: bool | None = None
    score: float | None = None
    certainty: float | None = None
    validation: bool = False

    @property
    def words(self) -> str:
        """What is the matter, in few words."""
        now = "not decided" if self.answer is None else f"now {word(self.answer)}"
        return {
            "audit": "found by an audit",
            "validation": f"score {self.score:.3f}" if self.score is not None else "validation",
            "uncertain": f"score {self.score:.3f}, {now}" if self.score is not None else now,
            "disputed": "not agreed",
            "contested": f"{word(self.answer)}, {self.certainty or 0:.0%} sure",
            "doubtful": f"people {word(self.answer)}, model {self.score or 0:.2f}",
            "rechecked": f"was {word(self.said)}, {now}",
        }[self.why]


def word(answer: bool | None) -> str:
    """An answer as a word."""
    return {True: "yes", False: "no", None: "not decided"}[answer]


class MistakesFound(Shown):
    """A part of a list. ``next`` is what to ask for the following part with, ``None`` at the end."""

    items: tuple[Mistake, ...] = ()
    next: str | None = None


class MistakesPage(Page):
    """One list, a page at a time. ``after`` is where this page begins. ``over``: the campaign has ended."""

    template = "mistakes.html"

    slug: str
    question: str
    kind: MistakeKind
    over: bool = False
    after: str = ""
    found: MistakesFound = MistakesFound()

    @property
    def told(self) -> Told:
        """What the list is."""
        return KINDS[self.kind]

    @property
    def kinds(self) -> Mapping[MistakeKind, Told]:
        """All lists."""
        return KINDS
