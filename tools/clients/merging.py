"""Merges a stack's settings into the text of a user's file: text in, text out.

Keeps every other line, with comments and order. Reads the result back and compares it, so an unusual file
is refused and never damaged.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Mapping
from typing import Any

# The index servers of a .pypirc without a list (twine.utils.get_config).
LISTED_BY_DEFAULT = ("pypi", "testpypi")
INDEX_SERVERS = ("distutils", "index-servers")

INDEX_OPTIONS = ("index-url", "extra-index-url")
LOGIN_OPTIONS = ("username", "password")

_HEADER = re.compile(r"\[(?P<name>[^\]]+)\]")
_OPTION = re.compile(r"(?P<name>[^\s=:#;\[][^=:]*?)\s*[=:]")

Values = dict[tuple[str, str], str]


class CannotMergeError(Exception):
    """The text has the wrong format, or a change would lose a part of it."""


def merge_ini(existing: str, desired: str) -> str:
    """Return the existing text with the desired options: changed in place, or added.

    Raises:
        CannotMergeError: the existing text is not an INI file, or a change would lose a part of it.
    """
    goal = _values(desired)
    before = _values(existing)
    if INDEX_SERVERS in goal:
        goal[INDEX_SERVERS] = _listed(before, goal[INDEX_SERVERS])
    lines = existing.splitlines()
    for (section, option), value in goal.items():
        if before.get((section, option)) != value:
            _set(lines, section, option, before.get((section, option)), value)
    text = "\n".join(lines) + "\n"
    if _values(text) != {**before, **goal}:
        raise CannotMergeError("its format is unusual, and a change would lose settings")
    return text if goal.items() - before.items() else existing


def conflicting_options(text: str, desired: str) -> list[str]:
    """Return the options of a merged text that override or extend the desired ones.

    In pip.conf, the section of one command overrides `[global]`, and a second index allows dependency
    confusion. In .pypirc, twine sends a stored login instead of the keyring's.
    """
    goal = _values(desired)
    sections = {section for section, _ in goal}
    indexes = INDEX_OPTIONS if any(option in INDEX_OPTIONS for _, option in goal) else ()
    return [
        f"[{section}] {option}"
        for section, option in _values(text)
        if (section, option) not in goal
        and (option in indexes or (option in LOGIN_OPTIONS and section in sections))
    ]


def contains_toml(existing: str, desired: str) -> bool:
    """Whether an existing uv.toml has every setting of the desired one, with its indexes in that order.

    Raises:
        CannotMergeError: the existing text is not TOML.
    """
    try:
        found, goal = tomllib.loads(existing), tomllib.loads(desired)
    except tomllib.TOMLDecodeError as error:
        raise CannotMergeError(f"it is not TOML: {error}") from error
    goal_indexes: list[Any] = goal.pop("index", [])
    remaining = iter(found.get("index", []))
    return all(index in remaining for index in goal_indexes) and goal.items() <= found.items()


def _values(text: str) -> Values:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise CannotMergeError(str(error).replace("\n", " ")) from error
    return {
        (section, _option_key(option)): value
        for section in parser.sections()
        for option, value in parser.items(section)
    }


def _option_key(option: str) -> str:
    """pip reads `index_url` and `index-url` as the same option (pip._internal.configuration)."""
    return option.lower().replace("_", "-")


def _listed(before: Mapping[tuple[str, str], str], names: str) -> str:
    """Return the index servers that the file lists already, followed by the stack's."""
    sections = {section for section, _ in before}
    default = "".join(f"\n{name}" for name in LISTED_BY_DEFAULT if name in sections)
    listed = before.get(INDEX_SERVERS, default)
    return listed + "".join(f"\n{name}" for name in names.split() if name not in listed.split())


def _set(lines: list[str], section: str, option: str, before: str | None, value: str) -> None:
    """Change or add one option in a file's lines."""
    first, *more = value.split("\n")
    new_lines = [f"{option} = {first}".rstrip(), *(f"    {line}" for line in more)]
    start, end = _section(lines, section)
    if start is None:
        lines += [*([""] if lines and lines[-1].strip() else []), f"[{section}]", *new_lines]
        return
    for index in range(start, end):
        match = _OPTION.match(lines[index])
        if match and _option_key(match["name"]) == option:
            # Indented lines continue the value.
            stop = index + 1
            while stop < end and lines[stop][:1].isspace() and lines[stop].strip():
                stop += 1
            if before is not None and value.startswith(f"{before}\n"):
                # The value only gets longer. The lines before, with their comments, are kept.
                index, new_lines = stop, new_lines[before.count("\n") + 1 :]
            lines[index:stop] = new_lines
            return
    # Add it after the last option. A comment at the end of a section is about the next section.
    while end > start and lines[end - 1].strip()[:1] in ("", "#", ";"):
        end -= 1
    lines[end:end] = new_lines


def _section(lines: list[str], name: str) -> tuple[int | None, int]:
    """Return where a section's options begin and end, or None if there is no such section."""
    headers = [(i, m["name"]) for i, line in enumerate(lines) if (m := _HEADER.match(line))]
    for place, (index, header) in enumerate(headers):
        if header == name:
            return index + 1, headers[place + 1][0] if place + 1 < len(headers) else len(lines)
    return None, len(lines)
