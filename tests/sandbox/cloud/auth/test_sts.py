"""Keyless publishing: which workflow's token is exchanged for the writer's, and why others are refused."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.cloud.iam.workload_identity import GITHUB
from tests.support.distributions import wheel
from tests.support.federation import CONDITION, EXCHANGE, NOBODY, OWNER_ID, SCOPES, STS, Federation

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
NOT_THERE = "/locations/global/workloadIdentityPools/p/providers/q"


def publish(cloud: Federation, client: str, token: str, name: str, version: str, check: bool = True) -> str:
    """Upload a wheel with a real client and a workflow's token."""
    upload = wheel(name, version)
    path = cloud.folder / upload.filename
    path.write_bytes(upload.content)
    url = cloud.program.outputs()["repository_url"]
    command = {
        # Through the keyring, which uses google-auth.
        "twine": ["twine", "upload", "--non-interactive", "--repository-url", url],
        # Like the workflow: the access token is the password.
        "uv": ["uv", "publish", "--publish-url", url, "--username", "oauth2accesstoken"],
    }[client]
    login = f"GOOGLE_APPLICATION_CREDENTIALS={cloud.login(token)}"
    password = [f"UV_PUBLISH_PASSWORD={cloud.access_token(token)}"] if client == "uv" and check else []
    # As a member without grants: if google-auth is refused, the keyring uses the login of gcloud.
    done = cloud.sandbox.run("env", login, *password, *command, str(path), check=check, member=NOBODY)
    return done.stdout + done.stderr


def versions(cloud: Federation, name: str) -> list[str]:
    url = f"{cloud.program.repository('python')}/packages/{name}/versions"
    _, found = cloud.sandbox.ask("GET", url)
    return [version["name"].rpartition("/")[2] for version in found.get("versions", [])]


@pytest.mark.parametrize("client", ["twine", "uv"])
def test_the_right_repository_and_ref_publish(by_ref: Federation, client: str) -> None:
    publish(by_ref, client, by_ref.token(), f"by-{client}", "1.0")
    assert versions(by_ref, f"by-{client}") == ["1.0"]
    path = "/python/"
    uploads = [r for r in by_ref.sandbox.log() if r["method"] == "POST" and r["path"].endswith(path)]
    assert uploads[-1]["principal"] == f"serviceAccount:{by_ref.writer}"


def test_the_right_environment_publishes(by_environment: Federation) -> None:
    token = by_environment.token(environment="release", ref="refs/tags/v1.0")
    publish(by_environment, "uv", token, "by-environment", "1.0")
    assert versions(by_environment, "by-environment") == ["1.0"]


def test_every_listed_repository_publishes(by_ref: Federation) -> None:
    assert by_ref.access_token(by_ref.token(repository="acme/tool"))


def test_an_unlisted_repository_uploads_nothing(by_ref: Federation) -> None:
    output = publish(by_ref, "twine", by_ref.token(repository="acme/other"), "strange", "1.0", check=False)
    # twine wraps lines at the terminal's width, even inside words.
    assert "".join(CONDITION.partition(": ")[2].split()) in "".join(output.split())
    assert versions(by_ref, "strange") == []


