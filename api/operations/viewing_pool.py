"""What the pool's page shows: candidates in words, filters as a form, acts as a note with its undo."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from active_learning.domain.candidate import Role, State
from active_learning.domain.category import Category
from active_learning.domain.choice import SAID, HandAct, hindrance
from active_learning.domain.label import Source
from api.operations import browsing, hand_acts, likeness
from api.operations.browsing import Filters, PoolPage, Seen
from api.operations.context import Winnow
from api.operations.hand_acts import Act, Done
from api.store.connection import Document
from labeling_ui.contexts import pool as contexts
from labeling_ui.licences import TITLES
from labeling_ui.wording import DECIDED_BY

PAGE = 60
DRAFTS = 30
"""Task sets that the pool offers to add to, at most."""

STATES = {
    State.UNKNOWN: "unknown",
    State.SELECTED: "chosen for a task",
    State.POSTED: "with people",
    State.LABELED: "decided by people",
    State.AUTO_LABELED: "decided by the model",
}
SOURCES = {
    Source.HUMAN: "decided by people",
    Source.MODEL: "decided by the model",
    Source.GOLD: "gold, by an expert",
    Source.IMPORTED: "gold, imported",
}
ROLES = {Role.TRAIN: "open to choice", Role.VALIDATION: "kept for validation", Role.GOLD: "gold"}
DOUBTS = {
    "least_sure": "people's answers, least sure first",
    "wanted": "another opinion is wanted",
    "contested": "people could not agree",
}
ACTS = {
    Act.GOLD_YES: "made gold with the answer yes",
    Act.GOLD_NO: "made gold with the answer no",
    Act.EXCLUDE: "excluded",
    Act.BRING_BACK: "brought back",
    Act.ASK: "added to task set {set}",
}
LABELS = {
    "state": "Where it stands",
    "answer": "Answer",
    "source": "Decided by",
    "role": "Kind",
    "doubt": "Disagreement",
    "score_from": "Score from",
    "score_to": "Score to",
    "licence": "Licence",
    "origin": "Where from",
    "round": "Asked in round",
}


async def page(
    w: Winnow, slug: str, filters: Filters, after: str | None, like: str | None, *, curator: bool
) -> contexts.PoolPage:
    """A page of the pool, or of what looks like one of its images."""
    document = await w.store.categories.get(slug)
    asked = _asked(filters)
    if like is None:
        found, note = await browsing.page(w, slug, filters, after, PAGE), None
    else:
        searched = await likeness.like(w, slug, like, filters, after, PAGE)
        found = searched.page or PoolPage(items=(), next=None)
        note = contexts.LikeNote(
            image=like,
            compared=searched.compared,
            progress=None if searched.page else (searched.done, searched.total),
            error=searched.error,
            everything=_address(slug, asked),
        )
        asked["like"] = like
    return await _page(
        w,
        document,
        filters,
        curator=curator,
        chips=_chips(slug, filters, asked),
        tiles=tuple(_tile(one) for one in found.items),
        next=None if found.next is None else _address(slug, {**asked, "after": found.next}),
        looked=found.looked,
        like=note,
        back=urlencode(asked),
    )


async def acted(w: Winnow, slug: str, act: str, back: str) -> contexts.PoolPage:
    """The images of one act as they are now, with what it did."""
    done = await hand_acts.get(w, slug, act)
    document = await w.store.categories.get(slug)
    items = await browsing.seen(w, slug, done.images)
    return await _page(
        w,
        document,
        Filters(),
        curator=True,
        tiles=tuple(_tile(one) for one in items),
        done=_note(slug, done),
        acted=True,
        back=back,
    )


async def _page(w: Winnow, document: Document, filters: Filters, **shown: Any) -> contexts.PoolPage:
    slug = document["_id"]
    drafts = await w.store.task_sets.drafts(slug, DRAFTS)
    return contexts.PoolPage(
        slug=slug,
        question=Category.model_validate(document["category"]).question,
        total=sum(document["counts"].values()),
        stands=_stands(document, filters),
        filters=_filters(filters),
        excluded=filters.excluded,
        drafts=tuple((draft["number"], draft["name"]) for draft in drafts),
        scored=document.get("scored") is not None,
        **shown,
    )


def _address(slug: str, asked: Mapping[str, str]) -> str:
    query = urlencode(asked)
    return f"/categories/{slug}/pool" + (f"?{query}" if query else "")


def _asked(filters: Filters) -> dict[str, str]:
    """The filters that are in use, as they stand in an address."""
    given = filters.model_dump(mode="json", exclude_defaults=True)
    return {name: _word(value) for name, value in given.items() if value is not None}


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _stands(document: Document, filters: Filters) -> tuple[contexts.Stand, ...]:
    counts = document["counts"]
    kinds: dict[State, contexts.Kind] = {
        State.UNKNOWN: "unknown",
        State.SELECTED: "busy",
        State.POSTED: "busy",
        State.LABELED: "people",
        State.AUTO_LABELED: "model",
    }
    alone = _asked(filters) == {"state": filters.state.value} if filters.state else False
    return tuple(
        contexts.Stand(
            label=STATES[state],
            images=counts[state.value],
            address=_address(document["_id"], {"state": state.value}),
            here=alone and filters.state is state,
            kind=kinds[state],
        )
        for state in State
        if counts[state.value] or state in (State.UNKNOWN, State.LABELED, State.AUTO_LABELED)
    )


def _filters(filters: Filters) -> tuple[contexts.PoolChoice, ...]:
    typed = _asked(filters)
    choices: dict[str, Mapping[Any, str]] = {
        "state": STATES,
        "answer": {"yes": "yes", "no": "no"},
        "source": DECIDED_BY,
        "role": ROLES,
        "doubt": DOUBTS,
        "licence": TITLES,
    }
    return tuple(
        contexts.PoolChoice(
            name=name,
            label=label,
            value=typed.get(name, ""),
            choices=tuple((str(value), words) for value, words in choices.get(name, {}).items()),
            number=name in {"score_from", "score_to", "round"},
        )
        for name, label in LABELS.items()
    )


def _chips(slug: str, filters: Filters, asked: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Each filter that is in use in words, with the address without it."""
    words = {
        "state": {state.value: said for state, said in STATES.items()},
        "source": {source.value: said for source, said in SOURCES.items()},
        "role": {role.value: said for role, said in ROLES.items()},
        "doubt": DOUBTS,
        "licence": TITLES,
    }
    prefix = {"answer": "answer ", "score_from": "score from ", "score_to": "score to ", "round": "round "}
    chips = []
    for name, value in asked.items():
        if name != "like":
            said = "excluded" if name == "excluded" else prefix.get(name, "") + words.get(name, {}).get(value, value)
            chips.append((said, _address(slug, {other: v for other, v in asked.items() if other != name})))
    return tuple(chips)


