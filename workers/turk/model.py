"""Amazon's service model as the judge of what comes in and what goes out.

botocore carries the machine-readable model of the API (version 2017-01-17). Its loader is all that is used here, not
its client: with the same model on both sides, whatever boto3 can send is understood and whatever is answered boto3 can
read. botocore's own ParamValidator ignores ``pattern``, ``max`` and ``enum``, so the checks are written out here.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

from workers.turk.errors import InvalidParameter, ModelMismatch

API_VERSION = "2017-01-17"
TARGET_PREFIX = "MTurkRequesterServiceV20170117."
_INTEGER_BITS = {"integer": 31, "long": 63}


@cache
def service_model() -> ServiceModel:
    """The service model, read from botocore's data files once."""
    return ServiceModel(Loader().load_service_model("mturk", "service-2", API_VERSION), "mturk")


@cache
def operation_names() -> frozenset[str]:
    """The names of all operations of the model."""
    return frozenset(service_model().operation_names)


def read_request(operation: str, body: Any) -> dict[str, Any]:
    """The operation's parameters, checked and typed (timestamps become aware datetimes). Raises InvalidParameter."""
    shape = service_model().operation_model(operation).input_shape
    parameters: dict[str, Any] = _read(shape, body, "")
    return parameters


def write_reply(operation: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The reply as JSON values; members that are None are left out. Raises ModelMismatch for what the model lacks."""
    shape = service_model().operation_model(operation).output_shape
    if shape is None:
        return {}
    reply: dict[str, Any] = _write(shape, values, operation)
    return reply


def _read(shape: Any, value: Any, path: str) -> Any:
    reader = _READERS.get(shape.type_name)
    if reader is None:
        raise ModelMismatch(f"{path}: shapes of type {shape.type_name} are not read.")
    return reader(shape, value, path)


def _read_structure(shape: Any, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidParameter(f"{path or 'The request'} must be a JSON object.")
    given = {name: value[name] for name in shape.members if value.get(name) is not None}
    for name in shape.required_members:
        if name not in given:
            raise InvalidParameter(f"{_join(path, name)} is required.")
    return {name: _read(shape.members[name], item, _join(path, name)) for name, item in given.items()}


def _read_list(shape: Any, value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidParameter(f"{path} must be a list.")
    _check_range(shape, len(value), path, "items")
    return [_read(shape.member, item, f"{path}[{i}]") for i, item in enumerate(value)]


def _read_string(shape: Any, value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise InvalidParameter(f"{path} must be a text.")
    _check_range(shape, len(value), path, "characters")
    if shape.enum and value not in shape.enum:
        raise InvalidParameter(f"{path} must be one of {', '.join(shape.enum)}, not {value[:64]!r}.")
    pattern = shape.metadata.get("pattern")
    # fullmatch on the pattern without its anchors: "$" alone would let a trailing newline through.
    if pattern is not None and not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value):
        raise InvalidParameter(f"{path} must match {pattern}, which {value[:64]!r} does not.")
    return value


def _read_integer(shape: Any, value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidParameter(f"{path} must be a whole number.")
    if abs(value) >= 1 << _INTEGER_BITS[shape.type_name]:
        raise InvalidParameter(f"{path} is out of range.")
    _check_range(shape, value, path, "")
    return value


def _read_boolean(shape: Any, value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidParameter(f"{path} must be true or false.")
    return value


def _read_timestamp(shape: Any, value: Any, path: str) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidParameter(f"{path} must be a time in seconds since 1970.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        raise InvalidParameter(f"{path} is not a time that can be represented.") from None


def _check_range(shape: Any, size: int, path: str, unit: str) -> None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    noun = f" {unit}" if unit else ""
    if low is not None and size < low:
        raise InvalidParameter(f"{path} must be at least {low}{noun}.")
    if high is not None and size > high:
        raise InvalidParameter(f"{path} must be at most {high}{noun}.")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_READERS = {
    "structure": _read_structure,
    "list": _read_list,
    "string": _read_string,
    "integer": _read_integer,
    "long": _read_integer,
    "boolean": _read_boolean,
    "timestamp": _read_timestamp,
}

_WRITABLE: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
}


def _write(shape: Any, value: Any, path: str) -> Any:
    if shape.type_name == "structure":
        unknown = set(value) - set(shape.members)
        if unknown:
            raise ModelMismatch(f"{path} has no member {sorted(unknown)[0]}.")
        present = {name: item for name, item in value.items() if item is not None}
        return {name: _write(shape.members[name], item, f"{path}.{name}") for name, item in present.items()}
    if shape.type_name == "list":
        return [_write(shape.member, item, path) for item in value]
    if shape.type_name == "timestamp" and isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, _WRITABLE.get(shape.type_name, ())):
        return value
    raise ModelMismatch(f"{path} cannot carry a {type(value).__name__}.")
