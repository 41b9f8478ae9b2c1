"""Every row of the table in docs/clients.md, executed: real clients, an empty home, Google's addresses.

The commands are those of the table. A machine in these tests has only what the sandbox provides.
`python -m tools configure` writes its files, and its clients come from the public index.
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
from tests.support.docs import read_code, read_commands, read_table
from tests.support.sandbox import CHECKOUT, LOCATION, Program, Sandbox, new_program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

ROWS = {client: (once, each) for client, once, each in read_table("clients", "## Commands per client")}
# These commands run once per machine; `configure` runs with the tests' own interpreter.
KEYRING, _, CONFIGURE = read_commands("clients", "## Once per machine").splitlines()
OWN_KEYRING = read_code(ROWS["pip, keyring in the environment"][0])[0]
# Debian 12's pip, the first pip with --keyring-provider, and the newest pip. The old versions do not run on
# a newer Python.
OLD_PIP, PROVIDER_PIP, NEW_PIP = "==23.0.1", "==23.1", ""
OLD_PYTHON = sys.version_info < (3, 12)
PIPS = (OLD_PIP, NEW_PIP) if OLD_PYTHON else (NEW_PIP,)
PROVIDER_PIPS = (PROVIDER_PIP, NEW_PIP) if OLD_PYTHON else (NEW_PIP,)
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

    def set_up(self) -> None:
        """Run the commands once per machine, without the login that the sandbox provides."""
        self(KEYRING)
        self.configure()

    def configure(self) -> None:
        program = self.stack.program
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


# Rows


def run_row(machine: Machine, client: str, **variables: str) -> None:
    """Run the commands in a client's row."""
    once, each = ROWS[client]
    for line in (*(code for code in read_code(once) if " " in code), *read_code(each)):
        machine(line, **variables)


def installs(client: str, *pips: str, keyring: bool = True) -> Callable[[Machine], None]:
    """Run a row that installs the package into an environment, once per version of pip."""

    def check(machine: Machine) -> None:
        if keyring:
            machine.set_up()
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
        run_row(machine, "pip, `requirements.txt` without `pip.conf`")
        assert machine("my-adder 1 2").strip() == SUM


def uploads(client: str, version: str) -> Callable[[Machine], None]:
    def check(machine: Machine) -> None:
        upload = wheel("my-adder", version)
        (machine.work / "dist").mkdir()
        (machine.work / "dist" / upload.filename).write_bytes(upload.content)
        assert version not in machine.stack.versions()
        machine.set_up()
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
    machine.set_up()
    machine.write("pyproject.toml", PYPROJECT)
    run_row(machine, "uv sync", VIRTUAL_ENV="")
    assert machine(".venv/bin/my-adder 1 2").strip() == SUM


def uv_tool(machine: Machine) -> None:
    machine.set_up()
    run_row(machine, "uv tool")
    assert machine("my-adder 1 2").strip() == SUM


def pipx(machine: Machine) -> None:
    machine("uv tool install --quiet pipx")
    machine.set_up()
    # pipx then installs with pip instead of uv.
    run_row(machine, "pipx", PIPX_DEFAULT_BACKEND="pip")
    assert machine("my-adder 1 2").strip() == SUM


def poetry(client: str) -> Callable[[Machine], None]:
    def check(machine: Machine) -> None:
        source = machine.stack.outputs["poetry_source"]
        machine.write("pyproject.toml", f"{PYPROJECT}\n[tool.poetry]\npackage-mode = false\n\n{source}")
        without = "VIRTUAL_ENV= "
        if client == "poetry":
            machine.set_up()
        else:
            machine("uv tool install --quiet poetry")
            machine.refuses(f"{without}poetry install", "Authorization error")
        run_row(machine, client, VIRTUAL_ENV="")
        assert machine(f"{without}poetry run my-adder 1 2").strip().endswith(SUM)

    return check


def gcloud_settings(machine: Machine) -> None:
    client = "pip with gcloud's settings, `pypiProxy: false`"
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
    "pip, `requirements.txt` without `pip.conf`": from_requirements,
    "pip 23.1 or newer, non-interactive": installs("pip 23.1 or newer, non-interactive", *PROVIDER_PIPS),
    "pip, keyring in the environment": installs("pip, keyring in the environment", *PIPS, keyring=False),
    "pip, keyring in the environment, non-interactive": installs(
        "pip, keyring in the environment, non-interactive", NEW_PIP, keyring=False
    ),
    "uv sync": uv_sync,
    "uv tool": uv_tool,
    "pipx": pipx,
    "poetry": poetry("poetry"),
    "poetry without a keyring": poetry("poetry without a keyring"),
}
PLAIN = {"pip with gcloud's settings, `pypiProxy: false`": gcloud_settings}


def need_gcloud(client: str) -> None:
    if "gcloud" in "".join(ROWS[client]) and not shutil.which("gcloud", path=os.defpath):
        pytest.skip("no gcloud on this machine")


def test_every_documented_client_is_tested() -> None:
    assert set(ROWS) == {*QUICK, *SLOW, *PLAIN}


@pytest.mark.parametrize("client", QUICK)
def test_a_row_works(machine: Machine, client: str) -> None:
    QUICK[client](machine)


@pytest.mark.slow
@pytest.mark.parametrize("client", SLOW)
def test_a_slower_row_works(machine: Machine, client: str) -> None:
    need_gcloud(client)
    SLOW[client](machine)


@pytest.mark.slow
@pytest.mark.parametrize("client", PLAIN)
def test_a_row_without_the_proxy_works(plain_stack: Stack, tmp_path: Path, client: str) -> None:
    need_gcloud(client)
    PLAIN[client](Machine(tmp_path / "home", plain_stack))


# Known limits


def test_a_configured_uv_installs_the_keyring_only_without_its_configuration(machine: Machine) -> None:
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
@pytest.mark.skipif(not OLD_PYTHON, reason="pip 23.0.1 needs Python 3.11 or older")
def test_only_an_old_pip_needs_the_user_name_for_a_keyring_outside_the_environment(
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
def test_a_non_interactive_pip_asks_a_keyring_only_if_a_provider_is_set(machine: Machine) -> None:
    machine.set_up()
    for pip in PIPS:
        machine.activate(pip)
        machine.refuses(f"pip install --no-input {PIN}", "No matching distribution")
    machine(f"PIP_KEYRING_PROVIDER=subprocess pip install --no-input {PIN}")


@pytest.mark.slow
def test_a_provider_in_pip_conf_hides_the_keyring_of_the_environment(machine: Machine) -> None:
    machine.configure()
    machine.activate()
    machine(OWN_KEYRING)
    machine("pip config set --quiet global.keyring-provider subprocess")
    machine.refuses(f"pip install --no-input {PIN}", "401 Error")
