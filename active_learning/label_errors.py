"""Labels that are likely wrong: confident learning for yes and no (Northcutt, Jiang & Chuang 2021, JAIR 70).

The scores must come from a model that did not train on the image's own label (out of fold), or it will agree with the
label whatever it shows. They need not be calibrated: what counts as confident is measured on the scores themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from active_learning.domain.errors import InputError


@dataclass(frozen=True)
class Suspects:
    """Positions of labels that are likely wrong, the most suspicious first, and their normalised margins.

    The margin is (p(label) - p(other) + 1) / 2 in [0, 0.5): 0 where the model is sure of the other answer.
    """

    positions: NDArray[np.int64]
    margins: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.positions)


def likely_errors(answers: NDArray[np.bool_], scores: NDArray[np.floating]) -> Suspects:
    """Find the labels [N] that contradict a model which is confident: its out-of-fold P(yes) are ``scores`` [N].

    Confident of an answer is the model where it gives it at least as much as it gives on average to images labeled
    so. A label is suspect where the model is confident of the other answer and finds it the likelier one. (This is the
    off-diagonal of the confident joint.) With labels of one kind only nothing is known of the other: no suspects.

    Raises:
        InputError: lengths differ, or a score is not a number from 0 to 1.
    """
    if answers.shape != scores.shape or answers.ndim != 1:
        raise InputError(f"{scores.shape} scores do not fit {answers.shape} labels.", "Give one score a label.")
    if not np.all((scores >= 0) & (scores <= 1)):
        raise InputError("A score is not a number from 0 to 1.", "Train the model again.")
    if answers.all() or not answers.any():
        return Suspects(np.empty(0, dtype=np.int64), np.empty(0))
    yes = scores.astype(np.float64)
    other = np.where(answers, 1 - yes, yes)
    # Of a label "yes" the other answer is "no", and the other way round.
    confident = np.where(answers, (1 - yes[~answers]).mean(), yes[answers].mean())
    found = np.flatnonzero((other >= confident) & (other > 0.5))
    ranked = found[np.argsort(-other[found], kind="stable")]
    return Suspects(ranked.astype(np.int64), 1 - other[ranked])
