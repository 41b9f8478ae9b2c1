"""The differences of a property, with the values before and after: nested values, too.

A nested value decides what people install (an upstream and its priority) or lose (a cleanup policy), and a
difference that a refresh found is in no pull request. So each changed value is in the summary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from tools.cleanup.rules import describe_duration
from tools.summary.events import SECRET, Props
from tools.summary.markdown import code

# The properties that name an entry of a list, such as an upstream policy.
ENTRY_NAMES = ("id", "name", "ruleId")
# The age of a cleanup policy.
DURATION = re.compile(r"[1-9][0-9]{3,10}s", re.ASCII)
# Longer values are cut.
MAX_VALUE_LENGTH = 200


def format_value(value: Any) -> str:
    """Return a value as inline code."""
    if value is None:
        return "none"
    if value in (SECRET, True, False):
        return code(str(value).lower())
    text = str(value)
    if DURATION.fullmatch(text) and (words := describe_duration(text)) != text:
        return f"{code(text)} ({words})"
    return code(text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…")


def format_change(key: str, old: Props, new: Props) -> str:
    """Return one property's name, with each of its values that changes."""
    before, after = old.get(key), new.get(key)
    if not (_is_nested(before) or _is_nested(after)):
        return f"{code(key)} {format_value(before)} → {format_value(after)}"
    parts = list(_differences("", before, after))
    return f"{code(key)} " + (", ".join(parts) or "in another order")


def without_empty(value: Any) -> Any:
    """Return the value without its empty parts: a refresh reads them as null or as an empty list."""
    if isinstance(value, Mapping):
        parts = {key: without_empty(part) for key, part in cast("Props", value).items()}
        return {key: part for key, part in parts.items() if part is not None} or None
    return None if value in ("", []) else value


def _is_nested(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(part, (Mapping, list)) for part in cast("list[Any]", value))
    return isinstance(value, Mapping)


def _differences(path: str, before: Any, after: Any) -> Iterator[str]:
    """Yield each difference between two values, with its path below the property."""
    before, after = without_empty(before), without_empty(after)
    if before == after:
        return
    left, right = _entries(before), _entries(after)
    if left is None or right is None or (not path and not left and not right):
        yield f"{code(path)} {format_value(before)} → {format_value(after)}"
        return
    is_list = isinstance(before if before is not None else after, list)
    for key in sorted({*left, *right}):
        inner = f"{path}[{key}]" if is_list else f"{path}.{key}" if path else key
        if is_list and (key not in left or key not in right):
            entry = right[key] if key in right else left[key]
            yield f"{code(inner)} {'added' if key in right else 'removed'}{_described(entry)}"
        else:
            yield from _differences(inner, left.get(key), right.get(key))


def _entries(value: Any) -> dict[str, Any] | None:
    """Return the parts of a nested value by key, name or position; None if the value is not nested."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return dict(sorted(cast("Props", value).items()))
    if not _is_nested(value):
        return None
    parts = cast("list[Any]", value)
    for name in ENTRY_NAMES:
        found = [part.get(name) if isinstance(part, Mapping) else None for part in parts]
        if None not in found and len({*map(str, found)}) == len(parts):
            return {str(key): part for key, part in sorted(zip(found, parts, strict=True), key=_first)}
    return {str(number): part for number, part in enumerate(parts)}


def _first(pair: tuple[Any, Any]) -> str:
    return str(pair[0])


def _described(entry: Any) -> str:
    """Return the values of an entry that is new or gone, without the name that its path has."""
    values = [
        f"{code(path)} {format_value(value)}"
        for path, value in _leaves("", entry)
        if path not in ENTRY_NAMES
    ]
    return f" ({', '.join(values)})" if values else ""


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    entries = _entries(without_empty(value))
    if not entries:
        yield path or "value", value
        return
    is_list = isinstance(value, list)
    for key, part in entries.items():
        yield from _leaves(f"{path}[{key}]" if is_list else f"{path}.{key}" if path else key, part)
