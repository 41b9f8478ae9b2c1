"""Values from a closed list: booleans and access modes."""

from __future__ import annotations

from typing import get_args

from ..args import Access
from .problem import Problem
from .suggestions import suggest

# Spellings of booleans in other YAML files.
BOOLEANS = {"true": ("true", "yes", "on", "y", "1"), "false": ("false", "no", "off", "n", "0")}


def check_boolean(key: str, value: object) -> list[Problem]:
    if isinstance(value, bool):
        return []
    spelling = str(value).lower()
    right = next((boolean for boolean, others in BOOLEANS.items() if spelling in others), "true or false")
    return [Problem(key, value, "the value must be true or false", f"write {right}")]


def check_access(key: str, value: str) -> list[Problem]:
    modes = get_args(Access)
    if value in modes:
        return []
    fix = suggest(value, modes, f"write {modes[0]}, or remove this setting")
    return [Problem(key, value, f"the value must be {' or '.join(modes)}", fix)]
