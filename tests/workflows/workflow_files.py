"""The workflows and the composite action, read from their YAML."""

from __future__ import annotations

from typing import Any

import yaml

from tests.support.sandbox import CHECKOUT

GITHUB = CHECKOUT / ".github"
SETUP = "./.github/actions/setup"
SETUP_TEXT = (GITHUB / "actions/setup/action.yml").read_text()
COMPOSITE: dict[str, Any] = yaml.safe_load(SETUP_TEXT)
TEXTS = {path.stem: path.read_text() for path in sorted((GITHUB / "workflows").glob("*.yml"))}
# YAML 1.1 reads the key `on` as true.
WORKFLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
# Every job by `WORKFLOW/JOB`.
JOBS: dict[str, dict[str, Any]] = {
    f"{name}/{key}": job for name, workflow in WORKFLOWS.items() for key, job in workflow["jobs"].items()
}


def steps_of(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a job's steps, with the steps of the composite action in its place."""
    steps: list[dict[str, Any]] = []
    for step in job["steps"]:
        steps += COMPOSITE["runs"]["steps"] if step.get("uses") == SETUP else [step]
    return steps
