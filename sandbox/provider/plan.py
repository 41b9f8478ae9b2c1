"""Plan: the state that a resource will have, and the state and inputs after a read."""

from __future__ import annotations

from sandbox.provider.schema import Fields, Kind, is_empty
from sandbox.provider.values import UNKNOWN, Json, Props, is_known


def plan(fields: Fields, prior: Props | None, given: Props) -> Props:
    """The planned state of a resource. ``prior`` is None for a new resource."""
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
        if old is not None and value is not None and field.is_same and is_known([old, value]):
            value = old if field.is_same(old, value) else value
        if value is not None:
            planned[name] = value
    return planned


def state_after_read(fields: Fields, planned: Props, read: Props) -> Props:
    """The state after a read. Properties that were not read keep their planned value."""
    state = {name: value for name, value in planned.items() if value != UNKNOWN}
    for name, value in read.items():
        field = fields[name]
        shown = field.zero if value is None else value
        if field.kind is Kind.OBJECT and isinstance(value, dict):
            shown = state_after_read(field.parts, {}, value | {k: value.get(k) for k in field.parts})
        state[name] = shown
    return {name: value for name, value in state.items() if value is not None}


def inputs_after_refresh(given: Props, state: Props) -> Props:
    """The program's properties with the cloud's values, without additional properties."""
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
    """The properties that a program must give for this state, without outputs and defaults."""
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
