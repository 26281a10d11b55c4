"""Several campaigns of each strategy -> means with intervals over seeds, and differences on the same seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import t

from active_learning.campaign.measures import Measure
from active_learning.domain.value import Value

CONFIDENCE = 0.95

COMPARED = (
    *("answers", "votes", "cents", "rounds", "people", "model", "unknown", "answers_per_decided", "model_share"),
    *("precision", "dataset_precision", "recall", "lost", "people_accuracy", "model_accuracy", "average_precision"),
)


class Compared(Value):
    """One quantity of one strategy at the end of its campaigns.

    ``mean`` over ``seeds`` campaigns, with the interval ``low`` to ``high`` that holds the strategy's own mean with
    95 % confidence (Student's t); ``difference`` to the first strategy, pair by pair on the same seeds, likewise.
    ``None`` where there is nothing to say, such as the interval of a single campaign.
    """

    strategy: str
    quantity: str
    seeds: int
    mean: float | None
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None


def compare(runs: Mapping[str, Mapping[int, Sequence[Measure]]]) -> tuple[Compared, ...]:
    """Compare strategies by what their campaigns, strategy -> seed -> standings by round, came to at the end."""
    first = next(iter(runs.values()), {})
    return tuple(
        _compared(strategy, quantity, _ends(by_seed, quantity), _ends(first, quantity))
        for strategy, by_seed in runs.items()
        for quantity in COMPARED
    )


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float, float] | None:
    """Return (low, mean, high) of the mean behind values [n], by Student's t; ``None`` for fewer than two."""
    if len(values) < 2:
        return None
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
    reach = float(t.ppf((1.0 + confidence) / 2.0, len(values) - 1)) * error
    return mean - reach, mean, mean + reach


def _compared(strategy: str, quantity: str, own: Mapping[int, float], first: Mapping[int, float]) -> Compared:
    values = list(own.values())
    pairs = [value - first[seed] for seed, value in own.items() if seed in first]
    low, _, high = mean_interval(values) or (None, None, None)
    difference_low, _, difference_high = mean_interval(pairs) or (None, None, None)
    return Compared(
        strategy=strategy,
        quantity=quantity,
        seeds=len(values),
        mean=float(np.mean(values)) if values else None,
        low=low,
        high=high,
        difference=float(np.mean(pairs)) if pairs else None,
        difference_low=difference_low,
        difference_high=difference_high,
    )


def _ends(by_seed: Mapping[int, Sequence[Measure]], quantity: str) -> dict[int, float]:
    """Seed -> the quantity at the end of its campaign, where it has one."""
    found = {seed: _value(standings, quantity) for seed, standings in by_seed.items() if standings}
    return {seed: value for seed, value in found.items() if value is not None}


def _value(standings: Sequence[Measure], quantity: str) -> float | None:
    end = standings[-1]
    if quantity == "rounds":
        return float(end.round)
    if quantity == "answers_per_decided":
        return end.votes / end.decided if end.decided else None
    if quantity == "model_share":
        return end.model / end.images if end.images else None
    value = getattr(end, quantity)
    return None if value is None else float(value)
