"""An upgrade from the first program: today's program must not create, replace or delete a resource.

It updates one resource in place: the provider maps another claim to the subject of GitHub's tokens.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import PROGRAM_FILES, Program

pytestmark = pytest.mark.sandbox

# The program of commit 7a25ea6, the last one before the files moved into their folders. The archive has its
# `__main__.py`, `settings.py`, `components` and `Pulumi.yaml`, so that a shallow clone can run this test.
OLD_PROGRAM = Path(__file__).with_name("programs") / "7a25ea6.tar.gz"
SETTINGS: dict[str, Any] = {
    "readers": ["group:all@example.com"],
    "writers": ["user:ci@example.com"],
    "admins": ["user:boss@example.com"],
    "impersonators": {"writer": ["user:ci@example.com"]},
    "github": {"repositories": ["acme/my-adder"], "ownerId": 1234567, "ref": "refs/heads/main"},
    "privatePackages": ["my-adder"],
    "labels": {"team": "data"},
}


def old_program(program: Program, folder: Path) -> Program:
    """The old program, on the same stack and in the same project."""
    shutil.copytree(program.folder, folder, symlinks=True)
    for name in PROGRAM_FILES:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with tarfile.open(OLD_PROGRAM) as archive:
        archive.extractall(folder, filter="data")
    return replace(program, folder=folder)


def resources(program: Program) -> dict[str, list[Any]]:
    """By URN, the id and inputs of every resource, and the outputs of every component and the stack."""
    state = json.loads(program.pulumi("stack", "export").stdout)
    return {
        resource["urn"]: [
            resource.get(key) for key in (("id", "inputs") if resource["custom"] else ("outputs",))
        ]
        for resource in state["deployment"]["resources"]
    }


@pytest.mark.parametrize("access", ["authoritative", pytest.param("additive", marks=pytest.mark.slow)])
def test_an_upgrade_changes_only_the_mapped_subject(
    program: Program, tmp_path_factory: pytest.TempPathFactory, access: str
) -> None:
    program.configure(access=access, protect=True, **SETTINGS)
    old = old_program(program, tmp_path_factory.mktemp("old") / "program")
    old.up()
    before = resources(old)
    result = program.up()
    # The Pulumi provider itself is not counted.
    assert re.search(rf"Resources:\n    ~ 1 updated\n    {len(before) - 2} unchanged\n", result), result
    provider = next(urn for urn in before if urn.endswith("::registry-github"))
    _, inputs = before[provider]
    assert inputs["attributeMapping"]["google.subject"] == "assertion.sub"
    inputs["attributeMapping"]["google.subject"] = "assertion.repository_id"
    assert resources(program) == before
