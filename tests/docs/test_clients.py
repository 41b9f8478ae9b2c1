"""The README's table of clients, row by row: real clients, from an empty home, at the genuine addresses.

The commands are the table's own. A machine of these tests has what the sandbox gives and nothing else of
this one: its files are put in place by `python -m tools configure`, its clients come from the public index.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.runtime.paths import FOLDER_VARIABLE
from sandbox.toolchain.cache import CACHE_VARIABLE, cache_folder
from tests.support.distributions import wheel
from tests.support.docs import read_code, read_section, read_table
from tests.support.sandbox import CHECKOUT, LOCATION, Program, Sandbox, new_program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

SECTION = "## Clients"
ROWS = {client: (once, each) for client, once, each in read_table(SECTION)}
KEYRING = next(line for line in read_section(SECTION).splitlines() if line.startswith("uv tool install"))
OWN_KEYRING = read_code(ROWS["pip, keyring in its own environment"][0])[0]
# As Debian 12 has it, the first that can be told which keyring to ask, and the newest there is. The old
# ones run on no newer Python.
OLD_PIP, TOLD_PIP, NEW_PIP = "==23.0.1", "==23.1", ""
OLD_PYTHON = sys.version_info < (3, 12)
PIPS = (OLD_PIP, NEW_PIP) if OLD_PYTHON else (NEW_PIP,)
TOLD_PIPS = (TOLD_PIP, NEW_PIP) if OLD_PYTHON else (NEW_PIP,)
PIN = "my_adder==0.0.1"
# What the example's program prints for 1 and 2.
SUM = "3"


@dataclass(frozen=True)
class Stack:
    """A stack that is up, with the example's package in its index."""

    program: Program
    outputs: dict[str, Any]
    inside: dict[str, str]
    """The sandbox's environment, asked for from an empty one."""

    def versions(self) -> set[str]:
        """The versions of the package in the upload repository."""
        url = f"{self.program.repository('python')}/packages/my-adder/versions"
        _, answer = self.program.sandbox.ask("GET", url)
        return {version["name"].rpartition("/")[2] for version in answer.get("versions", [])}


