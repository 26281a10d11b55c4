"""From answers to human labels: consensus over everything people have said, then one state move a candidate."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from active_learning import consensus
from active_learning.consensus import Decision, Votes
from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Label, Source
from active_learning.domain.policy import Policy
from active_learning.domain.round import Phase
from active_learning.rounds import Decide
from api.operations.context import Winnow
from api.store import Session
from api.store.connection import chunks

STOP_AFTER = 2
"""Excluded submissions after which somebody is not asked any more, unless more of theirs were used."""


@dataclass(frozen=True)
class _Heard:
    """What a decision rests on: the policy, who spoke of each image, the model's scores, the validation images."""

    policy: Policy
    voters: Mapping[str, list[str]]
    scores: Mapping[str, float]
    validation: Set[str]

    def provenance(self, decision: Decision) -> dict[str, Any]:
        """Everything that led to a label."""
        found: dict[str, Any] = {
            "consensus": self.policy.consensus,
            "posterior": decision.posterior,
            "votes_yes": decision.votes_yes,
            "votes_no": decision.votes_no,
            "submissions": self.voters.get(decision.image, []),
        }
        if self.policy.model_votes and decision.image in self.scores and decision.image not in self.validation:
            found["model_score"] = self.scores[decision.image]
        return found


async def decide(w: Winnow, slug: str, action: Decide) -> None:
    """Run consensus and move every posted image: a label, or unknown again (another opinion, or disputed).

    All answers of used submissions count, those of earlier waves and rounds too, and gold teaches how good each
    annotator is. The result does not depend on the order in which people worked.
    """
    category = await w.store.categories.definition(slug)
    posted = await w.store.candidates.find(slug, {"state": State.POSTED.value}, ["image", "score", "rechecked"])
    # All of them, decided ones too: the share of yes among those still open says nothing of the sample.
    drawn = await w.store.candidates.find(slug, {"role": Role.VALIDATION.value}, ["image"])
    gold = {
        c["image"]: bool(c["gold"])
        for c in await w.store.candidates.find(slug, {"gold": {"$ne": None}}, ["image", "gold"])
    }
    votes, voters = await _votes(w, slug)
    heard = _Heard(
        policy=category.policy,
        voters=voters,
        # From before the images were asked about: no model has learned from these answers yet.
        scores={c["image"]: float(c["score"]) for c in posted if c["score"] is not None},
        validation={c["image"] for c in drawn},
    )
    doubted = {c["image"] for c in posted if "rechecked" in c}
    found = consensus.decide(Votes.build(votes), gold, category.policy, heard.validation, heard.scores, doubted)
    decided = {decision.image: decision for decision in found}
    # Nobody's usable answer has reached an image that is missing here: it is asked again.
    decisions = [decided.get(c["image"], Decision(c["image"], "more", 0.5, 0, 0)) for c in posted]
    for chunk in chunks(decisions):
        await _apply(w, slug, action, chunk, heard)
    await _grow_gold(w, slug, category.policy, decisions, heard.validation)
    await _stop_asking(w, slug)
    await w.store.workers.look_again(slug)

    async def work(session: Session) -> None:
        await w.store.rounds.advance(slug, action.round, Phase.COLLECTING, Phase.DECIDED, {}, session)

    await w.store.transact(work)


async def _votes(w: Winnow, slug: str) -> tuple[list[tuple[str, str, bool]], dict[str, list[str]]]:
    """(image, annotator, value) of every used answer, and for each image the submissions that spoke of it."""
    votes: list[tuple[str, str, bool]] = []
    voters: dict[str, list[str]] = {}
    for submission in await w.store.submissions.of(await w.store.verdicts.used(slug)):
        for answer in submission.answers:
            votes.append((answer.image, submission.annotator, answer.value))
            voters.setdefault(answer.image, []).append(submission.id)
    return votes, voters


