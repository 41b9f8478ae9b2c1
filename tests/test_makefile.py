"""The Makefile's venv: it is created once, and again in a clone that was moved."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sandbox import CHECKOUT

MOVED = "This clone was moved"
UNCHANGED = "Nothing to be done"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a complete venv, without packages."""
    clone = tmp_path / "a clone"
    clone.mkdir()
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(CHECKOUT / name, clone)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=clone, check=True)
    os.utime(clone / "requirements.lock", (0, 0))
    (clone / ".venv/.ready").touch()
    return clone


def plan(clone: Path) -> str:
    """The commands that `make venv` would run."""
    command = ["make", "--dry-run", "venv"]
    done = subprocess.run(
        command, cwd=clone, capture_output=True, text=True, check=True, env={**os.environ, "MAKEFLAGS": ""}
    )
    return done.stdout


def test_a_complete_venv_is_kept(clone: Path) -> None:
    assert UNCHANGED in plan(clone)


@pytest.mark.parametrize("place", ["moved", "folder/a clone", "clone"])
def test_a_moved_clone_gets_a_new_venv(clone: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    commands = plan(clone.rename(tmp_path / place))
    assert MOVED in commands
    assert "-m venv --clear .venv" in commands


def test_a_copied_clone_gets_a_new_venv_and_the_original_keeps_its_own(clone: Path, tmp_path: Path) -> None:
    shutil.copytree(clone, tmp_path / "copy", symlinks=True)
    assert MOVED in plan(tmp_path / "copy")
    assert UNCHANGED in plan(clone)


def test_a_clone_that_was_moved_back_keeps_its_venv(clone: Path, tmp_path: Path) -> None:
    clone.rename(tmp_path / "moved").rename(clone)
    assert UNCHANGED in plan(clone)


def test_a_link_to_the_venv_of_another_folder_is_kept(clone: Path, tmp_path: Path) -> None:
    (clone / ".venv").rename(tmp_path / "shared")
    (clone / ".venv").symlink_to(tmp_path / "shared")
    assert UNCHANGED in plan(clone)


def test_a_venv_that_is_not_complete_is_created_without_the_note(clone: Path) -> None:
    (clone / ".venv/.ready").unlink()
    assert "-m venv --clear .venv" in (commands := plan(clone))
    assert MOVED not in commands
