"""A dataset version: what goes into it, and into which part."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from active_learning.domain.label import Source
from active_learning.domain.value import Value


class Split(StrEnum):
    """The part of a dataset that an image is in."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class Recipe(Value):
    """What a version takes of a category's labels. ``licences`` are short names; ``None`` lets every image in, and the
    empty name stands for a licence that nobody knows.

    ``certainty`` is the least that a label must have: the posterior of people's answers, or the model's score of the
    answer it gave. Gold and imported labels are certain.
    """

    name: str = Field(default="", max_length=100, description="what it is called, beside its number")
    sources: tuple[Source, ...] = Field(default=tuple(Source), min_length=1, description="who decided")
    certainty: float = Field(default=0.0, ge=0.0, le=1.0, description="the least certainty of a label")
    licences: tuple[str, ...] | None = Field(default=None, description="left out: every image")
    train: float = Field(default=0.8, ge=0.0, le=1.0, description="share of images to train on")
    val: float = Field(default=0.1, ge=0.0, le=1.0, description="share of images to choose models by")
    test: float = Field(default=0.1, ge=0.0, le=1.0, description="share of images to report on")
    seed: int = Field(default=0, ge=0, le=2**31, description="another seed draws other parts")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(self.train + self.val + self.test - 1.0) > 1e-6:
            total = self.train + self.val + self.test
            raise ValueError(f"train, val and test must add up to 1, and they make {total:g}")
        return self
