"""The forms of the page Images in: fields made from the options of the sources, and what was typed made into values."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError

from active_learning.domain.errors import InputError
from active_learning.domain.intake import IntakePolicy
from active_learning.domain.sources import SOURCES, checked_options
from active_learning.domain.value import Value
from api.operations.forms import LICENCE, Typed, Unfit, chosen_licences, licence_groups
from api.operations.scraping import Wanted
from labeling_ui import contexts
from labeling_ui.licences import OFFERED, TITLES

OWN_ONLY = frozenset({"address"})
"""Options that pages do not offer: where else an API is says who runs Winnow, not who uses it."""

TITLED = {
    "openverse": "Openverse",
    "commons": "Wikimedia Commons",
    "flickr": "Flickr",
    "list": "URL list",
    "web": "Web page",
    "sitemap": "Sitemap",
    "s3": "S3 bucket",
    "folder": "Folder",
    "archive": "Archive",
    "video": "Video",
    "table": "Hugging Face",
}
"""What each source is called on pages."""

LABELS = {"path": "Where", "every": "Seconds between frames", "pages": "Most pages", "queries": "Most queries"}
SEVERAL = " Several: commas between."
MOST = 1_000_000_000

SAID = {
    "string_too_short": "This is needed.",
    "missing": "This is needed.",
    "string_too_long": "At most {max_length} characters.",
    "string_pattern_mismatch": "This does not have the form that is asked for.",
    "int_parsing": "A whole number, please.",
    "int_from_float": "A whole number, please.",
    "float_parsing": "A number, please.",
    "finite_number": "A number, please.",
    "greater_than_equal": "At least {ge:,.12g}.",
    "less_than_equal": "At most {le:,.12g}.",
    "literal_error": "One of {expected}.",
}
"""What is wrong with a field, by the kind of error that the validation gives."""


class Bounds(Value):
    """How much is searched for, and how often."""

    limit: int | None = Field(default=None, ge=1, le=MOST)
    every_h: float = Field(default=0.0, ge=0.0, le=8_760.0, allow_inf_nan=False)


def offered() -> list[str]:
    """The sources that pages offer: those that read nothing of the machine that works on them."""
    return [name for name, kind in SOURCES.items() if not kind.local]


def start_form(typed: Typed, errors: Mapping[str, str]) -> contexts.StartForm:
    """The form that starts a search, with what was typed and what is wrong with it."""
    names = offered()
    chosen = typed.get("source", names[0])
    return contexts.StartForm(
        chosen=chosen if chosen in names else names[0],
        sources=tuple(
            contexts.SourceChoice(
                name=name, title=TITLED[name], what=SOURCES[name].what, fields=_fields(name, typed, errors)
            )
            for name in names
        ),
        limit=_number("limit", "At most", "Images to find; empty: as many as there are.", typed, errors),
        every_h=_number("every_h", "Again every", "Hours, for new images only; empty: once.", typed, errors),
        error=errors.get("", ""),
    )


def _number(name: str, label: str, help_: str, typed: Typed, errors: Mapping[str, str]) -> contexts.FormField:
    return contexts.FormField(
        name=name, label=label, help=help_, kind="number", value=typed.get(name, ""), error=errors.get(name, "")
    )


def _options(source: str) -> dict[str, Any]:
    """The options that pages offer, as JSON Schema describes each."""
    schema = SOURCES[source].options.model_json_schema()
    return {name: one for name, one in schema["properties"].items() if name not in OWN_ONLY}


def _fields(source: str, typed: Typed, errors: Mapping[str, str]) -> tuple[contexts.FormField, ...]:
    needed = SOURCES[source].options.model_json_schema().get("required", [])
    return tuple(
        _field(f"{source}.{name}", schema, name in needed, typed, errors) for name, schema in _options(source).items()
    )


def _field(
    name: str, schema: Mapping[str, Any], needed: bool, typed: Typed, errors: Mapping[str, str]
) -> contexts.FormField:
    option = name.partition(".")[2]
    default = schema.get("default", "")
    usual = ", ".join(default) if isinstance(default, list | tuple) else str(default)
    kind = _kind(schema)
    if kind == "switch":  # a browser posts nothing for a switch that is off
        usual = "on" if default and not typed else ""
    return contexts.FormField(
        name=name,
        label=LABELS.get(option, option.replace("_", " ").capitalize()),
        help=schema.get("description", "") + (SEVERAL if schema.get("type") == "array" else ""),
        kind=kind,
        value=typed.get(name, usual),
        choices=tuple(schema.get("enum", ())),
        needed=needed,
        error=errors.get(name, ""),
    )


def _kind(schema: Mapping[str, Any]) -> Literal["text", "number", "switch", "choice"]:
    if "enum" in schema:
        return "choice"
    kinds: dict[str, Literal["number", "switch"]] = {"boolean": "switch", "integer": "number", "number": "number"}
    return kinds.get(schema.get("type", ""), "text")


def wanted(slug: str, typed: Typed) -> Wanted:
    """The search that a form asks for; raises :class:`Unfit`."""
    source = typed.get("source", "")
    if source not in offered():
        raise Unfit({"": "Choose a source."})
    errors: dict[str, str] = {}
    given = _filled(typed, f"{source}.", _options(source))
    options: dict[str, Any] = {}
    try:
        options = checked_options(source, given).model_dump(mode="json", exclude_defaults=True)
    except InputError as error:
        errors |= _told(error.__cause__, f"{source}.") or {"": error.message}
    errors |= {f"{source}.{name}": f"At most {MOST:,}." for name, value in options.items() if _too_much(value)}
    try:
        bounds = Bounds.model_validate(_filled(typed, "", Bounds.model_fields))
    except ValidationError as error:
        errors |= _told(error, "")
    if errors:
        raise Unfit(errors)
    return Wanted(category=slug, source=source, options=options, limit=bounds.limit, every_h=bounds.every_h)


def wanted_by_program(slug: str, source: str, options: Mapping[str, Any], bounds: Bounds) -> Wanted:
    """The search that a program asks for through the API, which may ask for what pages offer and no more.

    Raises :class:`InputError` for a source that reads this machine, and for options that are not those of the source.
    """
    if source not in offered():
        raise InputError(f"There is no source '{source}' here.", f"Choose one of {', '.join(offered())}.")
    own = OWN_ONLY & set(options)
    if own:
        raise InputError(f"'{min(own)}' is chosen by who runs Winnow.", "Leave it out.")
    given = checked_options(source, options).model_dump(mode="json", exclude_defaults=True)
    return Wanted(category=slug, source=source, options=given, limit=bounds.limit, every_h=bounds.every_h)


def _filled(typed: Typed, prefix: str, names: Mapping[str, Any]) -> dict[str, str]:
    """What was typed into these fields; an empty one is as usual."""
    found = {name: typed.get(prefix + name, "").strip() for name in names}
    return {name: value for name, value in found.items() if value}


def _too_much(value: object) -> bool:
    return isinstance(value, int | float) and not -MOST <= value <= MOST


def _told(error: BaseException | None, prefix: str) -> dict[str, str]:
    """What a validation says of each field, in plain words."""
    if not isinstance(error, ValidationError):
        return {}
    return {
        prefix + str(one["loc"][0] if one["loc"] else ""): SAID.get(one["type"], f"{one['msg']}.").format(
            **one.get("ctx", {})
        )
        for one in error.errors()
    }


NUMBERS = (
    ("min_side", "Shortest side", "At least, in pixels."),
    ("max_side", "Longest side", "At most, in pixels."),
    ("max_aspect", "Shape", "At most so many times as long as wide."),
    ("min_sharpness", "Sharpness", "At least, as variance of the Laplacian; 0: any."),
    ("near", "Near-duplicates", "Up to so many of 64 bits that differ; empty: they come in."),
)
"""The numbers of a policy: field, label, help."""

FORMS = {
    "original": "as they came",
    "lsun": "as LSUN keeps them: shorter side 256 pixels, JPEG of quality 75",
}


def intake_form(policy: IntakePolicy, typed: Typed | None, errors: Mapping[str, str]) -> contexts.IntakeForm:
    """What a category lets in, in words and as a form. ``typed`` is ``None`` where nobody has typed anything."""
    values = _typed_policy(policy) if typed is None else typed
    chosen = set(chosen_licences(values))
    others = {name: name for name in (*(policy.licences or ()), *chosen) if name not in TITLES}
    groups = {**OFFERED, **({"Others": others} if others else {})}
    return contexts.IntakeForm(
        words=_words(policy),
        everything=values.get("everything") != "no",
        licences=licence_groups(groups, chosen),
        numbers=tuple(_number(name, label, help_, values, errors) for name, label, help_ in NUMBERS),
        form=values.get("form", ""),
        error=errors.get("", errors.get("form", "")),
    )


def _typed_policy(policy: IntakePolicy) -> dict[str, str]:
    """A policy as its form would post it."""
    numbers = {name: getattr(policy, name) for name, _, _ in NUMBERS}
    return {
        "everything": "yes" if policy.licences is None else "no",
        **{f"{LICENCE}{name}": "on" for name in policy.licences or ()},
        **{name: "" if value is None else repr(value).removesuffix(".0") for name, value in numbers.items()},
        "form": policy.form,
    }


def _words(policy: IntakePolicy) -> tuple[tuple[str, str], ...]:
    near = "come in, too" if policy.near is None else f"stay out, up to {policy.near} bits"
    return (
        ("licences", "any, unknown ones too" if policy.licences is None else _listed(policy.licences)),
        ("sides", f"{policy.min_side:,} to {policy.max_side:,} pixels"),
        ("shape", f"at most {policy.max_aspect:g} to 1"),
        ("sharpness", f"at least {policy.min_sharpness:g}" if policy.min_sharpness else "any"),
        ("near-duplicates", near),
        ("kept", FORMS[policy.form]),
    )


def _listed(licences: Sequence[str]) -> str:
    return ", ".join(TITLES.get(name, name) for name in licences)


def policy(typed: Typed) -> IntakePolicy:
    """The policy that a form asks for; raises :class:`Unfit`."""
    numbers: dict[str, Any] = {name: typed.get(name, "").strip() for name, _, _ in NUMBERS}
    errors = {name: SAID["missing"] for name, value in numbers.items() if not value and name != "near"}
    licences = chosen_licences(typed)
    given = {
        **{name: value for name, value in numbers.items() if value},
        "near": numbers["near"] or None,
        "form": typed.get("form", ""),
        "licences": None if typed.get("everything") != "no" else licences,
    }
    try:
        made = IntakePolicy.model_validate(given)
    except ValidationError as error:
        raise Unfit(_told(error, "") | errors) from error
    if errors:
        raise Unfit(errors)
    return made
