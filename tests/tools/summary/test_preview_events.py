"""Everything that is in a preview is in its summary: the cases of `tests/cases/preview_events.yaml`."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from tests.support.cases import read_entries
from tests.support.docs import read_code, read_table
from tests.tools.summary.recording import read_recording
from tests.tools.summary.test_command import run
from tools.__main__ import main
from tools.summary.events import EVENTS, LEFT_OUT, LEFT_OUT_SEVERITY
from tools.summary.previews import NEUTRAL, OPERATIONS

CASES = read_entries("preview_events")


def preview_of(case: dict[str, Any]) -> str:
    """The text of a preview, as the case describes it."""
    if "document" in case:
        return json.dumps(case["document"])
    events = [json.loads(line) for line in read_recording(case["recording"]).splitlines()]
    (summary,) = (event for event in events if "summaryEvent" in event)
    summary["summaryEvent"] |= case.get("summary", {})
    for name in case.get("without", []):
        del summary["summaryEvent"][name]
    others = [event for event in events if event is not summary]
    return "".join(json.dumps(event) + "\n" for event in [*others, *case.get("add", []), summary])


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_preview_is_in_its_summary(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    preview = io.TextIOWrapper(io.BytesIO(preview_of(case["input"]).encode()))
    monkeypatch.setattr(sys, "stdin", preview)
    monkeypatch.setattr(sys, "argv", ["tools", "summary", "--stack", "dev"])
    assert main() == case["status"]
    comment = capsys.readouterr().out
    for text in case["expected"]:
        assert text in comment
    for text in case.get("absent", []):
        assert text not in comment


def test_an_old_cli_is_told_apart_from_a_failure_on_standard_error() -> None:
    done = run(preview_of({"recording": "nothing.jsonl", "without": ["result"]}))
    assert done.stderr == (
        "error: This Pulumi CLI is too old: its preview does not say whether it succeeded. Install Pulumi "
        "3.244.0 or newer.\n"
    )


def test_the_documented_events_are_those_of_the_code() -> None:
    documented: dict[str, tuple[str, ...]] = {}
    for events, fields, shown in read_table("preview-events", "## Events"):
        for event in read_code(events):
            left_out = shown.startswith("Nothing")
            assert left_out == (event in LEFT_OUT), event
            listed = tuple(read_code(fields))
            # The results of a stack have no resource.
            stack = event == "policyAnalyzeStackSummaryEvent"
            documented[event] = tuple(name for name in listed if not (stack and name == "resourceUrn"))
    assert documented == {name: tuple(fields) for name, fields in EVENTS.items()}
    assert f"`{LEFT_OUT_SEVERITY}` is left out" in str(read_table("preview-events", "## Events"))


def test_the_documented_operations_are_those_of_the_code() -> None:
    rows = [read_code(first) for first, _ in read_table("preview-events", "## Steps")]
    operations = {name for row in rows for name in row}
    assert operations >= {*NEUTRAL, "same", "refresh"} | {*OPERATIONS.values()} - {"retain"}
    assert [row for row in rows if row == [*NEUTRAL]]
