"""The whole story of one image: a handful of indexed reads, whatever the size of the pool."""

from collections.abc import Mapping, Sequence
from typing import Any

from active_learning.domain.candidate import Role, State
from active_learning.domain.cuts import Cuts
from active_learning.domain.errors import NotFound
from active_learning.domain.label import Label, Source
from active_learning.domain.round import CategoryState
from active_learning.domain.submission import Answer
from api.operations import attribution, mistakes, scoring, takedown
from api.operations.context import Winnow
from api.store.connection import Document
from api.store.shards import DIGEST_BITS, Shard
from api.store.takedowns import image_key
from labeling_ui.contexts import Answered, Beside, Decision, Joined, MistakeKind, Opinion, Place, Story, StoryPage
from labeling_ui.licences import TITLES

ANSWERS = 100
"""The newest answers that are told: gold may have hundreds."""

NAMES_WORKERS = frozenset({"submissions"})
"""Fields of a label's provenance that say who people are."""


async def page(w: Winnow, slug: str, image: str, kind: MistakeKind | None, names: bool) -> StoryPage:
    """The page of an image, opened from a list of mistakes or from the pool."""
    category = await w.store.categories.definition(slug)
    told = await story(w, slug, image, names)
    if kind is None:
        before, after = await w.store.mistakes.beside(slug, image)
    else:
        before, after = await mistakes.beside(w, slug, kind, image)
    return StoryPage(question=category.question, story=told, beside=Beside(kind=kind, before=before, after=after))


async def story(w: Winnow, slug: str, image: str, names: bool) -> Story:
    """Everything that is known of an image; with ``names`` also who the workers are. Raises :class:`NotFound`."""
    document = await w.store.categories.get(slug)
    candidate = await w.store.candidates.get(slug, image)
    if candidate is None:
        raise NotFound(f"There is no such image in the pool of {slug}.", "It may have been taken down.")
    facts = await w.store.images.get(image) or {}
    # See ``mistakes``: as long as the campaign runs nobody is shown where the model errs on validation images.
    measures = candidate["role"] == Role.VALIDATION.value and document["state"] != CategoryState.FINISHED.value
    answers = await w.store.stories.answers(slug, image, ANSWERS + 1)
    told = await _answers(w, answers[:ANSWERS], names)
    decisions = _decisions(await w.store.labels.history(slug, image), candidate["answer"])
    events = [Joined(at=candidate["added_at"]), *told, *decisions]
    # Of one moment, what is said comes before what follows from it.
    order = {"joined": 0, "answer": 1, "label": 2}
    return Story(
        slug=slug,
        image=image,
        state=candidate["state"],
        role=candidate["role"],
        answer=candidate["answer"],
        source=candidate["source"],
        gold=candidate["gold"],
        disputed=candidate["disputed"],
        wants_answers=candidate["votes_wanted"],
        excluded_by=(candidate.get("excluded") or {}).get("by", ""),
        excluded_at=(candidate.get("excluded") or {}).get("at"),
        taken_down=await w.store.takedowns.get(image_key(image)) is not None,
        certainty=candidate.get("certainty") if candidate["state"] == State.LABELED.value else None,
        chosen_by=candidate["chosen_by"] or "",
        task=candidate["task"] or "",
        width=facts.get("width", 0),
        height=facts.get("height", 0),
        format=facts.get("format", ""),
        bytes=facts.get("bytes", 0),
        places=tuple(_place(place) for place in (facts, *facts.get("places", ())) if place),
        opinion=None if measures else await _opinion(w, document, candidate),
        measures=measures,
        events=tuple(sorted(events, key=lambda event: (event.at, order[event.kind]))),
        more_answers=len(answers) > ANSWERS,
    )


async def ask_for_takedown(w: Winnow, slug: str, image: str, by: str, why: str) -> None:
    """Refuse an image for ever; a worker removes what there is of it within a minute. Raises :class:`NotFound`."""
    if await w.store.candidates.get(slug, image) is None:
        raise NotFound(f"There is no such image in the pool of {slug}.", "It may have been taken down already.")
    await takedown.ask_for_image(w, image, by, why)


