"""What a resource type's properties are, and what follows from that alone: check, plan, diff, inputs.

Owns the rules that Terraform's SDK and Pulumi's bridge apply to every type: required and unknown
properties, defaults, what is known at preview, which change replaces a resource, how a change is
named. Talks to nobody; what only one type does is in that type's module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from sandbox.plugin.values import UNKNOWN, Json, Properties, is_known


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

    ``computed``: filled in by the plug-in where the program gives nothing; ``output``: never given by
    the program. ``same``: two values that mean one, so that a change between them is none.
    ``identity``: what makes two members of a set the same.
    """

    kind: Kind = Kind.VALUE
    required: bool = False
    computed: bool = False
    output: bool = False
    replaces: bool = False
    secret: bool = False
    default: Json = None
    choices: tuple[str, ...] = ()
    refuse: Callable[[str], str | None] | None = None
    same: Callable[[Json, Json], bool] | None = None
    identity: Callable[[Json], str] = json.dumps
    members: Mapping[str, Field] | None = None

    def element(self) -> Field:
        """One member of this list or set."""
        kind = Kind.OBJECT if self.members else Kind.VALUE
        return Field(kind=kind, members=self.members, replaces=self.replaces)


Fields = Mapping[str, Field]
COMPUTED = Field(computed=True, output=True)


class Change(NamedTuple):
    """What happens to one property: ``add``, ``update`` or ``delete``, and whether it replaces."""

    verb: str
    replaces: bool


def is_empty(field: Field, value: Json) -> bool:
    """Whether a value says no more than its absence (an empty object may: ``noCache``)."""
    return value in (None, "", False, 0, []) or (field.kind is Kind.MAP and value == {})


def failures(fields: Fields, given: Properties, path: str = "") -> Iterator[str]:
    """What is wrong with the properties a program gives, one sentence each."""
    settable = [name for name, field in fields.items() if not field.output]
    for name in given:
        if name not in settable:
            where = _join(path, name)
            yield f"Invalid or unknown key '{where}'; known here: {', '.join(settable)}"
    for name in settable:
        field, value, where = fields[name], given.get(name), _join(path, name)
        if value is None and field.required:
            yield f"Missing required property '{where}'"
        elif value is not None and value != UNKNOWN:
            yield from _value_failures(field, value, where)


def _value_failures(field: Field, value: Json, where: str) -> Iterator[str]:
    if field.choices and value and value not in field.choices:
        yield f"expected {where} to be one of {json.dumps(field.choices)}, got {value}"
    shape = {Kind.OBJECT: dict, Kind.MAP: dict, Kind.LIST: list, Kind.SET: list}.get(field.kind)
    if shape and not isinstance(value, shape):
        yield f"{where}: expected {'an object' if shape is dict else 'a list'}, got {value!r}"
    elif field.kind is Kind.OBJECT:
        yield from failures(field.members or {}, value, where)
    elif field.kind in (Kind.LIST, Kind.SET) and field.members:
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield from failures(field.members, item, f"{where}[{index}]")
    if field.refuse:
        for item in value if isinstance(value, list) else [value]:
            if item != UNKNOWN and (reason := field.refuse(item)):
                yield f"{where}: {reason}"


def with_defaults(fields: Fields, given: Properties) -> Properties:
    """The given properties and the defaults of those that were not given."""
    filled = dict(given)
    for name, field in fields.items():
        value = filled.get(name)
        if value is None and field.default is not None:
            filled[name] = field.default
        elif field.members and isinstance(value, dict):
            filled[name] = with_defaults(field.members, value)
        elif field.members and isinstance(value, list):
            filled[name] = [
                with_defaults(field.members, item) if isinstance(item, dict) else item for item in value
            ]
    return filled


def plan(fields: Fields, prior: Properties | None, given: Properties) -> Properties:
    """What a resource is to become. ``prior`` is None where it is made anew."""
    planned: Properties = {}
    for name, field in fields.items():
        value = None if field.output else given.get(name)
        old = prior.get(name) if prior is not None else None
        if value is None and field.computed:
            value = old if prior is not None else UNKNOWN
        elif field.kind is Kind.OBJECT and isinstance(value, dict):
            value = plan(field.members or {}, old, value)
        if old is not None and value is not None and field.same and is_known([old, value]):
            value = old if field.same(old, value) else value
        if value is not None:
            planned[name] = value
    return planned


