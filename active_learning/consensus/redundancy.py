"""Is the next answer worth its price? What people's error models say of answers that have not been given.

The next answer comes from somebody typical: whose error table is the average over the answers so far. It can change
the decision, or be the first of several that do; so what is asked is the best number of further answers, up to what
the policy still allows, and what each of them saves on average:

    worth = max over m of (error now - expected error after m answers) / m * what an error costs

After m answers the error is the smaller of P(no and these answers) and P(yes and these answers), summed over what they
may be. Answers of typical people are exchangeable, so only the number of yes among them counts (binomial).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from active_learning.consensus.incidence import Floats
from active_learning.consensus.posterior import Posterior
from active_learning.consensus.structures import RIGHT, WRONG
from active_learning.domain.policy import Policy

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Typical:
    """Whoever gives the next answer: the probability of yes on a yes image and of no on a no image."""

    yes_accuracy: float
    no_accuracy: float

    @classmethod
    def of(cls, posterior: Posterior) -> "Typical":
        """The average over the answers so far; who answers much is likelier to answer next."""
        answers = posterior.answered.sum(axis=(1, 2))
        weight = (answers + 1e-9) / (answers + 1e-9).sum() if len(answers) else answers
        if not len(answers):
            return cls(RIGHT / (RIGHT + WRONG), RIGHT / (RIGHT + WRONG))
        return cls(float(weight @ posterior.tables[:, 1, 1]), float(weight @ posterior.tables[:, 0, 0]))


def worth(p_yes: Floats, typical: Typical, left: int) -> Floats:
    """Expected fall of the error probability per further answer [N], for the best number of them up to ``left``."""
    now = np.minimum(p_yes, 1.0 - p_yes)
    best = np.zeros_like(now)
    for m in range(1, left + 1):
        said_yes = np.arange(m + 1)
        if_yes = binom.pmf(said_yes, m, typical.yes_accuracy)
        if_no = binom.pmf(said_yes, m, 1.0 - typical.no_accuracy)
        after = np.minimum(p_yes[:, None] * if_yes, (1.0 - p_yes)[:, None] * if_no).sum(axis=1)
        best = np.maximum(best, (now - after) / m)
    return best


def price_cents(policy: Policy) -> float:
    """What one answer to an unknown image costs: the gold beside it is paid as well."""
    return policy.cost_cents / (policy.slots - policy.hidden_gold)


def worth_asking(p_yes: Floats, votes: Counts, posterior: Posterior, policy: Policy, most: int) -> NDArray[np.bool_]:
    """Say for every image [N] whether its next answer is worth its price; ``votes`` [N] it has, ``most`` it may have.

    Without a price of errors every answer that the policy allows is worth it.
    """
    if policy.error_cents is None:
        return np.ones(len(p_yes), dtype=bool)
    typical, asked = Typical.of(posterior), np.zeros(len(p_yes), dtype=bool)
    for left in np.unique(most - votes[votes < most]).tolist():
        here = votes == most - left
        asked[here] = worth(p_yes[here], typical, int(left)) * policy.error_cents > price_cents(policy)
    return asked
