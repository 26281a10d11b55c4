"""What a category will take: forecasts from where it stands, and what they say against its policy."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from active_learning import forecasting
from active_learning.cuts import risk_of_look, zero_error_minimum
from active_learning.domain.policy import Policy
from active_learning.forecasting import Beliefs, Forecast, Standing
from api.operations import rounds, viewing
from api.operations.context import Winnow
from api.store.connection import Document
from labeling_ui.wording import percent

OFTEN = 0.1
"""From this share of imagined campaigns on, an end is worth a warning."""

MOST_DRAWN = 0.4
"""Share of a pool that is drawn for validation at most."""

_FORECASTER = ThreadPoolExecutor(1, "forecast")
"""One at a time: a forecast is arithmetic, and two of them would only slow each other and the pages."""


class Outlook(forecasting.Forecast):
    """A forecast, the hourly pay that it amounts to, and advice in plain words, the most important first."""

    hourly_cents: float
    advice: tuple[str, ...] = ()


async def outlook(w: Winnow, policy: Policy, beliefs: Beliefs, slug: str | None = None) -> Outlook:
    """Forecast a policy: of a new category, or from where one stands. Raises ``NotFound`` for an unknown category."""
    standing = await standing_of(w, slug) if slug else forecasting.NOT_BEGUN
    usual = policy.model_copy(update={"version": 1})
    made = await asyncio.get_running_loop().run_in_executor(_FORECASTER, _forecast, usual, beliefs, standing)
    return Outlook(
        **made.model_dump(),
        hourly_cents=3_600.0 * policy.reward_cents / (policy.slots * beliefs.seconds),
        advice=advice(policy, beliefs, made, standing),
    )


@lru_cache(maxsize=256)
def _forecast(policy: Policy, beliefs: Beliefs, standing: Standing) -> Forecast:
    return forecasting.forecast(policy, beliefs, standing)


async def standing_of(w: Winnow, slug: str) -> Standing:
    """How far a category is; all zeros for an empty pool. Images that are with people count as unknown."""
    document = await w.store.categories.get(slug)
    snapshot, _ = await rounds.snapshot(w, slug)
    counts, validation = document["counts"], document["validation"]
    waiting = validation["total"] - validation["labeled"]
    unknown = counts["unknown"] + counts["selected"] + counts["posted"] - waiting - document["disputed"]
    return Standing(
        unknown=max(0, unknown),
        auto_labeled=counts["auto_labeled"],
        labels=max(0, counts["labeled"] - validation["labeled"]),
        disputed=document["disputed"],
        validation=validation["total"],
        validation_open=waiting,
        rounds=snapshot.round.number if snapshot.round else 0,
        looks=document["looks"],
        stalled=snapshot.stalled,
        spent_cents=document["money"]["spent_cents"],
        sweep=snapshot.round.sweep if snapshot.round else False,
    )


async def believed(w: Winnow, slug: str) -> Beliefs:
    """What is known of a category's images and people by now, and usual values for the rest. Raises ``NotFound``."""
    document = await w.store.categories.get(slug)
    known: dict[str, float] = {}
    if images := sum(document["counts"].values()):
        known["images"] = images
    share = await _share(w, slug, document)
    if share is not None:
        known["share_yes"], known["share_from"] = share
    pace = document.get("pace")
    if pace and pace["answers"] >= viewing.MEASURED:
        known["seconds"] = round(min(600.0, max(0.1, pace["visible_ms"] / pace["answers"] / 1000)), 2)
    return Beliefs.model_validate(known)


async def _share(w: Winnow, slug: str, document: Document) -> tuple[float, int] | None:
    """The share of yes among the validation images of the newest calibration, and how many they are."""
    newest = await w.store.rounds.newest(slug)
    report = ((newest or {}).get("report") or {}).get("calibration") or (document["rule"] or {}).get("calibration")
    if not report or not report["n"]:
        return None
    n, yes = report["n"], report["positives"]
    return round(min(max(yes, 0.5), n - 0.5) / n, 4), n


def advice(policy: Policy, beliefs: Beliefs, made: Forecast, standing: Standing) -> tuple[str, ...]:
    """What does not go together, in plain words."""
    images = max(beliefs.images, standing.images)
    if made.by_model[2] < 0.5 and made.unknown[1] < 0.3 * images:
        first = "People will answer nearly every image: the pool is small for a promise like this one."
    else:
        first = _validation_advice(policy, beliefs.share_yes, images, standing)
    lines = (first, *_end_advice(policy, made), _time_advice(policy, beliefs))
    return tuple(line for line in lines if line)


def _validation_advice(policy: Policy, share_yes: float, images: int, standing: Standing) -> str:
    least = zero_error_minimum(policy.precision, risk_of_look(policy.confidence, standing.looks + 1))
    most = int(MOST_DRAWN * images)
    drawn = standing.validation or min(policy.validation, most)
    yes, wanted = drawn * share_yes, 1.5 * least
    if yes >= wanted:
        return ""
    told = (
        f"About {yes:.0f} of the {drawn:,} validation images will be yes, and a precision of "
        f"{percent(policy.precision)} takes at least {least} of them above the upper cut, all of them right: "
    )
    if standing.validation:
        return told + "the model may say yes to nothing, and people answer more."
    if wanted / share_yes > most:
        return told + "promise less, or bring in more images."
    return told + f"draw about {_round_up(wanted / share_yes):,}, or promise less."


def _round_up(number: float) -> int:
    step = 10 ** max(0, len(str(int(number))) - 2)
    return int(-(-number // step) * step)


def _end_advice(policy: Policy, made: Forecast) -> list[str]:
    ends = dict(made.ends)
    lines = []
    if ends.get("the budget is spent", 0.0) >= OFTEN:
        part = percent(ends["the budget is spent"])
        lines.append(f"In {part} of the imagined campaigns the budget is spent before the images are decided.")
    rounds_over = ends.get(f"{policy.max_rounds} rounds are over", 0.0)
    if rounds_over >= OFTEN:
        lines.append(
            f"In {percent(rounds_over)} of the imagined campaigns all {policy.max_rounds} rounds are over, and "
            f"{made.unknown[1]:,.0f} images stay unknown: allow more rounds, larger batches, or more validation images."
        )
    return lines


def _time_advice(policy: Policy, beliefs: Beliefs) -> str:
    needed = policy.slots * beliefs.seconds / 60.0
    if needed * 2.0 <= policy.minutes:
        return ""
    return (
        f"A task takes about {needed:.0f} minutes, and {policy.minutes} are allowed: many people will run out of time. "
        f"Allow {_round_up(3.0 * needed)}, or ask fewer images."
    )


__all__ = ["Outlook", "advice", "believed", "outlook", "standing_of"]
