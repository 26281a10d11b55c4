"""Curves of experiments: how a quantity grows with people's answers, one line a strategy. Specification or PNG."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt
import vl_convert

COLOURS = ("#23507f", "#d79a2b", "#0e6b5c", "#8a3b22", "#6d5a9c", "#8b857a", "#4f8fc0", "#b0577e")
"""The first ones are those of people and model on the pages; all can be told apart in grey and by the colour-blind."""


class Point(NamedTuple):
    """One measurement: ``run`` tells the repetitions of a strategy apart."""

    strategy: str
    run: int
    x: float
    y: float


def curves(points: Sequence[Point], x: str, y: str, title: str, aim: float | None = None) -> dict[str, Any]:
    """A line for every run, thin, and for every strategy the mean over its runs, step by step, thick.

    Runs of one strategy are averaged at their n-th points, for each n that all of them reach. ``aim`` is a value of y
    drawn across.
    """
    rows = [{"strategy": p.strategy, "run": f"{p.strategy} {p.run}", "x": p.x, "y": p.y} for p in points]
    names = list(dict.fromkeys(p.strategy for p in points))
    colour = alt.Color("strategy:N", sort=names, title=None, scale=alt.Scale(domain=names, range=list(COLOURS)))
    across = alt.X("x:Q", title=x, axis=alt.Axis(format="~s"))
    up = alt.Y("y:Q", title=y, scale=alt.Scale(zero=False))
    each = alt.Chart(alt.InlineData(values=rows)).mark_line(opacity=0.25, strokeWidth=1)
    mean = alt.Chart(alt.InlineData(values=_means(points))).mark_line(
        strokeWidth=2.5, point=alt.OverlayMarkDef(size=28)
    )
    layers = [each.encode(x=across, y=up, color=colour, detail="run:N"), mean.encode(x=across, y=up, color=colour)]
    if aim is not None:
        rule = alt.Chart(alt.InlineData(values=[{"y": aim}])).mark_rule(strokeDash=[4, 4], color="#635e55")
        layers.append(rule.encode(y="y:Q"))
    spec: dict[str, Any] = alt.layer(*layers).properties(width=640, height=360, title=title).to_dict()
    return spec


def _means(points: Sequence[Point]) -> list[dict[str, Any]]:
    runs: dict[str, dict[int, list[Point]]] = {}
    for point in points:
        runs.setdefault(point.strategy, {}).setdefault(point.run, []).append(point)
    return [
        {
            "strategy": strategy,
            "x": sum(point.x for point in step) / len(step),
            "y": sum(point.y for point in step) / len(step),
        }
        for strategy, by_run in runs.items()
        for step in zip(*by_run.values(), strict=False)
    ]


def png(spec: dict[str, Any]) -> bytes:
    """Draw a specification as a picture, twice as fine as a page shows it."""
    return bytes(vl_convert.vegalite_to_png(spec, scale=2.0))
