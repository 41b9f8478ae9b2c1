"""The cases in `tests/cases/`: one file per kind, one entry per case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

_CASES = Path(__file__).resolve().parents[1] / "cases"


def case_parameters(file: str, **fields: str) -> list[Any]:
    """The entries of a file that have these fields, as parameters of a test.

    Raises:
        LookupError: there is none, so the test would pass without a case.
    """
    entries: list[dict[str, Any]] = yaml.safe_load((_CASES / f"{file}.yaml").read_text())[file]
    chosen = [entry for entry in entries if fields.items() <= entry.items()]
    if not chosen:
        raise LookupError(f"{file}.yaml has no case with {fields}")
    return [pytest.param(entry, id=entry["id"]) for entry in chosen]
