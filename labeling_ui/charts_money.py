"""Charts of money: what was spent each day for what, and how hourly wages are spread. Colours come from the page."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt

DOLLARS = "'$' + format(datum.value, ',~r')"


class DaySpent(NamedTuple):
    """Cents that went out on one day (``2026-03-01``) for one purpose."""

    day: str
    purpose: str
    cents: int


def spending_chart(rows: Sequence[DaySpent], purposes: Sequence[str]) -> dict[str, Any]:
    """One column a day, stacked by purpose, in the order of ``purposes`` and of the page's swatches."""
    layers = {purpose: layer for layer, purpose in enumerate(purposes)}
    values = [
        {"day": row.day, "purpose": row.purpose, "dollars": row.cents / 100, "layer": layers[row.purpose]}
        for row in rows
    ]
    chart = (
        alt.Chart(alt.NamedData("days"))
        .mark_bar(cornerRadius=1)
        .encode(
            x=alt.X("utcyearmonthdate(day):T", title=None, axis=alt.Axis(format="%-d %b", labelOverlap=True)),
            y=alt.Y("dollars:Q", stack="zero", title=None, axis=alt.Axis(tickCount=4, labelExpr=DOLLARS)),
            color=alt.Color("purpose:N", scale=alt.Scale(domain=list(purposes)), legend=None),
            order=alt.Order("layer:Q"),
            tooltip=[
                alt.Tooltip("utcyearmonthdate(day):T", title="day", format="%-d %b %Y"),
                alt.Tooltip("purpose:N", title="for"),
                alt.Tooltip("dollars:Q", title="dollars", format=",.2f"),
            ],
        )
        .properties(width="container", height=220, datasets={"days": values})
    )
    spec: dict[str, Any] = chart.to_dict()
    return spec


def wage_chart(hourly_cents: Sequence[float]) -> dict[str, Any]:
    """How many people earn how much an hour: a column a dollar, or wider ones where wages lie far apart."""
    values = [{"wage": cents / 100, "who": "people"} for cents in hourly_cents]
    chart = (
        alt.Chart(alt.NamedData("wages"))
        .mark_bar(cornerRadius=1)
        .encode(
            x=alt.X(
                "wage:Q",
                bin=alt.Bin(maxbins=24, minstep=1),
                title="dollars an hour",
                axis=alt.Axis(labelOverlap=True, labelExpr=DOLLARS),
            ),
            y=alt.Y("count():Q", title=None, axis=alt.Axis(tickCount=4, format="d", tickMinStep=1)),
            color=alt.Color("who:N", scale=alt.Scale(domain=["people"]), legend=None),
            tooltip=[
                alt.Tooltip("wage:Q", bin=alt.Bin(maxbins=24, minstep=1), title="dollars an hour"),
                alt.Tooltip("count():Q", title="people"),
            ],
        )
        .properties(width="container", height=180, datasets={"wages": values})
    )
    spec: dict[str, Any] = chart.to_dict()
    return spec
