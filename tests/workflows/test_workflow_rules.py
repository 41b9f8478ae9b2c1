"""The workflows' permissions, triggers and order, read from their YAML."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.toolchain.versions import CLI_VERSION
from tests.support.sandbox import CHECKOUT
from tests.workflows.workflow_files import COMPOSITE, JOBS, SETUP, SETUP_TEXT, TEXTS, WORKFLOWS, steps_of

PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
WRITERS = {
    "preview/preview": "pull-requests",
    "preview/others": "pull-requests",
    "drift/drift": "issues",
    "release/release": "contents",
}
# The action that logs in to PyPI without a key.
PUBLISH = "pypa/gh-action-pypi-publish@"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_has_no_permissions_outside_its_jobs(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_the_least_permissions_and_a_timeout(name: str) -> None:
    job = JOBS[name]
    has_login = any(step.get("uses", "").startswith((SETUP, PUBLISH)) for step in job["steps"])
    expected = {"contents": "read"}
    if has_login:
        expected["id-token"] = "write"
    if name in WRITERS:
        expected[WRITERS[name]] = "write"
    assert job["permissions"] == expected
    assert job["timeout-minutes"] <= 120
    assert has_login == ("environment" in job), "an identity belongs to an environment"


def test_no_workflow_runs_foreign_code_with_permissions_or_uses_a_secret() -> None:
    for text in (*TEXTS.values(), SETUP_TEXT):
        code = re.sub(r"#.*", "", text)
        assert not re.search(r"pull_request_target|workflow_run|secrets\.|credentials_json", code)


def test_actions_are_pinned_to_a_commit_with_the_version_in_a_comment() -> None:
    for text in (*TEXTS.values(), SETUP_TEXT):
        for action in re.findall(r"uses: (.*)", text):
            assert action == SETUP or PINNED.fullmatch(action), action


@pytest.mark.parametrize("name", JOBS)
def test_scripts_contain_no_expression_and_checkouts_keep_no_credentials(name: str) -> None:
    for step in steps_of(JOBS[name]):
        assert "${{" not in step.get("run", "") + step.get("with", {}).get("script", "")
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_previews_run_only_for_branches_of_the_repository() -> None:
    jobs = WORKFLOWS["preview"]["jobs"]
    assert WORKFLOWS["preview"][True] == {"pull_request": None, "merge_group": None}
    assert jobs["stacks"]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert jobs["preview"]["needs"] == jobs["others"]["needs"] == "stacks"
    assert jobs["preview"]["environment"] == "preview-${{ matrix.stack }}"


def test_deployments_run_one_at_a_time_and_prod_is_last() -> None:
    jobs = WORKFLOWS["deploy"]["jobs"]
    for stack in ("dev", "prod"):
        assert jobs[stack]["concurrency"] == {"group": f"deploy-{stack}", "cancel-in-progress": False}
        assert jobs[stack]["environment"] == jobs[stack]["env"]["STACK"] == stack
    assert "concurrency" not in WORKFLOWS["deploy"]
    assert (jobs["review"]["needs"], jobs["prod"]["needs"]) == ("dev", "review")
    assert jobs["dev"]["steps"] == jobs["prod"]["steps"]
    assert set(WORKFLOWS["deploy"][True]) == {"push", "workflow_dispatch"}
    assert WORKFLOWS["deploy"][True]["push"] == {"branches": ["main"]}


def test_only_the_deploy_workflow_has_the_deployers_environments() -> None:
    environments = {
        name: job["environment"]
        for name, job in JOBS.items()
        if "environment" in job and not name.startswith("deploy/")
    }
    assert environments.pop("e2e/e2e") == "e2e"
    assert environments.pop("release/publish") == "pypi"
    assert all(environment.startswith("preview-") for environment in environments.values())


def test_drift_is_checked_for_every_stack_of_the_stacks_job() -> None:
    jobs = WORKFLOWS["drift"]["jobs"]
    matrix: dict[str, Any] = jobs["drift"]["strategy"]["matrix"]
    assert matrix == {"stack": "${{ fromJSON(needs.stacks.outputs.stacks) }}"}
    assert jobs["drift"]["environment"] == "preview-${{ matrix.stack }}"
    assert jobs["stacks"]["outputs"] == {"stacks": "${{ steps.stacks.outputs.stacks }}"}


def test_end_to_end_runs_by_hand_and_always_destroys() -> None:
    assert set(WORKFLOWS["e2e"][True]) == {"workflow_dispatch"}
    configured, *steps = JOBS["e2e/e2e"]["steps"]
    assert configured["id"] == "configured"
    *others, destroy = steps
    assert {step["if"] for step in others} == {"steps.configured.outputs.configured"}
    assert destroy == {
        "if": "always() && steps.up.outcome != 'skipped'",
        "run": ".github/scripts/e2e.sh destroy",
    }
    assert "make tour TARGET=gcp STACK=e2e YES=1" in [step.get("run") for step in others]


def test_the_test_workflow_covers_the_supported_versions() -> None:
    job = JOBS["test/test"]
    matrix = job["strategy"]["matrix"]
    oldest = re.search(r"pulumi-gcp>=([\d.]+)", (CHECKOUT / "requirements.txt").read_text())
    python = re.search(r'requires-python = ">=([\d.]+)"', (CHECKOUT / "pyproject.toml").read_text())
    assert oldest
    assert python
    assert matrix["include"][0]["pulumi-gcp"] == f"{oldest[1]}.0"
    assert matrix["python"][0] == python[1]
    pulumi = next(s for s in COMPOSITE["runs"]["steps"] if "pulumi/actions" in s.get("uses", ""))
    assert pulumi["with"]["pulumi-version"] == CLI_VERSION
