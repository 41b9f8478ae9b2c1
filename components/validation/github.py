"""The GitHub workflows that publish without a key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from ..args import GitHub
from .lists import TextList
from .problem import NOT_SET, Problem, property_name
from .suggestions import unknown_names

# Limits of GitHub's own forms. An owner has at most 39 letters and digits with single hyphens between, and
# a managed user's enterprise follows an underscore. A repository has at most 100 characters, and GitHub
# removes `.git` at its end.
_OWNER = r"(?=[^/]{1,39}/)[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*(?:_[a-zA-Z0-9]+)?"
REPOSITORY = re.compile(rf"{_OWNER}/(?!\.{{1,2}}$)(?!.*\.git$)[\w.-]{{1,100}}", re.ASCII)
OWNER_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
# git-check-ref-format(1), for branches and tags only.
REF = re.compile(
    r"refs/(?:heads|tags)/(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))"
    r"[^\s~^:?*\[\\/.\x00-\x1f\x7f][^\s~^:?*\[\\\x00-\x1f\x7f]*(?<![/.])"
)
VERSION = re.compile(r"v[0-9]+|v?[0-9]+(?:\.[0-9]+)+[\w.+-]*", re.ASCII)
# The attribute condition of "WorkloadIdentityPoolProvider" in the IAM reference.
CONDITION_LENGTH = 4096
PROPERTIES = [property_name(f.name) for f in fields(GitHub)]


def check_github(key: str, value: object) -> list[Problem]:
    """The problems of a map of `GitHub`'s properties, without those that the user did not set."""
    if not isinstance(value, Mapping):
        rule = "the value must name the workflows that publish"
        return [Problem(key, value, rule, "write `repositories:`, `ownerId:` and `ref:` below it")]
    properties = cast("Mapping[str, object]", value)
    repositories = properties.get("repositories")
    problems = [
        *unknown_names(key, properties, PROPERTIES, "github has no such key"),
        *check_repositories(f"{key}.repositories", repositories),
        *check_owner_id(f"{key}.ownerId", properties.get("ownerId"), _first_owner(repositories)),
    ]
    places = [name for name in PLACES if name in properties]
    for name in places:
        problems += PLACES[name](f"{key}.{name}", properties[name])
    if not places:
        fix = "write `ref: refs/heads/main` or `environment: release`"
        problems.append(Problem(key, value, "github needs ref or environment", fix))
    elif len(places) > 1:
        rule = "github needs either ref or environment, not both"
        problems.append(Problem(key, value, rule, "remove one of them"))
    return problems or check_limits(key, build_github(properties))


def build_github(properties: Mapping[str, Any]) -> GitHub:
    return GitHub(
        repositories=tuple(properties["repositories"]),
        owner_id=str(properties["ownerId"]),
        ref=properties.get("ref", ""),
        environment=properties.get("environment", ""),
    )


def check_repositories(key: str, value: object) -> list[Problem]:
    if not value:
        shown = NOT_SET if value is None else value
        return [
            Problem(key, shown, "github needs at least one repository", "write one `- org/name` per line")
        ]
    problems = _check_list(key, value)
    valid = _valid_repositories(value)
    # A repository twice is already a problem.
    seen: set[str] = set()
    for index, repository in valid.items():
        first = next(iter(valid.values()))
        if _owner(repository) != _owner(first):
            rule = f"{first} has another owner, and ownerId names only one"
            problems.append(Problem(f"{key}[{index}]", repository, rule, "remove it"))
        elif repository.partition("/")[0] != first.partition("/")[0] and repository.lower() not in seen:
            # The attribute condition compares the case too, so one of the spellings never publishes.
            owner = first.partition("/")[0]
            rule = f"{first} spells the same owner in another way, and only GitHub's spelling can publish"
            fix = f"run `gh api users/{owner} --jq .login`, and write that owner everywhere"
            problems.append(Problem(f"{key}[{index}]", repository, rule, fix))
        seen.add(repository.lower())
    return problems


def check_repository(key: str, value: str) -> list[Problem]:
    if REPOSITORY.fullmatch(value):
        return []
    rule = "a GitHub repository needs its full name without a host"
    return [Problem(key, value, rule, "write org/name, spelled as on GitHub")]


def check_owner_id(key: str, value: object, owner: str) -> list[Problem]:
    """The problems of an owner's number; `owner` is the name in the command that shows it."""
    if isinstance(value, (int, str)) and OWNER_ID.fullmatch(str(value)):
        return []
    rule = "github needs the owner's number, because somebody else can register a released name"
    return [Problem(key, NOT_SET if value is None else value, rule, f"run `gh api users/{owner} --jq .id`")]


def check_ref(key: str, value: object) -> list[Problem]:
    text = value if isinstance(value, str) else ""
    if REF.fullmatch(text):
        return []
    rule, fix = "the value must be the full ref of one branch or tag", _full_ref(text)
    if text.startswith("refs/pull/"):
        rule = "this ref is a pull request, which anybody can open"
    elif "*" in text:
        rule = "this ref is a pattern, and the value must be one ref"
        fix = "use environment, because its protection rules on GitHub can name the branches and tags"
    return [Problem(key, value, rule, fix)]


def check_environment(key: str, value: object) -> list[Problem]:
    if isinstance(value, str) and value.isprintable() and value == value.strip() and value:
        return []
    rule = "the value must be the name of a deployment environment"
    return [Problem(key, value, rule, "write it as the workflow does")]


def check_limits(key: str, github: GitHub) -> list[Problem]:
    """The problems of the attribute condition, which contains all values."""
    length = len(github.condition)
    if length <= CONDITION_LENGTH:
        return []
    rule = f"the attribute condition has {length} characters, and Google allows {CONDITION_LENGTH}"
    shown = f"{len(github.repositories)} repositories"
    return [Problem(f"{key}.repositories", shown, rule, "remove some")]


def _full_ref(text: str) -> str:
    """The fix of a ref that is not written in full: a name without a prefix is a branch or a version."""
    if VERSION.fullmatch(text) and REF.fullmatch(f"refs/tags/{text}"):
        return f"write refs/tags/{text}, or refs/heads/{text} if it is a branch"
    prefix = re.match(r"(?:refs/)?(heads|tags)/", text, re.IGNORECASE)
    kind, name = (prefix[1].lower(), text[prefix.end() :]) if prefix else ("heads", text)
    ref = f"refs/{kind}/{name}"
    if REF.fullmatch(ref) and not name.startswith("refs/"):
        return f"write {ref}"
    return "write refs/heads/main or refs/tags/v1.0"


def _valid_repositories(value: object) -> dict[int, str]:
    entries = cast("list[object]", value) if isinstance(value, (list, tuple)) else []
    texts = {index: entry for index, entry in enumerate(entries) if isinstance(entry, str)}
    return {index: text for index, text in texts.items() if REPOSITORY.fullmatch(text)}


def _first_owner(value: object) -> str:
    return next((name.partition("/")[0] for name in _valid_repositories(value).values()), "ORG")


def _owner(repository: str) -> str:
    return repository.partition("/")[0].lower()


_check_list = TextList(
    noun="a GitHub repository",
    plural="GitHub repositories",
    example="org/name",
    check_entry=check_repository,
    identity=str.lower,
).check
# The properties that say where a workflow runs.
PLACES = {"ref": check_ref, "environment": check_environment}
