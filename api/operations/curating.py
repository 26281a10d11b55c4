"""What a researcher decides himself: gold, examples and lessons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from active_learning.domain.candidate import Role, State
from active_learning.domain.category import Category, Example
from active_learning.domain.errors import InputError
from active_learning.domain.label import Label, Source
from active_learning.domain.value import Value
from api.operations.context import Winnow
from api.store import Session

EXAMPLES = 4
"""Examples of each answer that are chosen when the researcher names none."""


class GoldGiven(Value):
    """How many answers became gold now, and how much gold the category has now."""

    saved: int
    gold_yes: int
    gold_no: int


class Taught(Value):
    """How many lessons and examples the category has now, and how many images became gold by it."""

    lessons: int
    examples: int
    gold: int


async def give_gold(
    w: Winnow, slug: str, answers: Mapping[str, bool], source: Source, provenance: dict[str, Any]
) -> GoldGiven:
    """Turn a researcher's answers (image -> yes/no) into gold.

    Images that are with people, already decided, or drawn for validation are left alone: validation images must be
    answered by the same people as the rest, or they would not measure them.
    """
    saved = await _give_each(w, slug, answers, source, provenance)
    await _choose_visible(w, slug)
    document = await w.store.categories.get(slug)
    return GoldGiven(saved=saved, gold_yes=document["gold"]["yes"], gold_no=document["gold"]["no"])


async def give_known(w: Winnow, slug: str, answers: Mapping[str, bool], provenance: dict[str, Any]) -> int:
    """Take labels that existed before (image -> yes/no): they train, are not asked any more, and check nobody.

    The same images are left alone as by :func:`give_gold`; returns how many labels were saved. They have the role of
    gold, because that is what the promise goes by: images whose answer was known, not found by the loop.
    """
    return await _give_each(w, slug, answers, Source.IMPORTED, provenance, checks=False)


async def _give_each(
    w: Winnow, slug: str, answers: Mapping[str, bool], source: Source, provenance: dict[str, Any], checks: bool = True
) -> int:
    saved = 0
    for value in (True, False):
        images = [image for image, answer in answers.items() if answer is value]
        if images:
            saved += await _give(w, slug, images, value, source, provenance, checks)
    return saved


async def _give(
    w: Winnow, slug: str, images: list[str], value: bool, source: Source, provenance: dict[str, Any], checks: bool
) -> int:
    word = "yes" if value else "no"
    given = [provenance["act"]] if "act" in provenance else []  # what was taken back can be given again

    async def work(session: Session) -> int:
        only = {
            "image": {"$in": images},
            "state": State.UNKNOWN.value,
            "role": Role.TRAIN.value,
            "votes_wanted": False,
            "disputed": False,
            "excluded": None,
        }
        chosen = [c["image"] for c in await w.store.candidates.find(slug, only, ["image"], session=session)]
        gold = value if checks else None
        fields = {"role": Role.GOLD.value, "answer": value, "source": source.value, "gold": gold}
        moved = await w.store.candidates.move(slug, chosen, State.UNKNOWN, State.LABELED, fields, session)
        now = w.clock()
        await w.store.labels.insert(
            [
                Label(
                    id=":".join([slug, image, source, *given]),
                    category=slug,
                    image=image,
                    value=value,
                    source=source,
                    round=0,
                    provenance=provenance,
                    decided_at=now,
                )
                for image in chosen
            ],
            session,
        )
        changes = {
            "counts.unknown": -moved,
            "counts.labeled": moved,
            f"decided.gold_{word}": moved,
            f"gold.{word}": moved if checks else 0,
        }
        await w.store.categories.count(slug, changes, session)
        return moved

    return await w.store.transact(work)


async def take_gold_back(w: Winnow, slug: str, images: Sequence[str], act: str, given_at: datetime) -> list[str]:
    """Undo gold that one act gave: nobody has decided about the images again. Returns those that it was true of.

    What has checked or taught somebody stays gold: he has seen it. So does what was gold when a stratified validation
    sample was drawn, which was drawn from the rest. After a uniform draw an image joins by its own draw, as it would
    have then.
    """
    document = await w.store.categories.get(slug)
    if (document.get("design") or {}).get("since", given_at) > given_at:
        return []
    category = Category.model_validate(document["category"])
    seen = category.visible if await w.store.tasks.any(slug) else frozenset(category.retired)
    below = document["validation_below"] or 0.0
    only = {"image": {"$in": list(images)}, "role": Role.GOLD.value, "shown": 0}

    async def work(session: Session) -> list[str]:
        found = await w.store.candidates.find(slug, only, ["image", "gold", "draw"], session=session)
        free = [c for c in found if c["image"] not in seen and c["gold"] is not None]
        changes: Counter[str] = Counter()
        for value, role in product((True, False), (Role.TRAIN, Role.VALIDATION)):
            some = [c["image"] for c in free if c["gold"] is value and (c["draw"] < below) is (role is Role.VALIDATION)]
            fields = {"role": role.value, "answer": None, "source": None, "gold": None}
            moved = await w.store.candidates.move(slug, some, State.LABELED, State.UNKNOWN, fields, session)
            word = "yes" if value else "no"
            changes.update({"counts.labeled": -moved, "counts.unknown": moved})
            changes.update({f"decided.gold_{word}": -moved, f"gold.{word}": -moved})
            changes.update({"validation.total": moved if role is Role.VALIDATION else 0})
        back = [c["image"] for c in free]
        pattern = Label(
            id="",
            category=slug,
            image="",
            value=None,
            source=Source.GOLD,
            round=0,
            provenance={"why": "taken back by hand"},
            decided_at=w.clock(),
        )
        await w.store.labels.insert_alike(pattern, f"gold-back:{act}", dict.fromkeys(back), session)
        await w.store.categories.count(slug, changes, session)
        await w.store.categories.forget(slug, back, session)
        return back

    taken = await w.store.transact(work)
    await _choose_visible(w, slug)
    return taken


async def _choose_visible(w: Winnow, slug: str) -> None:
    """Let the first gold of each side teach, until the researcher names what does: examples, and then lessons.

    Checking people comes first: lessons are what is left when each side has the hidden gold of a full task.
    """
    document = await w.store.categories.get(slug)
    category = Category.model_validate(document["category"])
    policy = category.policy
    found = await w.store.candidates.find(slug, {"role": Role.GOLD.value, "gold": {"$ne": None}}, ["image", "gold"])
    free = [Example(image=c["image"], answer=c["gold"]) for c in found if c["image"] not in category.visible]
    examples, lessons = category.examples, category.lessons
    if "examples" not in document["named"]:
        examples = _filled(examples, free, {True: EXAMPLES, False: EXAMPLES})
        free = [example for example in free if example not in examples]
    if "lessons" not in document["named"]:
        visible = [*examples, *lessons]
        spare = {
            value: document["gold"][word]
            - sum(example.answer is value for example in visible)
            - -(-policy.hidden_gold // 2)
            for value, word in ((True, "yes"), (False, "no"))
        }
        have = {value: sum(lesson.answer is value for lesson in lessons) for value in (True, False)}
        half = min(policy.lessons // 2, *(have[value] + max(0, spare[value]) for value in (True, False)))
        lessons = _filled(lessons, free, {True: half, False: half})
    if (examples, lessons) != (category.examples, category.lessons):
        await w.store.categories.put(slug, _shown({"examples": examples, "lessons": lessons}))


def _filled(have: Sequence[Example], free: Sequence[Example], wanted: Mapping[bool, int]) -> tuple[Example, ...]:
    """What there is, and as many more of each answer as are wanted."""
    chosen = list(have)
    for example in free:
        if sum(other.answer is example.answer for other in chosen) < wanted[example.answer]:
            chosen.append(example)
    return tuple(chosen)


def _shown(kinds: Mapping[str, Sequence[Example]]) -> dict[str, Any]:
    """Visible gold as fields of the category's document."""
    return {f"category.{kind}": [example.model_dump() for example in given] for kind, given in kinds.items()}


