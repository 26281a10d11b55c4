"""Charts of one model: its scores over the pool with the cuts, people's answers below them, and its reliability.

Scores stand on the scale of log-odds, which is fine where cuts lie. Colours come from the page, in the order of
:data:`SAID`; ``lower`` and ``upper`` are parameters in log-odds that a page may move.
"""

from collections.abc import Sequence
from functools import cache
from math import log
from typing import Any, NamedTuple

import altair as alt

from labeling_ui.charts import SHORT

SAID = ("no", "unknown", "yes")
MARKED = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
"""Scores that the axis names."""

NO_CUT = 99.0
"""Where a cut is that there is not, in log-odds: beyond every score."""

SCORE = "replace(format(1 / (1 + exp(-datum.value)), '.1%'), '.0%', '%')"
EXTENT = 52
"""Width of the vertical axis, so that charts above each other stand in line."""


class Bin(NamedTuple):
    """One bin of scores, from ``left`` to ``right`` in log-odds: images of the pool, and answered validation images."""

    left: float
    right: float
    images: int
    yes: float
    no: float


class Cuts(NamedTuple):
    """Where the model begins to say no and yes, in log-odds."""

    lower: float | None
    upper: float | None


class Judged(NamedTuple):
    """Validation images of similar score: how many, their mean score, the share that is yes, and its interval."""

    n: int
    score: float
    share: float
    low: float
    high: float


def odds(score: float) -> float:
    """A score as log-odds; scores of 0 and 1 are taken for nearly so."""
    p = min(max(score, 1e-9), 1.0 - 1e-9)
    return log(p / (1.0 - p))


def scores_chart(bins: Sequence[Bin], cuts: Cuts) -> dict[str, Any]:
    """How many images of the pool have which score, and on which side of the cuts they lie."""
    most = max((one.images for one in bins), default=0)
    rows = [
        {"left": one.left, "right": one.right, "images": one.images, "score": _range(one)} for one in bins if one.images
    ]
    return {**_scores(len(str(most))), "datasets": {"scores": rows}, "params": _params(cuts)}


@cache
def _scores(digits: int) -> dict[str, Any]:
    """The chart without rows; Altair checks a specification for longer than a page takes, so each is made once."""
    bars = (
        alt.Chart(alt.NamedData("scores"))
        .mark_rect()
        .transform_calculate(said=SIDE)
        .encode(
            x=_across("left:Q", labels=False),
            x2="right:Q",
            y2=alt.Y2Datum(0),
            y=alt.Y(
                "images:Q",
                title="images",
                scale=alt.Scale(type="symlog", constant=1),
                axis=alt.Axis(
                    values=[0, *(10**power for power in range(digits))],
                    labelExpr=SHORT,
                    minExtent=EXTENT,
                    maxExtent=EXTENT,
                ),
            ),
            color=_colour("said:N"),
            tooltip=[
                alt.Tooltip("score:N", title="score"),
                alt.Tooltip("images:Q", title="images", format=","),
                alt.Tooltip("said:N", title="by these cuts"),
            ],
        )
    )
    return _spec([bars, *_rules()], 190)


def answers_chart(bins: Sequence[Bin], cuts: Cuts) -> dict[str, Any]:
    """What people say of the validation images, by the score of the model: yes upwards, no downwards."""
    rows = [
        {"left": one.left, "right": one.right, "score": _range(one), "answer": answer, "n": n, "height": way * n}
        for one in bins
        for answer, n, way in (("yes", one.yes, 1), ("no", one.no, -1))
        if n
    ]
    return {**_answers(), "datasets": {"answers": rows}, "params": _params(cuts)}


@cache
def _answers() -> dict[str, Any]:
    bars = (
        alt.Chart(alt.NamedData("answers"))
        .mark_rect()
        .encode(
            x=_across("left:Q"),
            x2="right:Q",
            y2=alt.Y2Datum(0),
            y=alt.Y(
                "height:Q",
                title="validation",
                scale=alt.Scale(type="symlog", constant=1),
                axis=alt.Axis(
                    tickCount=3,
                    labelOverlap=True,
                    labelExpr="format(abs(datum.value), '~s')",
                    minExtent=EXTENT,
                    maxExtent=EXTENT,
                ),
            ),
            color=_colour("answer:N"),
            tooltip=[
                alt.Tooltip("score:N", title="score"),
                alt.Tooltip("answer:N", title="people say"),
                alt.Tooltip("n:Q", title="images", format=".3~r"),
            ],
        )
    )
    return _spec([bars, *_rules()], 110)


