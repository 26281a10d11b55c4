"""Majority: everybody counts the same."""

import numpy as np
from numpy.typing import NDArray

from active_learning.consensus.votes import Votes


def majority(votes: Votes) -> NDArray[np.float64]:
    """Return the share of yes votes of every image [images]; 0.5 is a tie."""
    yes, no = votes.counts()
    return np.asarray(yes / np.maximum(yes + no, 1))
