"""Pull requests by Dependabot and Renovate, from forks and in a merge queue: their jobs, and the reason.

The cases are in `tests/cases/robots.yaml`.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import read_entries
from tests.support.docs import CHECKOUT, read_section
from tests.workflows.expressions import evaluate, needs_context, run_jobs
from tests.workflows.github_client import BOT, run_script
from tests.workflows.workflow_files import GITHUB, JOBS, WORKFLOWS

CASES = read_entries("robots")
REPOSITORY = "acme/registry"
DEFAULT: dict[str, Any] = {"event": "pull_request", "head": REPOSITORY, "author": "", "results": {}}
STACKS = ("dev", "prod")
ROBOT, PERSON = "dependabot[bot]", "ann"


def contexts(case: dict[str, Any]) -> dict[str, Any]:
    """GitHub's contexts in a run of the workflow."""
    affected = runpy.run_path(str(GITHUB / "scripts/affected_stacks.py"))["affected_stacks"]
    head = {"repo": {"full_name": case["head"]} if case["head"] else None}
    pull_request = {"number": 7, "head": head, "user": {"login": case["author"]}}
    event = {"pull_request": pull_request} if case["event"] == "pull_request" else {}
    return {
        "github": {
            "event": event,
            "event_name": case["event"],
            "repository": REPOSITORY,
            "actor": case["actor"],
            "triggering_actor": case.get("triggering_actor", case["actor"]),
            "ref": "refs/heads/queue",
        },
        "outputs": {"stacks": {"stacks": json.dumps(affected(case["changed"], STACKS))}},
    }


def run_result(case: dict[str, Any], done: dict[str, str], page: Path) -> int:
    """Run the script of the job `result`. Return its status."""
    job = JOBS["preview/result"]
    known = contexts(case)
    known["needs"] = {need: needs_context(known, done, need) for need in job["needs"]}
    variables = {name: evaluate(value, known) for name, value in job["env"].items()}
    variables |= {"GITHUB_EVENT_NAME": case["event"], "GITHUB_REPOSITORY": REPOSITORY}
    variables |= {"GITHUB_ACTOR": case["actor"], "GITHUB_STEP_SUMMARY": str(page)}
    command = ["bash", "-e", "-c", job["steps"][-1]["run"]]
    return subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **variables}, check=False).returncode


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_pull_request_has_a_preview_or_a_reason(case: dict[str, Any], tmp_path: Path) -> None:
    values, expected = {**DEFAULT, **case["input"]}, case["expected"]
    done = run_jobs(WORKFLOWS["preview"]["jobs"], contexts(values), values["results"])
    assert (done["preview"] != "skipped") == expected["preview"]
    assert done["result"] == "success", "the job always runs"
    page = tmp_path / "page"
    status = run_result(values, done, page)
    assert ("failure" if status else "success") == expected["result"]
    text = page.read_text() if page.exists() else ""
    assert expected["text"] in text
    assert bool(text) == bool(expected["text"])


def test_every_event_of_the_preview_has_a_case() -> None:
    events = {case["input"].get("event", DEFAULT["event"]) for case in CASES}
    assert set(WORKFLOWS["preview"][True]) == events
    assert events <= set(WORKFLOWS["test"][True])


def test_two_runs_of_a_merge_queue_do_not_cancel_each_other() -> None:
    group = WORKFLOWS["preview"]["concurrency"]["group"].removeprefix("preview-")
    values = {**DEFAULT, "actor": PERSON, "changed": []}
    assert evaluate(group, contexts(values)) == 7
    assert evaluate(group, contexts({**values, "event": "merge_group"})) == "refs/heads/queue"


def comments_of(actor: str, known: list[Any], tmp_path: Path, **env: str) -> list[Any]:
    (tmp_path / ".github").symlink_to(GITHUB)
    lists = {"STACKS": '["dev"]', "REMOVED": "[]"}
    return run_script(tmp_path, "preview/others", known, GITHUB_ACTOR=actor, **lists, **env)


def test_a_run_of_dependabot_replaces_an_earlier_preview_with_the_reason(tmp_path: Path) -> None:
    earlier = {**BOT, "id": 3, "body": "<!-- preview of dev -->\nStack `dev`: No changes.\n"}
    ((name, comment),) = comments_of(ROBOT, [earlier], tmp_path)
    assert (name, comment["comment_id"]) == ("updateComment", 3)
    assert "### Stack `dev`: no preview\n\nDependabot started this run" in comment["body"]


def test_a_run_of_a_person_keeps_the_comment_for_its_preview(tmp_path: Path) -> None:
    assert comments_of(PERSON, [], tmp_path) == []


def test_a_read_only_token_does_not_fail_a_run_of_dependabot(tmp_path: Path) -> None:
    assert comments_of(ROBOT, [], tmp_path, REFUSED="403") == []


@pytest.mark.parametrize(("actor", "status"), [(PERSON, "403"), (ROBOT, "500")])
def test_other_errors_of_a_comment_fail_the_job(tmp_path: Path, actor: str, status: str) -> None:
    earlier = {**BOT, "id": 3, "body": "<!-- preview of prod -->\n"}
    with pytest.raises(AssertionError, match=f"status {status}"):
        comments_of(actor, [earlier], tmp_path, REFUSED=status)


def test_every_change_of_main_is_previewed_before_the_approval_of_prod() -> None:
    """Also a change of requirements.lock: the workflow has no filter of paths and no condition."""
    workflow = WORKFLOWS["deploy"]
    assert workflow[True]["push"] == {"branches": ["main"]}
    assert not [name for name, job in workflow["jobs"].items() if "if" in job]
    review = workflow["jobs"]["review"]
    assert [step["run"] for step in review["steps"] if "run" in step] == [".github/scripts/preview.sh"]
    assert workflow["jobs"]["prod"]["needs"] == "review"


def test_the_page_names_the_check_to_require() -> None:
    assert "`result`" in read_section("pull-requests", "## On GitHub")
    assert "Dependabot" in read_section("pull-requests", "## Pull requests without a preview")
