"""The model's part of a round: features and training. Scores are in ``scoring``."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from active_learning import selection, splits, vision
from active_learning.domain.candidate import Role, State
from active_learning.domain.errors import NotFound
from api.operations.context import Winnow
from api.store import Session
from api.store.scores import DIGEST, digests
from api.store.shards import Shard, divide

BACKBONE_SAMPLE = 2_000
UNLABELED_SAMPLE = 5_000
EMBED_AT_ONCE = 512
"""Images in one key range: a second or two of work, so that a killed node costs little."""


async def prepare_backbone(w: Winnow, slug: str) -> str:
    """Fit the category's backbone to a sample of its pool, once; returns its id."""
    document = await w.store.categories.get(slug)
    if document["backbone"] is not None:
        return str(document["backbone"])
    category = await w.store.categories.definition(slug)
    images = await _sample(w, slug, BACKBONE_SAMPLE, splits.stable_seed(category.seed, "backbone"))
    blobs = await w.blobs.many(images)
    name = category.policy.backbone
    state = vision.fit_backbone(name, [blobs[image] for image in images], splits.stable_seed(category.seed, name))
    digest = hashlib.sha256(state).hexdigest()
    await w.store.checkpoints.put({digest: state})
    identifier = f"{name}:{digest[:16]}"
    await w.store.models.insert_backbone(identifier, name, digest)
    await w.store.categories.put_once(slug, "backbone", identifier)
    return identifier


async def unembedded_ranges(w: Winnow, slug: str) -> list[Shard]:
    """Key ranges that hold some hundred images without features each, from the kept counters."""
    document = await w.store.categories.get(slug)
    missing = sum(document["counts"].values()) - document["embedded"]
    return divide(missing, EMBED_AT_ONCE) if missing > 0 else []


async def embed_range(w: Winnow, slug: str, shard: Shard) -> int:
    """Compute the features that a key range lacks; returns how many candidates got theirs now."""
    images = await w.store.candidates.unembedded(slug, shard)
    if not images:
        return 0
    identifier = str((await w.store.categories.get(slug))["backbone"])
    name, state = await _backbone(w, identifier)
    embedded = 0
    for start in range(0, len(images), EMBED_AT_ONCE):
        embedded += await _embed(w, slug, (identifier, name, state), images[start : start + EMBED_AT_ONCE])
    return embedded


async def _embed(w: Winnow, slug: str, backbone: tuple[str, str, bytes], images: Sequence[str]) -> int:
    identifier, name, state = backbone
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
    # What was audited was drawn because the cuts had labeled it, and what was chosen by hand after a look may have been
    # chosen for what the cuts said of it: no model may know that.
    only = {
        "state": State.LABELED.value,
        "role": {"$ne": Role.VALIDATION.value},
        "audited": {"$exists": False},
        "apart": None,
    }
    labeled = await w.store.candidates.find(slug, only, ["image", "answer", "certainty"])
    images = [c["image"] for c in labeled]
    unlabeled = await _sample(w, slug, UNLABELED_SAMPLE, splits.stable_seed(category.seed, "unlabeled", number))
    trained = vision.train_head(
        category.policy.head,
        await w.store.features.get(backbone, images),
        np.array([c["answer"] for c in labeled], dtype=bool),
        await w.store.features.get(backbone, unlabeled),
        splits.stable_seed(category.seed, "head", number),
        np.array([c.get("certainty", 1.0) for c in labeled], dtype=np.float32),
    )
    held_out = digests(images).tobytes() + trained.out_of_fold.astype("<f4").tobytes()
    stored = {hashlib.sha256(data).hexdigest(): data for data in (trained.state, held_out)}
    await w.store.checkpoints.put(stored)
    checkpoint, out_of_fold = (hashlib.sha256(data).hexdigest() for data in (trained.state, held_out))
    fields: dict[str, Any] = {
        "category": slug,
        "version": number,
        "round": number,
        "backbone": backbone,
        "head": category.policy.head,
        "checkpoint": checkpoint,
        "out_of_fold": out_of_fold,
        "loss": float(trained.loss),
        "history": [float(loss) for loss in trained.history],
        "labels": len(labeled),
        "trained_at": w.clock(),
    }
    await w.store.models.insert(identifier, fields)
    return identifier


async def head(w: Winnow, model: str) -> tuple[str, bytes, str]:
    """A model's head, its checkpoint and its backbone; raises :class:`NotFound` where one of them is missing."""
    document = await w.store.models.get(model)
    if document is None:
        raise NotFound(f"There is no model '{model}'.")
    state = await w.store.checkpoints.get(document["checkpoint"])
    if state is None:
        raise NotFound(f"The checkpoint of model '{model}' is missing.", "Train the round again.")
    return str(document["head"]), state, str(document["backbone"])


async def out_of_fold(w: Winnow, model: str) -> Mapping[str, float]:
    """For each image that a model learned from: P(yes) as a fit without its answer says. Empty for older models."""
    document = await w.store.models.get(model)
    data = None if document is None else await w.store.checkpoints.get(document.get("out_of_fold") or "")
    if document is None or data is None:
        return {}
    n = document["labels"]
    ids = data[: n * DIGEST.itemsize].hex()
    scores = np.frombuffer(data[n * DIGEST.itemsize :], dtype="<f4")
    return {ids[64 * at : 64 * at + 64]: float(score) for at, score in enumerate(scores)}


async def known(w: Winnow, slug: str, model: str) -> selection.Known:
    """What people decided outside validation, in the order of ids, with the model's out-of-fold scores."""
    scores = await out_of_fold(w, model)
    only = {"state": State.LABELED.value, "role": {"$ne": Role.VALIDATION.value}, "image": {"$in": sorted(scores)}}
    labeled = await w.store.candidates.find(slug, only, ["image", "answer"])
    labeled.sort(key=lambda candidate: str(candidate["image"]))
    _, _, backbone = await head(w, model)
    images = [c["image"] for c in labeled]
    return selection.Known(
        features=await w.store.features.get(backbone, images),
        answers=np.array([c["answer"] for c in labeled], dtype=bool),
        scores=np.array([scores[image] for image in images], dtype=np.float32),
    )


async def _sample(w: Winnow, slug: str, size: int, seed: int) -> list[str]:
    """A random stretch of the circle of ids: the draws, and so the roles, have no say in it."""
    return await w.store.candidates.sample(slug, size, np.random.default_rng(seed).bytes(32).hex())


async def _backbone(w: Winnow, identifier: str) -> tuple[str, bytes]:
    document = await w.store.models.backbone(identifier)
    state = None if document is None else await w.store.checkpoints.get(document["checkpoint"])
    if document is None or state is None:
        raise NotFound(f"The backbone '{identifier}' is missing.", "Import the checkpoints of this database again.")
    return str(document["name"]), state