def diff(fields: Fields, old: Properties, new: Properties, given: Properties) -> dict[str, Change]:
    """Every change between two states, by property path; members of sets by their place in
    ``given``, where the engine looks them up."""
    changes: dict[str, Change] = {}
    for name, field in fields.items():
        changes |= _diff_value(field, old.get(name), new.get(name), given.get(name), name)
    return changes


def _diff_value(field: Field, old: Json, new: Json, given: Json, path: str) -> dict[str, Change]:
    if is_empty(field, old) and is_empty(field, new):
        return {}
    if is_empty(field, old):
        return {path: Change("add", _replaces(field, new))}
    if is_empty(field, new):
        return {path: Change("delete", _replaces(field, old))}
    if new == UNKNOWN or field.kind is Kind.VALUE:
        return {} if old == new else {path: Change("update", field.replaces)}
    if field.same and is_known(new) and field.same(old, new):
        return {}
    changes: dict[str, Change] = {}
    match field.kind:
        case Kind.OBJECT:
            given = given if isinstance(given, dict) else {}
            for name, member in (field.members or {}).items():
                pair = old.get(name), new.get(name), given.get(name)
                changes |= _diff_value(member, *pair, _join(path, name))
        case Kind.MAP:
            value = Field(replaces=field.replaces)
            for key in sorted({*old, *new}):
                changes |= _diff_value(value, old.get(key), new.get(key), None, _join(path, key))
        case Kind.LIST:
            for index in range(max(len(old), len(new))):
                pair = _at(old, index), _at(new, index), _at(given, index)
                changes |= _diff_value(field.element(), *pair, f"{path}[{index}]")
        case _:
            changes |= _diff_set(field, old, new, given, path)
    return changes


def _diff_set(field: Field, old: Json, new: Json, given: Json, path: str) -> dict[str, Change]:
    kept = set(map(field.identity, old)) & set(map(field.identity, new))
    removed = {i: item for i, item in enumerate(old) if field.identity(item) not in kept}
    order = given if isinstance(given, list) else new
    added = {i: item for i, item in enumerate(order) if field.identity(item) not in kept}
    changes: dict[str, Change] = {}
    for index in sorted({*removed, *added}):
        pair = removed.get(index), added.get(index), added.get(index)
        changes |= _diff_value(field.element(), *pair, f"{path}[{index}]")
    return changes


def _replaces(field: Field, value: Json) -> bool:
    """Whether adding or removing this value as a whole replaces the resource."""
    if field.replaces or not isinstance(value, dict):
        return field.replaces
    members = (field.members or {}).items()
    return any(name in value and _replaces(member, value[name]) for name, member in members)


def without_ignored(changes: dict[str, Change], ignored: Iterable[str]) -> dict[str, Change]:
    """The changes that ``ignoreChanges`` leaves."""
    prefixes = tuple(ignored)
    return {
        path: change
        for path, change in changes.items()
        if not any(re.match(re.escape(prefix) + r"($|[.\[])", path) for prefix in prefixes)
    }


def settled(fields: Fields, planned: Properties, read: Properties) -> Properties:
    """What was read, with Google's ways of saying "nothing" put as they were planned."""
    state = {**planned, **read}
    for name, field in fields.items():
        if is_empty(field, state.get(name)):
            state[name] = planned.get(name) if is_empty(field, planned.get(name)) else None
    return {name: value for name, value in state.items() if value not in (None, UNKNOWN)}


def inputs_after_refresh(given: Properties, state: Properties) -> Properties:
    """The program's properties with the cloud's values: no property is added."""
    return {
        name: _refreshed(old, state[name]) for name, old in given.items() if state.get(name) is not None
    }


def _refreshed(old: Json, new: Json) -> Json:
    if isinstance(old, dict) and isinstance(new, dict):
        return inputs_after_refresh(old, new)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_refreshed(*pair) for pair in zip(old, new, strict=True)]
    return new


def inputs_after_import(fields: Fields, state: Properties) -> Properties:
    """The properties a program must give to have this state: no outputs, no defaults."""
    inputs: Properties = {}
    for name, field in fields.items():
        value = state.get(name)
        if field.members and isinstance(value, dict):
            value = inputs_after_import(field.members, value)
        elif field.members and isinstance(value, list):
            value = [inputs_after_import(field.members, item) for item in value]
        is_default = value == field.default or is_empty(field, value)
        if not field.output and (field.required or not is_default):
            inputs[name] = value
    return inputs


def _at(items: Json, index: int) -> Json:
    return items[index] if isinstance(items, list) and index < len(items) else None


def _join(path: str, key: str) -> str:
    """A property path as the engine writes it."""
    if not re.fullmatch(r"\w+", key, re.ASCII):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
