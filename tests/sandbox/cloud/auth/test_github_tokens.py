"""The tokens that the sandbox issues as GitHub."""

from __future__ import annotations

import time

import jwt
import pytest

from sandbox.cloud.iam.workload_identity import GITHUB
from sandbox.runtime.paths import SandboxFolder
from tests.support.federation import OWNER_ID, REF, REPOSITORY, Federation
from tests.support.sandbox import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


def test_the_command_line_refuses_an_invalid_repository(sandbox: Sandbox) -> None:
    refused = sandbox("github-token", "--repository", "my-adder", "--owner-id", "1", check=False)
    assert refused.returncode == 2
    assert "not the full name of a repository, such as org/name" in refused.stderr


def test_only_the_owner_can_read_the_issuers_key(by_ref: Federation) -> None:
    by_ref.token()
    key = SandboxFolder(by_ref.sandbox.folder).github_key
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_token_has_every_claim_that_rules_use(by_ref: Federation) -> None:
    claims = jwt.decode(by_ref.token(), options={"verify_signature": False})
    assert {
        "iss": GITHUB,
        "sub": f"repo:{REPOSITORY}:ref:{REF}",
        "aud": by_ref.audience,
        "repository": REPOSITORY,
        "repository_owner": "acme",
        "repository_owner_id": OWNER_ID,
        "ref": REF,
        "ref_type": "branch",
        "event_name": "push",
    }.items() <= claims.items()
    assert "environment" not in claims
    assert claims["nbf"] <= claims["iat"] <= time.time() < claims["exp"]
    fork = jwt.decode(by_ref.token(fork="mallory/my-adder"), options={"verify_signature": False})
    assert fork["sub"] == f"repo:{REPOSITORY}:pull_request"
    assert (fork["event_name"], fork["ref"]) == ("pull_request", "refs/pull/1/merge")
    assert (fork["repository"], fork["actor"]) == (REPOSITORY, "mallory")
