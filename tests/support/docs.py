"""The tables and commands of the documentation, for the tests that execute them.

A page is a name in `docs/`, or `README`.
"""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def page_path(page: str) -> Path:
    """The file of a page."""
    return CHECKOUT / "README.md" if page == "README" else CHECKOUT / "docs" / f"{page}.md"


def read_page(page: str) -> str:
    """The whole text of a page."""
    return page_path(page).read_text(encoding="utf-8")


def read_section(page: str, title: str) -> str:
    """The text under a heading, up to the next heading of the same or a higher level.

    Raises:
        LookupError: the page does not have that heading.
    """
    level = len(title.partition(" ")[0])
    _, heading, rest = read_page(page).partition(f"\n{title}\n")
    if not heading:
        raise LookupError(f"{page} does not have the heading {title!r}")
    lines: list[str] = []
    code = False
    for line in rest.splitlines(keepends=True):
        # In a code block, `#` begins a comment.
        code ^= line.lstrip().startswith("```")
        if not code and re.match(rf"#{{1,{level}}} ", line):
            break
        lines.append(line)
    return "".join(lines)


def read_table(page: str, title: str) -> list[list[str]]:
    """The rows of a section's only table, without its header."""
    lines = [line for line in read_section(page, title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def read_code(cell: str) -> list[str]:
    """The texts that a cell sets as code."""
    return re.findall(r"`([^`]+)`", cell)


def read_commands(page: str, title: str, language: str = "sh") -> str:
    """The code blocks of a section, by default its shell commands."""
    return "".join(re.findall(rf"```{language}\n(.*?)```", read_section(page, title), re.DOTALL))
