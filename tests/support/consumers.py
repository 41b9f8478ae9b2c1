"""Programs that use the component as a library or as a package, in the project and stack of the clone."""

from __future__ import annotations

import re
import shutil
import sys

import pytest

from tests.support.sandbox import CHECKOUT, Program

IMPORTS = {"library": "pulumi_gcp_python_registry", "package": "remote_registry"}
WAYS = tuple(IMPORTS)
# The start of every program here. `create` exports the outputs as the clone's program does.
PREAMBLE = """
import pulumi
import pulumi_gcp
from {module} import GitHub, Impersonators, PythonRegistry, PythonRegistryArgs

PROJECT = "{project}"

def create(name="registry", opts=None, **arguments):
    defaults = {{"project": PROJECT, "location": "us-central1", "protect": False}}
    return PythonRegistry(name, PythonRegistryArgs(**{{**defaults, **arguments}}), opts)

def export(registry):
    for name, value in registry.outputs().items():
        pulumi.export(name, value)
"""
# The sandbox's language host does not start packages, and the engine prefers a program of this name.
PLUGIN = """#!/bin/sh
unset PYTHONPATH
exec '{python}' "$(dirname "$0")/__main__.py" "$@"
"""


@pytest.fixture
def consumer(program: Program) -> Program:
    """The program's project, in which the library is installed and the package can be started."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "components", program.folder / IMPORTS["library"], ignore=ignore)
    clone = program.folder / "clone"
    for folder in ("components", "package"):
        shutil.copytree(CHECKOUT / folder, clone / folder, ignore=ignore)
    shutil.copy(CHECKOUT / "tests" / "support" / f"{IMPORTS['package']}.py", program.folder)
    plugin = clone / "package" / "pulumi-resource-python-registry"
    plugin.write_text(PLUGIN.format(python=sys.executable))
    plugin.chmod(0o755)
    with (program.folder / "Pulumi.yaml").open("a") as file:
        file.write(f"plugins: {{providers: [{{name: python-registry, path: '{plugin.parent}'}}]}}\n")
    return program


def use_clone(program: Program) -> None:
    """Write the clone's program."""
    shutil.copy(CHECKOUT / "__main__.py", program.folder)


def use_consumer(program: Program, way: str, code: str) -> None:
    """Write a program of this code that gets the component in this way."""
    preamble = PREAMBLE.format(module=IMPORTS[way], project=program.project)
    (program.folder / "__main__.py").write_text(preamble + code)


def enable_iam(program: Program) -> None:
    """Enable the API that a service account of the test's own program needs."""
    usage = f"https://serviceusage.googleapis.com/v1/projects/{program.project}/services"
    assert program.sandbox.ask("POST", f"{usage}/iam.googleapis.com:enable", {})[0] == 200


def is_unchanged(output: str) -> bool:
    """Whether an update reported nothing but unchanged resources."""
    return re.search(r"^Resources:\n +\d+ unchanged\n\n", output, re.MULTILINE) is not None


def message_of(program: Program, *words: str) -> str:
    """The report of a command that must fail, without the trace of Pulumi's SDK in the consumer.

    A Python program whose package refuses its inputs gets `resource monitor shut down` from the engine, and
    Pulumi's SDK ends with a trace of its own modules.
    """
    done = program.pulumi(*words, check=False)
    assert done.returncode != 0
    text = (done.stdout + done.stderr).partition("\nDiagnostics:\n")[2]
    assert "/package/" not in text
    assert "/components/" not in text
    return text.partition("    error: Program failed with an unhandled exception:")[0]