def _tile(one: Seen) -> contexts.PoolTile:
    why = hindrance(one.standing, HandAct.ASK)
    doubt = ""
    if one.disputed:
        doubt = "people could not agree"
    elif one.votes_wanted:
        doubt = "another opinion is wanted"
    elif one.certainty is not None and one.certainty < 0.99:
        doubt = f"{one.certainty:.0%} sure"
    kind, standing = _standing(one)
    return contexts.PoolTile(
        image=one.image,
        kind=kind,
        standing=standing,
        answer=one.answer,
        score=one.score,
        likeness=one.likeness,
        doubt=doubt,
        name=one.name,
        licence=TITLES.get(one.licence, one.licence),
        origin=one.origin,
        why_not="" if why is None else SAID[why],
    )


def _standing(one: Seen) -> tuple[contexts.Kind, str]:
    if one.excluded:
        return "excluded", "excluded"
    if one.role is Role.VALIDATION:
        return "validation", "validation"
    if one.gold is not None:
        return "gold", "gold"
    if one.state in (State.SELECTED, State.POSTED):
        return "busy", STATES[one.state]
    if one.state is State.UNKNOWN:
        return "unknown", "unknown"
    return ("model", "model") if one.state is State.AUTO_LABELED else ("people", "people")


def _note(slug: str, done: Done) -> contexts.DoneNote:
    n = len(done.changed)
    said = f"{n:,} image{'' if n == 1 else 's'} {ACTS[done.act].format(set=done.set)}."
    if done.undone:
        said = f"Undone: {said[0].lower()}{said[1:]}"
    return contexts.DoneNote(
        said=said,
        left=tuple(done.left.items()),
        undo=f"/categories/{slug}/pool/acts/{done.id}/undo" if n and not done.undone else None,
        task_set=None if done.set is None else f"/categories/{slug}/task-sets/{done.set}",
    )
