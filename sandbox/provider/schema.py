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

from sandbox.provider.values import UNKNOWN, Json, Props, is_known


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
    the program. ``zero``: how the state shows that Google said nothing. ``refuse``: what is wrong with a
    value, given with the property's name in Terraform. ``same``: whether two values mean one, so that a
    change between them is none. ``identity``: what makes two members of a set the
    same.
    """

    kind: Kind = Kind.VALUE
    required: bool = False
    computed: bool = False
    output: bool = False
    replaces: bool = False
    default: Json = None
    zero: Json = None
    choices: tuple[str, ...] = ()
    refuse: Callable[[str, str], Iterable[str]] | None = None
    same: Callable[[Json, Json], bool] | None = None
    identity: Callable[[Json], str] = json.dumps
    members: Mapping[str, Field] | None = None

    @property
    def parts(self) -> Mapping[str, Field]:
        """The members of an object, or of each object in a list or set."""
        return self.members or {}

    def element(self) -> Field:
        """One member of this list or set."""
        kind = Kind.OBJECT if self.members else Kind.VALUE
        return Field(kind=kind, members=self.members, replaces=self.replaces)


Fields = Mapping[str, Field]
# The words of Terraform's check, as the bridge hands them on.
MISSING = 'Missing required argument. The argument "{}" is required, but no definition was found.'
NOT_TO_BE_GIVEN = (
    'Value for unconfigurable attribute. Can\'t configure a value for "{}": its value will be decided '
    "automatically based on the result of applying this configuration."
)
COMPUTED = Field(computed=True, output=True)
TEXT, FLAG = Field(zero=""), Field(zero=False)


class Place(NamedTuple):
    """Where a property is: as a program spells it, and as Terraform's messages do."""

    shown: str
    named: str

    def member(self, name: str) -> Place:
        """A property of the object here: `labels`, `condition.0.title`."""
        snake = re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
        return Place(_join(self.shown, name), f"{self.named}.{snake}".lstrip("."))

    def item(self, index: int, shown: str = "") -> Place:
        """A member of the list here. Terraform has a list of one where a program has an object."""
        return Place(f"{self.shown}{shown}", f"{self.named}.{index}")


HERE = Place("", "")


class Change(NamedTuple):
    """What happens to one property: ``add``, ``update`` or ``delete``, and whether it replaces."""

    verb: str
    replaces: bool


Changes = dict[str, Change]
Parts = Iterable[tuple[Field, str | int, str]]


def is_empty(field: Field, value: Json) -> bool:
    """Whether a value says no more than its absence (an empty object may: ``noCache``)."""
    return value in (None, "", False, 0, []) or (field.kind is Kind.MAP and value == {})


def failures(fields: Fields, given: Props, at: Place = HERE) -> Iterator[tuple[str, str]]:
    """What is wrong with the properties a program gives: where, and what."""
    for name in sorted(given.keys() - fields.keys()):
        yield at.member(name).shown, "Invalid or unknown key"
    for name, field in fields.items():
        value, place = given.get(name), at.member(name)
        if field.output and value is not None:
            yield place.shown, NOT_TO_BE_GIVEN.format(place.named)
        elif value is None and field.required:
            yield place.shown, MISSING.format(place.named)
        elif value is not None and value != UNKNOWN:
            yield from _value_failures(field, value, place)


def _value_failures(field: Field, value: Json, at: Place) -> Iterator[tuple[str, str]]:
    if field.kind is Kind.MAP and not isinstance(value, dict):
        yield at.shown, "Attribute must be a map"
        return
    shape: type = {Kind.VALUE: object, Kind.OBJECT: dict, Kind.MAP: dict}.get(field.kind, list)
    if not isinstance(value, shape):
        yield at.shown, f"expected {shape.__name__}, got {value!r}"
        return
    if field.choices and value and value not in field.choices:
        # As Go prints a list of texts; "" is one that the provider's own check lets pass.
        choices = " ".join(json.dumps(choice) for choice in (*field.choices, ""))
        yield at.shown, f"expected {at.named} to be one of [{choices}], got {value}"
    match field.kind:
        case Kind.OBJECT:
            yield from failures(field.parts, value, at.item(0))
        case Kind.LIST:
            for index, item in enumerate(value):
                yield from _item_failures(field, item, at.item(index, shown=f"[{index}]"))
        case Kind.SET:
            # Its members have no place that a program would know.
            for index, item in enumerate(value):
                yield from ((at.shown, it) for _, it in _item_failures(field, item, at.item(index)))
        case _:
            yield from _item_failures(field, value, at)


