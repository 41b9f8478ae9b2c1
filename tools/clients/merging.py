"""Settings merged into the files that people have already: pure text in, text out.

Owns what is kept: every line that says something else, comments and order included. The result is read
back and compared, so that a file which is too unusual is refused, never spoilt.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Mapping
from typing import Any

# What twine takes for listed where a .pypirc lists nothing (twine.utils.get_config).
LISTED_BY_DEFAULT = ("pypi", "testpypi")
INDEX_SERVERS = ("distutils", "index-servers")

INDEX_OPTIONS = ("index-url", "extra-index-url")
LOGIN_OPTIONS = ("username", "password")

_HEADER = re.compile(r"\[(?P<name>[^\]]+)\]")
_OPTION = re.compile(r"(?P<name>[^\s=:#;\[][^=:]*?)\s*[=:]")

Values = dict[tuple[str, str], str]


class CannotMerge(Exception):  # read as a sentence where it is raised
    """The file is none of its kind, or is kept in a way that a change would lose."""


def merge_ini(existing: str, wanted: str) -> str:
    """The existing text with the options of another: changed where they are, else added.

    Raises:
        CannotMerge: the existing text is no such file, or it would lose something.
    """
    goal = _values(wanted)
    before = _values(existing)
    if INDEX_SERVERS in goal:
        goal[INDEX_SERVERS] = _listed(before, goal[INDEX_SERVERS])
    lines = existing.splitlines()
    for (section, option), value in goal.items():
        if before.get((section, option)) != value:
            _set(lines, section, option, before.get((section, option)), value)
    text = "\n".join(lines) + "\n"
    if _values(text) != {**before, **goal}:
        raise CannotMerge("its settings are written in a way that a change would lose")
    return text if goal.items() - before.items() else existing


def in_the_way(text: str, wanted: str) -> list[str]:
    """Options of a merged text that beat or join what was wanted: other indexes of pip's, another login.

    A pip.conf's section for one command beats the one for all; an index beside the private one is what
    dependency confusion comes by; a stored login is sent instead of the keyring's.
    """
    goal = _values(wanted)
    sections = {section for section, _ in goal}
    indexes = INDEX_OPTIONS if any(option in INDEX_OPTIONS for _, option in goal) else ()
    return [
        f"[{section}] {option}"
        for section, option in _values(text)
        if (section, option) not in goal
        and (option in indexes or (option in LOGIN_OPTIONS and section in sections))
    ]


def has_all_of_toml(existing: str, wanted: str) -> bool:
    """Whether an existing uv.toml says all that another does, its indexes in that order.

    Raises:
        CannotMerge: the existing text is no TOML.
    """
    try:
        found, goal = tomllib.loads(existing), tomllib.loads(wanted)
    except tomllib.TOMLDecodeError as error:
        raise CannotMerge(f"it is no TOML: {error}") from error
    goal_indexes: list[Any] = goal.pop("index", [])
    remaining = iter(found.get("index", []))
    return all(index in remaining for index in goal_indexes) and goal.items() <= found.items()


def _values(text: str) -> Values:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise CannotMerge(str(error).replace("\n", " ")) from error
    return {
        (section, _option_key(option)): value
        for section in parser.sections()
        for option, value in parser.items(section)
    }


def _option_key(option: str) -> str:
    """pip knows `index_url` and `index-url` as one (pip._internal.configuration._normalize_name)."""
    return option.lower().replace("_", "-")


def _listed(before: Mapping[tuple[str, str], str], names: str) -> str:
    """The index servers that are listed already, and after them ours."""
    sections = {section for section, _ in before}
    default = "".join(f"\n{name}" for name in LISTED_BY_DEFAULT if name in sections)
    listed = before.get(INDEX_SERVERS, default)
    return listed + "".join(f"\n{name}" for name in names.split() if name not in listed.split())


def _set(lines: list[str], section: str, option: str, before: str | None, value: str) -> None:
    """Write one option into a file's lines."""
    first, *more = value.split("\n")
    written = [f"{option} = {first}".rstrip(), *(f"    {line}" for line in more)]
    start, end = _section(lines, section)
    if start is None:
        lines += [*([""] if lines and lines[-1].strip() else []), f"[{section}]", *written]
        return
    for index in range(start, end):
        match = _OPTION.match(lines[index])
        if match and _option_key(match["name"]) == option:
            # Its further lines are the indented ones.
            stop = index + 1
            while stop < end and lines[stop][:1].isspace() and lines[stop].strip():
                stop += 1
            if before is not None and value.startswith(f"{before}\n"):
                # A longer list: its comments stay.
                index, written = stop, written[before.count("\n") + 1 :]
            lines[index:stop] = written
            return
    # After its last option: a comment at the end speaks of what follows.
    while end > start and lines[end - 1].strip()[:1] in ("", "#", ";"):
        end -= 1
    lines[end:end] = written


def _section(lines: list[str], name: str) -> tuple[int | None, int]:
    """Where a section's options begin and end; None without such a section."""
    headers = [(i, m["name"]) for i, line in enumerate(lines) if (m := _HEADER.match(line))]
    for place, (index, header) in enumerate(headers):
        if header == name:
            return index + 1, headers[place + 1][0] if place + 1 < len(headers) else len(lines)
    return None, len(lines)
