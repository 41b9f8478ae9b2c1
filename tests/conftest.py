"""Fixtures of all tests: the recorder, the sandbox, and an environment without the developer's logins."""

from __future__ import annotations

import os

import pytest

from tests.support.recorder import run_program
from tests.support.sandbox import indexes, program, public, registry, sandbox

__all__ = ["indexes", "program", "public", "registry", "run_program", "sandbox"]

REAL_LOGINS = ("GOOGLE_", "GCLOUD_", "CLOUDSDK_", "PULUMI_")


@pytest.fixture(autouse=True)
def _no_real_logins(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    for key in os.environ:
        if key.startswith(REAL_LOGINS):
            monkeypatch.delenv(key)
