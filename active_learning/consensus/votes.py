"""Answers of many people to many images, as arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from active_learning.consensus.incidence import Incidence
from active_learning.domain.errors import InputError

YES_NO = ("no", "yes")


@dataclass(frozen=True)
class Votes:
    """V votes: the image, the annotator and the answer of each, sorted by image, then annotator; no pair twice.

    ``image`` and ``annotator`` point into the two name sequences, ``value`` into ``classes`` (0 is no, 1 is yes).
    """

    images: Sequence[str]
    annotators: Sequence[str]
    image: NDArray[np.int32]
    annotator: NDArray[np.int32]
    value: NDArray[np.int16]
    classes: tuple[str, ...] = YES_NO
    repeats: int = 0

    @classmethod
    def build(cls, triples: Iterable[tuple[str, str, int]], classes: tuple[str, ...] = YES_NO) -> Self:
        """Build from (image, annotator, value); of repeated votes of one annotator on one image the first counts."""
        rows = list(triples)
        images = sorted({image for image, _, _ in rows})
        annotators = sorted({annotator for _, annotator, _ in rows})
        image_index = {name: i for i, name in enumerate(images)}
        annotator_index = {name: i for i, name in enumerate(annotators)}
        return cls.from_codes(
            np.array([image_index[image] for image, _, _ in rows], dtype=np.int32),
            np.array([annotator_index[annotator] for _, annotator, _ in rows], dtype=np.int32),
            np.array([value for _, _, value in rows], dtype=np.int16),
            tuple(images),
            tuple(annotators),
            classes,
        )

    @classmethod
    def from_codes(
        cls,
        image: NDArray[np.integer],
        annotator: NDArray[np.integer],
        value: NDArray[np.integer],
        images: Sequence[str],
        annotators: Sequence[str],
        classes: tuple[str, ...] = YES_NO,
    ) -> Self:
        """Build from V numbers of images, annotators and classes; the first vote of a repeated pair counts.

        Raises:
            InputError: the arrays differ in length, or a number names nothing.
        """
        if not len(image) == len(annotator) == len(value):
            raise InputError("Votes need an image, an annotator and a value each.", "Give three arrays of one length.")
        for what, codes, size in (
            ("image", image, len(images)),
            ("annotator", annotator, len(annotators)),
            ("class", value, len(classes)),
        ):
            if len(codes) and (int(codes.min()) < 0 or int(codes.max()) >= size):
                raise InputError(f"A vote has a number of {what} outside 0 to {size - 1}.", "Check the codes.")
        key = image.astype(np.int64) * max(len(annotators), 1) + annotator
        order = np.argsort(key)
        key = key[order]
        starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.zeros(0, np.intp)
        if len(starts) < len(key):
            order = np.minimum.reduceat(order, starts)
        return cls(
            images=images,
            annotators=annotators,
            image=image[order].astype(np.int32, copy=False),
            annotator=annotator[order].astype(np.int32, copy=False),
            value=value[order].astype(np.int16, copy=False),
            classes=classes,
            repeats=len(key) - len(starts),
        )

    def __len__(self) -> int:
        return len(self.value)

    def keep(self, chosen: NDArray[np.bool_]) -> "Votes":
        """The votes that are chosen [V], among the same images and annotators."""
        return Votes(
            self.images,
            self.annotators,
            self.image[chosen],
            self.annotator[chosen],
            self.value[chosen],
            self.classes,
        )

    def of_images(self, chosen: NDArray[np.bool_]) -> "Votes":
        """The votes on the images that are chosen [images]; the others are left out altogether."""
        number = np.cumsum(chosen) - 1
        kept = chosen[self.image]
        names = tuple(name for name, keep in zip(self.images, chosen.tolist(), strict=True) if keep)
        return Votes(
            names,
            self.annotators,
            number[self.image[kept]].astype(np.int32),
            self.annotator[kept],
            self.value[kept],
            self.classes,
        )

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """Votes of every image for every class [images, classes]."""
        n, k = len(self.images), len(self.classes)
        return np.bincount(self.image * np.int64(k) + self.value, minlength=n * k).reshape(n, k)

    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of yes and of no votes of every image, each [images]."""
        return self.table[:, 1], self.table[:, 0]

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """image * annotators + annotator of every vote [V], rising."""
        return np.asarray(self.image.astype(np.int64) * len(self.annotators) + self.annotator)

    @cached_property
    def incidence(self) -> Incidence:
        """The votes as sparse matrices whose order depends neither on names nor on the order of rows."""
        return Incidence.build(
            self.image, self.annotator, self.value, (len(self.images), len(self.annotators), len(self.classes))
        )
