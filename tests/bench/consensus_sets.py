"""What the consensus benchmark works on: real vote sets, and a simulated crowd of any size."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from active_learning.consensus import Votes
from scraper.votes import read_votes

CROWDS = Path(__file__).parents[3] / "shared" / "data" / "crowds"
"""Real annotators' votes, beside the project; not part of it."""


@dataclass(frozen=True)
class VoteSet:
    """Votes with the true class of every image [N], -1 where nobody knows it."""

    name: str
    votes: Votes
    truth: NDArray[np.int64]

    def accuracy(self, p: NDArray[np.float64]) -> float:
        """The share of right labels by ``p`` [N, K] among the images with a known class; a tie counts as 1/k."""
        known = self.truth >= 0
        best = p[known] >= p[known].max(axis=1, keepdims=True) - 1e-9
        return float((best[np.arange(len(best)), self.truth[known]] / best.sum(axis=1)).mean())


def vote_sets(folder: Path = CROWDS) -> Iterator[VoteSet]:
    """Every set of the folder, smallest name first; none where there is no folder."""
    for path in sorted(folder.glob("*/labels.csv")):
        votes = read_votes(path)
        number = {word: k for k, word in enumerate(votes.classes)}
        lines = (path.parent / "truth.csv").read_text(encoding="utf-8").splitlines()[1:]
        truth = {task: number.get(label, -1) for task, label in (line.rsplit(",", 1) for line in lines)}
        yield VoteSet(path.parent.name, votes, np.array([truth.get(task, -1) for task in votes.images]))


def crowd(labels: int, seed: int = 0) -> Votes:
    """Three votes an image by 2,000 annotators of zipf activity, a tenth of whom guess; 30 % of images are a yes."""
    rng = np.random.default_rng(seed)
    images, annotators = labels // 3, 2_000
    activity = 1.0 / np.arange(1, annotators + 1)
    truth = rng.random(images) < 0.3
    accuracy = np.column_stack([rng.beta(9.0, 1.5, annotators), rng.beta(8.0, 2.0, annotators)])
    accuracy[rng.random(annotators) < 0.1] = 0.5
    image = np.repeat(np.arange(images, dtype=np.int32), 3)
    annotator = rng.choice(annotators, 3 * images, p=activity / activity.sum()).astype(np.int32)
    right = rng.random(3 * images) < accuracy[annotator, truth[image].astype(np.int64)]
    names = (tuple(map(str, range(images))), tuple(map(str, range(annotators))))
    return Votes.from_codes(image, annotator, (truth[image] == right).astype(np.int16), *names)
