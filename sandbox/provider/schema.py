"""The properties of a resource type, as the type declares them.

Owns the declaration only. `check`, `plan` and `diff` apply the rules that follow from it: those of
Terraform's SDK and Pulumi's bridge, which are the same for every type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from sandbox.provider.values import Json


class Kind(Enum):
    """How a value is compared: whole, by member, by key, by position or by content."""

    VALUE = "value"
    OBJECT = "object"
    MAP = "map"
    LIST = "list"
    SET = "set"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One property.

    Attributes:
        kind: how two values are compared.
        required: whether the program must give it.
        computed: whether the provider fills it in if the program does not give it.
        output: whether the program must not give it.
        replaces: whether a change replaces the resource.
        default: the value if the program gives none.
        zero: the value in the state if Google returns none.
        choices: the allowed values.
        validate: yields what is wrong with a value. It also gets the property's name in Terraform.
        is_same: whether two values mean the same, so that the diff ignores a change between them.
        identity: equal for two members of a set that are the same.
        members: the properties of an object, or of each object in a list or set.
    """

    kind: Kind = Kind.VALUE
    required: bool = False
    computed: bool = False
    output: bool = False
    replaces: bool = False
    default: Json = None
    zero: Json = None
    choices: tuple[str, ...] = ()
    validate: Callable[[str, str], Iterable[str]] | None = None
    is_same: Callable[[Json, Json], bool] | None = None
    identity: Callable[[Json], str] = json.dumps
    members: Mapping[str, Field] | None = None

    @property
    def parts(self) -> Mapping[str, Field]:
        """The members of an object, or of each object in a list or set."""
        return self.members or {}

    def element(self) -> Field:
        """The field of one member of this list or set."""
        kind = Kind.OBJECT if self.members else Kind.VALUE
        return Field(kind=kind, members=self.members, replaces=self.replaces)


Fields = Mapping[str, Field]
COMPUTED = Field(computed=True, output=True)
TEXT, FLAG = Field(zero=""), Field(zero=False)


def is_empty(field: Field, value: Json) -> bool:
    """Whether a value means the same as no value. An empty object can mean something (``noCache``)."""
    return value in (None, "", False, 0, []) or (field.kind is Kind.MAP and value == {})


def top(path: str) -> str:
    """The first property of a path."""
    return path.partition("[")[0].partition(".")[0]


def join_path(path: str, key: str) -> str:
    """A property path in the engine's form."""
    if not re.fullmatch(r"\w+", key, re.ASCII):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
