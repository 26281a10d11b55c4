"""Answers of many people to many images, as arrays."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Votes:
    """V votes: the image, the annotator and the answer of each. Indices point into the two name tuples."""

    images: tuple[str, ...]
    annotators: tuple[str, ...]
    image: NDArray[np.int64]
    annotator: NDArray[np.int64]
    value: NDArray[np.bool_]

    @classmethod
    def build(cls, triples: Iterable[tuple[str, str, bool]]) -> Self:
        """Build from (image, annotator, value); of repeated votes of one annotator on one image the first counts."""
        first: dict[tuple[str, str], bool] = {}
        for image, annotator, value in triples:
            first.setdefault((image, annotator), value)
        images = sorted({image for image, _ in first})
        annotators = sorted({annotator for _, annotator in first})
        image_index = {name: i for i, name in enumerate(images)}
        annotator_index = {name: i for i, name in enumerate(annotators)}
        return cls(
            images=tuple(images),
            annotators=tuple(annotators),
            image=np.array([image_index[image] for image, _ in first], dtype=np.int64),
            annotator=np.array([annotator_index[annotator] for _, annotator in first], dtype=np.int64),
            value=np.array(list(first.values()), dtype=bool),
        )

    def __len__(self) -> int:
        return len(self.value)

    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of yes and of no votes of every image, each [images]."""
        n = len(self.images)
        yes = np.bincount(self.image[self.value], minlength=n)
        return yes, np.bincount(self.image, minlength=n) - yes
