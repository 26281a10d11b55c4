"""Categories as YAML files: in, with every mistake named; out, with a line of help beside every number.

The only home of PyYAML. What ``written`` writes, ``read`` reads to the same category.
"""

import json
from collections.abc import Hashable, Iterable
from difflib import get_close_matches
from typing import Any

import yaml
from pydantic import ValidationError

from active_learning.domain.category import Category, Example
from active_learning.domain.errors import InputError
from active_learning.domain.intake import IntakePolicy
from active_learning.domain.policy import Policy
from active_learning.domain.value import Value

LARGEST = 256 * 1024
"""Bytes of a file; a category with its examples has a few thousand."""

MEDIA = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")

LEFT_OUT = frozenset({"retired"})
"""What a file does not say: which images have taught once belongs to a pool."""

KINDS: dict[str, type[Value]] = {"policy": Policy, "intake": IntakePolicy, "examples": Example, "lessons": Example}


class _Loader(yaml.SafeLoader):
    """Plain YAML: no tags, no aliases (a few lines of them can mean gigabytes), and no key twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise InputError("The file uses YAML's anchors and aliases.", "Write the values out.")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise InputError(f"'{twice[0]}' is there twice.", f"Look near line {node.start_mark.line + 1}.")
        return super().construct_mapping(node, deep)


def parsed(text: str | bytes) -> Any:
    """What a YAML file holds: plain values, lists and mappings.

    Raises:
        InputError: it is too large, no YAML, or uses what a category has no need of; the hint names the line.
    """
    if len(text) > LARGEST:
        raise InputError(f"The file has more than {LARGEST // 1024} kB.", "A category has a few thousand letters.")
    try:
        return json.loads(text)  # most JSON is YAML, but not with tabs
    except (ValueError, RecursionError):
        pass
    try:
        return yaml.load(text, _Loader)  # a SafeLoader that allows still less
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        raise InputError("This is no YAML that Winnow can read.", f"{where}: {error.problem or error}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError("This is no YAML that Winnow can read.", _one_line(error)) from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def read(text: str | bytes) -> Category:
    """The category that a file describes; defaults for what it leaves out.

    Raises:
        InputError: what is wrong, by the name of the field; a name that there is not comes with the nearest one.
    """
    return checked(parsed(text))


def checked(given: Any) -> Category:
    """A category from plain values, as a file or a request holds them; raises as :func:`read`."""
    if not isinstance(given, dict):
        raise InputError("A category is a list of names with values.", "Begin with: slug: car")
    _known(given, Category, "")
    for name, kind in KINDS.items():
        for part in _mappings(given.get(name)):
            _known(part, kind, f"{name}.")
    try:
        return Category.model_validate(given)
    except ValidationError as error:
        raise InputError(told(error), "Mend it and try again; nothing is created yet.") from error


def told(error: ValidationError) -> str:
    """What is wrong with the first field that is, by its name."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    words = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"'{where}' is missing."
    return f"{where}: {words}." if where else f"{words}."


def _mappings(value: Any) -> Iterable[dict[Any, Any]]:
    values = value if isinstance(value, list) else [value]
    return (one for one in values if isinstance(one, dict))


def _known(given: dict[Any, Any], kind: type[Value], where: str) -> None:
    """Name the first key that there is not, and the one that was meant, if any is near."""
    names = [name for name in kind.model_fields if name not in LEFT_OUT]
    for key in given:
        if key not in names:
            near = get_close_matches(str(key), names, 1)
            hint = f"Did you mean '{where}{near[0]}'?" if near else f"There are: {', '.join(names)}."
            raise InputError(f"There is no '{where}{key}'.", hint)


def written(category: Category) -> str:
    """The category as a YAML file, with help beside the numbers of its policy."""
    lines = [
        "# A category of Winnow. ./winnow category create FILE makes it; what is left out is as usual.",
        *_scalar("slug", category.slug),
        *_scalar("question", category.question),
        *_scalar("instructions", category.instructions),
    ]
    if category.market:
        lines += _scalar("market", category.market)
    if category.seed:
        lines += _scalar("seed", category.seed)
    for kind in ("examples", "lessons"):
        given: tuple[Example, ...] = getattr(category, kind)
        if given:
            lines += _dumped({kind: [one.model_dump() for one in given]})
    lines.append("policy:")
    for name, field in Policy.model_fields.items():
        if name != "version":
            (line,) = _scalar(name, getattr(category.policy, name))
            lines.append(f"  {line}" + (f"  # {field.description}" if field.description else ""))
    lines += _dumped({"intake": category.intake.model_dump(mode="json")})
    return "\n".join(lines) + "\n"


def _scalar(name: str, value: object) -> list[str]:
    if isinstance(value, str) and "\n" in value:
        return _dumped({name: value})
    return [_dumped({name: value})[0]] if not isinstance(value, str) else _dumped({name: value})


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    several = "\n" in text.rstrip("\n") and not text.endswith("\n\n")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if several else None)


_Dumper.add_representer(str, _text)


def _dumped(value: object) -> list[str]:
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return text.rstrip("\n").split("\n")
