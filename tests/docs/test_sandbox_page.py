"""The tables of docs/sandbox.md list exactly the targets, commands and faults that exist."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click

from sandbox.__main__ import cli
from sandbox.cloud.core.faults import Faults

ROOT = Path(__file__).resolve().parents[2]


def first_cells(title: str) -> list[str]:
    """The code of the first column of a section's table."""
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0].partition("\n|---")[2]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def commands(group: click.Group, prefix: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield prefix + name


def test_the_page_lists_every_make_target() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert set(re.findall(r"make [\w-]+", re.sub(r"  .*", "", listed))) - {"make help"} == set(
        first_cells("Make targets")
    )


def test_the_page_lists_every_command() -> None:
    documented = {re.split(r" (?:[A-Z-]|$)", f"{cell} ")[0].strip() for cell in first_cells("Commands")}
    # `faults` without a command does the same.
    assert documented == set(commands(cli)) - {"faults show"}


def test_the_page_lists_every_fault() -> None:
    assert first_cells("Faults") == [field.name.replace("_", "-") for field in fields(Faults)]