@pytest.mark.parametrize(
    ("options", "words", "rule"),
    [
        ({"repository": "acme/other"}, [], CONDITION),
        ({"repository": "acme/my-adder2"}, [], CONDITION),
        ({"repository": "ACME/my-adder"}, [], CONDITION),
        ({"ref": "refs/heads/feature"}, [], CONDITION),
        ({"ref": "refs/tags/main"}, [], CONDITION),
        ({"environment": "release", "ref": "refs/heads/feature"}, [], CONDITION),
        ({"fork": "mallory/my-adder"}, [], CONDITION),
        ({"repository": "mallory/my-adder", "owner_id": "666"}, [], CONDITION),
        ({"owner_id": "666"}, [], CONDITION),
        ({"audience": "https://github.com/acme"}, [], "invalid_grant: The audience in ID Token"),
        ({"audience": "https://iam.googleapis.com/projects/1"}, [], "does not match the expected audience"),
        ({}, ["--expired"], "invalid_grant: The ID Token is expired"),
    ],
    ids=[
        *("another repository", "a longer name", "a name in other letters", "another branch"),
        *("a tag of the branch's name", "an environment instead", "a fork's pull request"),
        *("the fork itself", "a name that was given up and taken by another owner"),
        *("github's own audience", "another audience", "expired"),
    ],
)
def test_another_workflow_is_refused_by_the_rule(
    by_ref: Federation, options: dict[str, str], words: list[str], rule: str
) -> None:
    assert rule in by_ref.refusal(by_ref.token(*words, **options))


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"environment": "staging"}, CONDITION),
        ({"environment": "release", "owner_id": "666"}, CONDITION),
        ({"environment": "release", "repository": "acme/tool"}, CONDITION),
        # The mapping fails without the claim.
        ({}, "invalid_request: Could not obtain a value for attribute.environment"),
        (
            {"fork": "mallory/my-adder"},
            "invalid_request: Could not obtain a value for attribute.environment",
        ),
    ],
)
def test_a_workflow_outside_the_environment_is_refused(
    by_environment: Federation, options: dict[str, str], rule: str
) -> None:
    assert rule in by_environment.refusal(by_environment.token(**options))


@pytest.mark.parametrize(
    ("claims", "rule"),
    [
        (
            {"iss": "https://gitlab.com"},
            "invalid_grant: The issuer in ID Token https://gitlab.com does not",
        ),
        ({"iss": f"{GITHUB}/acme"}, "does not match the expected ones"),
        ({"iss": None}, "The issuer in ID Token None does not match"),
        ({"exp": None}, "invalid_grant: The ID Token is not valid"),
        ({"nbf": 2**40}, "invalid_grant: The ID Token is not valid"),
        ({"repository_owner_id": int(OWNER_ID)}, "must be of type STRING"),
        ({"repository_owner_id": None}, "Could not obtain a value for attribute.repository_owner_id"),
        (
            {"repository_id": "9" * 128},
            "The size of mapped attribute google.subject exceeds the 127 bytes",
        ),
        ({"repository_id": ""}, "unauthorized_client: Could not obtain a value for google.subject"),
        ({"repository_id": None}, "Could not obtain a value for google.subject"),
        ({"ref": f"refs/heads/{'x' * 8192}"}, "The size of all mapped attributes exceeds the 8192 bytes"),
        ({"sub": ""}, "invalid_grant: The ID Token is not valid: Subject must not be empty"),
        ({"sub": 5}, "invalid_grant: The ID Token is not valid: Subject must be a string"),
        ({"sub": "\ud800"}, "invalid_request: Unable to parse the ID Token."),
        ({"aud": ""}, "invalid_grant: The ID Token is not valid"),
        ({"aud": []}, "invalid_grant: The ID Token is not valid"),
        ({"aud": {"a": 1}}, "invalid_grant: The audience in ID Token"),
        ({"aud": [["https://iam.googleapis.com/x"]]}, "invalid_grant: The audience in ID Token"),
        ({"exp": 10**30}, "invalid_grant: The ID Token is not valid: exp must be less than 48 hours"),
        ({"exp": [1]}, "invalid_grant: The ID Token is not valid: Expiration Time"),
        ({"exp": float("inf")}, "invalid_grant: The ID Token is not valid: Expiration Time"),
        ({"iat": 0}, "invalid_grant: The ID Token is not valid: exp must be less than 48 hours"),
        ({"iat": 2**40}, "invalid_grant: The ID Token is not valid: The token is not yet valid"),
    ],
)
def test_a_token_with_wrong_claims_is_refused(
    by_ref: Federation, claims: dict[str, Any], rule: str
) -> None:
    assert rule in by_ref.refusal(by_ref.signed(**claims))


