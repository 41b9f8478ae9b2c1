"""A sandbox for the tests, with the Pulumi CLI and unmodified clients in it.

The tests use the provider that a user would get: the one on PATH, otherwise the download, otherwise the
fake provider. `PATH=/folder/of/the/provider:$PATH make test` runs all of them on the genuine provider.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from sandbox.cloud.iam.members import OWNER
from sandbox.runtime.paths import FOLDER_VARIABLE

if TYPE_CHECKING:
    from tests.support.indexes import Registry, TinyIndex

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = "demo-proj"
LOCATION = "us-central1"
# Every test has a stack and a project of its own.
_numbers = itertools.count(1)
# `runtime.options.virtualenv` of every Pulumi.yaml here.
VIRTUALENV = ".venv"
PROGRAM_FILES = ("__main__.py", "settings", "components", "Pulumi.yaml")


@dataclass(frozen=True)
class Sandbox:
    """One running sandbox, and what is asked of it."""

    folder: Path
    _sessions: dict[str, requests.Session] = field(default_factory=dict[str, requests.Session])

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, FOLDER_VARIABLE: str(self.folder), "PYTHONPATH": str(CHECKOUT)}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "sandbox", *words]

    def __call__(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `python -m sandbox WORDS`."""
        done = subprocess.run(
            self.command(*words), env=self.environment, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done

    def run(
        self, *command: str, check: bool = True, member: str | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside the sandbox."""
        if cwd and (cwd / "Pulumi.yaml").exists():
            assert (cwd / VIRTUALENV).exists(), f"{cwd} is a project without its venv: use copy_project"
        who = ["--as", member] if member else []
        done = subprocess.run(
            self.command("run", *who, "--", *command),
            env=self.environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def log(self) -> list[dict[str, Any]]:
        """Every request so far."""
        return [json.loads(line) for line in self("log", "--json").stdout.splitlines()]

    def session(self, member: str = OWNER) -> requests.Session:
        """A session that sends requests to Google hosts as that member, through the proxy."""
        if member not in self._sessions:
            lines = self.run("env", "-0", member=member).stdout.split("\0")
            inside = dict(line.split("=", 1) for line in lines if line)
            session = requests.Session()
            session.trust_env = False
            session.proxies["https"] = inside["HTTPS_PROXY"]
            session.verify = inside["REQUESTS_CA_BUNDLE"]
            session.headers["Authorization"] = f"Bearer {inside['GOOGLE_OAUTH_ACCESS_TOKEN']}"
            self._sessions[member] = session
        return self._sessions[member]

    def ask(self, method: str, url: str, body: Any = None, member: str = OWNER) -> tuple[int, Any]:
        """Ask a Google host as that member: status and JSON."""
        answer = self.session(member).request(method, url, json=body, timeout=30)
        return answer.status_code, answer.json()


@dataclass
class Program:
    """A copy of the program with a stack file of its own, on a sandbox."""

    sandbox: Sandbox
    folder: Path
    stack: str
    project: str

    def configure(self, **settings: Any) -> None:
        """Write the stack file: a small valid one, and these keys of the program's namespace."""
        values = {"location": LOCATION, "protect": False, **settings}
        config = {"gcp:project": self.project, **{f"python-registry:{k}": v for k, v in values.items()}}
        (self.folder / f"Pulumi.{self.stack}.yaml").write_text(yaml.safe_dump({"config": config}))

    def pulumi(
        self, *words: str, check: bool = True, member: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", "--non-interactive", "--stack", self.stack, *words]
        return self.sandbox.run(*command, check=check, member=member, cwd=self.folder)

    def up(self, *words: str, check: bool = True, member: str | None = None) -> str:
        """`pulumi up`; what it printed."""
        done = self.pulumi("up", "--yes", "--skip-preview", *words, check=check, member=member)
        return done.stdout + done.stderr

    def refresh(self) -> str:
        return self.pulumi("refresh", "--yes", "--skip-preview").stdout

    def destroy(self) -> str:
        return self.pulumi("destroy", "--yes", "--skip-preview", "--ignore-protect").stdout

    def preview(self, *words: str) -> dict[str, Any]:
        """`pulumi preview --json`: what would change."""
        return json.loads(self.pulumi("preview", "--json", *words).stdout)

    def changes(self, *words: str) -> dict[str, str]:
        """The operations of a preview by resource name, without `same` and reads."""
        return {
            step["urn"].rpartition("::")[2]: step["op"]
            for step in self.preview(*words)["steps"]
            if step["op"] not in ("same", "refresh")
        }

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.pulumi("stack", "output", "--json").stdout)

    def repository(self, name: str) -> str:
        """The address of a repository in the Artifact Registry API."""
        parent = f"projects/{self.project}/locations/{LOCATION}/repositories"
        return f"https://artifactregistry.googleapis.com/v1/{parent}/{name}"

    def policy(self, name: str) -> dict[str, list[str]]:
        """Members per role on a repository, read from the cloud."""
        _, policy = self.sandbox.ask("GET", f"{self.repository(name)}:getIamPolicy")
        return {b["role"].rpartition(".")[2]: sorted(b["members"]) for b in policy.get("bindings", [])}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox for one module's tests; nothing of it is left behind."""
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox") / "state")
    yield sandbox
    sandbox("reset")


def copy_project(folder: Path, *extra: str, source: Path = CHECKOUT) -> None:
    """Copy a Pulumi project, with the venv of this run in the place that its Pulumi.yaml names.

    The CLI's own language host honours `runtime.options.virtualenv`. Without a venv it creates an empty
    one, in which the program finds no `pulumi`. The host that the sandbox builds ignores the option.
    """
    names = PROGRAM_FILES if source == CHECKOUT else {*os.listdir(source)} - {VIRTUALENV}
    for name in (*names, *extra):
        path, target = source / name, folder / name
        if path.is_dir():
            shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__", VIRTUALENV))
        else:
            shutil.copy(path, target)
    (folder / VIRTUALENV).symlink_to(sys.prefix, target_is_directory=True)


def new_program(sandbox: Sandbox, folder: Path, number: int | None = None) -> Program:
    """The program in that folder, with an empty stack in a project of its own, of that number if given."""
    number = number or next(_numbers)
    copy_project(folder)
    program = Program(sandbox, folder, stack=f"test{number}", project=f"{PROJECT}-{number}")
    program.configure()
    sandbox.run("pulumi", "stack", "init", program.stack, cwd=folder)
    return program


@pytest.fixture
def program(sandbox: Sandbox, tmp_path: Path) -> Program:
    """The program with an empty stack, in a project of the test's own."""
    return new_program(sandbox, tmp_path)


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, TinyIndex]]:
    """A sandbox for one module's tests whose public index is the tests' own."""
    # Not at the top: what it needs of this module would not be there yet.
    from tests.support.indexes import sandbox_with_index

    with sandbox_with_index(tmp_path_factory.mktemp("indexes") / "state") as both:
        yield both


@pytest.fixture
def registry(indexes: tuple[Sandbox, TinyIndex]) -> Registry:
    """A new project of that sandbox."""
    from tests.support.indexes import Registry

    return Registry(indexes[0])


@pytest.fixture
def public(indexes: tuple[Sandbox, TinyIndex], registry: Registry) -> TinyIndex:
    """The public index, with nothing on it and nothing remembered of it."""
    _, index = indexes
    index.files.clear()
    index.asked.clear()
    index.down = False
    with registry.store() as store:
        store.delete_below("public-index/")
    return index
