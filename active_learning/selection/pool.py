"""What a strategy chooses from, and what is known already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from active_learning import splits
from active_learning.domain.errors import InputError

Positions = NDArray[np.int64]
Need = Literal["scores", "features", "members"]
"""A column of the pool that a strategy may ask for."""

_MISSING = {
    "scores": ("This strategy needs scores.", "Select at random until there is a model."),
    "features": ("This strategy needs features.", "Embed the images first."),
    "members": ("This strategy needs the scores of a committee.", "Train a model that keeps its checkpoints."),
}


@dataclass(frozen=True)
class Pool:
    """The images that may be chosen, one row each; what a strategy does not need may be ``None``.

    ``scores`` [N] is the model's P(yes). ``members`` [N, M] is P(yes) of each member of a committee: other models,
    checkpoints of one training, or passes with dropout. ``features`` is [N, D]. ``draws`` [N] in [0, 1) is one uniform
    number an image, fixed for ever and distinct (``splits.draw``): ties fall by it, so that neither the order of the
    pool nor its division into shards has a say. Without draws they are made from the ids.

    Raises:
        InputError: lengths differ, or a score is not a number between 0 and 1.
    """

    images: Sequence[str]
    scores: NDArray[np.float32] | None = None
    features: NDArray[np.float32] | None = None
    members: NDArray[np.float32] | None = None
    draws: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.images)
        for name in ("scores", "features", "members", "draws"):
            array = getattr(self, name)
            if array is not None and len(array) != n:
                raise InputError(f"There are {n} images but {len(array)} {name}.", "Give one of each for every image.")
        for array in (self.scores, self.members):
            # A NaN is neither above nor below, so it fails both comparisons.
            if array is not None and array.size and not (array.min() >= 0 and array.max() <= 1):
                raise InputError(
                    "A score is not a number from 0 to 1.", "Train the model again; its training diverged."
                )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: Positions) -> "Pool":
        """Return a pool of these rows, in this order."""
        return Pool(
            images=[self.images[row] for row in rows.tolist()],
            scores=None if self.scores is None else self.scores[rows],
            features=None if self.features is None else self.features[rows],
            members=None if self.members is None else self.members[rows],
            draws=None if self.draws is None else self.draws[rows],
        )

    @classmethod
    def concatenate(cls, pools: Sequence["Pool"]) -> "Pool":
        """Return one pool of all rows. A column is in it when every pool that has rows brings it.

        Draws that only some pools bring would break ties differently in each, so all or none must bring them.

        Raises:
            InputError: some pools bring a column and others do not, or their widths differ.
        """
        filled = [pool for pool in pools if len(pool)] or list(pools[:1])
        if not filled:
            return cls([])
        columns = {}
        for name in ("scores", "features", "members", "draws"):
            arrays = [getattr(pool, name) for pool in filled]
            given = [array for array in arrays if array is not None]
            if given and (len(given) < len(arrays) or len({array.shape[1:] for array in given}) > 1):
                raise InputError(f"The shards do not agree about their {name}.", "Read the same columns in each.")
            columns[name] = np.concatenate(given) if given else None
        return cls([image for pool in filled for image in pool.images], **columns)

    def ties(self, rows: Positions, seed: int) -> NDArray[np.uint64]:
        """Return a hash of (seed, draw) for each of these rows: a fresh order of the pool for every seed."""
        if self.draws is None:
            draws = np.array([splits.draw(0, self.images[row]) for row in rows.tolist()], dtype=np.float64)
        else:
            draws = np.ascontiguousarray(self.draws[rows], dtype=np.float64)
        return mixed_bits(draws.view(np.uint64), seed)

    def need_scores(self) -> NDArray[np.float32]:
        """Return the scores, or say that this strategy needs a model."""
        return self.need("scores")

    def need_features(self) -> NDArray[np.float32]:
        """Return the features, or say that this strategy needs them."""
        return self.need("features")

    def need_members(self) -> NDArray[np.float32]:
        """Return the committee's scores, or say that this strategy needs them."""
        return self.need("members")

    def need(self, name: Need) -> NDArray[np.float32]:
        """Return a column. Raises :class:`InputError` where it is missing, with what to do about it."""
        array: NDArray[np.float32] | None = getattr(self, name)
        if array is None:
            raise InputError(*_MISSING[name])
        return array


def mixed_bits(words: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return each word [N] hashed with the seed: splitmix64's finalizer (Steele et al. 2014), one to one for a seed."""
    mixed = words ^ np.uint64(splits.stable_seed("tie", seed))
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


FULL_SKILL = 0.4
"""The area under the ROC curve that counts as full competence is 0.5 + 0.4."""
FEW = 10
"""With so many answers of the rarer kind, competence is believed by half."""


@dataclass(frozen=True)
class Known:
    """What people decided outside the validation images: features [L, D], answers [L], out-of-fold scores [L].

    A validation image must never be among them: the guarantee of the cuts holds because selection and training know
    nothing of their answers. Scores must come from a model that did not train on the image (cross-validation).

    Raises:
        InputError: lengths differ.
    """

    features: NDArray[np.float32]
    answers: NDArray[np.bool_]
    scores: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.features), len(self.answers)} | ({len(self.scores)} if self.scores is not None else set())
        if len(lengths) > 1:
            raise InputError("Features, answers and scores of the known images differ in length.", "Give one of each.")

    @classmethod
    def nothing(cls) -> Self:
        """Nothing is known yet."""
        empty = np.empty((0, 0), dtype=np.float32)
        return cls(empty, np.empty(0, dtype=np.bool_))

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def competence(self) -> float:
        """How far the model may be trusted to know what it does not know: 0 not at all, 1 fully.

        ``min(1, (AUC - 0.5) / 0.4) * m / (m + 10)``, where AUC is that of the out-of-fold scores and ``m`` the number
        of answers of the rarer kind: a model that ranks well is competent, once there is evidence. The area needs no
        threshold, so a rare class that never scores above 0.5 still counts. It is 0 without scores or with answers of
        one kind only. (The idea is DCoM's, Mishal & Weinshall 2024; the measure is ours. Selection makes the known
        images harder than the pool, so this errs towards caution.)
        """
        yes = int(np.count_nonzero(self.answers))
        rarer = min(yes, len(self.answers) - yes)
        if self.scores is None or rarer == 0:
            return 0.0
        skill = (area_under_curve(self.scores, self.answers) - 0.5) / FULL_SKILL
        return float(np.clip(skill, 0.0, 1.0) * rarer / (rarer + FEW))


def area_under_curve(scores: NDArray[np.float32], answers: NDArray[np.bool_]) -> float:
    """Return the share of (yes, no) pairs that the scores [L] put in the right order; a tie counts half."""
    no, yes = np.sort(scores[~answers]), scores[answers]
    below = np.searchsorted(no, yes, "left") + np.searchsorted(no, yes, "right")
    return float(below.sum() / (2.0 * len(no) * len(yes)))
