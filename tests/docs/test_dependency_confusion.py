"""Every row of the table in docs/dependency-confusion.md, executed against an attacker on PyPI.

The attacker publishes a higher version, and also the private version in a wheel that pip prefers. Each row
runs a real client with the rendered files of a deployed stack.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.pypi.configured_index import LOOPBACK_STANDS_FOR
from tests.support.distributions import wheel
from tests.support.docs import read_code, read_table
from tests.support.indexes import sandbox_with_index
from tests.support.sandbox import new_program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

ROWS = read_table("dependency-confusion", "## Results per command")
SETTINGS = {
    "`pypiProxy: false`": {"pypiProxy": False},
    "default": {},
    "`privatePackages`": {"privatePackages": ["my_adder"]},
}
PUBLIC = f"https://{LOOPBACK_STANDS_FOR}/simple/"
# A module that the private package does not have.
_ATTACKER = b"ATTACKER = True\n"
PRIVATE = wheel("my-adder", "0.0.1")
HIGHER = wheel("my-adder", "99.0", payload=_ATTACKER)
# If one version has two wheels, pip takes the one with a build number ("Binary distribution format").
SAME = replace(wheel("my-adder", "0.0.1", payload=_ATTACKER), filename="my_adder-0.0.1-1-py3-none-any.whl")


@dataclass(frozen=True)
class World:
    """The outputs of one stack per entry of SETTINGS; each has the private package, PyPI the attacker's."""

    outputs: dict[str, dict[str, Any]]
    inside: dict[str, str]

    def install(self, command: str, settings: str, folder: Path) -> str:
        """The result of a documented command, in the words of its table."""
        outputs = self.outputs[settings]
        digest = hashlib.sha256(PRIVATE.content).hexdigest()
        files = {
            "pip.conf": outputs["pip_conf"],
            "uv.toml": outputs["uv_toml"],
            "requirements.txt": f"my_adder==0.0.1 --hash=sha256:{digest}\n",
        }
        for name, text in files.items():
            (folder / name).write_text(text)
        environment = {**self.inside, "PIP_CONFIG_FILE": str(folder / "pip.conf")}
        if "--no-config" not in command:
            environment["UV_CONFIG_FILE"] = str(folder / "uv.toml")
        if "extra-index-url" in outputs["pip_conf"]:
            # pip's default index, which has another address on this sandbox.
            environment["PIP_INDEX_URL"] = PUBLIC
        words = command.replace("INDEX_URL", outputs["index_url"].replace("//", "//oauth2accesstoken@"))
        target = folder / "target"
        result = subprocess.run(
            [*words.split(), "--no-deps", "--target", str(target)],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            assert not list(folder.rglob("my_adder*")), "a refused package must not be installed"
            assert "403" in result.stdout + result.stderr, f"{command}\n{result.stdout}\n{result.stderr}"
            return "nothing, error 403"
        (metadata,) = target.glob("my_adder-*.dist-info")
        version = metadata.name.removeprefix("my_adder-").removesuffix(".dist-info")
        attacked = (target / "my_adder_data.py").exists()
        return f"**{version}, the attacker's**" if attacked else version


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("confusion")
    for upload in (PRIVATE, HIGHER, SAME):
        (folder / upload.filename).write_bytes(upload.content)
    with sandbox_with_index(folder / "state") as (sandbox, _):
        sandbox("pypi", "publish", *(str(folder / upload.filename) for upload in (HIGHER, SAME)))
        lines = sandbox.run("env", "-0").stdout.split("\0")
        inside = dict(line.split("=", 1) for line in lines if line)
        inside |= {"PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}
        outputs: dict[str, dict[str, Any]] = {}
        for number, (name, settings) in enumerate(SETTINGS.items()):
            program = new_program(sandbox, tmp_path_factory.mktemp(f"program-{number}"))
            program.configure(**settings)
            program.up()
            outputs[name] = program.outputs()
            login = ["--username", "oauth2accesstoken", "--password", inside["GOOGLE_OAUTH_ACCESS_TOKEN"]]
            publish = ["uv", "publish", "--publish-url", outputs[name]["repository_url"], *login]
            subprocess.run([*publish, str(folder / PRIVATE.filename)], env=inside, check=True)
        yield World(outputs, inside)


@pytest.mark.parametrize("row", ROWS, ids=[f"{command} {stack}" for command, _, stack, _ in ROWS])
def test_a_command_installs_the_version_in_its_row(world: World, row: list[str], tmp_path: Path) -> None:
    command, _, stack, installs = row
    (line,) = read_code(command)
    assert world.install(line, stack, tmp_path) == installs


def test_the_table_has_the_attack_with_and_without_the_proxy_and_every_defence() -> None:
    attacked = {stack for _, _, stack, installs in ROWS if "attacker" in installs}
    assert attacked == {"`pypiProxy: false`", "default"}
    defended = {
        (read_code(command)[0], stack) for command, _, stack, installs in ROWS if "attacker" not in installs
    }
    assert defended >= {
        ("pip install my_adder==0.0.1", "default"),
        ("pip install --require-hashes -r requirements.txt", "default"),
        ("uv pip install my_adder", "default"),
        ("pip install my_adder", "`privatePackages`"),
        ("pip install my_adder==0.0.1", "`privatePackages`"),
        ("uv pip install my_adder", "`privatePackages`"),
    }
