"""The warnings about cleanup policies: each change that deletes more, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tools.summary.steps import REPOSITORY, step, summarize_steps

AGE: dict[str, Any] = {"olderThan": "7776000s"}
OLD: dict[str, Any] = {"id": "delete-old", "action": "DELETE", "condition": AGE}
YOUNG = {**OLD, "condition": {"olderThan": "129600s", "packageNamePrefixes": ["a-", "b"]}}
KEEP = {"id": "keep-recent", "action": "KEEP", "mostRecentVersions": {"keepCount": 5}}
FEWER = {**KEEP, "mostRecentVersions": {"keepCount": 1}}
COMMAND = "run `python -m tools cleanup-preview --stack dev`: it lists the versions."
LOST = f"Deleted versions cannot be restored. Before you merge, {COMMAND}"
ALL = "Google deletes from `python`: versions older than 90 days of all packages"
SOME = "Google deletes from `python`: versions older than 36 hours of packages that start with `a-`, `b`"


def repository(*policies: dict[str, Any], dry_run: bool = False, **more: Any) -> dict[str, Any]:
    inputs = {"repositoryId": "python", "mode": "STANDARD_REPOSITORY", **more}
    return {**inputs, "cleanupPolicies": list(policies), "cleanupPolicyDryRun": dry_run}


def warnings(op: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> list[str]:
    lines = summarize_steps(step(op, REPOSITORY, old, new)).splitlines()
    return [line.removeprefix("> ") for line in lines if "**Cleanup**" in line]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            repository(OLD, KEEP, dry_run=True),
            repository(OLD, KEEP),
            f"the dry run ends. {ALL}, except the 5 most recent of each package. {LOST}",
        ),
        (
            repository(),
            repository(OLD),
            f"the first policy that deletes has no dry run. {ALL}. {LOST}",
        ),
        (
            repository(OLD, KEEP),
            repository(OLD),
            f"the policy `keep-recent`, which keeps versions, is removed. {ALL}. {LOST}",
        ),
        (
            repository(OLD, KEEP),
            repository(OLD, FEWER),
            f"the policy `keep-recent`, which keeps versions, changes. {ALL}, except the 1 most recent of",
        ),
        (
            repository(OLD),
            repository(YOUNG),
            f"the policy `delete-old` changes without a dry run. {SOME}. {LOST}",
        ),
        (
            repository(OLD, KEEP, dry_run=True),
            repository(YOUNG),
            "the dry run ends, and the policy `keep-recent`, which keeps versions, is removed. ",
        ),
        (
            repository(mode="REMOTE_REPOSITORY"),
            repository(OLD, mode="REMOTE_REPOSITORY"),
            f"{ALL}. It is a cache and fills again. Versions that are no longer upstream are lost. Before",
        ),
    ],
)
def test_a_change_that_deletes_more_is_a_warning(
    old: dict[str, Any], new: dict[str, Any], expected: str
) -> None:
    (warning,) = warnings("update", old, new)
    assert expected in warning


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (repository(), repository(OLD, dry_run=True)),
        (repository(OLD), repository(OLD, dry_run=True)),
        (repository(OLD, KEEP, dry_run=True), repository(YOUNG, dry_run=True)),
        (repository(OLD), repository(OLD, KEEP)),
        (repository(OLD, KEEP), repository()),
        (repository(OLD, KEEP), repository(KEEP)),
        (repository(), repository(KEEP)),
        (repository(OLD), repository(OLD, description="new")),
        # A state has the provider's defaults, too.
        (
            repository({**OLD, "condition": {**AGE, "tagState": "ANY", "tagPrefixes": []}}),
            repository({**OLD, "mostRecentVersions": None}, description="new"),
        ),
        (
            repository(OLD, {**KEEP, "mostRecentVersions": {"keepCount": 5, "packageNamePrefixes": []}}),
            repository(OLD, KEEP, description="new"),
        ),
    ],
)
def test_no_other_change_is_a_warning(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert warnings("update", old, new) == []


def test_a_new_repository_has_no_versions_to_preview() -> None:
    (warning,) = warnings("create", None, repository(OLD))
    assert "cleanup-preview" not in warning
    assert warnings("delete", repository(OLD), None) == []


def test_the_changes_show_ages_in_days() -> None:
    text = summarize_steps(step("update", REPOSITORY, repository(OLD), repository(YOUNG)))
    assert "`[delete-old].condition.olderThan` `7776000s` (90 days) → `129600s` (36 hours)" in text
