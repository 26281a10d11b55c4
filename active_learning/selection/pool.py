"""What a strategy chooses from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.errors import InputError


@dataclass(frozen=True)
class Pool:
    """The images that may be chosen: ids [N], the model's P(yes) [N] and features [N, D] where there are any.

    Raises:
        InputError: lengths differ, or a score is not a number between 0 and 1.
    """

    images: Sequence[str]
    scores: NDArray[np.float32] | None = None
    features: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.images)
        for name, array in (("scores", self.scores), ("features", self.features)):
            if array is not None and len(array) != n:
                raise InputError(f"There are {n} images but {len(array)} {name}.", "Give one of each for every image.")
        if self.scores is not None and not np.all((self.scores >= 0) & (self.scores <= 1)):
            raise InputError("A score is not a number from 0 to 1.", "Train the model again; its training diverged.")

    def __len__(self) -> int:
        return len(self.images)

    def need_scores(self) -> NDArray[np.float32]:
        """Return the scores, or say that this strategy needs a model."""
        if self.scores is None:
            raise InputError("This strategy needs scores.", "Select at random until there is a model.")
        return self.scores

    def need_features(self) -> NDArray[np.float32]:
        """Return the features, or say that this strategy needs them."""
        if self.features is None:
            raise InputError("This strategy needs features.", "Embed the images first.")
        return self.features
