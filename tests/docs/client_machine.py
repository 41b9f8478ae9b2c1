"""A new machine with real clients, beside a deployed stack: for the tests of docs/clients.md.

The commands are those of the page. A machine in these tests has only what the sandbox provides.
`python -m tools configure` writes its files, and its clients come from the public index.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.runtime.paths import FOLDER_VARIABLE
from sandbox.toolchain.cache import CACHE_VARIABLE
from tests.support.docs import read_code, read_commands, read_table
from tests.support.sandbox import LOCATION, Program

COMMANDS, BUILDERS = "## Commands per client", "## Google's builders and services"
ROWS = {
    client: (once, each)
    for title in (COMMANDS, BUILDERS)
    for client, once, each in read_table("clients", title)
}
# These commands run once per machine; `configure` runs with the tests' own interpreter.
KEYRING, _, CONFIGURE = read_commands("clients", "## Once per machine").splitlines()
# Debian 12's pip, the first pip with --keyring-provider, and the newest pip. The old versions do not run on
# a newer Python.
OLD_PIP, PROVIDER_PIP, NEW_PIP = "==23.0.1", "==23.1", ""
OLD_PYTHON = sys.version_info < (3, 12)
PIPS = (OLD_PIP, NEW_PIP) if OLD_PYTHON else (NEW_PIP,)
PIN = "my_adder==0.0.1"
# The example prints this for 1 and 2.
SUM = "3"


@dataclass(frozen=True)
class Stack:
    """A deployed stack with the example's package in its index."""

    program: Program
    outputs: dict[str, Any]
    inside: dict[str, str]
    """The environment that the sandbox gives to an empty one."""

    def versions(self) -> set[str]:
        """The versions of the package in the upload repository."""
        url = f"{self.program.repository('python')}/packages/my-adder/versions"
        _, body = self.program.sandbox.ask("GET", url)
        return {version["name"].rpartition("/")[2] for version in body.get("versions", [])}


@dataclass
class Machine:
    """A new machine: a home folder with a work folder, uv and Python."""

    home: Path
    stack: Stack
    variables: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def work(self) -> Path:
        return self.home / "work"

    def __post_init__(self) -> None:
        programs = self.home / ".local" / "bin"
        programs.mkdir(parents=True)
        self.work.mkdir()
        uv = shutil.which("uv", path=str(Path(sys.executable).parent))
        assert uv
        (programs / "uv").symlink_to(uv)
        (programs / "python3").symlink_to(Path(sys.executable).resolve())
        own = ("PYTHONPATH", FOLDER_VARIABLE, CACHE_VARIABLE)
        self.variables = {
            **{key: value for key, value in self.stack.inside.items() if key not in own},
            "HOME": str(self.home),
            # As in an activated environment.
            "VIRTUAL_ENV": str(self.work / "env"),
            "PATH": os.pathsep.join([str(self.work / "env" / "bin"), str(programs), os.defpath]),
            "UV_PYTHON_DOWNLOADS": "never",
            # Saves time.
            "PIP_NO_COMPILE": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def run(self, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a shell line without input."""
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", line],
            env={**self.variables, **variables},
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def __call__(self, line: str, **variables: str) -> str:
        """The output of a shell line that must succeed."""
        result = self.run(line, **variables)
        assert result.returncode == 0, f"{line}\n{result.stdout}"
        return result.stdout

    def refuses(self, line: str, error: str) -> None:
        """Run a shell line that must fail with this error."""
        result = self.run(line)
        assert result.returncode, f"{line}\n{result.stdout}"
        assert error in result.stdout, f"{line}\n{result.stdout}"

    def with_outputs(self, line: str) -> str:
        """A line of the page with the outputs in the place of their names in capital letters."""
        values = {name.upper(): self.stack.outputs[name] for name in ("index_url", "repository_url")}
        values |= {"LOCATION": LOCATION, "PROJECT": self.stack.program.project}
        for name, value in values.items():
            # Not inside a longer name, such as FLIT_INDEX_URL.
            line = re.sub(rf"\b{name}\b", value, line)
        return line

    def set_up(self) -> None:
        """Run the commands once per machine, without the login that the sandbox provides."""
        self(KEYRING)
        self.configure()

    def configure(self, stack: Stack | None = None) -> None:
        program = (stack or self.stack).program
        assert CONFIGURE.startswith(".venv/bin/python -m tools configure --stack dev")
        result = subprocess.run(
            [sys.executable, "-m", "tools", "configure", "--yes", "--stack", program.stack],
            env={**self.stack.inside, "HOME": str(self.home)},
            cwd=program.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr

    def activate(self, pip: str = NEW_PIP) -> None:
        """Create a virtual environment with this version of pip."""
        self("UV_NO_CONFIG=1 uv venv --quiet --seed --clear env")
        if pip:
            self(f"UV_NO_CONFIG=1 uv pip install --quiet pip{pip}")

    def write(self, name: str, text: str) -> None:
        path = self.work / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def run_row(machine: Machine, client: str, **variables: str) -> None:
    """Run the commands in a client's row. `INDEX_URL` and `REPOSITORY_URL` are the outputs."""
    once, each = ROWS[client]
    for line in (*(code for code in read_code(once) if " " in code), *read_code(each)):
        machine(machine.with_outputs(line), **variables)