async def _answers(w: Winnow, found: Sequence[tuple[Document, Answer]], names: bool) -> list[Answered]:
    """The answers from the oldest on; workers without names are numbered in the order in which they spoke."""
    verdicts = await w.store.stories.verdicts([submission["_id"] for submission, _ in found])
    tasks = await w.store.stories.tasks([submission["task"] for submission, _ in found])
    numbers: dict[str, int] = {}
    told = []
    for submission, answer in reversed(found):
        worker = submission["annotator"]
        verdict, task = verdicts.get(submission["_id"], {}), tasks.get(submission["task"], {})
        number = numbers.setdefault(worker, len(numbers) + 1)
        told.append(
            Answered(
                at=submission["submitted_at"],
                value=answer.value,
                who=worker if names else f"worker {number}",
                worker=worker if names else "",
                submission=submission["_id"] if names else "",
                task=submission["task"],
                task_name=task.get("name", ""),
                round=task.get("round"),
                seconds=answer.visible_ms / 1_000,
                hidden_seconds=answer.hidden_ms / 1_000,
                changes=answer.changes,
                device=answer.device,
                gold=answer.gold,
                used=verdict.get("use"),
                paid=verdict.get("pay"),
                reason=verdict.get("reason", "") if names else "",
            )
        )
    return told


def _decisions(labels: Sequence[Label], answer: bool | None) -> list[Decision]:
    newest = len(labels) - 1
    return [
        Decision(
            at=label.decided_at,
            value=label.value,
            source=label.source,
            round=label.round,
            because=tuple(_because(label.provenance)),
            in_force=number == newest and label.value is not None and label.value is answer,
        )
        for number, label in enumerate(labels)
    ]


def _because(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What led to a label, in words; whatever nobody has foreseen is said as it is stored."""
    left = {name: value for name, value in provenance.items() if name not in NAMES_WORKERS and value is not None}
    found: list[tuple[str, str]] = []
    if "votes_yes" in left:
        found.append(("answers", f"{left.pop('votes_yes')} yes, {left.pop('votes_no', 0)} no"))
    if "posterior" in left:
        found.append(("chance of yes", f"{left.pop('posterior'):.2%}"))
    if "model" in left:
        found.append(("model", model_name(str(left.pop("model")))))
    if "score" in left:
        found.append(("score", f"{left.pop('score'):.4f}"))
    if isinstance(left.get("cuts"), Mapping):
        cuts = left.pop("cuts")
        sides = [("no below", cuts.get("lower")), ("yes above", cuts.get("upper"))]
        found.append(("cuts", ", ".join(f"{word} {cut:.4f}" for word, cut in sides if cut is not None) or "none"))
    names = {"why": "because", "model_score": "score of the model"}
    found += [(names.get(name, name.replace("_", " ")), _said(value)) for name, value in left.items()]
    return found


def _said(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def model_name(model: str) -> str:
    """``car:3`` is the model of round 3."""
    return f"of round {model.rpartition(':')[2]}"


async def _opinion(w: Winnow, document: Document, candidate: Document) -> Opinion | None:
    """What the newest model says, from the block of scores of the image's key range."""
    scored = await scoring.in_force(w, document["_id"])
    if scored is None:
        return None
    index = int(candidate["image"], 16) >> (DIGEST_BITS - scored.bits)
    found = await w.store.scores.of(scored.model, [Shard(scored.bits, index)], [candidate["image"]])
    if not found:
        return None
    score, rule = found[candidate["image"]], document["rule"]
    own = rule is not None and rule["model"] == scored.model
    cuts = Cuts.model_validate(rule["calibration"]["cuts"]) if own else Cuts()
    by_people = candidate["state"] == State.LABELED.value and candidate["source"] != Source.MODEL.value
    return Opinion(
        model=scored.model,
        round=int(scored.model.rpartition(":")[2]),
        score=score,
        lower=cuts.lower,
        upper=cuts.upper,
        says=cuts.decide(score),
        learned=by_people and candidate["role"] != Role.VALIDATION.value and "audited" not in candidate,
    )


def _place(place: Document) -> Place:
    known = attribution.origin({name: value for name, value in place.items() if name != "places"})
    assert known is not None, "any licence will do"
    link = next((one for one in (known.page, known.url) if one.startswith(("http://", "https://"))), "")
    return Place(
        found_by=known.found_by,
        title=known.title or place.get("name", ""),
        author=known.author,
        licence=TITLES.get(known.licence, known.licence),
        licence_url=known.licence_url if known.licence_url.startswith(("http://", "https://")) else "",
        link=link,
        url=known.url,
        attribution=known.attribution,
        fetched_at=place.get("fetched_at"),
    )
