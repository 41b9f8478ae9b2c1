"""Ids that a user chooses: the project's and the repository's.

The limits of the ids derived from the repository's are here; `cross_field.py` applies them.
"""

from __future__ import annotations

import re

from .lists import TextList
from .problem import Problem

# "Project.projectId" in the Resource Manager reference.
PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
# An old form of ids, which has a company's domain before the id.
DOMAIN_PROJECT = re.compile(rf"[a-z0-9-]+(?:\.[a-z0-9-]+)+:{PROJECT_ID.pattern}")
# "Repository.name" in the Artifact Registry reference: 1 to 63 characters.
REPOSITORY_ID = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
REPOSITORY_LENGTH = 63
# "Create service accounts": 6 to 30 characters. The suffixes already reach the lower limit.
ACCOUNT_LENGTH = 30

_CHARACTERS = "lower-case letters, digits and hyphens, starts with a letter and does not end with a hyphen"


def check_project(key: str, value: str) -> list[Problem]:
    if PROJECT_ID.fullmatch(value):
        return []
    if DOMAIN_PROJECT.fullmatch(value):
        rule = "this project belongs to a domain, and the program does not support such projects"
        return [Problem(key, value, rule, "use a project whose id has no colon")]
    number = "use the project's id, not its number"
    fix = number if value.isdigit() else "run `gcloud projects list` to find it"
    return [Problem(key, value, f"a project id has 6 to 30 {_CHARACTERS}", fix)]


def check_repository(key: str, value: str) -> list[Problem]:
    if REPOSITORY_ID.fullmatch(value):
        return []
    return [Problem(key, value, f"a repository id has {_CHARACTERS}", "choose another id, such as python")]


def check_adopted_id(key: str, value: str) -> list[Problem]:
    if "/" in value:
        rule = "the list has ids, and the project and the location are settings of their own"
        return [Problem(key, value, rule, f"write {value.rpartition('/')[2]}")]
    return check_repository(key, value)


check_adopted = TextList(
    noun="a repository id",
    plural="repository ids",
    example="python",
    check_entry=check_adopted_id,
    identity=str,
).check
