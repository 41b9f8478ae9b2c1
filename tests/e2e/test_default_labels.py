"""Labels that the provider adds (`gcp:defaultLabels`): in the cloud, in the plan and in its summary."""

from __future__ import annotations

import json

import pytest

from tests.support.sandbox import Program
from tests.tools.summary.recording import summarize_text

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

REPOSITORIES = ("python", "python-pypi", "python-index")
PROVISIONED = "goog-pulumi-provisioned"


def labels(program: Program, repository: str) -> dict[str, str]:
    return program.sandbox.ask("GET", program.repository(repository))[1].get("labels", {})


def test_default_labels_reach_the_repositories_of_a_stack_that_exists(program: Program) -> None:
    program.up()
    program.pulumi("config", "set", "--path", "gcp:defaultLabels.cost-center", "data")
    program.pulumi("config", "set", "--path", "gcp:defaultLabels.year", "2026")
    summary = summarize_text(json.dumps(program.preview()))
    for repository in REPOSITORIES:
        added = "labels that the provider adds: `cost-center` added, `year` added"
        assert f"- Changed: repository `{repository}`: {added}\n" in summary
    program.up()
    for repository in REPOSITORIES:
        assert labels(program, repository) == {"cost-center": "data", "year": "2026", PROVISIONED: "true"}
    assert program.changes("--refresh") == {}
    program.pulumi("config", "rm", "gcp:defaultLabels")
    program.pulumi("config", "set", "gcp:addPulumiAttributionLabel", "false")
    program.up()
    assert [labels(program, repository) for repository in REPOSITORIES] == [{}, {}, {}]
    assert program.changes("--refresh") == {}
