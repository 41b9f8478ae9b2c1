"""A project that a test copies runs under every language host, with a venv or without respect for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.sandbox import CHECKOUT, VIRTUALENV, Sandbox, copy_project


@pytest.mark.parametrize("source", [CHECKOUT, CHECKOUT / "examples/consumer"], ids=["program", "example"])
def test_a_copied_project_brings_a_venv_that_has_pulumi(source: Path, tmp_path: Path) -> None:
    copy_project(tmp_path, source=source)
    assert "virtualenv: .venv\n" in (tmp_path / "Pulumi.yaml").read_text()
    subprocess.run([tmp_path / VIRTUALENV / "bin" / "python", "-c", "import pulumi"], check=True)


def test_the_sandbox_of_the_tests_refuses_a_project_without_its_venv(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    with pytest.raises(AssertionError, match="use copy_project"):
        Sandbox(tmp_path / "state").run("true", cwd=tmp_path)
