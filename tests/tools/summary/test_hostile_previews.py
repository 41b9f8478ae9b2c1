"""Previews that an attacker writes parts of: no content of them hides a change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tools.summary.recording import summarize_text
from tests.tools.summary.steps import MEMBER, WRITER, step
from tools.summary.events import SIGNATURE
from tools.summary.previews import read_preview
from tools.summary.report import summarize

SUMMARY = {"summaryEvent": {"result": "succeeded"}}


def event(op: str, token: str, old: Any = None, new: Any = None, **more: Any) -> dict[str, Any]:
    """Return the event of a step."""
    metadata = step(op, token, old, new, **more)
    metadata |= {"old": metadata.pop("oldState"), "new": metadata.pop("newState")}
    return {"resourcePreEvent": {"metadata": metadata}}


def stream(*events: Any) -> str:
    return "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in (*events, SUMMARY))


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"])
def test_only_a_line_feed_ends_an_event(character: str) -> None:
    grant = {**WRITER, "member": f"user:mallory{character}@example.com"}
    text = summarize_text(stream(event("create", MEMBER, None, grant)))
    assert "mallory" in text
    assert "**may**" in text
    assert "unreadable line" not in text


@pytest.mark.parametrize(
    "line",
    ['{"resourcePreEvent": {', "text", "[1]", '{"a":' * 100_000, '{"a": ' + "1" * 5000 + "}"],
    ids=["cut", "text", "list", "deep", "digits"],
)
def test_a_line_that_is_not_an_event_is_in_the_summary(line: str) -> None:
    summary = summarize(read_preview(line + "\n" + stream()), "Stack `dev`")
    assert summary.has_changes
    assert f"- `unreadable line`: `{line[:200]}" in summary.text
    assert len(summary.text) < 1000


def test_an_unreadable_line_shows_no_secret() -> None:
    text = summarize_text(f'{{"{SIGNATURE}": "1b47", "plaintext": "hunter2"\n' + stream())
    assert "`[secret] in a line of" in text
    assert "hunter2" not in text


def test_a_byte_order_mark_is_not_part_of_an_event() -> None:
    assert summarize_text("\ufeff" + stream()) == "Stack `dev`: No changes.\n"
