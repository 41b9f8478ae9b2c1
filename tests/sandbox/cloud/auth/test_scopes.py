"""OAuth scopes: what an access token can be used for."""

from __future__ import annotations

import pytest
import requests
from google.auth import impersonated_credentials
from google.oauth2 import credentials

from sandbox.cloud.iam.members import OWNER
from tests.support.identities import MANAGER, TOKEN_CREATOR, Identities

pytestmark = pytest.mark.sandbox


class TestScopes:
    AUTH = "https://www.googleapis.com/auth/"

    def token_for(self, identities: Identities, *scopes: str) -> str:
        """A token by key; the account owns its project."""
        identities.grant(
            f"{MANAGER}/projects/{identities.project}", "roles/owner", f"serviceAccount:{identities.email}"
        )
        names = " ".join(f"{self.AUTH}{scope}" for scope in scopes)
        return identities.exchange_assertion(identities.make_key(), scope=names)[1]["access_token"]

    def send(self, identities: Identities, token: str, method: str, url: str) -> requests.Response:
        login = {"Authorization": f"Bearer {token}"}
        return identities.session.request(method, url, headers=login, json={}, timeout=30)

    def allowed(self, identities: Identities, token: str) -> dict[str, bool]:
        """The requests that a token's scopes allow, whatever their result."""
        index = f"https://us-central1-python.pkg.dev/{identities.project}/python"
        buckets = f"https://storage.googleapis.com/storage/v1/b?project={identities.project}"
        return {
            what: "insufficient authentication scopes" not in self.send(identities, token, *request).text
            for what, request in {
                "read index": ("GET", f"{index}/simple/"),
                "upload": ("POST", f"{index}/"),
                "read project": ("GET", f"{MANAGER}/projects/{identities.project}"),
                "change account": ("PATCH", identities.account),
                "read bucket": ("GET", "https://storage.googleapis.com/storage/v1/b/none"),
                "make bucket": ("POST", buckets),
            }.items()
        }

    @pytest.mark.parametrize(
        ("scope", "lets"),
        [
            ("cloud-platform", {"read", "upload", "change", "make"}),
            ("cloud-platform.read-only", {"read"}),
            ("devstorage.read_only", {"read bucket"}),
            ("devstorage.full_control", {"read bucket", "make bucket"}),
            ("iam", {"change account"}),
            ("userinfo.email", set[str]()),
        ],
    )
    def test_a_scope_limits_its_token(self, identities: Identities, scope: str, lets: set[str]) -> None:
        found = self.allowed(identities, self.token_for(identities, scope))
        expected = {what: not lets.isdisjoint({what, what.partition(" ")[0]}) for what in found}
        assert found == expected
        assert all(self.allowed(identities, self.token_for(identities, scope, "cloud-platform")).values())

    def test_an_insufficient_scope_is_refused_in_googles_words(self, identities: Identities) -> None:
        refused = self.send(
            identities, self.token_for(identities, "devstorage.read_only"), "GET", identities.account
        )
        error = refused.json()["error"]
        assert (refused.status_code, error["message"], error["details"][0]["reason"]) == (
            403,
            "Request had insufficient authentication scopes.",
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        )
        line = next(line for line in reversed(identities.sandbox.log()) if identities.email in line["path"])
        assert (line["status"], line["principal"]) == (403, f"serviceAccount:{identities.email}")

    def test_logins_and_impersonation_keep_the_requested_scope(self, identities: Identities) -> None:
        narrow = [f"{self.AUTH}devstorage.read_only"]
        login = credentials.Credentials.from_authorized_user_info(identities.login_of(OWNER), narrow)
        login.refresh(identities.google)
        identities.grant(identities.account, TOKEN_CREATOR, OWNER)
        acting = impersonated_credentials.Credentials(
            source_credentials=identities.credentials_of(OWNER),
            target_principal=identities.email,
            target_scopes=narrow,
        )
        acting.refresh(identities.google)
        for token in (str(login.token), str(acting.token)):
            assert [what for what, may in self.allowed(identities, token).items() if may] == ["read bucket"]
