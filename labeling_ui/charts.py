"""Charts as Vega-Lite specifications: drawn by the browser, or to PNG for reports. Colours come from the page."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import altair as alt

WHO = ("people", "model", "unknown")
SHORT = "format(datum.value, '~s')"
"""Each label with a prefix of its own: the axis' ``format`` would give all of them that of the largest, as in "0k"."""


class Standing(NamedTuple):
    """How the pool stands at one moment, in images. ``when`` is a round number, "start" or "now"."""

    when: str
    people: int
    model: int
    unknown: int


def pool_chart(standings: Sequence[Standing]) -> dict[str, Any]:
    """One column a moment, stacked: decided by people, decided by the model, unknown.

    The rows travel under ``datasets.pool``, so that a page can exchange them without drawing the chart anew. No
    colour is set: the page passes its own as Vega's ``config.range.category``, in the order of :data:`WHO`.
    """
    return {**_pool(), "datasets": {"pool": _rows(standings)}}


@cache
def _pool() -> dict[str, Any]:
    """The chart without rows: Altair checks a specification for longer than a page takes, so each is made once."""
    chart = (
        alt.Chart(alt.NamedData("pool"))
        .mark_bar(cornerRadius=2)
        .encode(
            x=alt.X("when:N", sort=None, title="after round", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("images:Q", stack="zero", title=None, axis=alt.Axis(tickCount=4, labelExpr=SHORT)),
            color=alt.Color("who:N", sort=list(WHO), scale=alt.Scale(domain=list(WHO)), legend=None),
            order=alt.Order("layer:Q"),
            tooltip=[
                alt.Tooltip("when:N", title="after round"),
                alt.Tooltip("who:N", title="decided by"),
                alt.Tooltip("images:Q", title="images", format=","),
                alt.Tooltip("share:Q", title="share", format=".1%"),
            ],
        )
        .properties(width="container", height=260)
    )
    spec: dict[str, Any] = chart.to_dict()
    return spec


def _rows(standings: Sequence[Standing]) -> list[dict[str, Any]]:
    rows = []
    for standing in standings:
        total = standing.people + standing.model + standing.unknown
        for layer, who in enumerate(WHO):
            images = getattr(standing, who)
            share = images / total if total else 0.0
            rows.append({"when": standing.when, "who": who, "layer": layer, "images": images, "share": share})
    return rows


class Agreed(NamedTuple):
    """How people agreed on the images that one round decided. ``when`` is its number."""

    when: str
    agreed: int
    contested: int
    disputed: int
    single: int


AGREEMENT = {
    "agreed": "all said the same",
    "contested": "decided by most",
    "disputed": "given up",
    "single": "one answer",
}
"""The kinds of agreement in the order of colours, in words."""


def agreement_chart(rounds: Sequence[Agreed]) -> dict[str, Any]:
    """One column a round, as shares: images on which people said the same, or did not."""
    rows = [
        {"when": one.when, "how": words, "layer": layer, "images": getattr(one, name)}
        for one in rounds
        for layer, (name, words) in enumerate(AGREEMENT.items())
        if getattr(one, name)
    ]
    return {**_agreement(), "datasets": {"agreement": rows}}


@cache
def _agreement() -> dict[str, Any]:
    words = list(AGREEMENT.values())
    chart = (
        alt.Chart(alt.NamedData("agreement"))
        .mark_bar(cornerRadius=2)
        .encode(
            x=alt.X("when:N", sort=None, title="round", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("images:Q", stack="normalize", title=None, axis=alt.Axis(tickCount=4, format=".0%")),
            color=alt.Color("how:N", sort=words, scale=alt.Scale(domain=words), legend=None),
            order=alt.Order("layer:Q"),
            tooltip=[
                alt.Tooltip("when:N", title="round"),
                alt.Tooltip("how:N", title="people"),
                alt.Tooltip("images:Q", title="images", format=","),
            ],
        )
        .properties(width="container", height=190)
    )
    spec: dict[str, Any] = chart.to_dict()
    return spec
