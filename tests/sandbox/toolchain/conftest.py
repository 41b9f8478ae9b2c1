"""Fixtures of the toolchain's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.machine import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without tools and network."""
    return Machine(tmp_path, monkeypatch)
