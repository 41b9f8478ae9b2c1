"""The parts of the cloud import one another in one direction, and nothing outside the sandbox."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox import CHECKOUT

OURS = ("components", "examples", "sandbox", "settings", "tests", "tools")
# As the docstring of `sandbox.cloud` draws them. A part imports only its own layer and the layers above it.
LAYERS = (
    ("core", "packaging"),
    ("iam.roles", "iam.members", "iam.organization_policies", "iam.policies"),
    ("projects",),
    ("iam.service_accounts", "iam.workload_identity"),
    ("auth",),
    ("artifact_registry", "storage", "pypi"),
    ("python_index",),
    ("core.app",),
)
CLOUD = CHECKOUT / "sandbox" / "cloud"
MODULES = sorted(path for path in CLOUD.rglob("*.py") if path.name != "__init__.py")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)


def read_imports(path: Path) -> Iterator[str]:
    """The full names that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def find_layer(name: str) -> int:
    """The layer of a module: of several prefixes, the longest counts."""
    part = name.removeprefix("sandbox.cloud.")
    found = [
        (len(prefix), layer)
        for layer, prefixes in enumerate(LAYERS)
        for prefix in prefixes
        if f"{part}.".startswith(f"{prefix}.")
    ]
    assert found, f"{name} is in no layer"
    return max(found)[1]


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_imports_only_its_own_layer_and_the_layers_above(path: Path) -> None:
    own = find_layer(module_name(path))
    for name in read_imports(path):
        if name.split(".")[0] in OURS:
            assert name.startswith("sandbox.cloud."), name
            assert find_layer(name) <= own, name
