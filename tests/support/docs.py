"""The README's tables and commands, for the tests that hold them to what they promise."""

from __future__ import annotations

import re
from pathlib import Path

_README = Path(__file__).resolve().parents[2] / "README.md"


def read_section(title: str) -> str:
    """The text under a heading, up to the next of its level or above."""
    level, text = len(title.partition(" ")[0]), _README.read_text(encoding="utf-8")
    return re.split(rf"\n#{{1,{level}}} ", text.partition(f"\n{title}\n")[2], maxsplit=1)[0]


def read_table(title: str) -> list[list[str]]:
    """The rows of a section's only table, its heading aside."""
    lines = [line for line in read_section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def read_code(cell: str) -> list[str]:
    """What is set as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def read_commands(title: str) -> str:
    """The shell commands of a section."""
    return "".join(re.findall(r"```sh\n(.*?)```", read_section(title), re.DOTALL))
