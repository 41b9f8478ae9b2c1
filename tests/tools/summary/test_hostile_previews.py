"""Previews that an attacker writes parts of: no content of them hides a change."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from tests.tools.summary.recording import summarize_text
from tests.tools.summary.steps import MEMBER, REPOSITORY, WRITER, step, summarize_steps
from tools.__main__ import main
from tools.summary.events import SIGNATURE
from tools.summary.markdown import COMMENT_LIMIT
from tools.summary.previews import read_preview
from tools.summary.report import summarize

UPLOADS = {"repositoryId": "python", "mode": "STANDARD_REPOSITORY"}
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


@pytest.mark.parametrize("op", ["delete", "delete-replaced", "replace"])
@pytest.mark.parametrize("same_is_first", [True, False])
def test_an_unchanged_resource_hides_no_loss_of_the_same_name(op: str, *, same_is_first: bool) -> None:
    same = event("same", REPOSITORY, UPLOADS, UPLOADS)
    lost = event(op, REPOSITORY, UPLOADS, UPLOADS if op == "replace" else None)
    text = summarize_text(stream(*((same, lost) if same_is_first else (lost, same))))
    assert "**All packages in it are lost**" in text
    assert f"- {'Replaced' if op == 'replace' else 'Deleted'}: repository `python`" in text


@pytest.mark.parametrize("op", ["replace", "create-replacement"])
def test_a_replacement_is_one_change(op: str) -> None:
    lost = event("delete-replaced", REPOSITORY, UPLOADS, None)
    text = summarize_text(stream(event(op, REPOSITORY, UPLOADS, UPLOADS), lost))
    assert "- Replaced: repository `python`" in text
    assert "Deleted" not in text


VIOLATION = {
    "policyName": "cmek",
    "policyPackName": "acme",
    "enforcementLevel": "mandatory",
    "message": "m",
}
LONG = {
    "one violation of many resources": [
        {"policyEvent": {**VIOLATION, "resourceUrn": f"a::b::c::{'r' * 50}{number}"}}
        for number in range(1700)
    ],
    "many policies": [
        {"policyEvent": {**VIOLATION, "policyName": f"{number}{'p' * 50}"}} for number in range(1700)
    ],
    "unknown events": [{f"new{number}Event": {"text": "x" * 900}} for number in range(80)],
    "one error": [{"diagnosticEvent": {"severity": "error", "message": "x" * 70_000}}],
    "invisible characters": [{"diagnosticEvent": {"severity": "error", "message": "\U000e0001" * 70_000}}],
    "errors": [
        {"diagnosticEvent": {"severity": "error", "message": f"{number}" * 900}} for number in range(500)
    ],
}


@pytest.mark.parametrize("name", LONG)
def test_no_long_text_pushes_access_and_losses_out_of_the_comment(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = event("delete", REPOSITORY, {**UPLOADS, "repositoryId": "lost"})
    text = stream(*LONG[name], event("create", MEMBER, None, WRITER), lost)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    monkeypatch.setattr(sys, "argv", ["tools", "summary"])
    main()
    comment = capsys.readouterr().out
    assert len(comment) <= COMMENT_LIMIT
    for expected in ("**All packages in it are lost**", "`user:a@example.com` **may**", "- Deleted: "):
        assert expected in comment
    if name == "one violation of many resources":
        assert ", and 1,680 more: `m`" in comment


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        (
            "vulnerabilityScanningConfig",
            {"enablementConfig": "INHERITED"},
            {"enablementConfig": "DISABLED"},
        ),
        ("name", "bucket-a", "bucket-b"),
    ],
)
def test_an_input_that_a_person_sets_is_in_the_changes(key: str, old: Any, new: Any) -> None:
    text = summarize_steps(
        step("update", REPOSITORY, {**UPLOADS, key: old, "__a": 1}, {**UPLOADS, key: new, "__a": 2})
    )
    assert f"`{key}` " in text
    assert " → " in text
    assert "__a" not in text


@pytest.mark.parametrize("word", ["@octocat", "[a](b)", "<img src=x>", "**a**"])
def test_an_odd_type_stays_text(word: str) -> None:
    text = summarize_text(stream(event("create", f"a:b:{word}", None, {"a": "b"})))
    assert f"- Created: `{word}` `" in text


def test_deep_values_are_an_error_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deep: Any = "a"
    for _ in range(450):
        deep = {"a": deep}
    text = stream(event("create", REPOSITORY, None, {"labels": deep}))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    monkeypatch.setattr(sys, "argv", ["tools", "summary"])
    assert main() == 1
    assert "nested too deeply" in capsys.readouterr().out


def test_a_second_summary_hides_no_failure() -> None:
    assert read_preview(stream({"summaryEvent": {"result": "failed"}})).failed
    assert read_preview(stream() + json.dumps({"summaryEvent": {"result": "failed"}})).failed


@pytest.mark.parametrize("more", [{}, {"id": "a"}])
def test_only_a_component_is_left_out(more: dict[str, Any]) -> None:
    token = "other:index:Thing" if more else REPOSITORY
    deleted = event("delete", token, UPLOADS, None, **more)
    state = deleted["resourcePreEvent"]["metadata"]["old"]
    del state["custom"]
    assert "- Deleted: " in summarize_text(stream(deleted))
    state["custom"] = False
    assert "- Deleted: " not in summarize_text(stream(deleted))


def test_a_summary_shows_no_password_of_a_url() -> None:
    urls = "https://user:hunter2@host https://oauth2accesstoken@host"
    error = {"diagnosticEvent": {"severity": "error", "message": urls}}
    text = summarize_text(stream(error, event("create", REPOSITORY, None, {"repositoryId": urls})))
    assert "hunter2" not in text
    assert text.count("https://user:[hidden]@host https://oauth2accesstoken@host") == 2
