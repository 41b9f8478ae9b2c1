"""The cases of `tests/cases/clients.yaml`, for the test of each kind."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from _pytest.mark import ParameterSet

from tests.support.sandbox import CHECKOUT


def client_cases(kind: str) -> list[ParameterSet]:
    """The input and the expected result of each case of a kind."""
    cases: list[dict[str, Any]] = yaml.safe_load(
        (CHECKOUT / "tests" / "cases" / "clients.yaml").read_text(encoding="utf-8")
    )["clients"]
    return [
        pytest.param(case["input"], case["expected"], id=case["id"])
        for case in cases
        if case["kind"] == kind
    ]
