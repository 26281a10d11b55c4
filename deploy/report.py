"""What a campaign came to: the report as JSON, and the table that the terminal shows."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from active_learning.domain.candidate import State
from api.operations.context import Winnow
from api.store.connection import Document


async def report(w: Winnow, slug: str, seconds: float, truth: Mapping[str, bool] | None) -> dict[str, Any]:
    """The whole report. ``truth`` (image -> yes/no) adds the comparison with what is really there."""
    document = await w.store.categories.get(slug)
    rounds = await w.store.rounds.all(slug)
    loss = {model["_id"]: model["loss"] for model in await w.store.models.all(slug)}
    answers = document["submissions"]["answers"]
    human = document["decided"]["human_yes"] + document["decided"]["human_no"]
    counts = document["counts"]
    result: dict[str, Any] = {
        "images": sum(counts.values()),
        "category": {name: value for name, value in document["category"].items() if name != "policy"},
        "policy": document["category"]["policy"],
        "state": document["state"],
        "reason": document["reason"],
        "rounds": [_round(r, loss) for r in rounds if r["report"]],
        "totals": {
            "human_labels": human,
            "gold_labels": document["decided"]["gold_yes"] + document["decided"]["gold_no"],
            "auto_labels": counts[State.AUTO_LABELED],
            "unknown": sum(counts.values()) - counts[State.LABELED] - counts[State.AUTO_LABELED],
            "answers": answers,
            "votes_per_human_label": round(answers / human, 3) if human else None,
            "approved": document["submissions"]["approved"],
            "rejected": document["submissions"]["rejected"],
            "excluded_submissions": document["submissions"]["excluded"],
            "paid_usd": document["money"]["spent_cents"] / 100,
            "seconds": round(seconds, 1),
        },
    }
    if truth is not None:
        result["truth"] = await compare(w, slug, truth)
    return result


def _round(document: Document, loss: Mapping[str, float]) -> dict[str, Any]:
    found = document["report"]
    calibration = found.get("calibration")
    model = found.get("model")
    return {
        "round": document["number"],
        "strategy": document["strategy"],
        "posted": document["posted"],
        "answers": document["answers"],
        "human_labels": document["human_labels"],
        "auto_yes": found["auto_yes"],
        "auto_no": found["auto_no"],
        "unknown": found["unknown"],
        "cuts": None if calibration is None else calibration["cuts"],
        "calibration": None
        if calibration is None
        else {
            name: calibration[name]
            for name in ("n", "positives", "precision_bound", "recall_bound", "confidence", "look", "risk", "needed")
        },
        "in_force": found.get("in_force", False),
        "model": None if model is None else {"version": model, "loss": loss[model]},
    }


async def compare(w: Winnow, slug: str, truth: Mapping[str, bool]) -> dict[str, float | None]:
    """How the labels stand against ``truth`` (image -> yes/no). A share of nothing is ``None``.

    ``precision_auto``: of the model's yes labels, how many are yes. ``recall_all``: of all yes images of the pool,
    undecided ones included, how many are labeled yes by anybody. ``accuracy_human`` and ``accuracy_all``: of people's
    labels and of all labels, how many are right.
    """
    right = {"human": [0, 0], "all": [0, 0], "auto_yes": [0, 0], "recall": [0, 0]}

    def count(name: str, hit: bool) -> None:
        right[name][0] += hit
        right[name][1] += 1

    async for candidate in w.store.candidates.stream(slug, {}, ["image", "answer", "source"]):
        real, answer, source = truth[candidate["image"]], candidate["answer"], candidate["source"]
        if real:
            count("recall", answer is True)
        if answer is not None:
            count("all", answer is real)
        if source == "human":
            count("human", answer is real)
        if source == "model" and answer is True:
            count("auto_yes", real)
    shares = {name: round(hits / n, 4) if n else None for name, (hits, n) in right.items()}
    return {
        "precision_auto": shares["auto_yes"],
        "recall_all": shares["recall"],
        "accuracy_human": shares["human"],
        "accuracy_all": shares["all"],
    }


def rounds_table(result: Mapping[str, Any]) -> Table:
    """One line a round."""
    table = Table(title=None, header_style="bold", pad_edge=False)
    for name in ("round", "strategy", "posted", "answers", "people", "model yes", "model no", "unknown", "cuts"):
        table.add_column(name, justify="left" if name in ("strategy", "cuts") else "right")
    for row in result["rounds"]:
        table.add_row(*round_cells(row))
    return table


def round_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of a round, as text."""
    numbers = ("posted", "answers", "human_labels", "auto_yes", "auto_no", "unknown")
    return (str(row["round"]), row["strategy"], *(f"{row[name]:,}" for name in numbers), cuts_text(row["cuts"]))


def cuts_text(cuts: Mapping[str, float | None] | None) -> str:
    """The cuts as people read them: no below, yes above."""
    if cuts is None:
        return "-"
    lower, upper = cuts["lower"], cuts["upper"]
    parts = [f"no <{lower:.3f}" if lower is not None else "", f"yes >{upper:.3f}" if upper is not None else ""]
    return " ".join(part for part in parts if part) or "none held"
