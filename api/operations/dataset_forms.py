"""The forms of the page of datasets: as they are to be shown, and what they ask for."""

from collections.abc import Sequence

from pydantic import ValidationError

from active_learning.domain.dataset import Recipe
from api.operations.forms import Refused, Typed, Unfit, chosen_licences, licence_groups
from labeling_ui import contexts
from labeling_ui.contexts.datasets import LabelsForm, RecipeForm
from labeling_ui.licences import OFFERED
from labeling_ui.wording import DECIDED_BY

SHARES = (("train", "Train"), ("val", "Validate"), ("test", "Test"))
LABEL_FORMATS = {
    "auto": "find out",
    "csv": "CSV",
    "jsonl": "JSON lines",
    "json": "JSON",
    "parquet": "Parquet",
    "coco": "COCO",
    "label-studio": "Label Studio",
    "cvat-xml": "CVAT for images (XML)",
    "cvat-json": "CVAT, Datumaro (JSON)",
    "archive": "zip or tar",
}


def _field(
    name: str, label: str, help_: str, refused: Refused | None, usual: str, kind: str = "number"
) -> contexts.FormField:
    typed, errors = (refused.typed, refused.errors) if refused else ({}, {})
    value = typed.get(name, "" if refused else usual)
    return contexts.FormField.model_validate(
        {"name": name, "label": label, "help": help_, "kind": kind, "value": value, "error": errors.get(name, "")}
    )


def recipe_form(refused: Refused | None = None) -> RecipeForm:
    """The form that makes a version, as it is to be shown now."""
    typed = refused.typed if refused else {}
    usual = Recipe()
    groups = {**OFFERED, "Others": {"unknown": "Nobody knows"}}
    return RecipeForm(
        name=_field("name", "Name", "For you to find it again; it has a number as well.", refused, "", "text"),
        sources=tuple(
            (source, title, f"source.{source}" in typed if refused else True) for source, title in DECIDED_BY.items()
        ),
        certainty=_field(
            "certainty", "Least certainty, %", "Of people's posterior, or of the model's score.", refused, "0"
        ),
        everything=typed.get("everything", "yes") != "no",
        licences=licence_groups(groups, chosen_licences(typed)),
        shares=tuple(
            _field(name, f"{label}, %", "", refused, f"{100 * getattr(usual, name):g}") for name, label in SHARES
        ),
        seed=_field("seed", "Seed", "Another seed draws other parts.", refused, "0"),
        error=refused.errors.get("", "") if refused else "",
    )


def labels_form(refused: Refused | None) -> LabelsForm:
    """The form that brings a label file, as it is to be shown now."""
    typed = refused.typed if refused else {}
    return LabelsForm(
        formats=tuple(LABEL_FORMATS.items()),
        chosen=typed.get("format", "auto"),
        yes=typed.get("yes", ""),
        no=typed.get("no", ""),
        rest="rest" in typed,
        error=refused.errors.get("", "") if refused else "",
    )


def recipe(typed: Typed) -> Recipe:
    """The recipe that a form asks for; raises :class:`Unfit`."""
    errors: dict[str, str] = {}
    numbers = {name: _number(typed, name, errors) for name in ("certainty", "train", "val", "test", "seed")}
    sources = tuple(source for source in DECIDED_BY if f"source.{source}" in typed)
    if not sources:
        errors[""] = "Nobody's labels are chosen: choose at least one source."
    if errors:
        raise Unfit(errors)
    chosen = chosen_licences(typed)
    shares = {name: numbers[name] / 100 for name, _ in SHARES}
    try:
        return Recipe(
            name=typed.get("name", "").strip(),
            sources=sources,
            certainty=numbers["certainty"] / 100,
            licences=None if typed.get("everything") != "no" else tuple("" if n == "unknown" else n for n in chosen),
            seed=int(numbers["seed"]),
            **shares,
        )
    except ValidationError as error:
        raise Unfit(_told(error)) from error


def _number(typed: Typed, name: str, errors: dict[str, str]) -> float:
    try:
        value = float(typed.get(name, "").strip().replace(",", ".") or "0")
    except ValueError:
        value = float("nan")
    if not 0 <= value <= (100 if name != "seed" else 2**31):
        errors[name] = "A number from 0 to 100, please." if name != "seed" else "A whole number, please."
        return 0.0
    return value


def _told(error: ValidationError) -> dict[str, str]:
    first: Sequence[str | int] = error.errors()[0]["loc"]
    message = error.errors()[0]["msg"].removeprefix("Value error, ")
    if first:
        return {str(first[0]): message}
    return {"train": "Train, validate and test must add up to 100."}
