"""The policy as a form: its fields with what was typed, and what was typed made into a policy."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import BaseModel, ValidationError

from active_learning.domain.category import Category
from active_learning.domain.policy import Policy
from active_learning.forecasting import Beliefs
from api.operations import policy_fields
from api.operations.forms import Typed, Unfit
from api.operations.policy_fields import Field
from labeling_ui import contexts

POLICY, BELIEF = "policy.", "belief."
"""What the names of the two kinds of fields begin with."""

SHORT, LONG = 200, 4_000
SLUG_HELP = "Small letters, digits and hyphens: it stands in addresses and file names."

SETTLED = "Settled, too."

SAID = {
    "greater_than": "More than {gt}.",
    "greater_than_equal": "At least {ge}.",
    "less_than": "Less than {lt}.",
    "less_than_equal": "At most {le}.",
    "int_from_float": "A whole number, please.",
    "int_parsing": "A whole number, please.",
    "int_type": "A number, please.",
    "float_type": "A number, please.",
    "finite_number": "A number, please.",
}


def shown(value: object, field: Field) -> str:
    """A value as it is typed into its field."""
    if value is None:
        return ""
    if field.kind == "switch":
        return "on" if value else "off"
    if isinstance(value, bool | str):
        return str(value)
    number = Decimal(str(value)) * (100 if field.unit == "%" else 1) / (100 if field.unit == "$" else 1)
    exact, money = f"{number.normalize():f}", f"{number:.2f}"
    return money if field.unit == "$" and Decimal(money) == number else exact


def said(value: object, field: Field) -> str:
    """A value in words, for a table of changes."""
    if value is None:
        return "none"
    if field.kind == "choice":
        return dict(field.choices).get(str(value), str(value))
    text = shown(value, field)
    return {"%": f"{text}\u00a0%", "$": f"${text}"}.get(field.unit, text)


def entries(
    names: Sequence[str],
    values: BaseModel,
    typed: Typed,
    errors: Mapping[str, str],
    fixed: Mapping[str, str],
    prefix: str = POLICY,
) -> tuple[contexts.Entry, ...]:
    """Fields with what was typed, or what is in force."""
    usual = Policy() if prefix == POLICY else None
    return tuple(_entry(name, values, typed, errors, fixed.get(name, ""), prefix, usual) for name in names)


def _entry(
    name: str,
    values: BaseModel,
    typed: Typed,
    errors: Mapping[str, str],
    fixed: str,
    prefix: str,
    usual: Policy | None,
) -> contexts.Entry:
    field = policy_fields.field(name) if usual is not None else policy_fields.BELIEFS[name]
    value = shown(getattr(values, name), field)
    now = value if fixed else typed.get(prefix + name, value)
    choices = field.choices
    if field.kind == "choice" and now not in dict(choices):
        choices = (*choices, (now, now))
    default = shown(getattr(usual, name), field) if usual is not None else now
    return contexts.Entry(
        name=prefix + name,
        label=field.label,
        help=field.help,
        kind=field.kind,
        value=now,
        unit=field.unit,
        usual="" if _same(now, default) else (dict(choices).get(default, default) or "empty"),
        choices=choices,
        error=errors.get(prefix + name, ""),
        fixed=fixed,
    )


def _same(a: str, b: str) -> bool:
    try:
        return Decimal(a) == Decimal(b)
    except InvalidOperation:
        return a == b


def sections(
    policy: Policy, typed: Typed, errors: Mapping[str, str], fixed: Mapping[str, str]
) -> tuple[contexts.Section, ...]:
    """The whole policy. A reason why fields are settled is given once, at the first of them."""
    first: dict[str, str] = {}
    for part in policy_fields.parts():
        for name in (*part.fields, *part.more):
            if name in fixed:
                first.setdefault(fixed[name], name)
    fixed = {name: why if first[why] == name else SETTLED for name, why in fixed.items()}
    return tuple(
        contexts.Section(
            name=part.name,
            title=part.title,
            intro=part.intro,
            fields=entries(part.fields, policy, typed, errors, fixed),
            more=entries(part.more, policy, typed, errors, fixed),
        )
        for part in policy_fields.parts()
    )


def policy(typed: Typed, base: Policy) -> Policy:
    """The policy that a form asks for; what it does not name is as in ``base``. Raises :class:`Unfit`."""
    given, errors = _values(typed, POLICY, {name: policy_fields.field(name) for name in Policy.model_fields})
    version = typed.get(f"{POLICY}version", "")
    given.pop("version", None)
    if version.isascii() and version.isdigit() and len(version) < 10:
        given["version"] = int(version)
    try:
        made = Policy.model_validate(base.model_dump() | given)
    except ValidationError as error:
        errors = _told(error, POLICY, Policy) | errors
        raise Unfit(errors) from error
    if errors:
        raise Unfit(errors)
    return made


def beliefs(typed: Typed, base: Beliefs) -> Beliefs:
    """What a form assumes; raises :class:`Unfit`. A guessed share of yes is as sure as a guess."""
    given, errors = _values(typed, BELIEF, policy_fields.BELIEFS)
    share = given.get("share_yes", base.share_yes)
    if isinstance(share, float) and abs(share - base.share_yes) > 1e-9:
        given["share_from"] = Beliefs().share_from
    try:
        made = Beliefs.model_validate(base.model_dump() | given)
    except ValidationError as error:
        raise Unfit(_told(error, BELIEF, Beliefs) | errors) from error
    if errors:
        raise Unfit(errors)
    return made


def _values(typed: Typed, prefix: str, fields: Mapping[str, Field]) -> tuple[dict[str, Any], dict[str, str]]:
    given: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, field in fields.items():
        text = typed.get(prefix + name)
        if text is None:
            continue
        text = text.strip()
        if field.kind == "switch":
            given[name] = text == "on"
        elif field.kind != "number":
            given[name] = text
        elif not text:
            optional = prefix == POLICY and Policy.model_fields[name].default is None
            given[name] = None
            if not optional:
                errors[prefix + name] = "This is needed."
        else:
            try:
                given[name] = _number(text, field)
            except InvalidOperation:
                errors[prefix + name] = "A number, please."
    return {name: value for name, value in given.items() if prefix + name not in errors}, errors


def _number(text: str, field: Field) -> int | float:
    """A typed number; raises ``InvalidOperation`` for what is none. Commas between thousands are let through."""
    number = Decimal("".join(text.replace(",", "").split()).removeprefix("$").removesuffix("%"))
    if not number.is_finite() or abs(number.adjusted()) > 18:
        raise InvalidOperation
    number = number / 100 if field.unit == "%" else number * 100 if field.unit == "$" else number
    return int(number) if number == number.to_integral_value() else float(number)


def wrong_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the short name, the question and the instructions, as far as they are given."""
    try:
        Category.model_validate({"slug": "like", "question": "like", **texts})
    except ValidationError as error:
        told = {str(one["loc"][0]): str(one["msg"]).removeprefix("Value error, ") for one in error.errors()}
        words = {name: line.removeprefix("String should have ") for name, line in told.items()}
        return {
            name: f"{line[0].upper()}{line[1:]}." if texts[name] else "This is needed." for name, line in words.items()
        }
    return {}


def _told(error: ValidationError, prefix: str, model: type[BaseModel]) -> dict[str, str]:
    """What a validation says of each field, in the field's own unit."""
    told: dict[str, str] = {}
    for one in error.errors():
        words = str(one["msg"]).removeprefix("Value error, ")
        name = str(one["loc"][0]) if one["loc"] else words.partition(" ")[0]
        if name not in model.model_fields:
            told[""] = f"{words}."
            continue
        field = policy_fields.field(name) if prefix == POLICY else policy_fields.BELIEFS[name]
        bounds = {key: f"{said(value, field)}" for key, value in one.get("ctx", {}).items() if key != "error"}
        if one["type"] == "value_error":
            told[prefix + name] = _consistent(words)
        else:
            told[prefix + name] = SAID.get(one["type"], f"{words}.").format_map(bounds)
    return told


def _consistent(words: str) -> str:
    """What two fields say against each other, by their labels."""
    for name, field in sorted(policy_fields.FIELDS.items(), key=lambda pair: -len(pair[0])):
        words = words.replace(name, f"“{field.label}”")
    return f"{words[0].upper()}{words[1:]}."