async def _apply(w: Winnow, slug: str, action: Decide, decisions: Sequence[Decision], heard: _Heard) -> None:
    now = w.clock()
    labels: list[Label] = []
    certainty: dict[str, float] = {}
    final: list[Decision] = []
    groups: dict[str, list[str]] = {"yes": [], "no": [], "more": [], "disputed": []}
    for decision in decisions:
        outcome = decision.outcome
        if outcome == "disputed" and decision.image in heard.validation:
            # Leaving hard images out of validation would flatter the model: they keep the likelier answer.
            outcome = "yes" if decision.posterior >= 0.5 else "no"
        groups[outcome].append(decision.image)
        final.append(replace(decision, outcome=outcome))
        if outcome in ("yes", "no"):
            certainty[decision.image] = max(decision.posterior, 1.0 - decision.posterior)
            labels.append(
                Label(
                    id=f"{slug}:{decision.image}:human:{action.round}.{action.wave}",
                    category=slug,
                    image=decision.image,
                    value=outcome == "yes",
                    source=Source.HUMAN,
                    round=action.round,
                    provenance=heard.provenance(decision),
                    decided_at=now,
                )
            )

    async def work(session: Session) -> None:
        await w.store.labels.insert(labels, session)
        for outcome, images in groups.items():
            await _move(w, slug, action, outcome, images, heard.validation, session)
        await w.store.candidates.put_certainty(slug, certainty, session)
        found = {f"agreement.{name}": n for name, n in consensus.agreement(final).items()}
        await w.store.rounds.count(slug, action.round, found, session)

    await w.store.transact(work)


async def _move(
    w: Winnow, slug: str, action: Decide, outcome: str, images: list[str], validation: Set[str], session: Session
) -> None:
    if not images:
        return
    if outcome in ("yes", "no"):
        target = State.LABELED
        fields: dict[str, Any] = {"answer": outcome == "yes", "source": Source.HUMAN.value}
        counters = {
            f"decided.human_{outcome}": len(images),
            "validation.labeled": sum(image in validation for image in images),
        }
        await w.store.rounds.count(slug, action.round, {"human_labels": len(images)}, session)
    else:
        target = State.UNKNOWN
        fields = {"votes_wanted": outcome == "more", "disputed": outcome == "disputed"}
        counters = {"disputed": len(images)} if outcome == "disputed" else _waiting(images, validation)
    moved = await w.store.candidates.move(slug, images, State.POSTED, target, fields, session)
    if moved != len(images):
        raise RuntimeError(f"{len(images) - moved} candidates of {slug} left the state posted during a decision")
    await w.store.categories.count(
        slug, {"counts.posted": -moved, f"counts.{target.value}": moved, **counters}, session
    )


def _waiting(images: Sequence[str], validation: Set[str]) -> dict[str, int]:
    drawn = sum(image in validation for image in images)
    return {"wants_votes.validation": drawn, "wants_votes.train": len(images) - drawn}


async def _grow_gold(w: Winnow, slug: str, policy: Policy, decisions: Sequence[Decision], validation: Set[str]) -> None:
    """Promote the surest human labels to gold, as many yes as no, so that gold is not soon recognised.

    Validation images stay out: they are answered like any other image.
    """
    sure: dict[str, list[tuple[float, str]]] = {"yes": [], "no": []}
    for decision in decisions:
        certainty = max(decision.posterior, 1.0 - decision.posterior)
        if decision.outcome in sure and decision.image not in validation and certainty >= policy.gold_posterior:
            sure[decision.outcome].append((-certainty, decision.image))
    size = min(len(sure["yes"]), len(sure["no"]))
    chosen = {word: [image for _, image in sorted(sure[word])[:size]] for word in sure}

    async def work(session: Session) -> None:
        for word, images in chosen.items():
            marked = await w.store.candidates.mark(
                slug, images, {"gold": word == "yes"}, session, only={"gold": None, "state": State.LABELED.value}
            )
            await w.store.categories.count(slug, {f"gold.{word}": marked}, session)

    await w.store.transact(work)


async def _stop_asking(w: Winnow, slug: str) -> None:
    record = await w.store.verdicts.by_annotator(slug)
    forgiven = await w.store.annotators.forgiven(slug)
    since = {who: _minus(counts, forgiven.get(who, (0, 0))) for who, counts in record.items()}
    stopped = {who for who, (used, excluded) in since.items() if excluded >= STOP_AFTER and excluded > used}
    await w.store.annotators.stop_asking(
        slug, stopped, "your answers to check images were too often different from the known ones", w.clock()
    )


def _minus(counts: tuple[int, int], before: tuple[int, int]) -> tuple[int, int]:
    return counts[0] - before[0], counts[1] - before[1]
