"""The API of workload identity pools and providers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from sandbox.cloud.iam.workload_identity import GITHUB
from tests.support.federation import Federation

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


def test_a_disabled_pool_or_provider_admits_no_token(by_environment: Federation) -> None:
    token = by_environment.token(environment="release")
    for name in (by_environment.provider, by_environment.provider.partition("/providers/")[0]):
        for disabled in (True, False):
            change = f"{name}?updateMask=disabled"
            assert by_environment.ask("PATCH", change, {"disabled": disabled})[0] == 200
            if disabled:
                assert "invalid_target" in by_environment.refusal(token)
    assert by_environment.access_token(token)


_ids = itertools.count(1)


class TestPools:
    """Requests to the API without the program."""

    @pytest.fixture
    def collection(self, by_ref: Federation) -> str:
        return by_ref.provider.partition("/workloadIdentityPools/")[0] + "/workloadIdentityPools"

    def make(self, cloud: Federation, collection: str) -> str:
        ident = f"pool-{next(_ids)}"
        status, operation = cloud.ask("POST", f"{collection}?workloadIdentityPoolId={ident}", {})
        assert status == 200
        assert "done" not in operation
        assert cloud.ask("GET", operation["name"])[1]["done"] is True
        return f"{collection}/{ident}"

    def test_a_deleted_pool_keeps_its_id_until_it_is_undeleted(
        self, by_ref: Federation, collection: str
    ) -> None:
        name = self.make(by_ref, collection)
        again = f"{collection}?workloadIdentityPoolId={name.rpartition('/')[2]}"
        assert by_ref.ask("POST", f"{name}:undelete", {})[1]["error"]["status"] == "FAILED_PRECONDITION"
        assert by_ref.ask("DELETE", name)[0] == 200
        assert by_ref.ask("GET", name) == (200, {"name": name, "state": "DELETED"})
        listed = by_ref.ask("GET", collection)[1]["workloadIdentityPools"]
        assert name not in [pool["name"] for pool in listed]
        status, refused = by_ref.ask("POST", again, {})
        assert (status, refused["error"]["message"]) == (409, "Requested entity already exists")
        assert by_ref.ask("PATCH", f"{name}?updateMask=disabled", {"disabled": True})[0] == 400
        assert by_ref.ask("DELETE", name)[0] == 404
        assert by_ref.ask("POST", f"{name}:undelete", {})[0] == 200
        assert by_ref.ask("GET", name)[1]["state"] == "ACTIVE"
        assert by_ref.ask("GET", f"{name}:listAttestationRules") == (200, {})

    @pytest.mark.parametrize("ident", ["gcp-mine", "abc", "Upper", "a" * 33, ""])
    def test_an_invalid_pool_id_is_refused(self, by_ref: Federation, collection: str, ident: str) -> None:
        assert by_ref.ask("POST", f"{collection}?workloadIdentityPoolId={ident}", {})[0] == 400

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"attributeCondition": ""}, "must reference one of the provider's claims"),
            ({"attributeCondition": "true"}, "must reference one of the provider's claims"),
            ({"attributeCondition": "assertion.ref =="}, "Error in attribute_condition"),
            ({"attributeCondition": "assertion.ref == '" + "x" * 4096 + "'"}, "at most 4096"),
            ({"attributeMapping": {"attribute.a": "assertion.a"}}, "mapping for google.subject"),
            ({"attributeMapping": {"google.subject": "assertion.("}}, "Error in attribute_mapping"),
            ({"attributeMapping": {"google.subject": "assertion.sub", "x": "'a'"}}, "Invalid mapped"),
            ({"attributeMapping": {"google.subject": 7}}, "must be an expression"),
            (
                {"oidc": {"issuerUri": f"{GITHUB}/"}, "attributeCondition": ""},
                "must reference one of the provider's claims",
            ),
            ({"oidc": {"issuerUri": "http://plain.example"}}, "must be an HTTPS address"),
            ({"oidc": {"issuerUri": GITHUB, "allowedAudiences": ["x" * 257]}}, "allowed_audiences"),
            ({"oidc": None}, "oidc is required"),
            ({"displayName": "x" * 33}, "at most 32"),
        ],
    )
    def test_an_invalid_provider_is_refused(
        self, by_ref: Federation, collection: str, change: dict[str, Any], text: str
    ) -> None:
        right = {
            "oidc": {"issuerUri": GITHUB},
            "attributeMapping": {"google.subject": "assertion.sub"},
            "attributeCondition": "assertion.repository_owner_id == '1'",
        }
        providers = f"{self.make(by_ref, collection)}/providers?workloadIdentityPoolProviderId=github"
        status, refused = by_ref.ask("POST", providers, {**right, **change})
        assert status == 400
        assert text in refused["error"]["message"]
        assert by_ref.ask("POST", providers, right)[0] == 200

    def test_allowed_audiences_replace_the_default_audience(self, by_environment: Federation) -> None:
        change = {"oidc": {"issuerUri": GITHUB, "allowedAudiences": ["ours"]}}
        mask = "oidc.allowed_audiences,oidc.issuer_uri,oidc.jwks_json"
        path = f"{by_environment.provider}?updateMask={mask}"
        assert by_environment.ask("PATCH", path, change)[0] == 200
        token = by_environment.token(environment="release")
        assert "expected audience ours" in by_environment.refusal(token)
        assert by_environment.access_token(by_environment.token(environment="release", audience="ours"))
        assert by_environment.ask("PATCH", path, {"oidc": {"issuerUri": GITHUB}})[0] == 200
        assert by_environment.access_token(token)

    def test_an_issuer_with_a_last_slash_accepts_githubs_tokens(self, by_environment: Federation) -> None:
        path = f"{by_environment.provider}?updateMask=oidc"
        assert by_environment.ask("PATCH", path, {"oidc": {"issuerUri": f"{GITHUB}/"}})[0] == 200
        assert by_environment.access_token(by_environment.token(environment="release"))
        assert by_environment.ask("PATCH", path, {"oidc": {"issuerUri": GITHUB}})[0] == 200

    def test_a_policy_cannot_name_a_missing_pool(self, by_ref: Federation) -> None:
        account = f"projects/{by_ref.program.project}/serviceAccounts/{by_ref.writer}"
        member = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"
        binding = {"role": "roles/iam.workloadIdentityUser", "members": [member]}
        status, refused = by_ref.ask("POST", f"{account}:setIamPolicy", {"policy": {"bindings": [binding]}})
        assert status == 400
        assert refused["error"]["message"].startswith("Identity Pool does not exist (projects/1/")
