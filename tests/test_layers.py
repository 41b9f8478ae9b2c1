"""Imports between the folders go in one direction only, as docs/architecture.md describes it.

The rules hold for the committed files, and for imports inside functions and type-checking blocks too.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PROGRAM = "__main__.py"
# The packages of this repository that each folder may import, besides itself.
ALLOWED: dict[str, set[str]] = {
    PROGRAM: {"components", "settings"},
    "components": set(),
    "settings": {"components"},
    "tools": {"components"},
    "package": {"components"},
    "sandbox": set(),
    "checks": set(),
}
# Installed, it has another name.
LIBRARY = "components"
OURS = {*ALLOWED, "tests"} - {PROGRAM}
# The folders that run where only requirements.txt is installed.
DEPLOYED = (PROGRAM, "components", "settings", "tools")


def imports(source: str, folder: str) -> set[str]:
    """The modules that a source imports, in full. Only a library imports relatively, from itself."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 or folder == LIBRARY, "imports name their package in full"
            found.add(node.module or "" if node.level == 0 else folder)
    return found


def forbidden(folder: str, source: str) -> set[str]:
    """Our own packages that a source of a folder imports against the rules."""
    packages = {module.partition(".")[0] for module in imports(source, folder)}
    return packages & OURS - ALLOWED[folder] - {folder}


def committed(folder: str) -> Iterator[tuple[str, str]]:
    """Path and text of each committed Python file of a folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", folder], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = [path for path in listed.stdout.split("\0") if path.endswith(".py")]
    assert paths, folder
    for path in paths:
        if (ROOT / path).exists():
            yield path, (ROOT / path).read_text(encoding="utf-8")


@cache
def required() -> set[str]:
    """Import names of the standard library and of the distributions in requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = {re.split(r"[\[<>=~! ]", line)[0] for line in lines if line and not line.startswith("#")}
    normalized = {re.sub(r"[-_.]+", "-", name).lower() for name in names}
    return {
        module
        for module, distributions in packages_distributions().items()
        if any(re.sub(r"[-_.]+", "-", name).lower() in normalized for name in distributions)
    } | sys.stdlib_module_names


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_the_folders_below_it(folder: str) -> None:
    assert {path: found for path, text in committed(folder) if (found := forbidden(folder, text))} == {}


@pytest.mark.parametrize("folder", DEPLOYED)
def test_the_program_and_the_tools_import_no_development_package(folder: str) -> None:
    allowed = required() | OURS
    found = {
        path: extra
        for path, text in committed(folder)
        if (extra := {module.partition(".")[0] for module in imports(text, folder)} - allowed)
    }
    assert found == {}


def test_values_and_their_rules_do_not_import_pulumi() -> None:
    code = "import sys; from components import args, upstreams, validation; print('pulumi' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "False\n"


@pytest.mark.parametrize(
    ("folder", "source", "expected"),
    [
        ("tools", "from sandbox.runtime import paths", {"sandbox"}),
        ("sandbox", "def f():\n    import components.args", {"components"}),
        ("components", "from settings import read_settings", {"settings"}),
        ("settings", "import components.args, tests.support", {"tests"}),
        (PROGRAM, "import tools", {"tools"}),
        ("settings", "import pulumi\nfrom components.args import GitHub\nimport settings.keys", set[str]()),
    ],
)
def test_the_rules_find_an_import_upwards(folder: str, source: str, expected: set[str]) -> None:
    assert forbidden(folder, source) == expected
