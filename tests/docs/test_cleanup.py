"""The commands and examples of docs/cleanup.md, on the sandbox."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from components import Cleanup
from settings import parse_settings
from tests.support.distributions import wheel
from tests.support.docs import read_commands, read_section, read_table
from tests.support.sandbox import Program
from tools.__main__ import FAILED, HAS_CHANGES, NO_CHANGES

POLICY = {"deleteOlderThan": "90d", "keepVersions": 2}


def test_the_program_accepts_the_setting() -> None:
    config = yaml.safe_load(read_commands("cleanup", "## Set it", "yaml"))["config"]
    texts = {key: json.dumps(value) for key, value in config.items()}
    args = parse_settings({"gcp:project": "demo-proj", "python-registry:location": "us", **texts})
    assert args.cleanup == Cleanup(
        delete_older_than="90d", keep_versions=5, packages=("acme-",), cache_older_than="30d"
    )


def test_the_page_has_the_exit_statuses_of_the_command() -> None:
    statuses = [int(row[0]) for row in read_table("cleanup", "## Preview of a cleanup") if row[0].isdigit()]
    assert statuses == [NO_CHANGES, FAILED, HAS_CHANGES]


@pytest.fixture
def old_versions(program: Program, tmp_path: Path) -> Program:
    """A stack named `dev` with the versions of the page's example, and its policies in a dry run."""
    program.configure(cleanup=POLICY, pypiProxy=False, serviceAccounts=False)
    program.up()
    url = program.outputs()["repository_url"]
    for age, version in ((100, "1.0"), (95, "1.1"), (20, "1.2")):
        program.sandbox("clock", "--days", f"-{age}")
        file = wheel("my-adder", version)
        (tmp_path / file.filename).write_bytes(file.content)
        program.sandbox.run("twine", "upload", "--repository-url", url, str(tmp_path / file.filename))
    program.sandbox("clock", "--days", "0")
    return program


@pytest.mark.sandbox
@pytest.mark.slow
def test_the_commands_show_the_example_and_the_dry_run(old_versions: Program) -> None:
    program = old_versions
    stack = program.stack

    def shell(commands: str, *, status: int = 0) -> str:
        done = program.sandbox.run(
            "sh", "-c", commands.replace("--stack dev", f"--stack {stack}"), cwd=program.folder, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    listed = shell(read_commands("cleanup", "## Switch it on").strip(), status=HAS_CHANGES)
    example = re.findall(
        r"```\n(Policies.*?)```", read_section("cleanup", "## Preview of a cleanup"), re.DOTALL
    )
    lines = [line for line in example[0].splitlines() if line.startswith("  ")]
    assert [line for line in listed.splitlines() if line.startswith("  ")] == lines

    shell(read_commands("cleanup", "## Try it on the sandbox"))
    names = shell(read_commands("cleanup", "## Google's own log"))
    assert "/packages/my-adder/versions/1.0" in names.splitlines()[-1]
