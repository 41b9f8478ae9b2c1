"""Keys of service accounts, and the tokens that they are exchanged for."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import exceptions
from google.oauth2 import service_account

from tests.support.identities import ALICE, IAM, JWT_BEARER, SCOPES, TOKEN_URI, Identities, refusal

pytestmark = pytest.mark.sandbox
WINDOW = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


class TestKeys:
    def test_a_key_is_exchanged_for_a_token_of_its_account(self, identities: Identities) -> None:
        login = service_account.Credentials.from_service_account_info(identities.make_key(), scopes=SCOPES)
        login.refresh(identities.google)
        assert identities.status_with(login.token) == 200
        requests_of_project = [
            r for r in identities.sandbox.log() if r["path"] == f"/v1/projects/{identities.project}"
        ]
        assert requests_of_project[-1]["principal"] == f"serviceAccount:{identities.email}"

    def test_a_listed_key_has_no_private_half(self, identities: Identities) -> None:
        key_id = identities.make_key()["private_key_id"]
        _, listed = identities.ask("GET", f"{identities.account}/keys")
        _, read = identities.ask("GET", f"{identities.account}/keys/{key_id}")
        assert listed == {"keys": [read]}
        assert read["name"].endswith(f"/serviceAccounts/{identities.email}/keys/{key_id}")
        assert not {"privateKeyData", "publicKey"} & set(read)

    def test_a_deleted_key_is_refused(self, identities: Identities) -> None:
        key = identities.make_key()
        assert identities.ask("DELETE", f"{identities.account}/keys/{key['private_key_id']}") == (200, {})
        login = service_account.Credentials.from_service_account_info(key, scopes=SCOPES)
        with pytest.raises(exceptions.RefreshError, match="invalid_grant: Invalid JWT Signature"):
            login.refresh(identities.google)
        assert identities.ask("GET", f"{identities.account}/keys/{key['private_key_id']}")[0] == 404

    def test_another_private_key_is_refused(self, identities: Identities) -> None:
        other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        forged = {**identities.make_key(), "private_key": other_key}
        assert refusal(identities.exchange_assertion(forged)) == (
            400,
            "invalid_grant",
            "Invalid JWT Signature.",
        )

    def test_a_key_is_deleted_with_its_account(self, identities: Identities) -> None:
        key = identities.make_key()
        assert identities.ask("DELETE", identities.account)[0] == 200
        assert refusal(identities.exchange_assertion(key))[2] == "Invalid grant: account not found"
        accounts = f"{IAM}/projects/{identities.project}/serviceAccounts"
        identities.ask("POST", accounts, {"accountId": "python-writer"})
        assert refusal(identities.exchange_assertion(key))[2] == "Invalid JWT Signature.", (
            "another account of that name"
        )

    def test_another_key_type_is_refused(self, identities: Identities) -> None:
        status, answer = identities.ask(
            "POST", f"{identities.account}/keys", {"privateKeyType": "TYPE_PKCS12_FILE"}
        )
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")

    def test_only_a_key_admin_creates_keys(self, identities: Identities) -> None:
        assert identities.ask("POST", f"{identities.account}/keys", {}, ALICE)[0] == 403
        identities.grant(identities.account, "roles/iam.serviceAccountKeyAdmin", ALICE)
        assert identities.ask("POST", f"{identities.account}/keys", {}, ALICE)[0] == 200

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"aud": "https://example.com/token"}, "Invalid JWT: Failed audience check."),
            ({"aud": None}, "Invalid JWT: Failed audience check."),
            ({"iat": -7200, "exp": -3600}, WINDOW),
            ({"iat": 600, "exp": 1200}, WINDOW),
            ({"exp": 3700}, WINDOW),
            ({"iat": None}, WINDOW),
            ({"exp": None}, WINDOW),
            ({"iss": "nobody@some-project.iam.gserviceaccount.com"}, "Invalid grant: account not found"),
            ({"iss": None}, "Invalid grant: account not found"),
            ({"scope": None}, "Invalid OAuth scope or ID token audience provided."),
        ],
    )
    def test_a_key_signs_only_its_own_claims_for_an_hour(
        self, identities: Identities, changes: dict[str, Any], expected: str
    ) -> None:
        now = int(time.time())
        # The times are relative to now.
        changes = {k: now + v if isinstance(v, int) else v for k, v in changes.items()}
        status, error, text = refusal(identities.exchange_assertion(identities.make_key(), **changes))
        assert (status, text) == (400, expected)
        assert error == ("invalid_scope" if "scope" in changes else "invalid_grant")

    def test_a_key_cannot_act_for_another_subject(self, identities: Identities) -> None:
        answer = identities.exchange_assertion(identities.make_key(), sub="alice@example.com")
        assert answer[1]["error"] == "unauthorized_client"

    @pytest.mark.parametrize("assertion", ["", "a.b.c", "e30.e30."])
    def test_an_assertion_without_a_signature_is_refused(
        self, identities: Identities, assertion: str
    ) -> None:
        answer = identities.send({"grant_type": JWT_BEARER, "assertion": assertion})
        assert answer[0] == 400
        assert answer[1]["error"] == "invalid_grant"

    def test_an_assertion_with_another_algorithm_is_refused(self, identities: Identities) -> None:
        key = identities.make_key()
        claims = {"iss": identities.email, "aud": TOKEN_URI, "iat": 0, "exp": 2**40, "scope": SCOPES[0]}
        for secret, algorithm in (("", "none"), ("x" * 32, "HS256")):
            forged = jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": key["private_key_id"]})
            answer = identities.send({"grant_type": JWT_BEARER, "assertion": forged})
            assert refusal(answer) == (400, "invalid_grant", "Invalid JWT Signature.")
