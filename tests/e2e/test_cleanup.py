"""Cleanup on the sandbox, from a dry run to a real one: the preview lists what the job deletes."""

from __future__ import annotations

import re
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.distributions import Upload, wheel
from tests.support.sandbox import Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

POLICY = {"deleteOlderThan": "90d", "keepVersions": 2, "cacheOlderThan": "30d"}
# The ages in days of the uploads.
AGES = {
    100: [wheel("my-adder", "1.0"), wheel("tool", "1.0")],
    95: [wheel("my-adder", "1.1")],
    20: [wheel("my-adder", "1.2")],
    5: [wheel("my-adder", "1.3")],
}


@pytest.fixture
def deployed(program: Program, tmp_path: Path) -> Program:
    """A deployed stack without cleanup, with versions of different ages."""
    program.configure()
    program.up()
    for age, uploads in AGES.items():
        program.sandbox("clock", "--days", f"-{age}")
        upload(program, tmp_path, uploads)
    program.sandbox("clock", "--days", "0")
    return program


def upload(program: Program, folder: Path, uploads: list[Upload]) -> None:
    for file in uploads:
        (folder / file.filename).write_bytes(file.content)
        url = program.outputs()["repository_url"]
        command = ["twine", "upload", "--non-interactive", "--repository-url", url]
        program.sandbox.run(*command, str(folder / file.filename))


def preview(program: Program, *words: str) -> CompletedProcess[str]:
    command = ["python", "-m", "tools", "cleanup-preview", "--stack", program.stack, *words]
    return program.sandbox.run(*command, cwd=program.folder, check=False)


def doomed(report: str) -> list[str]:
    """The versions that a preview would delete."""
    return sorted(re.findall(r"^  delete  (\S+ \S+)", report, re.MULTILINE))


def deleted(report: str) -> list[str]:
    """The versions of a report of the job."""
    return re.findall(r"^  (\S+ \S+)$", report, re.MULTILINE)


def test_the_preview_lists_what_the_job_then_deletes(deployed: Program) -> None:
    program = deployed
    program.configure(cleanup=POLICY)
    before = preview(program)
    assert (before.returncode, doomed(before.stdout)) == (2, ["my-adder 1.0", "my-adder 1.1"])
    assert "(dry run, not deployed yet)" in before.stdout
    program.up()
    assert program.changes() == program.changes("--refresh") == {}

    dry = program.sandbox("cleanup").stdout
    assert "dry run, would delete 2 versions" in dry
    assert deleted(dry) == doomed(before.stdout)
    assert doomed(preview(program, "--deployed").stdout) == doomed(before.stdout)

    program.configure(cleanup={**POLICY, "dryRun": False})
    program.up()
    report = program.sandbox("cleanup").stdout
    assert "deleted 2 versions" in report
    assert deleted(report) == doomed(before.stdout)
    after = preview(program)
    assert (after.returncode, doomed(after.stdout)) == (0, [])
    assert "tool 1.0" in after.stdout

    program.configure()
    program.up()
    assert program.changes("--refresh") == {}
    assert program.sandbox("cleanup", "--days", "1000").stdout == "No repository has a cleanup policy.\n"
