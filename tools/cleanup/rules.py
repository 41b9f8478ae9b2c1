"""The versions that cleanup policies would delete, and why each other version stays.

Owns the rules of Google's policies, without requests. "Configure cleanup policies" and the type
CleanupPolicy of the API have them. The sandbox has its own copy of the rules, and a test compares both.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from tools.errors import ToolError

# The parts of a condition that these rules know. No API shows when a version was last downloaded.
KNOWN = {
    "tagState",
    "tagPrefixes",
    "olderThan",
    "newerThan",
    "packageNamePrefixes",
    "versionNamePrefixes",
}

WHOLE_SECONDS = re.compile(r"[0-9]{1,12}s", re.ASCII)

Policies = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Version:
    """A version of a package, as the API lists it.

    Attributes:
        package: the package's id.
        id: the version's id.
        created: the time of its first upload. Its age starts here.
    """

    package: str
    id: str
    created: datetime


@dataclass(frozen=True)
class Decision:
    """The result of the policies for a version.

    Attributes:
        version: the version.
        deletes: whether they delete it.
        reason: the policies that decide, or why none does.
    """

    version: Version
    deletes: bool
    reason: str


def decide(policies: Policies, versions: Sequence[Version], now: datetime) -> list[Decision]:
    """Decide on each version of a repository, by package and from new to old.

    Args:
        policies: the repository's policies by id, as the API has them.
        versions: all versions of the repository.
        now: the time of the decision.

    Raises:
        ToolError: a policy has a condition that these rules do not know.
    """
    _check_known(policies)
    kept = {
        id_: _most_recent(policy["mostRecentVersions"], versions)
        for id_, policy in policies.items()
        if "mostRecentVersions" in policy
    }

    def matches(id_: str, version: Version) -> bool:
        if id_ in kept:
            return version in kept[id_]
        return not _misses(policies[id_].get("condition", {}), version, now)

    def decision(version: Version) -> Decision:
        matching = [id_ for id_ in sorted(policies) if matches(id_, version)]
        deleting = [id_ for id_ in matching if policies[id_]["action"] == "DELETE"]
        keeping = [id_ for id_ in matching if policies[id_]["action"] == "KEEP"]
        if not deleting:
            return Decision(version, deletes=False, reason=_unmatched(policies, version, now))
        # "When an artifact matches the criteria for both a delete policy and a keep policy, the artifact is
        # kept" ("Cleanup policies overview").
        if keeping:
            return Decision(version, deletes=False, reason=_kept_by(policies[keeping[0]], keeping[0]))
        return Decision(version, deletes=True, reason=", ".join(deleting))

    by_age = sorted(versions, key=_recency, reverse=True)
    return [decision(version) for version in sorted(by_age, key=lambda version: version.package)]


def describe_duration(duration: str) -> str:
    """A duration of the API in words: `7776000s` is `90 days`. Other texts are returned unchanged."""
    if not WHOLE_SECONDS.fullmatch(duration):
        return duration
    hours, rest = divmod(_duration(duration).total_seconds(), 3600)
    if rest:
        return duration
    number, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
    return f"{number:.0f} {unit}{'' if number == 1 else 's'}"


def without_defaults(value: Any) -> Any:
    """A policy without empty parts and the provider's default. A state has more of them than a program."""
    if not isinstance(value, Mapping):
        return value
    items = cast("Mapping[str, Any]", value).items()
    parts = {key: without_defaults(part) for key, part in items if not str(key).startswith("__")}
    return {key: part for key, part in parts.items() if part not in (None, "", [], {}, 0, "ANY")}


def _check_known(policies: Policies) -> None:
    for id_, policy in policies.items():
        for name in policy.get("condition", {}).keys() - KNOWN:
            raise ToolError(
                f"The cleanup policy {id_} has the condition {name}, which this command cannot check. Keep "
                "the dry run on, and read Google's own log: docs/cleanup.md shows how."
            )


def _misses(condition: Mapping[str, Any], version: Version, now: datetime) -> str:
    """Why a version does not satisfy all parts of a condition; empty if it does."""
    age = now - version.created
    if not _starts(version.package, condition.get("packageNamePrefixes")):
        return "other packages"
    if not _starts(version.id, condition.get("versionNamePrefixes")):
        return "other versions"
    if condition.get("tagState") == "TAGGED" or condition.get("tagPrefixes"):
        return "tags, which Python packages do not have"
    if "olderThan" in condition and age <= _duration(condition["olderThan"]):
        return f"versions older than {describe_duration(condition['olderThan'])}"
    if "newerThan" in condition and age >= _duration(condition["newerThan"]):
        return f"versions newer than {describe_duration(condition['newerThan'])}"
    return ""


def _unmatched(policies: Policies, version: Version, now: datetime) -> str:
    """Why no delete policy matches a version."""
    deleting = {id_: policy for id_, policy in sorted(policies.items()) if policy["action"] == "DELETE"}
    reasons = [
        f"{id_} is for {_misses(policy.get('condition', {}), version, now)}"
        for id_, policy in deleting.items()
    ]
    return "; ".join(reasons) or "no policy deletes"


def _kept_by(policy: Mapping[str, Any], id_: str) -> str:
    if "mostRecentVersions" not in policy:
        return f"{id_} keeps it"
    count = policy["mostRecentVersions"].get("keepCount", 0)
    versions = "the most recent version" if count == 1 else f"the {count} most recent versions"
    return f"{id_} keeps {versions} of each package"


def _most_recent(rule: Mapping[str, Any], versions: Iterable[Version]) -> set[Version]:
    """The most recent versions of each package (CleanupPolicyMostRecentVersions)."""
    packages: dict[str, list[Version]] = defaultdict(list)
    for version in sorted(versions, key=_recency, reverse=True):
        if _starts(version.package, rule.get("packageNamePrefixes")):
            packages[version.package].append(version)
    count = rule.get("keepCount", 0)
    return {version for recent in packages.values() for version in recent[:count]}


def _recency(version: Version) -> tuple[datetime, str]:
    # Two versions of one upload can have the same time.
    return version.created, version.id


def _starts(text: str, prefixes: Sequence[str] | None) -> bool:
    """Whether the text starts with one of the prefixes ("Applied on any prefix match")."""
    return not prefixes or any(text.startswith(prefix) for prefix in prefixes)


def _duration(text: str) -> timedelta:
    return timedelta(seconds=float(text.rstrip("s")))