def _item_failures(field: Field, item: Json, at: Place) -> Iterator[tuple[str, str]]:
    if field.members and isinstance(item, dict):
        yield from failures(field.members, item, at)
    elif field.refuse and item != UNKNOWN:
        yield from ((at.shown, reason) for reason in field.refuse(item, at.named))


def with_defaults(fields: Fields, given: Props) -> Props:
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


def plan(fields: Fields, prior: Props | None, given: Props) -> Props:
    """What a resource is to become. ``prior`` is None where it is made anew."""
    planned: Props = {}
    for name, field in fields.items():
        value = None if field.output else given.get(name)
        old = prior.get(name) if prior is not None else None
        if value is None and field.computed:
            value = old if prior is not None else UNKNOWN
        elif field.kind is Kind.OBJECT and isinstance(value, dict):
            value = plan(field.parts, old, value)
        elif field.kind is Kind.SET and not field.members and value and is_known(value):
            value = sorted(value)
        if old is not None and value is not None and field.same and is_known([old, value]):
            value = old if field.same(old, value) else value
        if value is not None:
            planned[name] = value
    return planned


def diff(fields: Fields, old: Props, new: Props, given: Props, ignored: Iterable[str]) -> Changes:
    """Every change between two states, by property path, but for those of ``ignoreChanges``.

    Members of sets go by their place in ``given``, where the engine looks them up.
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
    if field.same and is_known(new) and field.same(old, new):
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
            parts = [(member, name, _join(path, name)) for name, member in field.parts.items()]
        case Kind.MAP:
            # By their keys: a key with an empty text is there.
            changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
            verbs = {
                key: "add" if key not in old else "update" if key in new else "delete" for key in changed
            }
            return {_join(path, key): Change(verb, field.replaces) for key, verb in verbs.items()}
    return _diff_parts(parts, old, new, given)


def _diff_parts(parts: Parts, old: Json, new: Json, given: Json) -> Changes:
    changes: Changes = {}
    for part, key, where in parts:
        changes |= _diff_value(part, _at(old, key), _at(new, key), _at(given, key), where)
    return changes


def _diff_set(field: Field, old: Json, new: Json, given: Json, path: str) -> Changes:
    """Members by their place: removed ones in the state, added ones in the program."""
    kept = set(map(field.identity, old)) & set(map(field.identity, new))
    removed = {i: item for i, item in enumerate(old) if field.identity(item) not in kept}
    order = given if isinstance(given, list) else new
    added = {i: item for i, item in enumerate(order) if field.identity(item) not in kept}
    if added and field.members:
        # The bridge cannot tell which object of a set became which.
        return {path: Change("update", field.replaces)}
    places = [(field.element(), index, f"{path}[{index}]") for index in sorted({*removed, *added})]
    return _diff_parts(places, removed, added, None)


def _replaces(field: Field, value: Json) -> bool:
    """Whether adding or removing this value as a whole replaces the resource."""
    if field.replaces or not isinstance(value, dict):
        return field.replaces
    members = field.parts.items()
    return any(name in value and _replaces(member, value[name]) for name, member in members)


def settled(fields: Fields, planned: Props, read: Props) -> Props:
    """The state after a read; what was not read stays as it was planned."""
    state = {name: value for name, value in planned.items() if value != UNKNOWN}
    for name, value in read.items():
        field = fields[name]
        shown = field.zero if value is None else value
        if field.kind is Kind.OBJECT and isinstance(value, dict):
            shown = settled(field.parts, {}, value | {k: value.get(k) for k in field.parts})
        state[name] = shown
    return {name: value for name, value in state.items() if value is not None}


def inputs_after_refresh(given: Props, state: Props) -> Props:
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


def inputs_after_import(fields: Fields, state: Props) -> Props:
    """The properties a program must give to have this state: no outputs, no defaults."""
    inputs: Props = {}
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


def top(path: str) -> str:
    """The property at the beginning of a path."""
    return path.partition("[")[0].partition(".")[0]


def _at(items: Json, key: Json) -> Json:
    """A member of an object or list, None where there is none."""
    if isinstance(items, list):
        return items[key] if key < len(items) else None
    return items.get(key) if isinstance(items, dict) else None


def _join(path: str, key: str) -> str:
    """A property path as the engine writes it."""
    if not re.fullmatch(r"\w+", key, re.ASCII):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
