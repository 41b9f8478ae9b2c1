"""The first steps of a new user, with only committed files: clone, `make up`, look around, `make down`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sandbox import CHECKOUT

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

INHERITED = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON_REGISTRY_")}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(clone)], check=True)
    return clone


# The engine's summary where nothing else happened.
NO_CHANGE = re.compile(r"Resources:\n    \d+ unchanged\n")


def make(clone: Path, *words: str, typed: str = "") -> str:
    """Run make with this Python and this input; what it printed."""
    done = subprocess.run(
        ["make", f"PYTHON={sys.executable}", *words],
        cwd=clone,
        env=INHERITED,
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"make {words}\n{done.stdout}"
    return done.stdout


def test_a_stack_without_a_file_is_refused_before_anything_is_made(clone: Path) -> None:
    command = ["make", f"PYTHON={sys.executable}", "up", "STACK=nosuch"]
    done = subprocess.run(command, cwd=clone, env=INHERITED, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "There is no Pulumi.nosuch.yaml" in done.stderr
    assert not (clone / ".sandbox").exists()


def git_status(clone: Path) -> str:
    command = ["git", "status", "--porcelain"]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout


def test_up_look_around_and_down_twice_and_in_any_order(clone: Path) -> None:
    assert "make up" in make(clone)
    assert "The index is up: stack dev" in make(clone, "up")
    assert NO_CHANGE.search(make(clone, "up"))
    assert NO_CHANGE.search(make(clone, "refresh"))
    assert NO_CHANGE.search(make(clone, "preview"))
    assert "https://europe-west1-python.pkg.dev/my-python-dev/python/" in make(clone, "outputs")
    shell = make(clone, "shell", typed="pulumi stack --show-name; false\n")
    assert "Leave with `exit`." in shell
    assert "Error" not in shell, "the status of the last command in the shell"
    assert "The index is up: stack prod" in make(clone, "up", "STACK=prod")
    for stack in ("dev", "prod", "prod"):
        assert "The sandbox is stopped." in make(clone, "down", f"STACK={stack}")
    assert "The index is up: stack dev" in make(clone, "up")
    make(clone, "clean")
    assert git_status(clone) == ""
    running = subprocess.run(["pgrep", "-f", str(clone)], capture_output=True, text=True, check=False)
    assert running.stdout == ""
    assert not (clone / ".sandbox").exists()


def test_a_clone_can_be_moved_while_its_stack_is_up(clone: Path, tmp_path: Path) -> None:
    make(clone, "up")
    moved = clone.rename(tmp_path / "moved")
    make(moved, "venv")
    twine = [str(moved / ".venv/bin/twine"), "--version"]
    assert subprocess.run(twine, capture_output=True, text=True, check=True).stdout.startswith("twine ")
    assert "The sandbox is stopped." in make(moved, "down")
    make(moved, "clean")
    for folder in (clone, moved):
        running = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False)
        assert running.stdout == ""
