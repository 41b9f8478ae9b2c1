"""Fixtures of the fake provider's tests."""

from __future__ import annotations

import pytest

from sandbox.provider import rest
from tests.support.provider import FakeEngine, FakeGoogle


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> FakeGoogle:
    """A fake Google, and retries without pauses."""
    monkeypatch.setattr(rest, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(rest, "LONGEST_DELAY_SECONDS", 0.001)
    return FakeGoogle()


@pytest.fixture
def engine(google: FakeGoogle) -> FakeEngine:
    """A fake engine with a configured provider."""
    return FakeEngine(google)