async def teach(
    w: Winnow, slug: str, lessons: Sequence[Example] | None = None, examples: Sequence[Example] | None = None
) -> Taught:
    """Let the researcher name the lessons, the examples or both; ``None`` leaves a kind as it is.

    An image that nobody has decided becomes gold by it. What was a lesson or an example before and is none any more
    never becomes hidden gold: people have seen its answer. Raises :class:`InputError` where an image is named twice,
    is not in the category, has another answer, or is with people or drawn for validation.
    """
    category = await w.store.categories.definition(slug)
    kinds = {"lessons": lessons, "examples": examples}
    named = {kind: tuple(given) for kind, given in kinds.items() if given is not None}
    _check_named(category, named)
    wanted = {example.image: example.answer for given in named.values() for example in given}
    fresh = await _undecided(w, slug, wanted)
    await _give_each(w, slug, {image: wanted[image] for image in fresh}, Source.IMPORTED, {"by": "teaching"})
    still = {"lessons": category.lessons, "examples": category.examples} | named
    visible = {example.image for given in still.values() for example in given}
    before = (await w.store.categories.get(slug))["named"]
    fields = {"category.retired": sorted(category.visible - visible), "named": sorted({*before, *named})}
    await w.store.categories.put(slug, _shown(named) | fields)
    return Taught(lessons=len(still["lessons"]), examples=len(still["examples"]), gold=len(fresh))


