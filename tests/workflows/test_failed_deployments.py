"""The page of a failed or cancelled deployment: what happened, and what to do next.

The cases are in `tests/cases/locks.yaml`. `test_interrupted_updates.py` provokes the first ones.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import read_entries
from tests.support.docs import CHECKOUT, read_page, read_section
from tests.workflows.checkout import AFTER_FAILURE, GITHUB_VARIABLES
from tests.workflows.workflow_files import GITHUB, JOBS

CASES = read_entries("locks")
SCRIPT = ".github/scripts/explain_failure.sh"
# GitHub's limit for the page of a step.
PAGE_LIMIT = 1024 * 1024


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_page_says_what_happened_and_what_to_do(case: dict[str, Any], tmp_path: Path) -> None:
    values = case["input"]
    if "log" in values:
        error = "    error: the first"
        longer = f"{error}{' x' * (values.get('widen', 0) // 2)}\n" * values.get("repeat", 1)
        (tmp_path / "up.log").write_text(values["log"].replace(f"{error}\n", longer), newline="")
    if values.get("previewed"):
        (tmp_path / "summary.md").touch()
    variables = {f"GITHUB_{key}": value for key, value in GITHUB_VARIABLES.items()}
    variables |= {"GITHUB_ACTOR": values.get("actor", "ann"), "STACK": "prod"}
    page = tmp_path / "page"
    environment = {**os.environ, **variables, "GITHUB_STEP_SUMMARY": str(page)}
    subprocess.run([str(CHECKOUT / SCRIPT)], cwd=tmp_path, env=environment, check=True)
    text = page.read_text()
    assert [part for part in case["expected"] if part not in text] == []
    assert text.count("Stack `prod`:") == 1
    assert len(text.encode()) < PAGE_LIMIT


def test_a_preview_that_did_not_start_has_the_reason_from_the_log(tmp_path: Path) -> None:
    for name in (".github", ".venv", "tools", "components", "sandbox", "settings"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    pulumi = tmp_path / "bin/pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text(
        "#!/bin/sh\nprintf 'warning\\n\\033[1merror: \\033[0m2 errors\\n    1) no login\\n' >&2\nexit 1\n"
    )
    pulumi.chmod(0o755)
    page = tmp_path / "page"
    variables = {
        "PATH": f"{pulumi.parent}:{os.environ['PATH']}",
        "STACK": "prod",
        "GITHUB_STEP_SUMMARY": str(page),
    }
    command = [".github/scripts/preview.sh"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "1) no login" in done.stderr, "the log of the job has it too"
    assert page.read_text() == (tmp_path / "summary.md").read_text()
    assert page.read_text().endswith("\n\n    error: 2 errors\n        1) no login\n")


@pytest.mark.parametrize("job", ["deploy/dev", "deploy/prod"])
def test_a_deployment_is_interrupted_itself_and_always_explained(job: str) -> None:
    deploy, explain = JOBS[job]["steps"][-2:]
    assert deploy == {"run": "exec .github/scripts/deploy.sh"}
    assert explain == {"if": AFTER_FAILURE, "run": SCRIPT}
    lines = (GITHUB / "scripts/deploy.sh").read_text().splitlines()
    assert lines[-1].startswith("exec pulumi "), "GitHub signals only the process of the step"


def test_the_link_of_the_page_leads_to_a_section() -> None:
    assert "#after-an-interrupted-update" in (CHECKOUT / SCRIPT).read_text()
    assert "pulumi cancel --stack" in read_section("pull-requests", "## After an interrupted update")


def test_a_case_has_the_error_that_the_documentation_explains() -> None:
    text = "the stack is currently locked by"
    assert any(text in case["input"].get("log", "") for case in CASES)
    assert text in read_page("troubleshooting")
