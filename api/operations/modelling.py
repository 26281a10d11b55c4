"""The model's part of a round: features, training, scores. Each function reads and writes its own share of the pool."""

import hashlib
from typing import Any

import numpy as np

from active_learning import splits, vision
from active_learning.domain.candidate import Role, State
from active_learning.domain.errors import NotFound
from active_learning.domain.round import Phase
from api.operations.context import Winnow
from api.store import Session

BACKBONE_SAMPLE = 2_000
UNLABELED_SAMPLE = 5_000
SHARD = 512
"""Candidates in one key range: a second or two of work, so that a killed node costs little."""


async def prepare_backbone(w: Winnow, slug: str) -> str:
    """Fit the category's backbone to a sample of its pool, once; returns its id."""
    document = await w.store.categories.get(slug)
    if document["backbone"] is not None:
        return str(document["backbone"])
    category = await w.store.categories.definition(slug)
    rng = np.random.default_rng(splits.stable_seed(category.seed, "backbone"))
    images = await _sample(w, slug, BACKBONE_SAMPLE, rng)
    blobs = await w.blobs.many(images)
    name = category.policy.backbone
    state = vision.fit_backbone(name, [blobs[image] for image in images], splits.stable_seed(category.seed, name))
    digest = hashlib.sha256(state).hexdigest()
    await w.store.checkpoints.put({digest: state})
    identifier = f"{name}:{digest[:16]}"
    await w.store.models.insert_backbone(identifier, name, digest)
    await w.store.categories.put_once(slug, "backbone", identifier)
    return identifier


async def unembedded_ranges(w: Winnow, slug: str) -> list[tuple[str, str]]:
    """Key ranges of candidates that have no features yet."""
    return await w.store.candidates.ranges(slug, SHARD, {"embedded": False})


async def embed_range(w: Winnow, slug: str, first: str, last: str) -> int:
    """Compute the features of a key range; returns how many candidates got theirs now."""
    identifier = str((await w.store.categories.get(slug))["backbone"])
    name, state = await _backbone(w, identifier)
    only = {"image": {"$gte": first, "$lte": last}, "embedded": False}
    images = [c["image"] for c in await w.store.candidates.find(slug, only, ["image"])]
    if not images:
        return 0
    blobs = await w.blobs.many(images)
    missing = [image for image in images if image not in blobs]
    if missing:
        raise NotFound(f"The bytes of {len(missing)} images are missing, such as {missing[0]}.", "Import them again.")
    vectors = vision.embed(name, state, [blobs[image] for image in images])
    await w.store.features.put(identifier, images, vectors)

    async def work(session: Session) -> int:
        marked = await w.store.candidates.mark(slug, images, {"embedded": True}, session, only={"embedded": False})
        await w.store.categories.count(slug, {"embedded": marked}, session)
        return marked

    return await w.store.transact(work)


async def train(w: Winnow, slug: str, number: int) -> str:
    """Fit a head on what people decided; validation answers take no part. Returns the model's id.

    The unlabeled sample is drawn from the whole pool regardless of role: were validation images left out, a model that
    learns from unlabeled images would treat them differently from the images that they stand for.
    """
    identifier = f"{slug}:{number}"
    if await w.store.models.get(identifier) is not None:
        return identifier
    category = await w.store.categories.definition(slug)
    backbone = str((await w.store.categories.get(slug))["backbone"])
    only = {"state": State.LABELED.value, "role": {"$ne": Role.VALIDATION.value}}
    labeled = await w.store.candidates.find(slug, only, ["image", "answer"])
    rng = np.random.default_rng(splits.stable_seed(category.seed, "unlabeled", number))
    trained = vision.train_head(
        category.policy.head,
        await w.store.features.get(backbone, [c["image"] for c in labeled]),
        np.array([c["answer"] for c in labeled], dtype=bool),
        await w.store.features.get(backbone, await _sample(w, slug, UNLABELED_SAMPLE, rng)),
        splits.stable_seed(category.seed, "head", number),
    )
    digest = hashlib.sha256(trained.state).hexdigest()
    await w.store.checkpoints.put({digest: trained.state})
    fields: dict[str, Any] = {
        "category": slug,
        "version": number,
        "round": number,
        "backbone": backbone,
        "head": category.policy.head,
        "checkpoint": digest,
        "loss": float(trained.loss),
        "history": [float(loss) for loss in trained.history],
        "labels": len(labeled),
        "trained_at": w.clock(),
    }
    await w.store.models.insert(identifier, fields)
    return identifier


async def score_ranges(w: Winnow, slug: str) -> list[tuple[str, str]]:
    """Key ranges of the whole pool."""
    return await w.store.candidates.ranges(slug, SHARD * 8, {"embedded": True})


async def score_range(w: Winnow, slug: str, model: str, first: str, last: str) -> int:
    """Write a model's scores for a key range; returns how many."""
    document = await w.store.models.get(model)
    if document is None:
        raise NotFound(f"There is no model '{model}'.")
    head = await w.store.checkpoints.get(document["checkpoint"])
    if head is None:
        raise NotFound(f"The checkpoint of model '{model}' is missing.", "Train the round again.")
    only = {"image": {"$gte": first, "$lte": last}, "embedded": True}
    images = [c["image"] for c in await w.store.candidates.find(slug, only, ["image"])]
    features = await w.store.features.get(document["backbone"], images)
    scores = vision.score(document["head"], head, features)
    await w.store.candidates.put_scores(slug, dict(zip(images, map(float, scores), strict=True)), model)
    return len(images)


async def scored(w: Winnow, slug: str, number: int) -> None:
    """Note that the whole pool has its new scores: the round may cut."""

    async def work(session: Session) -> None:
        await w.store.rounds.advance(slug, number, Phase.DECIDED, Phase.CUTTING, {}, session)

    await w.store.transact(work)


async def _sample(w: Winnow, slug: str, size: int, rng: np.random.Generator) -> list[str]:
    # Not by the draw itself: the smallest draws are the validation images.
    images = [c["image"] for c in await w.store.candidates.find(slug, {}, ["image"])]
    if len(images) <= size:
        return images
    return [images[index] for index in sorted(rng.choice(len(images), size=size, replace=False))]


async def _backbone(w: Winnow, identifier: str) -> tuple[str, bytes]:
    document = await w.store.models.backbone(identifier)
    state = None if document is None else await w.store.checkpoints.get(document["checkpoint"])
    if document is None or state is None:
        raise NotFound(f"The backbone '{identifier}' is missing.", "Import the checkpoints of this database again.")
    return str(document["name"]), state
