"""A public index of the tests' own, with one package on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.distributions import sdist, wheel
from tests.support.indexes import TinyIndex, sandbox_with_index
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="package")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, TinyIndex]]:
    """One sandbox for all tests of the public index."""
    with sandbox_with_index(tmp_path_factory.mktemp("indexes") / "state") as both:
        yield both


@pytest.fixture
def public(public: TinyIndex) -> TinyIndex:
    """The public index, with one package on it."""
    public.publish(wheel("helper", "1.0"), sdist("helper", "1.0"))
    return public
