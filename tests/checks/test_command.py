"""`python -m checks` on a repository: what it prints, and its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checks.test_tables import checkout

__all__ = ["checkout"]

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *options: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "checks", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def repository(checkout: Path) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=checkout, check=True)
    return checkout


def test_a_clean_repository_passes(repository: Path) -> None:
    assert run(repository) == (0, [])


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("README.md", "Made anew.\n", "README.md:1: write 'again' (anew: 'anew')"),
        ("README.md", "[a](b.md)\n", "README.md:1: link to b.md: there is no b.md"),
        ("a.py", "# See docs/b.md.\n", "a.py:1: there is no docs/b.md"),
    ],
)
def test_a_problem_of_each_kind_fails(repository: Path, path: str, text: str, line: str) -> None:
    (repository / path).write_text(text, encoding="utf-8")
    assert run(repository) == (1, [line])


def test_an_ignored_file_is_not_read(repository: Path) -> None:
    (repository / ".gitignore").write_text("notes.md\n", encoding="utf-8")
    (repository / "notes.md").write_text("Made anew.\n", encoding="utf-8")
    assert run(repository) == (0, [])


def test_write_brings_the_tables_up_to_date(repository: Path) -> None:
    page = repository / "docs" / "outputs.md"
    current = page.read_text(encoding="utf-8")
    page.write_text(current.replace("ID of", "Number of"), encoding="utf-8")
    assert run(repository)[0] == 1
    assert run(repository, "--write") == (0, [])
    assert page.read_text(encoding="utf-8") == current
