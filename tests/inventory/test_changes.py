"""What becomes of the resources when one setting changes: which come, which go, which inputs differ.

`changes.yaml` has, by change of the stack file `minimal.yaml`, the inventory after against the one before.
Whatever a line of it says, the upload repository stays where it is. After a change that is meant,
`UPDATE_INVENTORIES=1 make test` writes the file anew; the difference belongs in the commit.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import yaml

from tests.inventory.test_inventories import HERE, OTHERS, inventory, settings
from tests.support.recorder import Run

EXPECTED = HERE / "changes.yaml"
BEFORE = settings(OTHERS["minimal"])
UPLOAD = "registry-upload"
TOUCHES = {"labels": {"labels"}, "protect off": {"protect"}}
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
    "the stack renamed": {},
}


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What is in one inventory and not in the other; a differing input is shown by itself."""
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
    found = {"gone": sorted(was.keys() - now.keys()), "new": sorted(now.keys() - was.keys())}
    return {key: value for key, value in {**found, "changed": changed}.items() if value}


def after(run_program: Run, change: str) -> dict[str, Any]:
    changed = {f"python-registry:{key}": value for key, value in CHANGES[change].items()}
    stack = "renamed" if change == "the stack renamed" else "dev"
    return inventory(run_program({**BEFORE, **changed}, stack=stack))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_one_setting_does_exactly_this(run_program: Run, change: str) -> None:
    found = difference(inventory(run_program(BEFORE)), after(run_program, change))
    every = yaml.safe_load(EXPECTED.read_text())
    if os.environ.get("UPDATE_INVENTORIES"):
        text = yaml.safe_dump({**every, change: found}, default_flow_style=None, width=200)
        EXPECTED.write_text(f"# See test_changes.py: [before, after]\n{text}")
        return
    assert found == every[change]


@pytest.mark.parametrize("change", CHANGES)
def test_the_upload_repository_is_touched_by_labels_and_protection_alone(
    run_program: Run, change: str
) -> None:
    found = difference(inventory(run_program(BEFORE)), after(run_program, change))
    assert UPLOAD not in found.get("gone", [])
    assert set(found.get("changed", {}).get(UPLOAD, {})) == TOUCHES.get(change, set())


def test_the_file_has_these_changes_and_no_others() -> None:
    assert set(yaml.safe_load(EXPECTED.read_text())) == set(CHANGES)
