"""Diff: the changes between two states, in the form in which the bridge reports them to the engine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from sandbox.provider.schema import Field, Fields, Kind, is_empty, join_path
from sandbox.provider.values import UNKNOWN, Json, Props, is_known


class Change(NamedTuple):
    """A change of one property: add, update or delete, and whether it replaces the resource."""

    verb: str
    replaces: bool


Changes = dict[str, Change]
Parts = Iterable[tuple[Field, str | int, str]]


def diff(fields: Fields, old: Props, new: Props, given: Props, ignored: Iterable[str]) -> Changes:
    """All changes between two states by property path, except those in ``ignoreChanges``.

    The path of a member of a set has its index in ``given``, which the engine uses.
    """
    changes = _diff_parts([(field, name, name) for name, field in fields.items()], old, new, given)
    pattern = "|".join(re.escape(path) + r"(?:$|[.\[])" for path in ignored)
    return {path: it for path, it in changes.items() if not (pattern and re.match(pattern, path))}


def _diff_value(field: Field, old: Json, new: Json, given: Json, path: str) -> Changes:
    whole = {path: Change("update", field.replaces)}
    by_parts = field.kind in (Kind.OBJECT, Kind.LIST)
    new = {} if new is None and field.kind is Kind.MAP else new
    if is_empty(field, old) and is_empty(field, new):
        return {}
    if old is None or (field.kind not in (Kind.VALUE, Kind.MAP) and is_empty(field, old)):
        return {path: Change("add", _replaces(field, new))}
    if new is None or (by_parts and is_empty(field, new)):
        return {path: Change("delete", _replaces(field, old))}
    if field.is_same and is_known(new) and field.is_same(old, new):
        return {}
    if new == UNKNOWN or not (by_parts or is_known(new)):
        return whole
    match field.kind:
        case Kind.VALUE:
            return {} if old == new else whole
        case Kind.SET:
            return _diff_set(field, old, new, given, path)
        case Kind.LIST:
            element, count = field.element(), range(max(len(old), len(new)))
            parts = [(element, index, f"{path}[{index}]") for index in count]
        case Kind.OBJECT:
            parts = [(member, name, join_path(path, name)) for name, member in field.parts.items()]
        case Kind.MAP:
            # Compared by key: a key with an empty text exists.
            changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
            verbs = {
                key: "add" if key not in old else "update" if key in new else "delete" for key in changed
            }
            return {join_path(path, key): Change(verb, field.replaces) for key, verb in verbs.items()}
    return _diff_parts(parts, old, new, given)


def _diff_parts(parts: Parts, old: Json, new: Json, given: Json) -> Changes:
    changes: Changes = {}
    for part, key, where in parts:
        changes |= _diff_value(part, _at(old, key), _at(new, key), _at(given, key), where)
    return changes


def _diff_set(field: Field, old: Json, new: Json, given: Json, path: str) -> Changes:
    """Changes by index: a removed member's index in the state, an added member's in the program."""
    kept = set(map(field.identity, old)) & set(map(field.identity, new))
    removed = {i: item for i, item in enumerate(old) if field.identity(item) not in kept}
    order = given if isinstance(given, list) else new
    added = {i: item for i, item in enumerate(order) if field.identity(item) not in kept}
    if added and field.members:
        # The bridge cannot match the old and new objects of a set.
        return {path: Change("update", field.replaces)}
    places = [(field.element(), index, f"{path}[{index}]") for index in sorted({*removed, *added})]
    return _diff_parts(places, removed, added, None)


def _replaces(field: Field, value: Json) -> bool:
    """Whether adding or removing the whole value replaces the resource."""
    if field.replaces or not isinstance(value, dict):
        return field.replaces
    members = field.parts.items()
    return any(name in value and _replaces(member, value[name]) for name, member in members)


def _at(items: Json, key: Json) -> Json:
    """A member of an object or list, or None."""
    if isinstance(items, list):
        return items[key] if key < len(items) else None
    return items.get(key) if isinstance(items, dict) else None
