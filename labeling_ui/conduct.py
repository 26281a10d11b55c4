"""Findings about how people work, in words: what was noticed, the numbers, and how often honest people look so."""

from collections.abc import Mapping
from typing import NamedTuple

from active_learning.conduct import ALPHA, Kind
from labeling_ui.wording import percent

TITLES: Mapping[Kind, str] = {
    Kind.TOO_FAST: "Too fast",
    Kind.ONE_ANSWER: "One answer",
    Kind.FALLING: "Falling accuracy",
    Kind.SHARED_TIMING: "Shared timing",
    Kind.KNOWS_GOLD: "Knows the gold",
}


class Said(NamedTuple):
    """A finding for a page: its title, what was noticed, and what to look at before deciding."""

    title: str
    what: str
    look: str


def said(kind: Kind, about: Mapping[str, float], other: str = "") -> Said:
    """The words of a finding with its numbers."""
    return Said(TITLES[kind], _what(kind, about, other), LOOK[kind])


def _what(kind: Kind, about: Mapping[str, float], other: str) -> str:
    match kind:
        case Kind.TOO_FAST:
            return (
                f"Takes {about['seconds']:.2f} s an image over {about['answers']:,.0f} images; the middle of "
                f"{about['crowd']:.0f} others takes {about['crowd_seconds']:.2f} s."
            )
        case Kind.ONE_ANSWER:
            word = "yes" if about["said_yes"] else "no"
            if "run" in about:
                return (
                    f"Said {word} {about['run']:.0f} times in a row, in a task with {about['yes']:.0f} yes among "
                    f"{about['answers']:.0f} answers. Its order is drawn by chance."
                )
            return (
                f"Said {word} to all {about['answers']:,.0f} images, also to {about['gold_other']:.0f} check images "
                "whose answer is the other one."
            )
        case Kind.FALLING:
            return (
                f"{about['before_right']:.0f} of the first {about['before']:.0f} check images were right, and "
                f"{about['after_right']:.0f} of the {about['after']:.0f} after them."
            )
        case Kind.SHARED_TIMING:
            return (
                f"Takes the same time as {other} at the same places of tasks with different images: the correlation "
                f"over {about['places']:.0f} places is {about['correlation']:.2f}."
            )
        case Kind.KNOWS_GOLD:
            return (
                f"{about['right']:.0f} of {about['gold']:.0f} check images right, and "
                f"{percent(about['agreed'] / max(about['compared'], 1))} agreement with others on the rest; the others "
                f"have {percent(about['crowd_gold'])} and {percent(about['crowd_agreed'])}."
            )


LOOK: Mapping[Kind, str] = {
    Kind.TOO_FAST: "Some people are fast and right: look at their accuracy first.",
    Kind.ONE_ANSWER: "Look at a task: where did the run begin, and how long did each image take?",
    Kind.FALLING: "People tire, and check images change: look at the submissions after the fall.",
    Kind.SHARED_TIMING: "A script, or one person with two accounts. Compare the two.",
    Kind.KNOWS_GOLD: "Check images may be known to some. Look whether they take longer on them.",
}


def rarity(p: float, level: float) -> str:
    """How often honest people would look like this, and how sure all flags of a kind are together."""
    once = "fewer than one in a billion" if p < 1e-9 else f"about one in {max(1.0 / p, 1.0):,.0f}"
    return (
        f"Of honest people {once} would look like this. Flags are raised below one in {1.0 / level:,.0f}, so that a "
        f"whole campaign of honest people raises one of this kind in at most {percent(ALPHA)} of cases."
    )
