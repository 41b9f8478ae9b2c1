"""The reader of previews: cut-off streams, other text, secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tools.summary.recording import read_recording, summarize_text
from tools.errors import ToolError
from tools.summary.events import SIGNATURE
from tools.summary.previews import read_preview
from tools.summary.report import summarize


@pytest.mark.parametrize("lines", [3, 20, 60])
def test_a_stream_that_was_cut_off_is_a_failure(lines: int) -> None:
    cut = "".join(read_recording("first_up.jsonl").splitlines(keepends=True)[:-lines])
    preview = read_preview(cut[:-20]) if "resourcePreEvent" in cut else None
    if preview is None:
        with pytest.raises(ToolError):
            read_preview(cut)
        return
    assert preview.failed
    assert "The preview ended before it was complete." in summarize(preview, "Stack `dev`").text


def test_text_before_a_document_is_ignored() -> None:
    noisy = "Installing dependencies...\n{not this}\n"
    name = "reader_added_another_removed_document.json"
    assert summarize_text("Installing dependencies...\n" + read_recording(name)) == summarize_text(
        read_recording(name)
    )
    with pytest.raises(ToolError):
        read_preview(noisy)


def test_a_summary_shows_no_secret_and_no_token() -> None:
    def secret(step: dict[str, Any]) -> None:
        step["newState"]["inputs"] |= {
            "description": {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hunter2"'},
            "labels": {"team": "ya29.a0AfH6SMBverylongtokenindeed0123456789"},
        }

    document = json.loads(read_recording("pypi_proxy_off_document.json"))
    (step,) = (s for s in document["steps"] if s["urn"].endswith("::registry-pypi"))
    step |= {"op": "update", "newState": {**step["oldState"], "inputs": {**step["oldState"]["inputs"]}}}
    secret(step)
    text = summarize_text(json.dumps(document))
    assert "`description` `Cache of PyPI` → `[secret]`" in text
    assert "`team` `data` → `[token]`" in text
    assert "hunter2" not in text