def _check_named(category: Category, named: Mapping[str, Sequence[Example]]) -> None:
    other = {"lessons": category.lessons, "examples": category.examples} | dict(named)
    images = Counter(example.image for given in other.values() for example in given)
    twice = [image for image, n in images.items() if n > 1]
    if twice:
        raise InputError(f"Image {twice[0]} is named twice.", "An image is a lesson or an example, and only once.")
    most = category.policy.lessons
    if len(named.get("lessons", ())) > most:
        raise InputError(
            f"{len(named['lessons'])} lessons are named, and the policy shows {most}.", f"Name at most {most}."
        )


async def _undecided(w: Winnow, slug: str, wanted: Mapping[str, bool]) -> list[str]:
    """Those of the named images that nobody has decided yet; raises :class:`InputError` where one cannot teach."""
    fields = ("image", "gold", "state", "role", "votes_wanted", "disputed")
    found = await w.store.candidates.find(slug, {"image": {"$in": list(wanted)}}, fields)
    known = {candidate["image"]: candidate for candidate in found}
    fresh = []
    for image, answer in wanted.items():
        candidate = known.get(image)
        if candidate is None:
            raise InputError(f"Image {image} is not in '{slug}'.", "Import it into the category first.")
        if candidate["gold"] is not None and candidate["gold"] is not answer:
            word = "yes" if candidate["gold"] else "no"
            raise InputError(f"{await _called(w, image)} is known to be a {word}.", "Mend its answer, or leave it out.")
        if candidate["gold"] is not None:
            continue
        free = candidate["state"] == State.UNKNOWN.value and candidate["role"] == Role.TRAIN.value
        if not free or candidate["votes_wanted"] or candidate["disputed"]:
            raise InputError(
                f"{await _called(w, image)} cannot teach: it is with people, decided by them or by the model, or drawn "
                "for validation.",
                "Choose an image that you have answered yourself, or one that nobody has answered.",
            )
        fresh.append(image)
    return fresh


async def _called(w: Winnow, image: str) -> str:
    """An image as its researcher knows it: by the name under which it was imported."""
    facts = await w.store.images.get(image)
    return f"'{facts['name']}'" if facts and facts.get("name") else f"Image {image}"


async def exposure(w: Winnow, slug: str) -> dict[str, int]:
    """The most assignments that any gold image, and any image that is asked, was put into, by index.

    Far more for gold than for the rest means that there is too little gold: people who compare notes can tell it.
    """
    gold = [await w.store.candidates.most_shown(slug, answer) for answer in (True, False)]
    return {"gold": max(gold), "asked": await w.store.candidates.most_shown(slug, None)}
