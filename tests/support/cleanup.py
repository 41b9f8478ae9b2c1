"""Versions of a repository for the rules of cleanup policies, as the tools and the sandbox read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.cloud.artifact_registry.cleanup import matched_versions
from sandbox.cloud.artifact_registry.packages import escape
from sandbox.cloud.core.clock import format_time
from tools.cleanup.rules import Version, decide

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
REPOSITORY = "projects/demo-proj/locations/us/repositories/python"

# The package, the version, and its age.
Listed = tuple[str, str, timedelta]


def in_days(versions: list[list[Any]]) -> list[Listed]:
    return [(package, version, timedelta(days=days)) for package, version, days in versions]


def doomed_by_the_tools(policies: dict[str, Any], versions: list[Listed]) -> list[str]:
    """The versions that `tools cleanup-preview` lists for deletion."""
    found = [Version(package, version, NOW - age) for package, version, age in versions]
    decisions = decide(policies, found, NOW)
    assert {decision.version for decision in decisions} == set(found)
    assert all(decision.reason for decision in decisions)
    return sorted(f"{d.version.package} {d.version.id}" for d in decisions if d.deletes)


def doomed_by_the_sandbox(policies: dict[str, Any], versions: list[Listed]) -> list[str]:
    """The versions that `sandbox cleanup` deletes."""
    names = {
        f"{REPOSITORY}/packages/{package}/versions/{escape(version)}": (package, version, age)
        for package, version, age in versions
    }
    documents = [
        {"name": name, "createTime": format_time(NOW - age)} for name, (_, _, age) in names.items()
    ]
    doomed = matched_versions(policies.values(), documents, NOW)
    return sorted(f"{names[name][0]} {names[name][1]}" for name in doomed)
