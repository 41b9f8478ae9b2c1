"""The commands of docs/move-and-destroy.md move a registry and its packages to another location.

They destroy the old repository only if the new one has all its files. The files: `tests/cases/moves.yaml`.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.cloud.artifact_registry.packages import add_file
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.store import Store
from sandbox.cloud.packaging.distributions import parse_filename
from sandbox.cloud.packaging.pages import SimpleLink
from sandbox.runtime.paths import SandboxFolder
from tests.support.cases import read_entries
from tests.support.distributions import pack_sdist, pack_wheel, sdist_members, wheel_members
from tests.support.docs import read_commands, read_section
from tests.support.sandbox import Program

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed"),
]

SECTION = "## Move to another project, location or ID"
PLACE = "europe-west1"
NO_INPUT = "--non-interactive"
# The name of a stack in the page's commands.
STACK = re.compile(r"(--stack |stack init |list_files |select_stack |files\.)(dev|new)\b")
CASES = read_entries("moves")


def content_of(filename: str, fields: dict[str, str]) -> bytes:
    """The bytes of a wheel or an sdist with that name and these fields of metadata."""
    about = "".join(f"{key}: {value}\n" for key, value in fields.items()).encode() + b"\nA test.\n"
    name, version = filename.removesuffix(".tar.gz").split("-")[:2]
    if filename.endswith(".whl"):
        return pack_wheel(wheel_members(name, version, about))
    return pack_sdist(sdist_members(name, version, about))


def put_file(program: Program, filename: str, content: bytes) -> None:
    """Put a file into the upload repository, as an earlier client did. No check of today applies."""
    folder, parts = SandboxFolder(program.sandbox.folder), parse_filename(filename)
    repository = program.repository("python").partition("/v1/")[2]
    digest = hashlib.sha256(content).hexdigest()
    link = SimpleLink(filename=filename, version=parts.version, sha256=digest, requires_python=None)
    blobs = Blobs(folder.blobs)
    with contextlib.closing(Store(folder.database)) as store, blobs.draft() as draft:
        draft.write(content)
        draft.flush()
        draft.sync()
        with store.transaction():
            add_file(store, repository, parts.package, link, len(content))
            blobs.keep(draft)


def prepare(program: Program, cases: list[dict[str, Any]]) -> str:
    """Create a protected registry with these files, and the stack file of the new place.

    Returns the page's commands, for this stack.
    """
    program.configure(protect=True)
    program.up()
    for case in cases:
        filename = case["input"]["filename"]
        put_file(program, filename, content_of(filename, case["input"]["metadata"]))
    copied, *rest = read_commands("move-and-destroy", SECTION).splitlines()
    assert copied.startswith("cp Pulumi.dev.yaml Pulumi.new.yaml ")
    stack_file = program.folder / f"Pulumi.{program.stack}.yaml"
    config = yaml.safe_load(stack_file.read_text())["config"]
    moved = {"python-registry:location": PLACE, "python-registry:repository": "packages"}
    moved_file = program.folder / f"Pulumi.{program.stack}-new.yaml"
    moved_file.write_text(yaml.safe_dump({"config": {**config, **moved}}))
    return translate(program, "\n".join(rest))


def translate(program: Program, commands: str) -> str:
    """The page's commands for the stacks of this test, without questions."""
    for command, option in {
        "pulumi up": "--yes",
        "pulumi destroy": "--yes",
        "twine upload": NO_INPUT,
    }.items():
        commands = commands.replace(command, f"{command} {option}")
    stacks = {"dev": program.stack, "new": f"{program.stack}-new"}
    return STACK.sub(lambda match: match[1] + stacks[match[2]], commands)


def run(program: Program, commands: str) -> subprocess.CompletedProcess[str]:
    """Run commands as a person types them: a failed one does not stop the next one."""
    return program.sandbox.run("sh", "-c", commands, cwd=program.folder, check=False)


def exists(program: Program) -> bool:
    return program.sandbox.ask("GET", program.repository("python"))[0] == 200


def files_of(program: Program, place: str, repository: str) -> set[str]:
    name = f"projects/{program.project}/locations/{place}/repositories/{repository}"
    _, listed = program.sandbox.ask("GET", f"https://artifactregistry.googleapis.com/v1/{name}/files")
    names = (file["name"].rpartition("%2F")[2] for file in listed.get("files", []))
    return {name.replace("%2B", "+") for name in names}


def names(cases: list[dict[str, Any]]) -> set[str]:
    return {case["input"]["filename"] for case in cases}


def test_the_commands_move_a_protected_registry_with_all_its_files(program: Program) -> None:
    cases = [case for case in CASES if case["expected"]["twine"]]
    commands = prepare(program, cases)
    done = run(program, commands)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not exists(program)
    assert files_of(program, PLACE, "packages") == names(cases)


def test_the_commands_destroy_only_when_the_new_repository_has_every_file(program: Program) -> None:
    commands = prepare(program, CASES)
    functions, _, last = commands.rpartition("\nlist_files ")
    definitions = "".join(re.findall(r"^\w+\(\) [{(].*?^[})]\n", functions, re.DOTALL | re.MULTILINE))
    url = translate(program, "url=$(pulumi stack output repository_url --stack new)\n")
    compare = f"{definitions}list_files {last}"

    done = run(program, commands)
    refused = [case for case in CASES if not case["expected"]["twine"]]
    for filename in names(refused):
        assert f"Not uploaded: moved/{filename}" in done.stdout
    assert missing_files(program) == names(refused)
    assert (done.returncode != 0, exists(program)) == (True, True)
    assert files_of(program, PLACE, "packages") == names(CASES) - names(refused)

    (upload,) = re.findall(r"`(uv publish [^`]*)`", read_section("move-and-destroy", SECTION))
    left = [case for case in refused if not case["expected"]["uv"]]
    for filename in names(refused):
        status = run(program, url + upload.replace("moved/FILE", f"moved/{filename}")).returncode
        assert (status == 0) == (filename not in names(left)), filename
    assert run(program, compare).returncode != 0
    assert (missing_files(program), exists(program)) == (names(left), True)

    (delete,) = re.findall(r"`(select_stack dev && [^`]*)`", read_section("move-and-destroy", SECTION))
    (filename,) = names(left)
    parts = parse_filename(filename)
    delete = translate(program, delete).replace("VERSION", parts.version).replace("PACKAGE", parts.package)
    assert run(program, f"{definitions}{delete} --quiet").returncode == 0
    assert run(program, compare).returncode == 0
    assert not exists(program)
    assert files_of(program, PLACE, "packages") == names(CASES) - names(left)


def missing_files(program: Program) -> set[str]:
    """The files that the last comparison found only in the old repository."""
    lines = Path(program.folder / "missing").read_text().splitlines()
    return {line.partition(",")[0].rpartition("%2F")[2].replace("%2B", "+") for line in lines}


@pytest.mark.parametrize("broken", ["dev", "new"])
def test_a_list_that_fails_does_not_destroy(tmp_path: Path, broken: str) -> None:
    """Otherwise two empty lists would be equal."""
    _, _, last = read_commands("move-and-destroy", SECTION).rpartition("\nlist_files dev && ")

    def output(failing: str) -> str:
        fakes = f"list_files() {{ : > files.$1; [ $1 != {failing} ]; }}\npulumi() {{ echo destroyed; }}\n"
        command = ["sh", "-c", f"{fakes}list_files dev && {last}"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    assert output(broken) == ""
    assert output("none") == "destroyed\n"
