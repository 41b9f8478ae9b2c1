"""The front page and the pages say nothing that the program does not know: examples, errors, pictures."""

from __future__ import annotations

import ast
import html
import json
import re
from pathlib import Path

import pytest
import yaml

from components.registry import OUTPUTS
from settings import parse_settings
from tests.support.docs import CHECKOUT, read_code, read_commands, read_page, read_section, read_table

README_LINES, PICTURE_LINES = 150, 40
PAGES = sorted(path.stem for path in (CHECKOUT / "docs").glob("*.md"))
RECORDING = CHECKOUT / "docs/tour.svg"
# The errors of the program are in its own code. Those of the clients are in the tests that provoke them, or
# in the recording of the tour.
SOURCES = ("components", "settings", "tools", "sandbox", "examples", "tests")
ERROR_SECTIONS = ("## Pulumi", "## Clients", "## `python -m tools`", "## Sandbox")
# A part of a text that varies, and lines of a recording that are left out.
CUT = "…"


def texts_of(path: Path) -> list[str]:
    """The string constants of a Python file, formatted values as `…`."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(str(v.value) if isinstance(v, ast.Constant) else CUT for v in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return found


def lines_of(picture: str) -> list[str]:
    """The terminal lines of a picture."""
    drawn = re.findall(r'<text class="[^"]*\br\d+" x="[09]"[^>]*>(.*?)</text>', picture, re.DOTALL)
    return [html.unescape(line).replace("\xa0", " ").strip() for line in drawn]


def test_the_readme_is_short() -> None:
    assert len(read_page("README").splitlines()) <= README_LINES


def test_the_readme_lists_every_page() -> None:
    linked = re.findall(r"\]\(docs/([\w-]+)\.md\)", read_section("README", "## Documentation"))
    assert len(linked) == len(set(linked))
    assert set(PAGES) <= set(linked)


def test_the_commands_of_the_readme_are_in_a_page() -> None:
    pages = "".join(map(read_page, PAGES))
    for title in ("## Try it", "## Deploy", "## Use the index"):
        for line in read_commands("README", title).splitlines():
            assert re.split(r"\s+#", line)[0] in pages


@pytest.mark.parametrize(
    ("page", "title"), [("README", "## The stack file"), ("configuration", "## Example")]
)
def test_the_program_accepts_the_stack_file(page: str, title: str) -> None:
    config = yaml.safe_load(read_commands(page, title, "yaml"))["config"]
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    assert parse_settings(texts).location == "europe-west1"
    if page == "configuration":
        keys = {read_code(row[0])[0] for row in read_table(page, "## Settings")}
        # A key with a dot is a part of another one.
        assert {key for key in keys if "." not in key} == set(config), "the example uses every setting"


def test_the_outputs_page_lists_every_output() -> None:
    assert [read_code(row[0])[0] for row in read_table("outputs", "## All outputs")] == list(OUTPUTS)


def test_every_documented_error_is_in_the_program_or_in_a_test() -> None:
    paths = [path for folder in SOURCES for path in (CHECKOUT / folder).rglob("*.py")]
    known = [text for path in paths for text in texts_of(path)]
    known += [(CHECKOUT / "Makefile").read_text(), *lines_of(RECORDING.read_text(encoding="utf-8"))]
    documented = [
        read_code(row[0])[0] for title in ERROR_SECTIONS for row in read_table("troubleshooting", title)
    ]
    assert len(documented) > len(ERROR_SECTIONS)
    unknown = [
        error
        for error in documented
        if not any(all(part in text for part in map(str.strip, error.split(CUT))) for text in known)
    ]
    assert unknown == []


def test_the_short_picture_is_an_excerpt_of_the_recording() -> None:
    whole = lines_of(RECORDING.read_text(encoding="utf-8"))
    excerpt = lines_of((CHECKOUT / "docs/tour-short.svg").read_text(encoding="utf-8"))
    assert 0 < len(excerpt) <= PICTURE_LINES
    remaining = iter(whole)
    assert all(line in remaining for line in excerpt if line != CUT), "its lines, in the same order"


def test_no_upload_address_from_a_variable_can_be_empty() -> None:
    """With an empty `--repository-url`, twine uploads to PyPI, and a token goes there too."""
    files = [*(CHECKOUT / "docs").glob("*.md"), CHECKOUT / "README.md"]
    files += [*CHECKOUT.glob(".github/**/*.*"), *CHECKOUT.glob("examples/*/.github/**/*.yml")]
    addresses = [
        address
        for path in files
        for address in re.findall(r"twine [^`\n]*--repository-url (\S+)", path.read_text(encoding="utf-8"))
        if "$" in address
    ]
    assert len(addresses) == 1
    assert [address for address in addresses if not re.fullmatch(r'"\$\{\w+:\?\}"', address)] == []
