"""The oldest Pulumi CLI for this program: every `Pulumi.yaml` requires it, and older ones refuse."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

from sandbox.toolchain.versions import CLI_VERSION
from tests.support.docs import CHECKOUT, read_section
from tests.support.sandbox import Sandbox, copy_project
from tools.summary.previews import OLDEST_CLI


def project_files() -> list[str]:
    """Every Pulumi.yaml that is or will be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*Pulumi.yaml"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    return listed.splitlines()


@pytest.mark.parametrize("path", project_files())
def test_every_project_requires_the_same_oldest_cli(path: str) -> None:
    project = yaml.safe_load((CHECKOUT / path).read_text())
    assert project["requiredPulumiVersion"] == f">={OLDEST_CLI}"


def test_the_projects_are_found() -> None:
    assert {"Pulumi.yaml", "examples/consumer/Pulumi.yaml"} <= {*project_files()}


def test_the_documentation_names_the_oldest_cli_and_the_sandbox_has_a_newer_one() -> None:
    required = re.search(
        r"\[Pulumi\]\([^)]*\) ([0-9.]+) or newer", read_section("deploy", "## Before you start")
    )
    assert required
    assert Version(required[1]) == Version(OLDEST_CLI)
    assert Version(CLI_VERSION) >= Version(OLDEST_CLI)


@pytest.mark.sandbox
def test_the_cli_refuses_a_project_that_requires_a_newer_one(sandbox: Sandbox, tmp_path: Path) -> None:
    copy_project(tmp_path)
    file = tmp_path / "Pulumi.yaml"
    file.write_text(file.read_text().replace(OLDEST_CLI, "4.0.0"))
    sandbox.run("pulumi", "stack", "init", "dev", cwd=tmp_path)
    done = sandbox.run(
        "pulumi", "--non-interactive", "preview", "--json", "--stack", "dev", cwd=tmp_path, check=False
    )
    assert done.returncode != 0
    assert 'does not satisfy the version range ">=4.0.0"' in done.stdout + done.stderr
