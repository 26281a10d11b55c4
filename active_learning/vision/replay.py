"""What to train on when labels come in rounds: new ones, and some of the old."""

import numpy as np
import numpy.typing as npt

from active_learning.domain.errors import InputError

SHARE_NEW = 0.75


def mix(
    answers: npt.NDArray[np.bool_], fresh: npt.NDArray[np.bool_], seed: int, share_new: float = SHARE_NEW
) -> npt.NDArray[np.int64]:
    """Return all positions of fresh labels and a stratified sample of older ones, so that ``share_new`` are fresh.

    The bandwidth study's rule: round((1 / share_new - 1) n) old labels for n new ones (three new for one old), their
    answers in the proportion of all old labels. It bounds the training time of a network that goes on from round to
    round. A head that is fitted anew on stored features does better on all labels, and takes a second.

    Raises:
        InputError: lengths differ, a share that is none, or fewer old labels than the rule asks for.
    """
    if answers.shape != fresh.shape or not 0 < share_new <= 1:
        raise InputError("Give one answer and one mark a label, and a share above 0 and up to 1.")
    new, old = np.flatnonzero(fresh), np.flatnonzero(~fresh)
    wanted = round((1 / share_new - 1) * len(new))
    if wanted > len(old):
        raise InputError(f"There are {len(old)} old labels, not {wanted}.", "Use a larger share of new labels.")
    rng = np.random.default_rng(seed)
    yes, no = rng.permutation(old[answers[old]]), rng.permutation(old[~answers[old]])
    share = len(yes) / len(old) if len(old) else 0.0
    taken = min(max(round(wanted * share), wanted - len(no)), len(yes))
    return np.sort(np.concatenate([new, yes[:taken], no[: wanted - taken]]))
