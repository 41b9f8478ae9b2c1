"""Impersonation of a service account, by Google's own library."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from google.auth import exceptions

from sandbox.cloud.iam.members import OWNER
from tests.support.identities import ALICE, MANAGER, SCOPES, TOKEN_CREATOR, Identities

pytestmark = pytest.mark.sandbox
# For a busy machine. The tokens in question expire after a second or two.
TIMEOUT_SECONDS = 20


def wait_until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not happens():
        assert time.monotonic() < deadline, "timed out"


class TestImpersonation:
    def test_an_owner_needs_a_grant_to_impersonate(self, identities: Identities) -> None:
        acting, permission = identities.impersonate(OWNER), "iam.serviceAccounts.getAccessToken"
        with pytest.raises(exceptions.RefreshError) as refused:
            acting.refresh(identities.google)
        answer = json.loads(refused.value.args[1])
        assert answer["error"] == {
            "code": 403,
            "message": f"Permission '{permission}' denied on resource (or it may not exist).",
            "status": "PERMISSION_DENIED",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "IAM_PERMISSION_DENIED",
                    "domain": "iam.googleapis.com",
                    "metadata": {"permission": permission},
                }
            ],
        }
        identities.grant(identities.account, TOKEN_CREATOR, OWNER)
        acting.refresh(identities.google)
        assert identities.status_with(acting.token) == 200

    @pytest.mark.parametrize("role", ["roles/iam.serviceAccountAdmin", "roles/owner"])
    def test_no_other_role_allows_impersonation(self, identities: Identities, role: str) -> None:
        identities.grant(identities.account, role, ALICE)
        with pytest.raises(exceptions.RefreshError, match="Unable to acquire impersonated credentials"):
            identities.impersonate(ALICE).refresh(identities.google)

    def test_impersonation_can_be_granted_on_the_project(self, identities: Identities) -> None:
        identities.grant(f"{MANAGER}/projects/{identities.project}", TOKEN_CREATOR, ALICE)
        acting = identities.impersonate(ALICE)
        acting.refresh(identities.google)
        assert identities.status_with(acting.token) == 200

    def test_impersonation_of_a_missing_account_is_refused_alike(self, identities: Identities) -> None:
        with pytest.raises(exceptions.RefreshError, match="getAccessToken"):
            identities.impersonate(
                OWNER, target=f"none@{identities.project}.iam.gserviceaccount.com"
            ).refresh(identities.google)

    def test_impersonation_ends_when_the_token_expires(self, identities: Identities) -> None:
        identities.grant(identities.account, TOKEN_CREATOR, ALICE)
        acting = identities.impersonate(ALICE, lifetime=2)
        acting.refresh(identities.google)
        assert identities.status_with(acting.token) == 200
        wait_until(lambda: identities.status_with(acting.token) == 401)

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"lifetime": "3601s"}, "lifetime: must be a duration of at most 3600s."),
            ({"lifetime": "0s"}, "lifetime: must be a duration of at most 3600s."),
            ({"lifetime": "soon"}, "lifetime: must be a duration of at most 3600s."),
            ({"scope": []}, "scope: at least one is required."),
            ({"delegates": ["x"]}, "The sandbox does not emulate chains of delegates."),
        ],
    )
    def test_a_token_needs_a_scope_and_lasts_an_hour_at_most(
        self, identities: Identities, change: dict[str, Any], text: str
    ) -> None:
        identities.grant(identities.account, TOKEN_CREATOR, ALICE)
        url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{identities.email}"
        status, answer = identities.ask(
            "POST", f"{url}:generateAccessToken", {"scope": SCOPES, **change}, ALICE
        )
        assert (status, answer["error"]["message"]) == (400, text)

    def test_impersonation_needs_the_project_wildcard_and_the_api(self, identities: Identities) -> None:
        identities.grant(identities.account, TOKEN_CREATOR, ALICE)
        base = "https://iamcredentials.googleapis.com/v1/projects"
        rest = f"serviceAccounts/{identities.email}:generateAccessToken"
        assert (
            identities.ask("POST", f"{base}/{identities.project}/{rest}", {"scope": SCOPES}, ALICE)[0]
            == 501
        )
        identities.enable("iamcredentials", "disable")
        status, answer = identities.ask("POST", f"{base}/-/{rest}", {"scope": SCOPES}, ALICE)
        assert (status, answer["error"]["details"][0]["reason"]) == (403, "SERVICE_DISABLED")

    def test_impersonation_needs_a_login(self, identities: Identities) -> None:
        url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{identities.email}"
        answer = identities.session.post(f"{url}:generateAccessToken", json={"scope": SCOPES}, timeout=30)
        assert answer.status_code == 401
