"""The public cases in `tests/cases/`: one file per kind, one entry per case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

_CASES = Path(__file__).resolve().parents[1] / "cases"


def read_entries(file: str, **fields: str) -> list[dict[str, Any]]:
    """The entries of a file that have these fields.

    Raises:
        LookupError: there is none, so a test would pass without a case.
    """
    entries: list[dict[str, Any]] = yaml.safe_load((_CASES / f"{file}.yaml").read_text(encoding="utf-8"))[
        file
    ]
    chosen = [entry for entry in entries if fields.items() <= entry.items()]
    if not chosen:
        raise LookupError(f"{file}.yaml has no case with {fields}")
    return chosen


def case_parameters(file: str, **fields: str) -> list[Any]:
    """These entries as parameters of a test."""
    return [pytest.param(entry, id=entry["id"]) for entry in read_entries(file, **fields)]


def read_cases(file: str, kind: str) -> list[Any]:
    """The input and the expected result of each entry of a kind, as parameters of a test."""
    entries = read_entries(file, kind=kind)
    return [pytest.param(entry["input"], entry["expected"], id=entry["id"]) for entry in entries]
