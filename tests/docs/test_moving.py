"""The commands of docs/move-and-destroy.md move a registry and its packages to another location.

They destroy the old repository only if the new one has all its files. The files: `tests/cases/moves.yaml`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from sandbox.cloud.packaging.distributions import parse_filename
from tests.support.cases import read_entries
from tests.support.docs import read_commands, read_section
from tests.support.sandbox import Program
from tests.support.stored_files import content_of, put_file, stored_hashes

SANDBOX, SLOW = pytest.mark.sandbox, pytest.mark.slow
GCLOUD = pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")

SECTION, NOT_COPIED = "## Move to another project, location or ID", "## Files that are not copied"
MOVE = read_commands("move-and-destroy", SECTION)
# The page's blocks: delete a version, keep a file elsewhere, leave it out.
DELETE, KEEP, LEAVE_OUT = re.findall(
    r"```sh\n(.*?)```", read_section("move-and-destroy", NOT_COPIED), re.DOTALL
)
PLACE = "europe-west1"
# The name of a stack in the page's commands.
STACK = re.compile(r"(-stack |stack init )(dev|new)\b")
CASES = read_entries("moves")


def metadata_of(case: dict[str, Any]) -> bytes:
    given = case["input"]
    if "text" in given:
        return given["text"].encode("latin-1")
    return (
        "".join(f"{key}: {value}\n" for key, value in given["metadata"].items()).encode() + b"\nA test.\n"
    )


def names(cases: list[dict[str, Any]]) -> set[str]:
    return {case["input"]["filename"] for case in cases}


class Move:
    """The page's commands on a protected registry with these files."""

    def __init__(self, program: Program, cases: list[dict[str, Any]]) -> None:
        self.program = program
        program.configure(protect=True)
        program.up()
        self.old = program.repository("python").partition("/v1/")[2]
        self.new = f"projects/{program.project}/locations/{PLACE}/repositories/packages"
        for case in cases:
            filename = case["input"]["filename"]
            put_file(program.sandbox, self.old, filename, content_of(filename, metadata_of(case)))
        self.files = stored_hashes(program.sandbox, self.old)
        assert self.files.keys() == names(cases)
        stack_file = program.folder / f"Pulumi.{program.stack}.yaml"
        config = yaml.safe_load(stack_file.read_text())["config"]
        moved = {"python-registry:location": PLACE, "python-registry:repository": "packages"}
        moved_file = program.folder / f"Pulumi.{program.stack}-new.yaml"
        moved_file.write_text(yaml.safe_dump({"config": {**config, **moved}}))
        copied, created, deployed, copy, destroy = MOVE.splitlines(keepends=True)
        assert copied.startswith("cp Pulumi.dev.yaml Pulumi.new.yaml ")
        self.create, self.copy = created + deployed, copy + destroy

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run commands of the page for the stacks of this test, without questions."""
        for command in ("pulumi up", "pulumi destroy"):
            commands = commands.replace(command, f"{command} --yes")
        stacks = {"dev": self.program.stack, "new": f"{self.program.stack}-new"}
        commands = STACK.sub(lambda match: match[1] + stacks[match[2]], commands)
        commands = commands.replace("versions delete", "versions delete --quiet")
        commands = commands.replace("MY_PROJECT", self.program.project)
        return self.program.sandbox.run("sh", "-c", commands, cwd=self.program.folder, check=False)

    def old_exists(self) -> bool:
        return self.program.sandbox.ask("GET", self.program.repository("python"))[0] == 200

    def moved(self) -> dict[str, str]:
        return stored_hashes(self.program.sandbox, self.new)


@SANDBOX
@SLOW
def test_the_commands_move_a_protected_registry_with_all_its_files(program: Program) -> None:
    move = Move(program, [c for c in CASES if c["expected"]["copied"] and not c["input"].get("other")])
    done = move.run(move.create + move.copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not move.old_exists()
    assert move.moved() == move.files


@SANDBOX
@SLOW
@GCLOUD
def test_the_commands_destroy_only_when_the_new_repository_has_every_file(program: Program) -> None:
    move = Move(program, CASES)
    others = names([case for case in CASES if case["input"].get("other")])
    refused = names([case for case in CASES if not case["expected"]["copied"]])
    assert move.run(move.create).returncode == 0
    for filename in others:
        put_file(program.sandbox, move.new, filename, content_of(filename, b"Name: other\n"))
    theirs = move.moved()

    done = move.run(move.copy)
    assert (done.returncode != 0, move.old_exists()) == (True, True)
    error = done.stderr.partition("error: ")[2]
    assert f"not have {len(others) + len(refused)} of {len(CASES)} files with the same hash:" in error
    for filename in refused:
        assert f"{filename}: {program.stack}-new refuses it: 400 " in error
        assert f"sha256 in {program.stack}: {move.files[filename]}\n" in error
    for filename in others:
        assert f"{filename}: {program.stack}-new has another file of that name. " in error
        assert f"sha256 in {program.stack}: {move.files[filename]}, " in error
        assert f"in {program.stack}-new: {theirs[filename]}\n" in error
    copied = {name: sha256 for name, sha256 in move.files.items() if name not in others | refused}
    assert move.moved() == copied | theirs

    for filename in others:
        parts = parse_filename(filename)
        command = DELETE.replace("VERSION", parts.version).replace("PACKAGE", parts.package)
        assert move.run(command).returncode == 0
    assert (move.run(move.copy).returncode != 0, move.old_exists()) == (True, True)
    assert move.moved() == {name: sha256 for name, sha256 in move.files.items() if name not in refused}

    for filename in refused:
        package = parse_filename(filename).package
        download, digest, _ = re.findall(r"(?:.*\\\n)*.+\n", KEEP)
        download = download.replace("PACKAGE%2FFILE", f"{package}%2F{quote(filename)}")
        kept = move.run(download.replace("FILE", filename) + digest.replace("FILE", filename))
        assert move.files[filename] in kept.stdout
        assert move.old_exists()
    options = " ".join(f"--leave-out {filename}" for filename in sorted(refused))
    assert move.run(LEAVE_OUT.replace("--leave-out FILE", options)).returncode == 0
    assert not move.old_exists()
    assert move.moved() == {name: sha256 for name, sha256 in move.files.items() if name not in refused}


@pytest.mark.parametrize("commands", [MOVE, LEAVE_OUT], ids=["move", "leave-out"])
@pytest.mark.parametrize("status", [0, 1])
def test_the_old_repository_is_destroyed_only_after_a_copy_that_succeeded(
    tmp_path: Path, commands: str, status: int
) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    programs = {".venv/bin/python": f"exit {status}", "pulumi": 'echo "pulumi $1"', "cp": ""}
    for name, body in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o700)
    shown = subprocess.run(
        ["/bin/sh", "-c", commands],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert ("pulumi destroy" in shown) == (status == 0)
