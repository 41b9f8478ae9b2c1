"""Fixtures for the tests of `python -m tools`."""

from __future__ import annotations

from tests.support.sandbox import program, sandbox

__all__ = ["program", "sandbox"]
