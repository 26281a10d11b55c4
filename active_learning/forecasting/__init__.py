"""What a campaign will take, before it has begun or while it runs: answers, dollars, days, each with an interval.

A forecast plays sixteen imagined campaigns with the service's own plan (``rounds.plan``), its rule of when people
agree (``consensus``) and its tests of the cuts (``cuts``), on counts instead of images, and reports the range of their
ends. What it must assume is in :class:`Beliefs` and :func:`~active_learning.forecasting.beliefs.draws`:

- A model's scores of yes and no images are two normal distributions whose distance d' grows with the labels that it has
  seen, as d'^2 = full^2 n / (n + half).
- People are right equally often on every image and independently of each other. Some submissions are not used.
- ``people`` are at work at the same time whenever there is work, and a task waits a while until somebody takes it. What
  machines take is left out.

Where these are wrong the forecast is: hard images that many people get wrong, or a category that a frozen backbone
cannot see, cost more. A stratified design is forecast as a uniform one. ``tests/laws/test_forecasting.py`` compares
forecasts with whole campaigns (``active_learning.campaign``).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from active_learning.domain.policy import Policy
from active_learning.domain.value import Value
from active_learning.forecasting.beliefs import Beliefs, Difficulty, Standing, draws
from active_learning.forecasting.playing import Outcome, Play

NOT_BEGUN = Standing()

QUANTILES = (0.1, 0.5, 0.9)
"""The ends and the middle of every interval: 8 of 10 imagined campaigns lie within."""

Range = tuple[float, float, float]
"""(low, middle, high)"""


class Forecast(Value):
    """What is still to come, each as (low, middle, high): 8 of 10 imagined campaigns lie between low and high.

    ``answers`` are people's answers to images whose label is wanted, ``cents`` with the market's fee, ``days`` from the
    first task on. ``by_model`` and ``unknown`` are images at the end: labeled by the model, and decided by nobody.
    ``ends`` says why campaigns ended, with their shares, the most frequent first. ``everyone_cents`` is what
    ``redundancy`` answers to every image would cost instead.
    """

    answers: Range
    cents: Range
    days: Range
    rounds: Range
    by_people: Range
    by_model: Range
    unknown: Range
    ends: tuple[tuple[str, float], ...] = Field(min_length=1)
    everyone_cents: float


def forecast(policy: Policy, beliefs: Beliefs, standing: Standing = NOT_BEGUN, seed: int = 0) -> Forecast:
    """Play the campaigns and say where they end. The same arguments give the same forecast.

    Args:
        policy: as it would be in force.
        beliefs: about the images and the people; ``images`` may count more than there are now.
        standing: how far the category is.
        seed: of the imagined validation samples; the ways the world may be are always the same.
    """
    ends = [Play(policy, beliefs, draw, seed, standing).run() for draw in draws(beliefs)]
    reasons = Counter(end.ended for end in ends)
    return Forecast(
        answers=_range([end.answers for end in ends]),
        cents=_range([end.cents for end in ends]),
        days=_range([end.seconds / 86_400.0 for end in ends]),
        rounds=_range([float(end.rounds) for end in ends]),
        by_people=_range([end.by_people for end in ends]),
        by_model=_range([end.by_model for end in ends]),
        unknown=_range([end.unknown for end in ends]),
        ends=tuple((reason, n / len(ends)) for reason, n in reasons.most_common()),
        everyone_cents=beliefs.images * policy.redundancy * policy.cost_cents / (policy.slots - policy.hidden_gold),
    )


def _range(values: Sequence[float]) -> Range:
    low, middle, high = (float(q) for q in np.quantile(values, QUANTILES))
    return low, middle, high


__all__ = ["NOT_BEGUN", "Beliefs", "Difficulty", "Forecast", "Outcome", "Range", "Standing", "draws", "forecast"]
