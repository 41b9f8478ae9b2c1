"""The effect of changing one setting: new resources, deleted resources, changed inputs.

`changes.yaml` contains the difference for each change of the stack file `minimal.yaml`. No change creates,
deletes or replaces the upload repository. If a difference is intended, run
`UPDATE_INVENTORIES=1 make test` and commit the changed file.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import yaml

from tests.inventory.test_inventories import HERE, OTHERS, inventory, record, settings
from tests.support.recorder import Run

EXPECTED = HERE / "changes.yaml"
BEFORE = settings(OTHERS["minimal"])
UPLOAD = "registry-upload"
CLEANUP = {"deleteOlderThan": "90d", "keepVersions": 5, "cacheOlderThan": "30d"}
UPLOAD_CHANGES = {
    "labels": {"labels"},
    "protect off": {"protect"},
    "cleanup": {"cleanupPolicies", "cleanupPolicyDryRun"},
    "adopt": {"import"},
}
GITHUB = {"repositories": ["acme/my-adder"], "ownerId": 1, "ref": "refs/heads/main"}
CHANGES: dict[str, dict[str, Any]] = {
    "pypiProxy off": {"pypiProxy": False},
    "serviceAccounts off": {"serviceAccounts": False},
    "github added": {"github": GITHUB},
    "access additive": {"access": "additive"},
    "a reader added": {"readers": ["user:ann@example.com"]},
    "privatePackages": {"privatePackages": ["my-adder"]},
    "labels": {"labels": {"team": "data"}},
    "protect off": {"protect": False},
    "cleanup": {"cleanup": CLEANUP},
    "cleanup of the cache": {"cleanup": {"cacheOlderThan": "30d"}},
    "adopt": {"adopt": ["python", "python-index"]},
    "the stack renamed": {},
}


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The resources of only one inventory, and each input that differs as `[before, after]`."""
    was, now = (
        {name: {**r, **r.get("inputs", {}), "inputs": None} for name, r in side["resources"].items()}
        for side in (before, after)
    )
    changed = {
        name: {
            key: [was[name].get(key), now[name].get(key)]
            for key in sorted({*was[name], *now[name]})
            if was[name].get(key) != now[name].get(key)
        }
        for name in sorted(was.keys() & now.keys())
        if was[name] != now[name]
    }
    only = {"gone": sorted(was.keys() - now.keys()), "new": sorted(now.keys() - was.keys())}
    return {key: value for key, value in {**only, "changed": changed}.items() if value}


def after(run_program: Run, change: str) -> dict[str, Any]:
    changed = {f"python-registry:{key}": value for key, value in CHANGES[change].items()}
    stack = "renamed" if change == "the stack renamed" else "dev"
    return inventory(record(run_program, {**BEFORE, **changed}, stack=stack))


@pytest.mark.parametrize("change", CHANGES)
def test_changing_one_setting_has_the_committed_effect(run_program: Run, change: str) -> None:
    effect = difference(inventory(run_program(BEFORE)), after(run_program, change))
    effects = yaml.safe_load(EXPECTED.read_text())
    if os.environ.get("UPDATE_INVENTORIES"):
        text = yaml.safe_dump({**effects, change: effect}, default_flow_style=None, width=200)
        EXPECTED.write_text(f"# See test_changes.py: [before, after]\n{text}")
        return
    assert effect == effects[change]


@pytest.mark.parametrize("change", CHANGES)
def test_only_labels_protection_cleanup_and_adoption_change_the_upload_repository(
    run_program: Run, change: str
) -> None:
    effect = difference(inventory(run_program(BEFORE)), after(run_program, change))
    assert UPLOAD not in effect.get("gone", [])
    assert set(effect.get("changed", {}).get(UPLOAD, {})) == UPLOAD_CHANGES.get(change, set())


def test_the_file_contains_every_change_and_no_other() -> None:
    assert set(yaml.safe_load(EXPECTED.read_text())) == set(CHANGES)
