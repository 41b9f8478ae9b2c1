"""The claim `sub` of the tokens that `sandbox github-token` prints: kind `subject` of the cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from click.testing import CliRunner

from sandbox.__main__ import cli
from sandbox.cloud.iam.workload_identity import GITHUB
from sandbox.runtime.paths import FOLDER_VARIABLE
from tests.support.cases import read_cases
from tests.support.federation import OWNER_ID, REPOSITORY, token_flags


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "state"))
    return CliRunner()


def claims_of(runner: CliRunner, options: dict[str, Any]) -> dict[str, Any]:
    flags = token_flags({"repository": REPOSITORY, "owner-id": OWNER_ID, **options})
    result = runner.invoke(cli, ["github-token", *flags])
    assert result.exit_code == 0, result.output
    return jwt.decode(result.output.strip(), options={"verify_signature": False})


@pytest.mark.parametrize(("options", "expected"), read_cases("github_tokens", "subject"))
def test_a_subject_follows_the_settings_of_the_team(
    runner: CliRunner, options: dict[str, Any], expected: str
) -> None:
    flags = token_flags({"repository": REPOSITORY, "owner-id": OWNER_ID, **options})
    result = runner.invoke(cli, ["github-token", *flags])
    if result.exit_code:
        assert expected in result.output
        return
    claims = jwt.decode(result.output.strip(), options={"verify_signature": False})
    assert claims["sub"] == expected


def test_a_token_has_the_claims_of_its_settings(runner: CliRunner) -> None:
    plain = claims_of(runner, {})
    assert {"environment", "environment_node_id", "enterprise", "enterprise_id"}.isdisjoint(plain)
    assert plain["job_workflow_ref"] == plain["workflow_ref"]
    workflow = "acme/automation/.github/workflows/publish.yml@refs/tags/v1"
    options = {
        "environment": "dev:1",
        "enterprise": "acme-inc",
        "enterprise-issuer": True,
        "property": "team=data=1",
        "visibility": "internal",
        "runner": "self-hosted",
        "reusable-workflow": workflow,
        "repository-id": 456,
    }
    claims = claims_of(runner, options)
    assert {
        "iss": f"{GITHUB}/acme-inc",
        "environment": "dev:1",
        "enterprise": "acme-inc",
        "repo_property_team": "data=1",
        "repository_visibility": "internal",
        "runner_environment": "self-hosted",
        "job_workflow_ref": workflow,
        "workflow_ref": plain["workflow_ref"],
        "repository_id": "456",
    }.items() <= claims.items()
    assert {name for name, value in claims.items() if not isinstance(value, str)} == {"iat", "nbf", "exp"}
