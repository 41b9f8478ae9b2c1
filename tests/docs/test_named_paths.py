"""The pages for contributors name only files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATH = re.compile(r"`((?:[\w.*-]+/)+(?:[\w.*-]+)?)`")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", "docs/sandbox.md"])
def test_a_page_names_only_files_that_exist(page: str) -> None:
    paths = PATH.findall((ROOT / page).read_text(encoding="utf-8"))
    assert paths
    assert [path for path in paths if not path.startswith(".sandbox") and not list(ROOT.glob(path))] == []
