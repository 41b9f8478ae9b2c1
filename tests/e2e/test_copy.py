"""`python -m tools copy` between deployed stacks: a release is promoted, also through a kill and faults."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.cloud.core.faults import Faults, write_faults
from sandbox.cloud.core.store import Store
from sandbox.runtime.paths import SandboxFolder
from tests.support.distributions import Upload, sdist, wheel
from tests.support.sandbox import Program, Sandbox, new_program
from tests.support.stored_files import put_file, stored_hashes

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

RELEASE = (wheel("my-adder", "1.0"), sdist("my-adder", "1.0"))
NEXT = (wheel("my-adder", "2.0"), sdist("my-adder", "2.0"))
ALICE = "user:alice@example.com"
LOGIN = "oauth2accesstoken:$GOOGLE_OAUTH_ACCESS_TOKEN@"
# Runs the tools, and prints the largest memory of their objects.
MEASURED = """
import runpy, tracemalloc
tracemalloc.start()
try:
    runpy.run_module("tools", run_name="__main__")
finally:
    print("peak", tracemalloc.get_traced_memory()[1])
"""
MEMORY_BYTES, LARGE_BYTES = 50_000_000, 95_000_000


class Stack(Program):
    """A deployed stack with an empty repository."""

    @property
    def name(self) -> str:
        return self.outputs()["repository_name"]

    def stored(self) -> dict[str, str]:
        return stored_hashes(self.sandbox, self.name)

    def publish(self, *uploads: Upload) -> None:
        """Publish files with uv."""
        folder = self.folder / "dist"
        folder.mkdir(exist_ok=True)
        for upload in uploads:
            (folder / upload.filename).write_bytes(upload.content)
        files = " ".join(f"dist/{upload.filename}" for upload in uploads)
        url = self.outputs()["repository_url"]
        login = '--username oauth2accesstoken --password "$GOOGLE_OAUTH_ACCESS_TOKEN"'
        command = f"uv publish --quiet --no-config --publish-url {url} {login} {files}"
        self.sandbox.run("sh", "-c", command, cwd=self.folder)

    def fill(self, count: int) -> dict[str, str]:
        """Put so many files into the repository. Return their hashes."""
        uploads = [wheel("many", f"{number}.0") for number in range(count)]
        for upload in uploads:
            put_file(self.sandbox, self.name, upload.filename, upload.content)
        return hashes(*uploads)


def hashes(*uploads: Upload) -> dict[str, str]:
    return {upload.filename: hashlib.sha256(upload.content).hexdigest() for upload in uploads}


def new_stack(sandbox: Sandbox, folder: Path) -> Stack:
    program = new_program(sandbox, folder)
    return Stack(sandbox, folder, program.stack, program.project)


def add_stack(source: Stack, name: str, project: str, **settings: object) -> Stack:
    """Deploy another stack of the same checkout."""
    stack = Stack(source.sandbox, source.folder, f"{source.stack}-{name}", project)
    stack.configure(**settings)
    source.sandbox.run("pulumi", "stack", "init", stack.stack, cwd=source.folder)
    stack.up()
    return stack


def command(source: Stack, target: Stack, *words: str) -> list[str]:
    stacks = ["--from-stack", source.stack, "--to-stack", target.stack]
    return [".venv/bin/python", "-m", "tools", "copy", *stacks, *words]


def copy(
    source: Stack, target: Stack, *words: str, check: bool = True, member: str | None = None
) -> subprocess.CompletedProcess[str]:
    done = source.sandbox.run(
        *command(source, target, *words), cwd=source.folder, check=check, member=member
    )
    assert "Traceback" not in done.stderr
    assert "ya29." not in done.stdout + done.stderr
    return done


def uploads(sandbox: Sandbox, project: str) -> list[int]:
    """The statuses of all uploads to a project so far."""
    return [
        entry["status"]
        for entry in sandbox.log()
        if entry["method"] == "POST" and entry["path"].startswith(f"/{project}/")
    ]


@contextlib.contextmanager
def running(source: Stack, target: Stack) -> Generator[subprocess.Popen[str]]:
    """Start a copy in its own process group, with an empty folder for temporary files."""
    (source.folder / "tmp").mkdir()
    process = subprocess.Popen(
        source.sandbox.command("run", "--", *command(source, target)),
        env={**source.sandbox.environment, "TMPDIR": str(source.folder / "tmp")},
        cwd=source.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        yield process


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout
    shown = ""
    for line in process.stdout:
        shown += line
        if text in line:
            return
    raise AssertionError(shown)


@pytest.fixture
def dev(sandbox: Sandbox, tmp_path: Path) -> Stack:
    stack = new_stack(sandbox, tmp_path)
    stack.configure(serviceAccounts=False, pypiProxy=False)
    stack.up()
    return stack


@pytest.fixture
def prod(dev: Stack) -> Stack:
    """A stack in another project."""
    return add_stack(dev, "prod", f"{dev.project}-prod", serviceAccounts=False, pypiProxy=False)


def test_a_release_is_promoted_to_another_project_and_a_second_run_does_nothing(
    dev: Stack, prod: Stack
) -> None:
    dev.publish(*RELEASE, *NEXT)
    missing = copy(dev, prod, "my-adder==3.0", check=False)
    assert (missing.returncode, prod.stored()) == (1, {})
    assert f"{dev.stack} does not have my-adder==3.0. It has 1.0, 2.0." in missing.stderr
    done = copy(dev, prod, "My_Adder==1.0")
    assert prod.stored() == hashes(*RELEASE)
    assert f"{prod.stack} has 2 of 2 files with the same hashes." in done.stdout
    before = uploads(dev.sandbox, prod.project)
    assert before == [200, 200]
    assert "To copy: 0 files" in copy(dev, prod, "my-adder==1.0").stdout
    assert uploads(dev.sandbox, prod.project) == before
    index = f"{prod.outputs()['repository_url']}simple/".replace("https://", f"https://{LOGIN}")
    script = f'pip download --no-cache-dir --no-deps --dest out --index-url "{index}" my-adder'
    dev.sandbox.run("sh", "-c", script, cwd=dev.folder)
    assert (dev.folder / "out" / RELEASE[0].filename).read_bytes() == RELEASE[0].content
    assert dev.stored() == hashes(*RELEASE, *NEXT)


def test_only_the_private_files_are_copied_between_two_stacks_of_one_project(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    dev = new_stack(sandbox, tmp_path)
    dev.up()
    staging = add_stack(dev, "staging", dev.project, repository="python-staging")
    dev.publish(*RELEASE)
    refused = copy(dev, dev, check=False)
    assert f"{dev.stack} and {dev.stack} have the same repository" in refused.stderr
    copy(dev, staging)
    assert staging.stored() == hashes(*RELEASE)
    paths = {entry["path"] for entry in sandbox.log() if "/files" in entry["path"]}
    assert not [path for path in paths if "-pypi" in path or "-index" in path]


def test_an_impersonated_copy_needs_only_the_grant_on_the_accounts(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    dev = new_stack(sandbox, tmp_path)
    dev.configure(impersonators={"reader": [ALICE]}, pypiProxy=False)
    dev.up()
    prod = add_stack(dev, "prod", f"{dev.project}-prod", impersonators={"writer": [ALICE]}, pypiProxy=False)
    dev.publish(*RELEASE)
    refused = copy(dev, prod, check=False, member=ALICE)
    assert (refused.returncode, prod.stored()) == (1, {})
    assert f"Cannot read the files of {dev.stack}" in refused.stderr
    copy(dev, prod, "--impersonate", member=ALICE)
    assert prod.stored() == hashes(*RELEASE)
    refused = copy(prod, dev, "--impersonate", check=False, member=ALICE)
    assert f"You cannot act as python-reader@{prod.project}." in refused.stderr


def test_a_reader_of_the_target_is_told_the_setting_and_a_writer_can_copy(
    dev: Stack, sandbox: Sandbox
) -> None:
    settings = {"serviceAccounts": False, "pypiProxy": False}
    dev.configure(**settings, readers=[ALICE])
    dev.up()
    prod = add_stack(dev, "prod", f"{dev.project}-prod", **settings, readers=[ALICE])
    dev.publish(*RELEASE)
    refused = copy(dev, prod, check=False, member=ALICE)
    assert (refused.returncode, prod.stored()) == (1, {})
    assert f"You cannot upload to {prod.stack}" in refused.stderr
    assert "You must be in `writers` of that stack" in refused.stderr
    prod.configure(**settings, writers=[ALICE])
    prod.up()
    copy(dev, prod, member=ALICE)
    assert prod.stored() == hashes(*RELEASE)


def test_after_a_kill_the_same_command_copies_the_rest_and_nothing_is_left_behind(
    dev: Stack, prod: Stack
) -> None:
    wanted = dev.fill(20)
    with running(dev, prod) as process:
        read_until(process, "[3/20]")
        os.killpg(process.pid, signal.SIGKILL)
    done = prod.stored()
    assert 3 <= len(done) < 20
    assert done.items() <= wanted.items()
    assert list((dev.folder / "tmp").iterdir()) == []
    shown = copy(dev, prod).stdout
    again = re.search(r"20 files, (\d+) of them already in \S+ To copy: (\d+) files", shown)
    assert again
    assert int(again[1]) + int(again[2]) == 20
    assert int(again[1]) >= 3
    assert prod.stored() == wanted


def test_a_copy_gets_through_503s_and_a_lost_answer(dev: Stack, prod: Stack) -> None:
    wanted = dev.fill(8)

    def inject(**faults: float) -> None:
        database = SandboxFolder(dev.sandbox.folder).database
        with contextlib.closing(Store(database)) as store, store.transaction():
            write_faults(store, Faults(**faults))  # pyright: ignore[reportArgumentType]

    with running(dev, prod) as process:
        try:
            read_until(process, "[1/8]")
            inject(unavailable=0.3, cut=2)
            read_until(process, f"{prod.stack} has 8 of 8 files with the same hashes.")
        finally:
            inject()
    assert process.returncode == 0
    assert prod.stored() == wanted
    # Some attempts failed, and some came too late: their file was there.
    assert len(uploads(dev.sandbox, prod.project)) >= 8


def test_a_large_file_is_never_in_memory(dev: Stack, prod: Stack) -> None:
    upload = wheel("large", "1.0", payload=os.urandom(LARGE_BYTES))
    put_file(dev.sandbox, dev.name, upload.filename, upload.content)
    _, *words = command(dev, prod)
    done = dev.sandbox.run(".venv/bin/python", "-c", MEASURED, *words[2:], cwd=dev.folder)
    assert prod.stored() == hashes(upload)
    (peak,) = re.findall(r"^peak (\d+)$", done.stdout, re.MULTILINE)
    assert int(peak) < MEMORY_BYTES
