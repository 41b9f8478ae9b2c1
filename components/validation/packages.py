"""Names of private packages."""

from __future__ import annotations

import re

from ..args import deny_rule, normalized_package
from .lists import TextList
from .problem import Problem

# "Names" in PEP 508.
PACKAGE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)
# "Restrict artifact downloads": the id of a rule has at most 256 characters.
RULE_LENGTH = 256


def check_package(key: str, name: str) -> list[Problem]:
    rule_id = deny_rule(name)
    if not PACKAGE_NAME.fullmatch(name):
        rule = (
            "a package name has letters, digits, dots, hyphens and underscores, "
            "and starts and ends with a letter or a digit"
        )
        return [Problem(key, name, rule, "write only the name, such as my-adder")]
    if len(rule_id) > RULE_LENGTH:
        rule = f"the id of its deny rule has {len(rule_id)} characters, and Google allows {RULE_LENGTH}"
        return [Problem(key, name, rule, "shorten the name")]
    return []


check_packages = TextList(
    noun="a package name",
    plural="package names",
    example="my-adder",
    check_entry=check_package,
    identity=normalized_package,
).check
