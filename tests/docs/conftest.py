"""A deployed stack with a package, and new machines beside it, for the tests of docs/clients.md."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.runtime.paths import FOLDER_VARIABLE
from sandbox.toolchain.cache import CACHE_VARIABLE, cache_folder
from tests.docs.client_machine import Machine, Stack
from tests.support.sandbox import CHECKOUT, Sandbox, new_program


@pytest.fixture(scope="module")
def inside(sandbox: Sandbox) -> dict[str, str]:
    sandbox("start")
    empty = {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], CACHE_VARIABLE: str(cache_folder())}
    empty |= {FOLDER_VARIABLE: str(sandbox.folder), "PYTHONPATH": str(CHECKOUT)}
    command = sandbox.command("run", "--", "env", "-0")
    result = subprocess.run(command, env=empty, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in result.stdout.split("\0") if line)


@pytest.fixture(scope="module")
def dist(inside: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built example."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(CHECKOUT / "examples" / "my_adder", folder / "source")
    command = ["uv", "build", "--quiet", "--no-config", "--wheel", "--out-dir", "dist", "source"]
    subprocess.run(command, env=inside, cwd=folder, check=True)
    return folder / "dist"


def deploy(sandbox: Sandbox, inside: dict[str, str], dist: Path, folder: Path, **settings: Any) -> Stack:
    program = new_program(sandbox, folder)
    program.configure(**settings)
    program.up()
    outputs = program.outputs()
    login = ["--username", "oauth2accesstoken", "--password", inside["GOOGLE_OAUTH_ACCESS_TOKEN"]]
    publish = ["uv", "publish", "--quiet", "--no-config", "--publish-url", outputs["repository_url"]]
    subprocess.run([*publish, *login, *map(str, dist.glob("*.whl"))], env=inside, check=True)
    return Stack(program, outputs, inside)


@pytest.fixture(scope="module")
def stack(
    sandbox: Sandbox, inside: dict[str, str], dist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    return deploy(sandbox, inside, dist, tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def plain_stack(
    sandbox: Sandbox, inside: dict[str, str], dist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """A stack with `pypiProxy: false`."""
    return deploy(sandbox, inside, dist, tmp_path_factory.mktemp("plain"), pypiProxy=False)


@pytest.fixture
def machine(stack: Stack, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "home", stack)
