"""How Google's APIs read a request: the JSON form of protobuf messages, and the parameters of a query.

Owns the names and the types of fields. Each API owns the meaning of the values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from starlette.requests import Request

from sandbox.cloud.core.errors import Json, invalid


@dataclass(frozen=True)
class MapOf:
    """A map with free keys, such as labels."""

    values: Shape


# A message by its fields, a list by its members, or the type of a single value. `object` takes any value.
Shape: TypeAlias = "dict[str, Shape] | list[Shape] | MapOf | type"

# "System parameters" in the documentation of Google's APIs.
SYSTEM_PARAMETERS = (
    *("$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint"),
    *("quotaUser", "uploadType", "upload_protocol"),
)
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


def read_message(value: object, shape: Shape, path: str) -> Any:
    """A value of a request, with the names and types that an answer has.

    "ProtoJSON Format" (protobuf.dev): a parser accepts the name of a field in camel case and as in the
    proto, and a text as a number. An API refuses an unknown field.

    Raises:
        GoogleError: INVALID_ARGUMENT for an unknown field and for a value of another type.
    """
    if isinstance(shape, MapOf):
        items = _expect(value, dict, path).items()
        return {key: read_message(item, shape.values, f"{path}.{key}") for key, item in items}
    if isinstance(shape, dict):
        message: Json = {}
        for key, item in _expect(value, dict, path).items():
            name = camel_case(key)
            if name not in shape:
                raise invalid(f'Invalid JSON payload received. Unknown name "{key}" at {path!r}.')
            message[name] = read_message(item, shape[name], f"{path}.{name}")
        return message
    if isinstance(shape, list):
        members = cast(list[object], _expect(value, list, path))
        return [read_message(member, shape[0], f"{path}[{i}]") for i, member in enumerate(members)]
    if shape is int and isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    return value if shape is object else _expect(value, shape, path)


def read_parameter(request: Request, name: str) -> str:
    """A parameter of the query, in camel case or as in the proto; a missing one is empty."""
    given = [value for key, value in request.query_params.multi_items() if camel_case(key) == name]
    return given[-1] if given else ""


def check_parameters(request: Request, known: Collection[str]) -> None:
    """Refuse a query with an unknown parameter, in the words of Google's APIs.

    Without this, a request with a misspelled `updateMask` changes more fields than its sender expects.

    Raises:
        GoogleError: INVALID_ARGUMENT.
    """
    for key in request.query_params:
        if key not in SYSTEM_PARAMETERS and camel_case(key) not in known:
            raise invalid(
                f'Invalid JSON payload received. Unknown name "{key}": Cannot bind query parameter. '
                f"Field '{key}' could not be found in request message."
            )


def camel_case(name: str) -> str:
    """A name of the proto as JSON spells it."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def _expect(value: object, kind: type, path: str) -> Any:
    if type(value) is not kind:
        raise invalid(f"Invalid value at {path!r}: {json.dumps(value)[:100]}.")
    return value