def test_a_token_for_several_audiences_and_almost_two_days_is_accepted(by_ref: Federation) -> None:
    made_at = int(time.time())
    long = {"iat": made_at, "exp": made_at + 48 * 60 * 60 - 1}
    assert by_ref.access_token(by_ref.signed(aud=["https://other.example", by_ref.audience], **long))
    assert "48 hours" in by_ref.refusal(by_ref.signed(iat=made_at, exp=made_at + 48 * 60 * 60))


def test_a_token_with_another_signature_is_refused(by_ref: Federation) -> None:
    other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert "invalid_grant: The signature of the ID Token" in by_ref.refusal(by_ref.signed(other_key))
    assert by_ref.access_token(by_ref.signed())


def test_a_token_without_a_signature_is_refused(by_ref: Federation) -> None:
    claims = jwt.decode(by_ref.token(), options={"verify_signature": False})
    for token in (
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, "x" * 32),
        "ey.no.jwt",
        "",
    ):
        status, error_body = by_ref.exchange(subject_token=token)
        assert (status, error_body["error"]) in {(400, "invalid_grant"), (400, "invalid_request")}, (
            error_body
        )


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"audience": "https://iam.googleapis.com/x"}, "invalid_request"),
        (
            {"audience": "//iam.googleapis.com/projects/1" + NOT_THERE},
            "invalid_target",
        ),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:aws:token-type:aws4_request"}, "invalid_request"),
        ({"requested_token_type": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"subject_token": None}, "invalid_request"),
    ],
)
def test_a_malformed_exchange_is_refused(by_ref: Federation, change: dict[str, Any], error: str) -> None:
    status, refused = by_ref.exchange(**{"subject_token": by_ref.token(), **change})
    assert (status, refused["error"]) == (400, error)


def test_the_exchange_accepts_the_json_of_the_google_action(by_ref: Federation) -> None:
    body = {
        "audience": f"//iam.googleapis.com/{by_ref.provider}",
        "grantType": EXCHANGE["grant_type"],
        "requestedTokenType": EXCHANGE["requested_token_type"],
        "subjectTokenType": EXCHANGE["subject_token_type"],
        "scope": SCOPES[0],
        "subjectToken": by_ref.token(),
    }
    answer = by_ref.session.post(STS, json=body, timeout=30)
    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"


def test_a_federated_token_impersonates_only_the_writer(by_ref: Federation) -> None:
    _, exchanged = by_ref.exchange(subject_token=by_ref.token())
    reader = by_ref.program.outputs()["reader_email"]
    project = f"projects/{by_ref.program.project}/serviceAccounts"
    assert by_ref.status_as(exchanged["access_token"], f"{project}/{reader}:getIamPolicy") == 403
    url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
    login = {"Authorization": f"Bearer {exchanged['access_token']}"}
    statuses = [
        by_ref.session.post(
            f"{url}/{email}:generateAccessToken", headers=login, json={"scope": SCOPES}, timeout=30
        ).status_code
        for email in (reader, by_ref.writer)
    ]
    assert statuses == [403, 200]


def test_a_federated_token_keeps_the_requested_scope(by_ref: Federation) -> None:
    narrow = "https://www.googleapis.com/auth/devstorage.read_only"
    _, exchanged = by_ref.exchange(subject_token=by_ref.token(), scope=narrow)
    url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
    login = {"Authorization": f"Bearer {exchanged['access_token']}"}
    refused = by_ref.session.post(
        f"{url}/{by_ref.writer}:generateAccessToken", headers=login, json={"scope": SCOPES}, timeout=30
    )
    assert refused.status_code == 403
    assert "insufficient authentication scopes" in refused.text


def test_the_log_has_no_token(by_ref: Federation) -> None:
    token = by_ref.token()
    access = by_ref.access_token(token)
    text = by_ref.sandbox("log", "--json").stdout
    assert "/v1/token" in text
    assert token not in text
    assert access not in text
