"""The scripts that write comments and issues, on a fake of GitHub's client."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.workflows.github_client import BOT, run_script
from tests.workflows.workflow_files import GITHUB, JOBS

ISSUE_TITLE = "Stack dev differs from its stack file"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder with only the scripts and a summary."""
    shutil.copytree(GITHUB / "scripts", tmp_path / ".github/scripts")
    (tmp_path / "summary.md").write_text("Stack `dev`: No changes.\n")
    return tmp_path


def test_a_comment_of_another_user_or_stack_is_not_updated(scripts: Path) -> None:
    body = "<!-- preview of dev -->"
    others = [
        {"id": 1, "user": None, "body": body},
        {"id": 2, **BOT, "body": None},
        {"id": 3, "user": {"type": "Bot", "login": "another[bot]"}, "body": body},
        {"id": 4, "user": {"type": "User", "login": "ann"}, "body": body},
        {"id": 5, **BOT, "body": f"> {body}"},
        {"id": 6, **BOT, "body": "<!-- preview of dev-2 -->"},
    ]
    assert [name for name, _ in run_script(scripts, "preview/preview", others, STACK="dev")] == [
        "createComment"
    ]
    own = {"id": 7, **BOT, "body": body}
    ((_, comment),) = run_script(scripts, "preview/preview", [*others, own], STACK="dev")
    assert comment["comment_id"] == 7


def test_the_first_preview_creates_a_comment_and_a_later_one_updates_it(scripts: Path) -> None:
    ((name, comment),) = run_script(scripts, "preview/preview", [], STACK="dev")
    assert (name, comment["issue_number"]) == ("createComment", 7)
    assert comment["body"] == "<!-- preview of dev -->\nStack `dev`: No changes.\n"
    known = [{"id": 2, **BOT, "body": comment["body"]}]
    ((name, update),) = run_script(scripts, "preview/preview", known, STACK="dev")
    assert (name, update["comment_id"], update["body"]) == ("updateComment", 2, comment["body"])
    ((name, _),) = run_script(scripts, "preview/preview", known, STACK="prod")
    assert name == "createComment"


@pytest.mark.parametrize("summary", [None, ""])
def test_a_step_that_fails_before_the_preview_replaces_the_earlier_comment(
    scripts: Path, summary: str | None
) -> None:
    (scripts / "summary.md").unlink()
    if summary is not None:
        (scripts / "summary.md").write_text(summary)
    earlier = {"id": 2, **BOT, "body": "<!-- preview of dev -->\nStack `dev`: No changes.\n"}
    ((name, comment),) = run_script(scripts, "preview/preview", [earlier], STACK="dev")
    assert (name, comment["comment_id"]) == ("updateComment", 2)
    assert "### Stack `dev`: no preview\n\nA step before the preview failed." in comment["body"]
    assert "(https://github.com/o/r/actions/runs/5)" in comment["body"]
    assert JOBS["preview/preview"]["steps"][-1]["if"] == "${{ !cancelled() }}"


def test_the_comment_of_a_stack_that_is_no_longer_affected_is_updated(scripts: Path) -> None:
    known = [{"id": i, **BOT, "body": f"<!-- preview of {stack} -->\n"} for i, stack in enumerate("ab")]
    known += [{"id": 8, "user": None, "body": "<!-- preview of c -->"}, {"id": 9, **BOT, "body": None}]
    ((name, comment),) = run_script(scripts, "preview/others", known, STACKS='["b"]', REMOVED="[]")
    assert (name, comment["comment_id"]) == ("updateComment", 0)
    unaffected = "<!-- preview of a -->\nStack `a`: this pull request no longer affects it.\n"
    assert comment["body"] == unaffected
    assert run_script(scripts, "preview/others", known, STACKS='["a", "b"]', REMOVED="[]") == []


def test_a_stack_whose_file_is_deleted_has_a_comment_that_it_still_exists(scripts: Path) -> None:
    known = [{"id": 1, **BOT, "body": "<!-- preview of a -->\n"}]
    requests = run_script(scripts, "preview/others", known, STACKS="[]", REMOVED='["a", "b"]')
    assert [name for name, _ in requests] == ["updateComment", "createComment"]
    for stack, (_, comment) in zip("ab", requests, strict=True):
        assert comment["body"].startswith(
            f"<!-- preview of {stack} -->\n### Stack `{stack}`: stack file deleted, resources kept\n"
        )
        assert f"`pulumi destroy --stack {stack}`" in comment["body"]


def test_drift_opens_an_issue_and_updates_an_open_one(scripts: Path) -> None:
    pull_request = {"title": ISSUE_TITLE, "number": 9, "pull_request": {}}
    ((name, issue),) = run_script(scripts, "drift/drift", [pull_request], STACK="dev", DRIFT="true")
    assert (name, issue["title"]) == ("create", ISSUE_TITLE)
    assert issue["body"] == "Stack `dev`: No changes.\n"
    known = [pull_request, {"title": ISSUE_TITLE, "number": 3}]
    ((name, issue),) = run_script(scripts, "drift/drift", known, STACK="dev", DRIFT="true")
    assert (name, issue["issue_number"]) == ("update", 3)


def test_without_drift_every_open_issue_of_the_stack_is_closed(scripts: Path) -> None:
    known = [
        {"title": ISSUE_TITLE, "number": 3},
        {"title": ISSUE_TITLE, "number": 4},
        {"title": ISSUE_TITLE, "number": 9, "pull_request": {}},
        {"title": "x", "number": 5},
    ]
    requests = run_script(scripts, "drift/drift", known, STACK="dev", DRIFT="false")
    assert [(issue["issue_number"], issue["state"]) for _, issue in requests] == [
        (3, "closed"),
        (4, "closed"),
    ]
    assert run_script(scripts, "drift/drift", [], STACK="dev", DRIFT="false") == []