@dataclass
class Machine:
    """A new machine: a home, a work folder in it, uv and Python."""

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
            # The activated environment, if there is one, goes first.
            "VIRTUAL_ENV": str(self.work / "env"),
            "PATH": os.pathsep.join([str(self.work / "env" / "bin"), str(programs), os.defpath]),
            "UV_PYTHON_DOWNLOADS": "never",
            # Seconds that prove nothing.
            "PIP_NO_COMPILE": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def run(self, line: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a shell line; nobody answers its questions."""
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
        """What a shell line prints that works."""
        done = self.run(line, **variables)
        assert done.returncode == 0, f"{line}\n{done.stdout}"
        return done.stdout

    def refuses(self, line: str, because: str) -> None:
        """The line fails, and says so."""
        done = self.run(line)
        assert done.returncode, f"{line}\n{done.stdout}"
        assert because in done.stdout, f"{line}\n{done.stdout}"

    def begin(self) -> None:
        """What the README says is done once, whichever client is used."""
        self(KEYRING)
        self.configure()

    def configure(self) -> None:
        program = self.stack.program
        done = subprocess.run(
            [sys.executable, "-m", "tools", "configure", "--yes", "--stack", program.stack],
            env={**self.stack.inside, "HOME": str(self.home)},
            cwd=program.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def activate(self, pip: str = NEW_PIP) -> None:
        """A new virtual environment with that pip in it."""
        self("UV_NO_CONFIG=1 uv venv --quiet --seed --clear env")
        if pip:
            self(f"UV_NO_CONFIG=1 uv pip install --quiet pip{pip}")

    def write(self, name: str, text: str) -> None:
        path = self.work / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


@pytest.fixture(scope="module")
def inside(sandbox: Sandbox) -> dict[str, str]:
    sandbox("start")
    empty = {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], CACHE_VARIABLE: str(cache_folder())}
    empty |= {FOLDER_VARIABLE: str(sandbox.folder), "PYTHONPATH": str(CHECKOUT)}
    command = sandbox.command("run", "--", "env", "-0")
    done = subprocess.run(command, env=empty, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


@pytest.fixture(scope="module")
def dist(inside: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(CHECKOUT / "examples" / "my_adder", folder / "source")
    command = ["uv", "build", "--quiet", "--no-config", "--wheel", "--out-dir", "dist", "source"]
    subprocess.run(command, env=inside, cwd=folder, check=True)
    return folder / "dist"


def bring_up(sandbox: Sandbox, inside: dict[str, str], dist: Path, folder: Path, **settings: Any) -> Stack:
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
    return bring_up(sandbox, inside, dist, tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def plain_stack(
    sandbox: Sandbox, inside: dict[str, str], dist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """One without the proxy of PyPI."""
    return bring_up(sandbox, inside, dist, tmp_path_factory.mktemp("plain"), pypiProxy=False)


@pytest.fixture
def machine(stack: Stack, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "home", stack)


# Rows


def run_row(machine: Machine, client: str, **variables: str) -> None:
    """The commands of a client's row, as they stand there."""
    once, each = ROWS[client]
    for line in (*(code for code in read_code(once) if " " in code), *read_code(each)):
        machine(line, **variables)


def installs(client: str, *pips: str, begin: bool = True) -> Callable[[Machine], None]:
    """A row that puts the package into an environment, with each of these pips."""

    def check(machine: Machine) -> None:
        if begin:
            machine.begin()
        else:
            machine.configure()
        for pip in pips:
            machine.activate(pip)
            run_row(machine, client)
            assert machine("my-adder 1 2").strip() == SUM

    return check


def from_requirements(machine: Machine) -> None:
    machine(KEYRING)
    machine.write("requirements.txt", f"{machine.stack.outputs['requirements_txt']}{PIN}\n")
    for pip in PIPS:
        machine.activate(pip)
        run_row(machine, "pip, `requirements.txt` without a `pip.conf`")
        assert machine("my-adder 1 2").strip() == SUM


def uploads(client: str, version: str) -> Callable[[Machine], None]:
    def check(machine: Machine) -> None:
        upload = wheel("my-adder", version)
        (machine.work / "dist").mkdir()
        (machine.work / "dist" / upload.filename).write_bytes(upload.content)
        assert version not in machine.stack.versions()
        machine.begin()
        run_row(machine, client)
        assert version in machine.stack.versions()

    return check


PYPROJECT = f"""[project]
name = "consumer"
version = "0.1.0"
requires-python = ">=3.11,<4"
dependencies = ["{PIN}", "iniconfig>=2"]
"""


def uv_sync(machine: Machine) -> None:
    machine.begin()
    machine.write("pyproject.toml", PYPROJECT)
    run_row(machine, "uv sync", VIRTUAL_ENV="")
    assert machine(".venv/bin/my-adder 1 2").strip() == SUM


def uv_tool(machine: Machine) -> None:
    machine.begin()
    run_row(machine, "uv tool")
    assert machine("my-adder 1 2").strip() == SUM


def pipx(machine: Machine) -> None:
    machine("uv tool install --quiet pipx")
    machine.begin()
    # pip does it where there is no uv.
    run_row(machine, "pipx", PIPX_DEFAULT_BACKEND="pip")
    assert machine("my-adder 1 2").strip() == SUM


def poetry(client: str) -> Callable[[Machine], None]:
    def check(machine: Machine) -> None:
        source = machine.stack.outputs["poetry_source"]
        machine.write("pyproject.toml", f"{PYPROJECT}\n[tool.poetry]\npackage-mode = false\n\n{source}")
        without = "VIRTUAL_ENV= "
        if client == "poetry":
            machine.begin()
        else:
            machine("uv tool install --quiet poetry")
            machine.refuses(f"{without}poetry install", "Authorization error")
        run_row(machine, client, VIRTUAL_ENV="")
        assert machine(f"{without}poetry run my-adder 1 2").strip().endswith(SUM)

    return check


def gcloud_settings(machine: Machine) -> None:
    client = "gcloud and pip, `pypiProxy` off"
    once, each = ROWS[client]
    settings, bootstrap = (code for code in read_code(once) if " " in code)
    (install,) = read_code(each)
    settings = settings.replace("LOCATION", LOCATION).replace("PROJECT", machine.stack.program.project)
    printed = "".join(machine(settings).partition("[global]")[1:]).strip() + "\n"
    assert printed == machine.stack.outputs["pip_conf"]
    place = machine.home / ".config" / "pip" / "pip.conf"
    place.parent.mkdir(parents=True)
    place.write_text(printed)
    for pip in PIPS:
        machine.activate(pip)
        machine(bootstrap)
        machine(install)
        assert machine("my-adder 1 2").strip() == SUM


QUICK: dict[str, Callable[[Machine], None]] = {
    "pip": installs("pip", *PIPS),
    "twine": uploads("twine", "0.0.2"),
    "uv publish": uploads("uv publish", "0.0.3"),
    "uv pip": installs("uv pip", NEW_PIP),
}
SLOW: dict[str, Callable[[Machine], None]] = {
    "pip, `requirements.txt` without a `pip.conf`": from_requirements,
    "pip 23.1 or newer, nobody to ask": installs("pip 23.1 or newer, nobody to ask", *TOLD_PIPS),
    "pip, keyring in its own environment": installs(
        "pip, keyring in its own environment", *PIPS, begin=False
    ),
    "the same, nobody to ask": installs("the same, nobody to ask", NEW_PIP, begin=False),
    "uv sync": uv_sync,
    "uv tool": uv_tool,
    "pipx": pipx,
    "poetry": poetry("poetry"),
    "poetry without a keyring": poetry("poetry without a keyring"),
}
PLAIN = {"gcloud and pip, `pypiProxy` off": gcloud_settings}


def need_gcloud(client: str) -> None:
    if "gcloud" in "".join(ROWS[client]) and not shutil.which("gcloud", path=os.defpath):
        pytest.skip("no gcloud on this machine")


def test_every_client_of_the_readme_is_tried() -> None:
    assert set(ROWS) == {*QUICK, *SLOW, *PLAIN}


@pytest.mark.parametrize("client", QUICK)
def test_a_row_of_the_readme_works(machine: Machine, client: str) -> None:
    QUICK[client](machine)


@pytest.mark.slow
@pytest.mark.parametrize("client", SLOW)
def test_a_row_that_takes_longer_works(machine: Machine, client: str) -> None:
    need_gcloud(client)
    SLOW[client](machine)


@pytest.mark.slow
@pytest.mark.parametrize("client", PLAIN)
def test_a_row_without_the_proxy_works(plain_stack: Stack, tmp_path: Path, client: str) -> None:
    need_gcloud(client)
    PLAIN[client](Machine(tmp_path / "home", plain_stack))


# What does not work


def test_a_machine_has_no_keyring_but_its_own(machine: Machine) -> None:
    machine.refuses("keyring --list-backends", "command not found")
    machine.configure()
    machine.refuses(KEYRING, "401 Unauthorized")
    machine(f"UV_NO_CONFIG=1 {KEYRING}")
    assert "GooglePythonAuth" in machine("keyring --list-backends")


@pytest.mark.slow
def test_uv_needs_the_user_name_in_the_address(machine: Machine) -> None:
    machine(KEYRING)
    machine.activate()
    install = f"uv pip install --keyring-provider subprocess {PIN} --default-index"
    url = machine.stack.outputs["index_url"]
    machine.refuses(f"{install} {url}", "401 Unauthorized")
    machine(f"{install} {url.replace('//', '//oauth2accesstoken@')}")


@pytest.mark.slow
@pytest.mark.skipif(not OLD_PYTHON, reason="pip 23.0.1 runs on no newer Python than 3.11")
def test_an_old_pip_needs_the_user_name_for_a_keyring_elsewhere_and_a_new_one_does_not(
    machine: Machine,
) -> None:
    machine(KEYRING)
    line = f"pip install --index-url {machine.stack.outputs['index_url']} {PIN}"
    machine.activate(OLD_PIP)
    machine.refuses(line, "EOFError")
    machine.refuses(f"pip install --keyring-provider subprocess {PIN}", "no such option")
    machine.activate(NEW_PIP)
    machine(line)


@pytest.mark.slow
def test_with_nobody_to_ask_pip_asks_no_keyring_unless_it_is_told_which(machine: Machine) -> None:
    machine.begin()
    for pip in PIPS:
        machine.activate(pip)
        machine.refuses(f"pip install --no-input {PIN}", "No matching distribution")
    machine(f"PIP_KEYRING_PROVIDER=subprocess pip install --no-input {PIN}")


@pytest.mark.slow
def test_a_provider_in_pip_conf_would_hide_the_keyring_of_an_environment(machine: Machine) -> None:
    machine.configure()
    machine.activate()
    machine(OWN_KEYRING)
    machine("pip config set --quiet global.keyring-provider subprocess")
    machine.refuses(f"pip install --no-input {PIN}", "401 Error")
