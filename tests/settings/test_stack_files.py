"""Stack files as teams write them: each works, or its message is true. `tests/cases/` has the list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from settings import SettingsError, parse_settings, read_other_stacks
from settings.parse import clear_secrets
from tests.support.cases import case_parameters, read_entries
from tests.support.recorder import MINIMAL, engine_config

# A value that is too long for the list of cases.
LONG = {"60 labels": json.dumps({f"l{number}": "x" for number in range(60)})}


@pytest.mark.parametrize("case", case_parameters("stack_files"))
def test_the_program_accepts_a_right_stack_file_and_tells_the_truth_about_a_wrong_one(
    case: dict[str, Any], tmp_path: Path
) -> None:
    given, expected = case["input"], case["expected"]
    for name, text in given.get("files", {}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    config: dict[str, str] = given.get("config", {})
    values = {**engine_config(MINIMAL), **{key: LONG.get(text, text) for key, text in config.items()}}
    secrets = given.get("secrets", [])
    others = read_other_stacks(tmp_path, given.get("stack", "dev"), values)
    if "refused" in expected:
        with pytest.raises(SettingsError) as refused:
            parse_settings(values, secrets, others)
        assert [line.strip() for line in str(refused.value).splitlines()[1:]] == expected["refused"]
    else:
        args = parse_settings(values, secrets, others)
        for attribute, value in expected["accepted"].items():
            found = getattr(args, attribute)
            assert (list(found) if isinstance(found, tuple) else found) == value
        assert clear_secrets(secrets) == expected.get("warnings", [])


def test_every_case_has_an_id_of_its_own_and_a_source() -> None:
    ids = [case["id"] for case in read_entries("stack_files")]
    assert len({*ids}) == len(ids)
    assert all(case["source"] for case in read_entries("stack_files"))
