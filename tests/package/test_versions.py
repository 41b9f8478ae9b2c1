"""One version everywhere: library, package, changelog, and the pages and templates that pin it."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from components import __version__
from components.registry import CONTRACT_VERSION
from package.__main__ import Package
from tests.support.docs import CHECKOUT

# The folders and files that tell users which version to take.
PINNING = ("README.md", "docs", "template", "examples")
# pip takes `git+https://…@v1.2.3`, `pulumi package add` `…/package@1.2.3`, `pulumi new` `…/tree/v1.2.3/…`.
PIN = re.compile(r"(?:(?<=\w)@v?|/(?:tree|blob)/v)(\d+\.\d+\.\d+)\b")
RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", re.MULTILINE)


def pins(text: str) -> list[str]:
    """The versions of this repository that a text names. Workflows pin the actions of others."""
    lines = [line for line in text.splitlines() if "uses:" not in line]
    return PIN.findall("\n".join(lines))


def test_the_package_has_the_version_of_the_library() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert json.loads(Package().schema or "")["version"] == __version__


def test_every_page_and_template_pins_the_version() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PINNING]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    other = {
        path: found
        for path in filter(None, listed.split("\0"))
        if (CHECKOUT / path).is_file()
        and (found := set(pins((CHECKOUT / path).read_text(encoding="utf-8"))) - {__version__})
    }
    assert other == {}, "after a new version, change these pages too"


def test_the_changelog_starts_with_what_is_unreleased_and_then_has_this_version() -> None:
    text = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## .*$", text, re.MULTILINE)
    assert headings[0] == "## [Unreleased]"
    assert all(RELEASE.fullmatch(heading) for heading in headings[1:]), headings
    # Before the first release, there is no heading with a version.
    assert RELEASE.findall(text)[:1] in ([], [__version__])


def test_a_new_contract_needs_a_new_major_version() -> None:
    major = int(__version__.partition(".")[0])
    assert major >= CONTRACT_VERSION


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('pip install "pulumi-gcp-python-registry @ git+https://github.com/ORG/REPO@v1.2.3"', ["1.2.3"]),
        ("pulumi package add github.com/ORG/REPO/package@1.2.3", ["1.2.3"]),
        ("  python-registry: github.com/ORG/REPO/package@v1.2.3", ["1.2.3"]),
        ("pulumi new https://github.com/ORG/REPO/tree/v1.2.3/template", ["1.2.3"]),
        ("- uses: actions/checkout@v1.2.3", []),
        ("pulumi-gcp==1.2.3 and name@example.com", []),
    ],
)
def test_the_search_finds_every_form_of_a_pin(text: str, expected: list[str]) -> None:
    assert pins(text) == expected
