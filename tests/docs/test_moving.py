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
from urllib.parse import quote, unquote

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
# The page's functions, and the start of its comparison.
FUNCTION = re.compile(r"^\w+\(\) [{(].*?^[})]\n", re.DOTALL | re.MULTILINE)
COMPARISON = "\nlist_files "
CASES = read_entries("moves")


def content_of(filename: str, fields: dict[str, str]) -> bytes:
    """The bytes of a wheel or an sdist with that name and these fields of metadata."""
    about = "".join(f"{key}: {value}\n" for key, value in fields.items()).encode() + b"\nA test.\n"
    name, version = filename.removesuffix(".tar.gz").split("-")[:2]
    if filename.endswith(".whl"):
        return pack_wheel(wheel_members(name, version, about))
    return pack_sdist(sdist_members(name, version, about))


def put_file(program: Program, filename: str, content: bytes, repository: str = "") -> None:
    """Put a file into a repository, by default the old one, as an earlier client did. No check applies."""
    folder, parts = SandboxFolder(program.sandbox.folder), parse_filename(filename)
    repository = repository or program.repository("python").partition("/v1/")[2]
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


def new_repository(program: Program) -> str:
    return f"projects/{program.project}/locations/{PLACE}/repositories/packages"


def moved_files(program: Program) -> set[str]:
    """The files of the new repository."""
    api = "https://artifactregistry.googleapis.com/v1"
    _, listed = program.sandbox.ask("GET", f"{api}/{new_repository(program)}/files")
    return {decode(file["name"]) for file in listed.get("files", [])}


def decode(file: str) -> str:
    return unquote(file).rpartition("/")[2]


def names(cases: list[dict[str, Any]]) -> set[str]:
    return {case["input"]["filename"] for case in cases}


def test_the_commands_move_a_protected_registry_with_all_its_files(program: Program) -> None:
    cases = [case for case in CASES if case["expected"]["twine"]]
    commands = prepare(program, cases)
    done = run(program, commands)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not exists(program)
    assert moved_files(program) == names(cases)


def test_the_commands_destroy_only_when_the_new_repository_has_every_file(program: Program) -> None:
    created, _, copied = prepare(program, CASES).partition("mkdir moved")
    definitions, compare = FUNCTION.findall(created), f"list_files {copied.rpartition(COMPARISON)[2]}"

    def do(commands: str) -> subprocess.CompletedProcess[str]:
        return run(program, "".join(definitions) + commands)

    def step(pattern: str, case: dict[str, Any], encode: bool = False) -> int:
        """Run a command of the page's list for this file. Return its status."""
        filename = case["input"]["filename"]
        (command,) = re.findall(f"`({pattern}[^`]*)`", read_section("move-and-destroy", SECTION))
        parts = parse_filename(filename)
        values = {"FILE": quote(filename) if encode else filename, "VERSION": parts.version}
        values |= {"PACKAGE": parts.package, "\n   ": " ", "versions delete": "versions delete --quiet"}
        for old, new in values.items():
            command = command.replace(old, new)
        return do(translate(program, command)).returncode

    do(created)
    others = [case for case in CASES if case["input"].get("other")]
    for filename in names(others):
        put_file(program, filename, content_of(filename, {"Name": "other"}), new_repository(program))
    done = do(f"mkdir moved{copied}")
    refused = [case for case in CASES if not case["expected"]["twine"]]
    for filename in names(refused):
        assert f"Not copied: {filename}" in done.stdout
    assert missing_files(program) == names(refused)
    assert (done.returncode != 0, exists(program)) == (True, True)
    assert moved_files(program) == names(CASES) - names(refused) | names(others)

    for case in others:
        assert step("select_stack new ", case) == 0
    left = [case for case in refused if not case["expected"]["uv"]]
    # A download that was interrupted.
    (program.folder / "moved" / refused[0]["input"]["filename"]).write_bytes(b"PK")
    assert do("copy_files missing").returncode == 0
    for case in refused:
        uploaded = step("url=.* uv publish ", case) == 0
        assert uploaded == (case not in left and case not in others), case["id"]
    assert do(compare).returncode != 0
    assert (missing_files(program), exists(program)) == (names(left), True)

    digests = dict(line.split(",", 1) for line in (program.folder / "missing").read_text().splitlines())
    for case in left:
        (digest,) = (value for file, value in digests.items() if decode(file) == case["input"]["filename"])
        (command,) = re.findall(r"`(openssl [^`]*)`", read_section("move-and-destroy", SECTION))
        assert do(command.replace("FILE", case["input"]["filename"])).stdout.strip() in digest
        assert exists(program)
        assert step("grep -F ", case, encode=True) == 0
    assert do(compare).returncode == 0
    assert not exists(program)
    assert moved_files(program) == names(CASES) - names(left)


def missing_files(program: Program) -> set[str]:
    """The files that the last comparison found only in the old repository."""
    lines = Path(program.folder / "missing").read_text().splitlines()
    return {decode(line.partition(",")[0]) for line in lines}


@pytest.mark.parametrize("answer", ["return 1", "echo"])
def test_without_the_address_of_the_new_repository_nothing_is_uploaded(answer: str) -> None:
    """Otherwise twine would upload the packages to PyPI."""
    fakes = (
        f'pulumi() {{ case "$*" in *_url*) {answer};; *) echo a/b/c/d/e/f;; esac; }}\n'
        "cut() { echo tool%2Ftool-1.0.tar.gz; }\ngcloud() { :; }\ntwine() { echo uploaded; }\n"
    )
    commands = "".join(FUNCTION.findall(read_commands("move-and-destroy", SECTION)))
    command = ["sh", "-c", f"{commands}{fakes}copy_files files.dev"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""


@pytest.mark.parametrize("broken", ["dev", "new"])
def test_a_list_that_fails_does_not_destroy(tmp_path: Path, broken: str) -> None:
    """Otherwise two empty lists would be equal."""
    _, _, last = read_commands("move-and-destroy", SECTION).rpartition(COMPARISON)
    (tmp_path / "kept").touch()

    def output(failing: str) -> str:
        fakes = f"list_files() {{ : > files.$1; [ $1 != {failing} ]; }}\npulumi() {{ echo destroyed; }}\n"
        command = ["sh", "-c", f"{fakes}list_files {last}"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    assert output(broken) == ""
    assert output("none") == "destroyed\n"
