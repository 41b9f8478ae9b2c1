"""`python -m tools summary`: exit statuses, outputs, and the length of a comment."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.sandbox import CHECKOUT
from tests.tools.summary.recording import RECORDINGS, edit_document, read_recording, summarize_text
from tools.summary.markdown import COMMENT_LIMIT, fit


def run(text: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools", "summary", *words]
    return subprocess.run(command, cwd=CHECKOUT, input=text, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("nothing.jsonl", 0),
        ("nothing_document.json", 0),
        ("location_of_protected.jsonl", 1),
        ("wrong_setting.jsonl", 1),
        ("label_only.jsonl", 2),
        ("additive.jsonl", 2),
        ("protection_off.jsonl", 2),
        ("changed_by_hand_document.json", 2),
    ],
)
def test_the_exit_status_tells_no_changes_failure_and_changes_apart(name: str, status: int) -> None:
    done = run(read_recording(name), "--stack", "dev")
    assert (done.returncode, done.stdout) == (status, (RECORDINGS / name).with_suffix(".md").read_text())
    assert done.stderr == ("error: The preview failed.\n" if status == 1 else "")


def test_a_usage_error_has_the_status_of_a_failure() -> None:
    done = run("", "--unknown")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: unrecognized arguments: --unknown" in done.stderr


def test_a_summary_without_changes_is_one_line() -> None:
    assert (
        run(read_recording("nothing.jsonl"), "--title", "Production").stdout == "Production: No changes.\n"
    )
    assert summarize_text(read_recording("nothing_document.json")) == "Stack `dev`: No changes.\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "Standard input is empty"),
        ("\n\n", "Standard input is empty"),
        ("error: no stack named 'dev' found\n", "Standard input is not a preview"),
        ('{"steps": [', "Standard input is not a preview"),
        ("[]", "Standard input is not a preview"),
        ("null", "Standard input is not a preview"),
        ('{"resources": {}}', "Standard input is not a preview"),
        ("[" * 100_000, "Standard input is not a preview"),
        ("\x00\x1b[31m", "Standard input is not a preview"),
    ],
)
def test_input_that_is_not_a_preview_is_an_error_on_both_outputs(text: str, expected: str) -> None:
    done = run(text, "--stack", "dev")
    assert done.returncode == 1
    assert expected in done.stderr
    assert expected in done.stdout, "an older comment must be replaced"
    assert "Traceback" not in done.stderr


def test_a_long_comment_is_cut_at_a_line_and_the_log_has_the_rest() -> None:
    def many(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["members"] = [f"user:u{i}@example.com" for i in range(3000)]

    done = run(edit_document("reader_added_another_removed_document.json", many))
    text = done.stdout
    assert COMMENT_LIMIT - 1000 < len(text) <= COMMENT_LIMIT
    assert text.endswith(
        "**The summary is cut off here, because it is too long. The rest is in the run's log.**\n"
    )
    assert "u999@" not in text
    assert "u999@" in done.stderr


def test_a_code_block_that_is_cut_is_closed() -> None:
    document = json.loads(read_recording("location_of_protected_document.json"))
    document["diagnostics"][0]["message"] = "``` line\n" * 20_000
    text = fit(summarize_text(json.dumps(document)))
    assert len(text) <= COMMENT_LIMIT
    assert text.count("````") == 2
    assert text.index("The summary is cut off") > text.rindex("````")