def reliability_chart(groups: Sequence[Judged]) -> dict[str, Any]:
    """The share of yes beside the score: a model whose scores are chances lies on the diagonal."""
    rows = [{**group._asdict(), "said": "yes", "interval": f"{group.low:.1%} to {group.high:.1%}"} for group in groups]
    return {**_reliability(), "datasets": {"groups": rows}}


@cache
def _reliability() -> dict[str, Any]:
    percent = alt.Axis(format=".0%", tickCount=5)
    whole = alt.Scale(domain=[0, 1])
    x = alt.X("score:Q", title="score", scale=whole, axis=percent)
    data = alt.Chart(alt.NamedData("groups"))
    diagonal = (
        alt.Chart(alt.InlineData(values=[{"p": 0}, {"p": 1}]))
        .mark_line(strokeDash=[4, 4], strokeWidth=1.5, color="#8b857a")
        .encode(x=alt.X("p:Q", scale=whole), y=alt.Y("p:Q", scale=whole))
    )
    bars = data.mark_rule(strokeWidth=2, opacity=0.45).encode(
        x=x, y=alt.Y("low:Q", title="share of yes", scale=whole, axis=percent), y2="high:Q", color=_colour("said:N")
    )
    points = data.mark_point(filled=True, size=60, opacity=1).encode(
        x=x,
        y=alt.Y("share:Q", scale=whole),
        color=_colour("said:N"),
        tooltip=[
            alt.Tooltip("n:Q", title="validation images"),
            alt.Tooltip("score:Q", title="mean score", format=".1%"),
            alt.Tooltip("share:Q", title="of them yes", format=".1%"),
            alt.Tooltip("interval:N", title="90 % interval"),
        ],
    )
    return _spec([diagonal, bars, points], 230)


SIDE = "(datum.left + datum.right) / 2 > upper ? 'yes' : (datum.left + datum.right) / 2 < lower ? 'no' : 'unknown'"


def _range(one: Bin) -> str:
    low, high = (1.0 / (1.0 + 2.718281828459045**-edge) for edge in (one.left, one.right))
    return f"{low:.3g} to {high:.3g}"


def _across(field: str, labels: bool = True) -> alt.X:
    axis = alt.Axis(values=[odds(score) for score in MARKED], labelExpr=SCORE, labels=labels, labelOverlap=True)
    return alt.X(field, title="score" if labels else None, scale=alt.Scale(domain=[-8, 8], nice=False), axis=axis)


def _colour(field: str) -> alt.Color:
    return alt.Color(field, scale=alt.Scale(domain=list(SAID)), legend=None)


def _rules() -> list[alt.Chart]:
    """A line at each cut that lies on the scale."""
    return [
        alt.Chart(alt.InlineData(values=[{}]))
        .mark_rule(strokeWidth=1.5, clip=True)
        .transform_calculate(at=name)
        .encode(x=alt.X("at:Q", scale=alt.Scale(domain=[-8, 8], nice=False)))
        for name in Cuts._fields
    ]


def _params(cuts: Cuts) -> list[dict[str, Any]]:
    """The parameters that a page may set."""
    beyond = {"lower": -NO_CUT, "upper": NO_CUT}
    return [{"name": name, "value": beyond[name] if at is None else at} for name, at in cuts._asdict().items()]


def _spec(layers: list[alt.Chart], height: int) -> dict[str, Any]:
    # The rows of lines stay in their layers: ``datasets`` is for what a page exchanges.
    with alt.data_transformers.enable(consolidate_datasets=False):
        spec: dict[str, Any] = alt.layer(*layers).properties(width="container", height=height).to_dict()
    return spec
