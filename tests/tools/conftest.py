"""The tools as people run them: as a process, with a HOME of the test's own."""

from __future__ import annotations

from tests.support.sandbox import program, sandbox

__all__ = ["program", "sandbox"]
