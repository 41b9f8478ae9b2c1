"""The public cases of `tests/cases/`: one file per kind, whose entries one parametrised test reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

CASES = Path(__file__).resolve().parents[1] / "cases"


def read_cases(name: str, kind: str) -> list[Any]:
    """The input and the expected result of each entry of a kind, as parameters of a test."""
    entries = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))[name]
    found = [entry for entry in entries if entry["kind"] == kind]
    assert found, f"{name} has no case of the kind {kind}"
    return [pytest.param(entry["input"], entry["expected"], id=entry["id"]) for entry in found]
