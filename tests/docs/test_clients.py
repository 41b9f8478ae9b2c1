"""Every row of the table in docs/clients.md, executed: real clients, an empty home, Google's addresses.

The commands are those of the table. A machine in these tests has only what the sandbox provides.
`python -m tools configure` writes its files, and its clients come from the public index.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.docs.client_machine import (
    COMMANDS,
    KEYRING,
    NEW_PIP,
    OLD_PIP,
    OLD_PYTHON,
    PIN,
    PIPS,
    PROVIDER_PIP,
    ROWS,
    SUM,
    Machine,
    Stack,
    run_row,
)
from tests.docs.relay import relay
from tests.support.distributions import wheel
from tests.support.docs import read_code, read_table

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

OWN_KEYRING = read_code(ROWS["pip, keyring in the environment"][0])[0]
PROVIDER_PIPS = (PROVIDER_PIP, NEW_PIP) if OLD_PYTHON else (NEW_PIP,)


# Rows


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


POETRY_PACKAGE = """[project]
name = "my-adder"
version = "0.0.4"

[tool.poetry]
packages = [{ include = "my_adder.py" }]

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""


PACKAGE = """[project]
name = "my-adder"
version = "{version}"
description = "Adds numbers."
requires-python = ">=3.11"

[build-system]
requires = ["{requires}"]
build-backend = "{backend}"
"""


def publishes(client: str, requires: str, backend: str, version: str) -> Callable[[Machine], None]:
    """Run a row that builds a package and uploads it."""

    def check(machine: Machine) -> None:
        machine.write("pyproject.toml", PACKAGE.format(version=version, requires=requires, backend=backend))
        machine.write("my_adder.py", '"""Adds numbers."""\n')
        run_row(machine, client, VIRTUAL_ENV="")
        assert version in machine.stack.versions()

    return check


def hatch_publish(machine: Machine) -> None:
    url = machine.stack.outputs["repository_url"]
    with relay(url, machine.variables) as address:
        # With the address of the relay: hatch uses no proxy.
        machine.stack = replace(machine.stack, outputs={**machine.stack.outputs, "repository_url": address})
        publishes("hatch publish", "hatchling", "hatchling.build", "0.0.8")(machine)


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


def poetry_publish(machine: Machine) -> None:
    machine("uv tool install --quiet poetry")
    machine.write("pyproject.toml", POETRY_PACKAGE)
    machine.write("my_adder.py", "")
    # As three public projects have it: without the last slash.
    url = machine.stack.outputs["repository_url"].rstrip("/")
    (place,) = (code for code in read_code(ROWS["poetry publish"][0]) if " " in code)
    machine(place.replace("REPOSITORY_URL", url))
    (publish,) = read_code(ROWS["poetry publish"][1])
    machine(publish, VIRTUAL_ENV="")
    assert "0.0.4" in machine.stack.versions()


def gcloud_settings(machine: Machine) -> None:
    client = "pip with gcloud's settings, `pypiProxy: false`"
    once, each = ROWS[client]
    settings, bootstrap = (code for code in read_code(once) if " " in code)
    (install,) = read_code(each)
    printed = "".join(machine(machine.with_outputs(settings)).partition("[global]")[1:]).strip() + "\n"
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
    "poetry publish": poetry_publish,
    "hatch publish": hatch_publish,
    "pdm publish": publishes("pdm publish", "pdm-backend", "pdm.backend", "0.0.9"),
    "flit publish": publishes("flit publish", "flit_core>=4,<5", "flit_core.buildapi", "0.0.10"),
}
PLAIN = {"pip with gcloud's settings, `pypiProxy: false`": gcloud_settings}


def need_gcloud(client: str) -> None:
    if "gcloud" in "".join(ROWS[client]) and not shutil.which("gcloud", path=os.defpath):
        pytest.skip("no gcloud on this machine")


def test_every_documented_client_is_tested() -> None:
    assert {row[0] for row in read_table("clients", COMMANDS)} == {*QUICK, *SLOW, *PLAIN}


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


@pytest.mark.slow
def test_the_index_has_no_upload_times(machine: Machine) -> None:
    machine.set_up()
    machine.activate()
    machine.refuses(f"uv pip install --exclude-newer 2099-01-01 {PIN}", "filtered by `exclude-newer`")
    machine.refuses(f"pip install --uploaded-prior-to 2099-01-01 {PIN}", "not provide upload-time metadata")


@pytest.mark.slow
def test_pip_follows_no_redirect_for_fast_deps(machine: Machine) -> None:
    machine.set_up()
    machine.activate()
    machine.refuses(f"pip install --use-feature=fast-deps --no-cache-dir {PIN}", "AssertionError")


@pytest.mark.slow
def test_hatch_uses_no_proxy(machine: Machine) -> None:
    machine("uv tool install --quiet hatch")
    machine.write(
        "pyproject.toml", PACKAGE.format(version="0.0.11", requires="hatchling", backend="hatchling.build")
    )
    machine.write("my_adder.py", "")
    url = machine.stack.outputs["repository_url"]
    machine.refuses(
        f"hatch build && hatch publish --no-prompt --user a --auth b --repo {url}", "Error uploading"
    )
