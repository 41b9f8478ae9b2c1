"""Cleanup policies: which versions they delete, and the job that deletes them.

Google runs this job about once a day ("Cleanup policies overview"). Here, the command line runs it. If
Google's pages are silent, this module deletes more: a version is as old as its `createTime`, which a later
upload to it does not change. Python versions have no tags.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from sandbox.cloud.artifact_registry.audit_log import write_batch_deletion
from sandbox.cloud.artifact_registry.packages import remove_version
from sandbox.cloud.artifact_registry.repositories import repository_names
from sandbox.cloud.core.clock import format_time
from sandbox.cloud.core.errors import Json
from sandbox.cloud.core.store import Store


@dataclass(frozen=True)
class Cleanup:
    """The result for one repository with policies.

    Attributes:
        repository: its full name.
        versions: the full names of the versions that the policies delete.
        dry_run: whether the job only wrote them to the log.
    """

    repository: str
    versions: tuple[str, ...]
    dry_run: bool


def clean_up(store: Store, time: datetime) -> list[Cleanup]:
    """Apply the policies of all repositories at that time."""
    results: list[Cleanup] = []
    for name in sorted(repository_names(store)):
        repository = store.get(name) or {}
        policies = list(repository.get("cleanupPolicies", {}).values())
        if not policies:
            continue
        versions = [
            version
            for package in store.children(f"{name}/packages")
            for version in store.children(f"{package['name']}/versions")
        ]
        doomed = matched_versions(policies, versions, time)
        dry_run = repository.get("cleanupPolicyDryRun", False)
        if doomed:
            write_batch_deletion(store, name, doomed, validate_only=dry_run, time=format_time(time))
        for version in () if dry_run else versions:
            if version["name"] in doomed:
                remove_version(store, version)
        results.append(Cleanup(name, tuple(doomed), dry_run))
    return results


def matched_versions(policies: Iterable[Json], versions: list[Json], time: datetime) -> list[str]:
    """The names of the versions that a delete policy matches, and no keep policy."""
    names: dict[str, set[str]] = {"DELETE": set(), "KEEP": set()}
    for policy in policies:
        if "mostRecentVersions" in policy:
            matched = _most_recent(policy["mostRecentVersions"], versions)
        else:
            matched = {v["name"] for v in versions if _satisfies(policy.get("condition", {}), v, time)}
        names[policy["action"]] |= matched
    return sorted(names["DELETE"] - names["KEEP"])


def _satisfies(condition: Json, version: Json, time: datetime) -> bool:
    """Whether a version satisfies all parts of a condition (CleanupPolicyCondition)."""
    if condition.get("tagState") == "TAGGED" or condition.get("tagPrefixes"):
        return False
    package, version_id = _ids(version)
    age = time - datetime.fromisoformat(version["createTime"])
    return (
        _starts(package, condition.get("packageNamePrefixes"))
        and _starts(version_id, condition.get("versionNamePrefixes"))
        and ("olderThan" not in condition or age > _seconds(condition["olderThan"]))
        and ("newerThan" not in condition or age < _seconds(condition["newerThan"]))
    )


def _most_recent(rule: Json, versions: list[Json]) -> set[str]:
    """The most recent versions of each package (CleanupPolicyMostRecentVersions)."""
    packages: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for version in versions:
        package = _ids(version)[0]
        if _starts(package, rule.get("packageNamePrefixes")):
            packages[package].append((version["createTime"], version["name"]))
    count = rule.get("keepCount", 0)
    return {name for found in packages.values() for _, name in sorted(found, reverse=True)[:count]}


def _ids(version: Json) -> tuple[str, str]:
    """The ids of the package and of the version."""
    package, _, version_id = version["name"].partition("/packages/")[2].partition("/versions/")
    return unquote(package), unquote(version_id)


def _starts(text: str, prefixes: list[str] | None) -> bool:
    """Whether the text starts with one of the prefixes. Without prefixes, each text does."""
    return not prefixes or text.startswith(tuple(prefixes))


def _seconds(duration: str) -> timedelta:
    """A duration of the API, such as `2592000s`."""
    return timedelta(seconds=float(duration.removesuffix("s")))
