"""Every rule of a registry's arguments, for any caller.

Owns which check belongs to which field, and the order: first each field, then the rules that need several
good ones. A caller brings plain values by attribute, which it read from a stack file or got as inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..args import PythonRegistryArgs
from .choices import check_access, check_boolean
from .cleanup import build_cleanup, check_cleanup
from .cross_field import NAMING, RULES, Rule, Spelling, collisions
from .github import build_github, check_github
from .ids import check_adopted, check_project, check_repository
from .labels import check_labels
from .locations import check_location
from .members import build_token_creators, check_members, check_named_members, check_token_creators
from .packages import check_packages
from .problem import Problem, not_text


@dataclass(frozen=True)
class Field:
    """The check of a field's plain value, and the conversion of a good one to its type."""

    check: Callable[[str, Any], list[Problem]]
    build: Callable[[Any], Any] = lambda value: value


def _text(check: Callable[[str, str], list[Problem]]) -> Field:
    """A field whose check reads text; a typed caller may bring something else."""

    def check_text(key: str, value: object) -> list[Problem]:
        if isinstance(value, str):
            return check(key, value)
        return [not_text(key, value, "the value must be text")]

    return Field(check_text)


FIELDS = {
    "project": _text(check_project),
    "location": _text(check_location),
    "repository": _text(check_repository),
    "pypi_proxy": Field(check_boolean),
    "private_packages": Field(check_packages, tuple),
    "readers": Field(check_members, tuple),
    "writers": Field(check_members, tuple),
    "admins": Field(check_members, tuple),
    "named_readers": Field(check_named_members, dict),
    "named_writers": Field(check_named_members, dict),
    "named_admins": Field(check_named_members, dict),
    "access": _text(check_access),
    "service_accounts": Field(check_boolean),
    "impersonators": Field(check_token_creators, build_token_creators),
    "named_reader_impersonators": Field(check_named_members, dict),
    "named_writer_impersonators": Field(check_named_members, dict),
    "github": Field(check_github, build_github),
    "cleanup": Field(check_cleanup, build_cleanup),
    "labels": Field(check_labels, dict),
    "protect": Field(check_boolean),
    "adopt": Field(check_adopted, tuple),
}


def check_registry(
    values: Mapping[str, object],
    key: Spelling,
    refused: Collection[str] = (),
    others: Mapping[str, PythonRegistryArgs] | None = None,
    way_out: str = "",
) -> list[Problem]:
    """Every problem of a registry's arguments.

    Args:
        values: plain values by attribute: text, booleans, lists and maps. Without those the user left out.
        key: spells an attribute as the user does.
        refused: attributes that the caller refused itself. They count as bad.
        others: the other registries of the caller, by the name that a message gives each of them.
        way_out: the advice about one of the others, `{}` for its name; empty if nothing.
    """
    problems = {name: FIELDS[name].check(key(name), value) for name, value in values.items()}
    bad = {*refused, *(name for name, found in problems.items() if found)}
    good = {name: value for name, value in values.items() if name not in bad}
    args = build_args({"project": "", "location": "", **good})
    rules = (*RULES, Rule(partial(collisions, others or {}, way_out), NAMING))
    return [
        *(problem for found in problems.values() for problem in found),
        *(problem for rule in rules if bad.isdisjoint(rule.needs) for problem in rule.check(args, key)),
    ]


def build_args(values: Mapping[str, object]) -> PythonRegistryArgs:
    """The typed arguments of values without problems."""
    return PythonRegistryArgs(**{name: FIELDS[name].build(value) for name, value in values.items()})
