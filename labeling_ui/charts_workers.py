"""Charts of one person's work: every image's time in order, times against the crowd's, accuracy by submission.

Colours come from the page: :data:`ANSWERS` for the first chart, this person and the crowd for the second.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt

ANSWERS = ("no", "yes")
CHECKS = ("asked", "gold, right", "gold, wrong")
SHAPES = ("circle", "square", "cross")
SECONDS = "datum.value >= 1 ? format(datum.value, '~') + ' s' : format(datum.value * 1000, '~') + ' ms'"
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
WHOSE = ("this worker", "everybody")


class Timed(NamedTuple):
    """One answer: place in the annotator's own order (from 1), seconds on screen, what was said, what is known."""

    place: int
    seconds: float
    answer: str
    check: str
    hidden: float
    changes: int


def timing(answers: Sequence[Timed], crowd_s: float | None) -> dict[str, Any]:
    """The time of every image in order, on a logarithmic scale; ``crowd_s`` is drawn across.

    A click on an answer leads to ``#answer-N`` of the page.
    """
    rows = [{**one._asdict(), "address": f"#answer-{one.place}"} for one in answers]
    axis = alt.Axis(grid=False, tickMinStep=1, format="d")
    x = alt.X("place:Q", title="image in order", scale=alt.Scale(nice=False, padding=8), axis=axis)
    y = alt.Y(
        "seconds:Q",
        title="time on screen",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(values=list(TICKS), labelExpr=SECONDS),
    )
    base = alt.Chart(alt.NamedData("answers")).encode(x=x, y=y)
    line = base.mark_line(strokeWidth=1, opacity=0.25, color="gray", interpolate="linear")
    points = base.mark_point(filled=True, size=55, opacity=0.9).encode(
        color=alt.Color("answer:N", sort=list(ANSWERS), scale=alt.Scale(domain=list(ANSWERS)), legend=None),
        shape=alt.Shape(
            "check:N", sort=list(CHECKS), scale=alt.Scale(domain=list(CHECKS), range=list(SHAPES)), legend=None
        ),
        size=alt.Size("check:N", scale=alt.Scale(domain=list(CHECKS), range=[40, 90, 110]), legend=None),
        href=alt.Href("address:N"),
        tooltip=[
            alt.Tooltip("place:Q", title="place"),  # what is called "image" would be loaded as one
            alt.Tooltip("seconds:Q", title="seconds", format=".2f"),
            alt.Tooltip("answer:N", title="answer"),
            alt.Tooltip("check:N", title="kind"),
            alt.Tooltip("changes:Q", title="changes"),
            alt.Tooltip("hidden:Q", title="page hidden (s)", format=".1f"),
        ],
    )
    layers: list[Any] = [line, points]
    datasets: dict[str, Any] = {"answers": rows}
    if crowd_s is not None:
        datasets["crowd"] = [{"seconds": crowd_s}]
        layers.insert(0, alt.Chart(alt.NamedData("crowd")).mark_rule(strokeDash=[4, 4], opacity=0.6).encode(y=y))
    spec: dict[str, Any] = alt.layer(*layers).properties(width="container", height=260, datasets=datasets).to_dict()
    return spec


def speeds(edges_s: Sequence[float], counts: Mapping[str, Sequence[int]], filled: str = "") -> dict[str, Any]:
    """Shares of answers by their time, one stepped line for each of ``counts``; that of ``filled`` has an area."""
    rows = []
    for name, numbers in counts.items():
        whole = sum(numbers) or 1
        for left, right, n in zip(edges_s, edges_s[1:], numbers, strict=False):
            middle = (left * right) ** 0.5
            rows.append({"whose": name, "left": left, "right": right, "seconds": middle, "share": n / whole, "n": n})
    names = list(counts)
    scale = alt.Scale(type="log", nice=False)
    x = alt.X("seconds:Q", title=None, scale=scale, axis=alt.Axis(values=list(TICKS), labelExpr=SECONDS, grid=False))
    y = alt.Y("share:Q", title="share of answers", axis=alt.Axis(format="%", tickCount=4))
    colour = alt.Color("whose:N", sort=names, scale=alt.Scale(domain=names), legend=None)
    base = alt.Chart(alt.NamedData("speeds"))
    hint = [
        alt.Tooltip("whose:N", title="who"),
        alt.Tooltip("left:Q", title="from (s)", format=".2f"),
        alt.Tooltip("right:Q", title="to (s)", format=".2f"),
        alt.Tooltip("share:Q", title="share", format=".1%"),
        alt.Tooltip("n:Q", title="answers", format=","),
    ]
    area = base.transform_filter(alt.datum.whose == filled).mark_area(opacity=0.35, interpolate="step")
    lines = base.mark_line(strokeWidth=2, interpolate="step", point=alt.OverlayMarkDef(size=30, opacity=0))
    chart = alt.layer(area.encode(x=x, y=y, color=colour), lines.encode(x=x, y=y, color=colour, tooltip=hint))
    spec: dict[str, Any] = chart.properties(width="container", height=200, datasets={"speeds": rows}).to_dict()
    return spec


class Checked(NamedTuple):
    """Gold of one submission (its number in order of time, from 1): share right, its interval, the counts."""

    number: int
    share: float
    low: float
    high: float
    right: int
    gold: int


def accuracies(submissions: Sequence[Checked], aim: float) -> dict[str, Any]:
    """Accuracy on gold by submission with its interval; ``aim`` is what use asks for."""
    base = alt.Chart(alt.NamedData("submissions"))
    x = alt.X("number:O", title="submission", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format="%", tickCount=4)
    bars = base.mark_rule(strokeWidth=2, opacity=0.45).encode(
        x=x,
        y=alt.Y("low:Q", title="right on gold", scale=scale, axis=axis),
        y2="high:Q",
        color=alt.Color("whose:N", scale=alt.Scale(domain=[WHOSE[0]]), legend=None),
    )
    points = base.mark_point(filled=True, size=60).encode(
        x=x,
        y=alt.Y("share:Q", scale=scale),
        color=alt.Color("whose:N", scale=alt.Scale(domain=[WHOSE[0]]), legend=None),
        tooltip=[
            alt.Tooltip("number:O", title="submission"),
            alt.Tooltip("right:Q", title="right"),
            alt.Tooltip("gold:Q", title="of"),
            alt.Tooltip("low:Q", title="at least", format=".0%"),
            alt.Tooltip("high:Q", title="at most", format=".0%"),
        ],
    )
    line = alt.Chart(alt.NamedData("aim")).mark_rule(strokeDash=[4, 4], opacity=0.6).encode(y=alt.Y("share:Q"))
    rows = [{**one._asdict(), "whose": WHOSE[0]} for one in submissions]
    spec: dict[str, Any] = (
        alt.layer(line, bars, points)
        .properties(width="container", height=200, datasets={"submissions": rows, "aim": [{"share": aim}]})
        .to_dict()
    )
    return spec
