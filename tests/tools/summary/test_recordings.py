"""Recorded previews and their summaries: `recordings/NAME.md` beside `NAME.jsonl` or `NAME.json`.

After an intended change, `UPDATE_SUMMARIES=1` writes the summaries again. Review the difference.
"""

from __future__ import annotations

import os

import pytest

from tests.support.docs import read_section
from tests.tools.summary.recording import (
    RECORDINGS,
    read_recording,
    recording_names,
    reduce_preview,
    summarize_text,
)
from tools.summary.access import PARTIAL_PREVIEW


def test_the_documented_comment_is_a_recorded_one() -> None:
    comment = (RECORDINGS / "reader_added_another_removed.md").read_text()
    quoted = "".join(f"> {line}".rstrip() + "\n" for line in comment.splitlines())
    assert f"\n{quoted}\n" in read_section("pull-requests", "## Preview comment")


@pytest.mark.parametrize("name", recording_names())
def test_a_recorded_preview_has_exactly_this_summary(name: str) -> None:
    expected = (RECORDINGS / name).with_suffix(".md")
    text = summarize_text(read_recording(name))
    if os.environ.get("UPDATE_SUMMARIES"):
        expected.write_text(text)
    assert text == expected.read_text()


def test_both_formats_have_the_same_access_changes() -> None:
    def access(name: str) -> str:
        text = summarize_text(read_recording(name)).partition("**Access**")[2].partition("\n\n**")[0]
        assert text.startswith(f"\n\n{PARTIAL_PREVIEW}\n") == name.endswith("_document.json")
        return text.replace(PARTIAL_PREVIEW, "").strip()

    for name in ("reader_added_another_removed", "pypi_proxy_off", "changed_by_hand"):
        assert access(f"{name}.jsonl") == access(f"{name}_document.json") != ""


@pytest.mark.parametrize("name", recording_names())
def test_a_recording_has_only_what_a_summary_reads(name: str) -> None:
    text = read_recording(name)
    assert reduce_preview(text) == text
