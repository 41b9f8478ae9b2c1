"""The sandbox that all tests of the package index share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.indexes import TinyIndex, sandbox_with_index
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="package")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, TinyIndex]]:
    """One sandbox whose public index is the tests' own; each test uses a project of its own."""
    with sandbox_with_index(tmp_path_factory.mktemp("indexes") / "state") as both:
        yield both
