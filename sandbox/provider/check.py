"""Check: rejects wrong properties in Terraform's words, and fills in defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from sandbox.provider.schema import Field, Fields, Kind, join_path
from sandbox.provider.values import UNKNOWN, Json, Props

# Terraform's messages, as the bridge passes them on.
MISSING = 'Missing required argument. The argument "{}" is required, but no definition was found.'
NOT_TO_BE_GIVEN = (
    'Value for unconfigurable attribute. Can\'t configure a value for "{}": its value will be decided '
    "automatically based on the result of applying this configuration."
)


class Place(NamedTuple):
    """The path of a property, in the program's spelling and in the spelling of Terraform's messages."""

    shown: str
    named: str

    def member(self, name: str) -> Place:
        """A property of the object here: `labels`, `condition.0.title`."""
        snake = re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
        return Place(join_path(self.shown, name), f"{self.named}.{snake}".lstrip("."))

    def item(self, index: int, shown: str = "") -> Place:
        """A member of the list here. Terraform treats an object as a list with one member."""
        return Place(f"{self.shown}{shown}", f"{self.named}.{index}")


HERE = Place("", "")


def failures(fields: Fields, given: Props, at: Place = HERE) -> Iterator[tuple[str, str]]:
    """The problems of the properties that a program gives: path and message."""
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
        # The form in which Go prints a list. The real provider's check also accepts "".
        choices = " ".join(json.dumps(choice) for choice in (*field.choices, ""))
        yield at.shown, f"expected {at.named} to be one of [{choices}], got {value}"
    match field.kind:
        case Kind.OBJECT:
            yield from failures(field.parts, value, at.item(0))
        case Kind.LIST:
            for index, item in enumerate(value):
                yield from _item_failures(field, item, at.item(index, shown=f"[{index}]"))
        case Kind.SET:
            # A program does not know the index of a member of a set.
            for index, item in enumerate(value):
                yield from ((at.shown, it) for _, it in _item_failures(field, item, at.item(index)))
        case _:
            yield from _item_failures(field, value, at)


def _item_failures(field: Field, item: Json, at: Place) -> Iterator[tuple[str, str]]:
    if field.members and isinstance(item, dict):
        yield from failures(field.members, item, at)
    elif field.validate and item != UNKNOWN:
        yield from ((at.shown, reason) for reason in field.validate(item, at.named))


def with_defaults(fields: Fields, given: Props) -> Props:
    """The given properties, with the defaults of the missing ones."""
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
