"""The cleanup of old versions: ages, numbers of versions and prefixes of packages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, cast

from ..args import Cleanup, normalized_package
from .choices import check_boolean
from .lists import TextList
from .problem import Problem, property_name
from .suggestions import unknown_names

# The provider and "Configure cleanup policies" take a whole number and `s`, `m`, `h` or `d`, and the API
# takes seconds. Only days and hours are allowed here, because `3m` are three minutes and not three months.
AGE = re.compile(r"[1-9][0-9]{0,5}[dh]", re.ASCII)
_NUMBER = re.compile(r"0*([0-9]{1,9})\s*([a-z]*)", re.IGNORECASE | re.ASCII)
# Other units in days. gcloud reads the ISO 8601 duration P1W, and people write months and years.
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_SECONDS_PER_DAY = 86400
# CleanupPolicyMostRecentVersions.keepCount is an int32.
KEEP_LIMIT = 2**31 - 1
# The start of a normalized name (PEP 503). A prefix can end at any place, so also at a hyphen.
PREFIX = re.compile(r"[a-z0-9](?:-?[a-z0-9])*-?", re.ASCII)
PROPERTIES = [property_name(f.name) for f in fields(Cleanup)]


def check_cleanup(key: str, value: object) -> list[Problem]:
    """The problems of a map of `Cleanup`'s properties, without those that the user did not set."""
    if not isinstance(value, Mapping):
        rule = "the value must be a map of ages and numbers"
        return [Problem(key, value, rule, "write `deleteOlderThan: 90d` below it")]
    properties = cast("Mapping[str, object]", value)
    problems = unknown_names(key, properties, PROPERTIES, "cleanup has no such key")
    for name, check in CHECKS.items():
        if name in properties:
            problems += check(f"{key}.{name}", properties[name])
    if "deleteOlderThan" in properties:
        return problems
    for name in ("keepVersions", "packages"):
        if name in properties:
            # "A keep policy only exempts matching artifacts from deletion" ("Cleanup policies overview").
            rule = "this setting deletes nothing without deleteOlderThan"
            fix = "add `deleteOlderThan: 90d`, or remove this setting"
            problems.append(Problem(f"{key}.{name}", properties[name], rule, fix))
    if not problems and "cacheOlderThan" not in properties:
        fix = "add `deleteOlderThan: 90d`, or remove cleanup"
        problems.append(Problem(key, value, "cleanup needs deleteOlderThan or cacheOlderThan", fix))
    return problems


def build_cleanup(properties: Mapping[str, Any]) -> Cleanup:
    return Cleanup(
        delete_older_than=properties.get("deleteOlderThan", ""),
        keep_versions=properties.get("keepVersions"),
        packages=tuple(properties.get("packages", ())),
        cache_older_than=properties.get("cacheOlderThan", ""),
        dry_run=properties.get("dryRun", True),
    )


def check_age(key: str, value: object) -> list[Problem]:
    if isinstance(value, str) and AGE.fullmatch(value):
        return []
    rule = "an age is a whole number of days or hours, and at least one of them"
    return [Problem(key, value, rule, f"write {_nearest_age(value)}")]


def check_keep_versions(key: str, value: object) -> list[Problem]:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= KEEP_LIMIT:
        return []
    rule = f"the value must be a whole number from 1 to {KEEP_LIMIT}"
    fix = "remove it to keep none, or write 5" if value == 0 else "write a number without quotes, such as 5"
    return [Problem(key, value, rule, fix)]


def check_prefix(key: str, prefix: str) -> list[Problem]:
    if PREFIX.fullmatch(prefix):
        return []
    rule = (
        "Google compares the start of normalized names, which have only lower-case letters, digits and "
        "single hyphens"
    )
    normalized = normalized_package(prefix.rstrip("*"))
    fix = (
        f"write {normalized}"
        if PREFIX.fullmatch(normalized)
        else "write the start of a name, such as my-adder"
    )
    return [Problem(key, prefix, rule, fix)]


def check_prefixes(key: str, value: object) -> list[Problem]:
    if value == [] or value == ():
        rule = "an empty list would delete old versions of all packages"
        return [Problem(key, value, rule, "remove this setting if you want that")]
    return _check_prefixes(key, value)


def _nearest_age(value: object) -> str:
    """The age that the user can mean, or an example."""
    match = _NUMBER.fullmatch(str(value).strip()) if isinstance(value, (int, str)) else None
    if match is None or isinstance(value, bool) or not int(match[1]):
        return "90d"
    number, unit = int(match[1]), match[2].lower()[:1]
    days = number * _DAYS.get(unit or "d", 0)
    if unit == "s":
        days = number // _SECONDS_PER_DAY
    age = f"{number}h" if unit == "h" else f"{days}d"
    return age if AGE.fullmatch(age) else "90d"


_check_prefixes = TextList(
    noun="a prefix",
    plural="prefixes of package names",
    example="my-adder",
    check_entry=check_prefix,
    identity=str,
).check
CHECKS: dict[str, Callable[[str, object], list[Problem]]] = {
    "deleteOlderThan": check_age,
    "keepVersions": check_keep_versions,
    "packages": check_prefixes,
    "cacheOlderThan": check_age,
    "dryRun": check_boolean,
}
