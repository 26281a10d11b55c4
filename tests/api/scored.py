"""A category whose pool has scores, without pictures and vision: what cutting and selecting see."""

import hashlib
from collections.abc import Mapping

import numpy as np

from active_learning import splits
from active_learning.domain.candidate import Role, State
from active_learning.domain.label import Source
from active_learning.domain.round import Phase
from api.operations import intake, rounds
from api.operations.context import Winnow
from api.store import Session
from api.store.scores import Block, digests
from api.store.shards import all_of
from tests import factories

SLUG = "bright"


def ids(n: int) -> list[str]:
    """Ids like those of real images."""
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(n)]


def truth(images: list[str], share: float = 0.3) -> dict[str, bool]:
    """What people would say: a matter of the id alone."""
    return {image: splits.draw(1, image) < share for image in images}


def good_scores(answers: Mapping[str, bool], noise: float, model: int) -> dict[str, float]:
    """Scores of a model that is mostly right."""
    seeds = {image: np.random.default_rng(splits.stable_seed(model, image)) for image in answers}
    raw = {image: (1.0 if yes else -1.0) + noise * seeds[image].standard_normal() for image, yes in answers.items()}
    return {image: float(np.float32(1 / (1 + np.exp(-3 * value)))) for image, value in raw.items()}


async def pool(w: Winnow, images: list[str], **policy: object) -> None:
    """A category with these candidates, all of them embedded."""
    category = factories.category(SLUG, **policy)
    await intake.create_category(w, category)
    for start in range(0, len(images), 2_000):
        draws = {image: splits.draw(category.seed, image) for image in images[start : start + 2_000]}

        async def work(session: Session, draws: dict[str, float] = draws) -> None:
            n = await w.store.candidates.insert(SLUG, draws, w.clock(), session)
            await w.store.candidates.mark(SLUG, list(draws), {"embedded": True}, session, only={})
            await w.store.categories.count(SLUG, {"counts.unknown": n, "embedded": n}, session)

        await w.store.transact(work)


async def put_scores(w: Winnow, scores: Mapping[str, float], model: str, bits: int) -> None:
    """Store these scores in blocks and put them in force."""
    seed = (await w.store.categories.definition(SLUG)).seed
    for shard in all_of(bits):
        images = [image for image in await w.store.candidates.images(SLUG, shard) if image in scores]
        draws = np.array([splits.draw(seed, image) for image in images])
        block = Block(digests(images), draws, np.array([scores[image] for image in images], dtype=np.float32))
        await w.store.scores.put(SLUG, model, shard, block)
    await w.store.categories.put(SLUG, {"scored": {"model": model, "bits": bits}})


async def people_say(w: Winnow, answers: Mapping[str, bool], **fields: object) -> None:
    """Label these unknown candidates as people do, with true counters."""
    for value in (True, False):
        images = [image for image, answer in answers.items() if answer is value]

        async def work(session: Session, images: list[str] = images, value: bool = value) -> None:
            drawn = await w.store.candidates.mark(
                SLUG, images, {"certainty": 1.0}, session, only={"role": Role.VALIDATION.value}
            )
            named = {"answer": value, "source": Source.HUMAN.value, **fields}
            moved = await w.store.candidates.move(SLUG, images, State.UNKNOWN, State.LABELED, named, session)
            word = "yes" if value else "no"
            changes = {"counts.unknown": -moved, "counts.labeled": moved, f"decided.human_{word}": moved}
            await w.store.categories.count(SLUG, changes | {"validation.labeled": drawn}, session)

        await w.store.transact(work)


async def validated(w: Winnow, answers: Mapping[str, bool]) -> set[str]:
    """Draw the validation images and have people answer them; returns them."""
    await rounds.draw_validation(w, SLUG)
    drawn = await w.store.candidates.find(SLUG, {"role": Role.VALIDATION.value}, ["image"])
    images = {c["image"] for c in drawn}
    await people_say(w, {image: answers[image] for image in images})
    return images


async def ready_to_cut(w: Winnow, number: int) -> None:
    """A round whose model has scored the pool."""

    async def work(session: Session) -> None:
        await w.store.rounds.insert(SLUG, number, {"report": None, "strategy": "margin"}, session)
        await w.store.rounds.advance(SLUG, number, Phase.COLLECTING, Phase.CUTTING, {}, session)

    await w.store.transact(work)
