"""Keyless publishing: which workflow's token becomes the writer's, by which rule the others are refused.

And the life of the pool that decides it.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.auth import exceptions, identity_pool
from google.auth.transport.requests import Request

from sandbox.cloud.iam.workload_identity import GITHUB
from sandbox.runtime.paths import SandboxFolder
from tests.support.distributions import wheel
from tests.support.sandbox import Program, Sandbox, new_program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

IAM = "https://iam.googleapis.com/v1"
STS = "https://sts.googleapis.com/v1/token"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
REPOSITORY, OWNER_ID, REF = "acme/my-adder", "1234567", "refs/heads/main"
BY_REF = {"repositories": [REPOSITORY, "acme/tool"], "ownerId": int(OWNER_ID), "ref": REF}
BY_ENVIRONMENT = {"repositories": [REPOSITORY], "ownerId": OWNER_ID, "environment": "release"}
CONDITION = "unauthorized_client: The given credential is rejected by the attribute condition."
NOT_THERE = "/locations/global/workloadIdentityPools/p/providers/q"
DENIED = "Permission 'iam.serviceAccounts.getAccessToken' denied"
NOBODY = "user:nobody@example.com"
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "scope": SCOPES[0],
}

_files = itertools.count(1)


@dataclass
class Federation:
    """A stack that lets workflows publish, and a way to ask that carries no login of its own."""

    program: Program
    session: requests.Session
    folder: Path
    provider: str
    writer: str

    @property
    def sandbox(self) -> Sandbox:
        return self.program.sandbox

    @property
    def audience(self) -> str:
        """What `google-github-actions/auth` asks GitHub for."""
        return f"https://iam.googleapis.com/{self.provider}"

    def token(self, *words: str, **said: str) -> str:
        """A workflow's token; by default that of the one that may publish."""
        right = {"repository": REPOSITORY, "owner_id": OWNER_ID, "ref": REF, "audience": self.audience}
        options = {**right, **said}
        flags = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        return self.sandbox("github-token", *flags, *words).stdout.strip()

    def signed(self, key: Any = None, **claims: Any) -> str:
        """The right workflow's token with other claims, signed by the issuer or by another's key."""
        token = self.token()
        said = {**jwt.decode(token, options={"verify_signature": False}), **claims}
        said = {name: value for name, value in said.items() if value is not None}
        folder = SandboxFolder(self.sandbox.folder)
        own: Any = load_pem_private_key(folder.github_key.read_bytes(), None)
        headers = {"kid": jwt.get_unverified_header(token)["kid"]}
        return jwt.encode(said, key or own, algorithm="RS256", headers=headers)

    def login(self, token: str) -> Path:
        """The credentials file that `google-github-actions/auth` writes, with the token in a file."""
        path = self.folder / f"{next(_files)}.json"
        path.with_suffix(".jwt").write_text(token)
        account = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{self.writer}"
        login = {
            "type": "external_account",
            "audience": f"//iam.googleapis.com/{self.provider}",
            "subject_token_type": EXCHANGE["subject_token_type"],
            "token_url": STS,
            "service_account_impersonation_url": f"{account}:generateAccessToken",
            "credential_source": {"file": str(path.with_suffix(".jwt"))},
        }
        path.write_text(json.dumps(login))
        return path

    def access_token(self, token: str) -> str:
        """The writer's token, by Google's own library."""
        credentials = identity_pool.Credentials.from_file(str(self.login(token)), scopes=SCOPES)
        credentials.refresh(Request(session=self.session))
        return str(credentials.token)

    def refusal(self, token: str) -> str:
        """Why there is none."""
        with pytest.raises(exceptions.GoogleAuthError) as refused:
            self.access_token(token)
        said = str(refused.value)
        assert token not in said
        return re.sub(r"\\+(['\"])", r"\1", said.replace("Error code ", ""))

    def exchange(self, **change: str | None) -> tuple[int, Any]:
        form = {**EXCHANGE, "audience": f"//iam.googleapis.com/{self.provider}", **change}
        answer = self.session.post(STS, data=form, timeout=30)
        return answer.status_code, answer.json()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.sandbox.ask(method, f"{IAM}/{path}", body)

    def status_as(self, token: str, path: str) -> int:
        """What an access token may do."""
        login = {"Authorization": f"Bearer {token}"}
        return self.session.post(f"{IAM}/{path}", headers=login, json={}, timeout=30).status_code


def anonymous(sandbox: Sandbox) -> requests.Session:
    """What asks a Google host without a login, through the proxy."""
    lines = sandbox.run("env", "-0").stdout.split("\0")
    inside = dict(line.split("=", 1) for line in lines if line)
    session = requests.Session()
    session.trust_env = False
    session.proxies["https"] = inside["HTTPS_PROXY"]
    session.verify = inside["REQUESTS_CA_BUNDLE"]
    return session


def federation(program: Program, folder: Path) -> Federation:
    """What the stack of a program says, as it is now."""
    outputs = program.outputs()
    provider, writer = outputs["workload_identity_provider"], outputs["writer_email"]
    return Federation(program, anonymous(program.sandbox), folder, provider, writer)


def made(sandbox: Sandbox, folder: Path, github: dict[str, Any]) -> Federation:
    program = new_program(sandbox, folder)
    program.configure(pypiProxy=False, github=github)
    program.up()
    return federation(program, folder)


@pytest.fixture(scope="module")
def by_ref(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return made(sandbox, tmp_path_factory.mktemp("by-ref"), BY_REF)


@pytest.fixture(scope="module")
def by_environment(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return made(sandbox, tmp_path_factory.mktemp("by-environment"), BY_ENVIRONMENT)


def publish(cloud: Federation, client: str, token: str, name: str, version: str, check: bool = True) -> str:
    """A real client uploads a wheel, with what the workflow's token is worth."""
    upload = wheel(name, version)
    path = cloud.folder / upload.filename
    path.write_bytes(upload.content)
    url = cloud.program.outputs()["repository_url"]
    command = {
        # Through the keyring, which asks google-auth.
        "twine": ["twine", "upload", "--non-interactive", "--repository-url", url],
        # As in the workflow: the access token as the password.
        "uv": ["uv", "publish", "--publish-url", url, "--username", "oauth2accesstoken"],
    }[client]
    login = f"GOOGLE_APPLICATION_CREDENTIALS={cloud.login(token)}"
    password = [f"UV_PUBLISH_PASSWORD={cloud.access_token(token)}"] if client == "uv" and check else []
    # As nobody: where google-auth is refused, the keyring goes on to ask gcloud for its login.
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


def test_another_of_the_listed_repositories_publishes_too(by_ref: Federation) -> None:
    assert by_ref.access_token(by_ref.token(repository="acme/tool"))


def test_a_stranger_uploads_nothing(by_ref: Federation) -> None:
    said = publish(by_ref, "twine", by_ref.token(repository="acme/other"), "strange", "1.0", check=False)
    # Wrapped to the terminal's width, within words too.
    assert "".join(CONDITION.partition(": ")[2].split()) in "".join(said.split())
    assert versions(by_ref, "strange") == []


@pytest.mark.parametrize(
    ("said", "words", "rule"),
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
def test_any_other_workflow_is_refused_by_the_rule(
    by_ref: Federation, said: dict[str, str], words: list[str], rule: str
) -> None:
    assert rule in by_ref.refusal(by_ref.token(*words, **said))


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"environment": "staging"}, CONDITION),
        ({"environment": "release", "owner_id": "666"}, CONDITION),
        ({"environment": "release", "repository": "acme/tool"}, CONDITION),
        # Without the claim there is nothing to map.
        ({}, "invalid_request: Could not obtain a value for attribute.environment"),
        (
            {"fork": "mallory/my-adder"},
            "invalid_request: Could not obtain a value for attribute.environment",
        ),
    ],
)
def test_outside_the_environment_nobody_publishes(
    by_environment: Federation, said: dict[str, str], rule: str
) -> None:
    assert rule in by_environment.refusal(by_environment.token(**said))


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
        ({"sub": f"repo:{'x' * 130}"}, "exceeds the 127 bytes limit"),
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
def test_a_token_of_another_shape_is_refused(by_ref: Federation, claims: dict[str, Any], rule: str) -> None:
    assert rule in by_ref.refusal(by_ref.signed(**claims))


def test_a_token_for_several_and_for_most_of_two_days_is_as_good(by_ref: Federation) -> None:
    made_at = int(time.time())
    long = {"iat": made_at, "exp": made_at + 48 * 60 * 60 - 1}
    assert by_ref.access_token(by_ref.signed(aud=["https://other.example", by_ref.audience], **long))
    assert "48 hours" in by_ref.refusal(by_ref.signed(iat=made_at, exp=made_at + 48 * 60 * 60))


def test_a_token_that_another_key_signed_is_refused(by_ref: Federation) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert "invalid_grant: The signature of the ID Token" in by_ref.refusal(by_ref.signed(stranger))
    assert by_ref.access_token(by_ref.signed())


def test_a_token_without_a_signature_is_refused(by_ref: Federation) -> None:
    claims = jwt.decode(by_ref.token(), options={"verify_signature": False})
    for token in (
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, "x" * 32),
        "ey.no.jwt",
        "",
    ):
        status, said = by_ref.exchange(subject_token=token)
        assert (status, said["error"]) in {(400, "invalid_grant"), (400, "invalid_request")}, said


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
    status, said = by_ref.exchange(**{"subject_token": by_ref.token(), **change})
    assert (status, said["error"]) == (400, error)


def test_the_exchange_takes_googles_json_as_the_action_sends_it(by_ref: Federation) -> None:
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


def test_a_federated_token_is_the_writers_alone_to_become(by_ref: Federation) -> None:
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


def test_a_federated_token_is_for_what_it_was_asked_for_alone(by_ref: Federation) -> None:
    narrow = "https://www.googleapis.com/auth/devstorage.read_only"
    _, exchanged = by_ref.exchange(subject_token=by_ref.token(), scope=narrow)
    url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
    login = {"Authorization": f"Bearer {exchanged['access_token']}"}
    refused = by_ref.session.post(
        f"{url}/{by_ref.writer}:generateAccessToken", headers=login, json={"scope": SCOPES}, timeout=30
    )
    assert refused.status_code == 403
    assert "insufficient authentication scopes" in refused.text


def test_no_token_is_in_the_log(by_ref: Federation) -> None:
    token = by_ref.token()
    access = by_ref.access_token(token)
    text = by_ref.sandbox("log", "--json").stdout
    assert "/v1/token" in text
    assert token not in text
    assert access not in text


def pools(program: Program) -> dict[str, str]:
    """The states of a project's pools, deleted ones included."""
    url = f"{IAM}/projects/{program.project}/locations/global/workloadIdentityPools?showDeleted=true"
    _, found = program.sandbox.ask("GET", url)
    return {p["name"].rpartition("/")[2]: p["state"] for p in found["workloadIdentityPools"]}


def test_the_writer_is_granted_and_nothing_changes_afterwards(by_ref: Federation) -> None:
    assert by_ref.program.changes() == {}
    assert "~" not in by_ref.program.refresh().partition("Resources:")[2]
    assert by_ref.program.changes() == {}
    account = f"projects/{by_ref.program.project}/serviceAccounts/{by_ref.writer}"
    _, policy = by_ref.ask("POST", f"{account}:getIamPolicy", {})
    pool = by_ref.provider.partition("/providers/")[0]
    sets = f"principalSet://iam.googleapis.com/{pool}/attribute.repository"
    assert policy["bindings"] == [
        {"role": "roles/iam.workloadIdentityUser", "members": [f"{sets}/{REPOSITORY}", f"{sets}/acme/tool"]}
    ]


def test_another_ref_changes_the_provider_in_place(program: Program, tmp_path: Path) -> None:
    program.configure(pypiProxy=False, github=BY_REF)
    program.up()
    before = federation(program, tmp_path)
    program.configure(
        pypiProxy=False, github={**BY_REF, "repositories": [REPOSITORY], "ref": "refs/heads/next"}
    )
    assert program.changes() == {"registry-github": "update", "registry-writer-workflows": "update"}
    program.up()
    after = federation(program, tmp_path)
    assert after.provider == before.provider
    assert CONDITION in after.refusal(after.token())
    assert after.access_token(after.token(ref="refs/heads/next"))
    program.configure(pypiProxy=False, github=BY_ENVIRONMENT)
    program.up()
    assert program.changes() == {}
    after = federation(program, tmp_path)
    assert after.access_token(after.token(environment="release"))


def test_a_provider_that_was_opened_by_hand_is_closed_at_the_next_refreshed_up(
    program: Program, tmp_path: Path
) -> None:
    program.configure(pypiProxy=False, github=BY_REF)
    program.up()
    cloud = federation(program, tmp_path)
    opened = {"attributeCondition": "assertion.repository_owner != ''"}
    assert cloud.ask("PATCH", f"{cloud.provider}?updateMask=attributeCondition", opened)[0] == 200
    stranger = cloud.token(repository="mallory/x", owner_id="666")
    assert DENIED in cloud.refusal(stranger), "the grant on the account is a second lock"
    assert cloud.access_token(cloud.token(ref="refs/heads/any"))
    program.up("--refresh")
    assert CONDITION in cloud.refusal(cloud.token(ref="refs/heads/any"))
    assert cloud.access_token(cloud.token())


def test_what_was_disabled_by_hand_works_again_after_the_next_refreshed_up(
    program: Program, tmp_path: Path
) -> None:
    program.configure(pypiProxy=False, github=BY_REF)
    program.up()
    cloud = federation(program, tmp_path)
    for name in (cloud.provider, cloud.provider.partition("/providers/")[0]):
        by_hand = {"disabled": True, "description": "theirs"}
        assert cloud.ask("PATCH", f"{name}?updateMask=disabled,description", by_hand)[0] == 200
    token = cloud.token()
    assert "invalid_target" in cloud.refusal(token)
    assert set(program.changes("--refresh").values()) == {"update"}
    program.up("--refresh")
    assert cloud.access_token(token)
    assert program.changes("--refresh") == {}


@pytest.mark.parametrize("access", ["authoritative", pytest.param("additive", marks=pytest.mark.slow)])
def test_off_and_on_and_down_and_up_work_though_google_keeps_deleted_pools(
    program: Program, tmp_path: Path, access: str
) -> None:
    settings = {"pypiProxy": False, "access": access}
    program.configure(**settings, github=BY_REF)
    program.up()
    first = federation(program, tmp_path)
    workflow = first.token()
    _, federated = first.exchange(subject_token=workflow)
    program.configure(**settings)
    program.up()
    assert program.outputs()["workload_identity_provider"] == ""
    assert list(pools(program).values()) == ["DELETED"]
    assert "invalid_target" in first.refusal(workflow)
    account = f"projects/{program.project}/serviceAccounts/{first.writer}"
    assert first.status_as(federated["access_token"], f"{account}:getIamPolicy") == 403
    _, policy = first.ask("POST", f"{account}:getIamPolicy", {})
    assert "bindings" not in policy
    program.configure(**settings, github=BY_REF)
    program.up()
    second = federation(program, tmp_path)
    assert second.provider != first.provider
    assert second.access_token(second.token())
    assert program.changes() == {}
    program.destroy()
    program.up()
    third = federation(program, tmp_path)
    assert third.access_token(third.token())
    assert sorted(pools(program).values()) == ["ACTIVE", "DELETED", "DELETED"]
    assert "invalid_target" in first.refusal(workflow), "nothing brings the first pool back"
    program.destroy()


@pytest.mark.parametrize("what", ["pool", "provider"])
def test_what_somebody_deleted_is_made_anew(program: Program, tmp_path: Path, what: str) -> None:
    program.configure(pypiProxy=False, github=BY_REF)
    program.up()
    cloud = federation(program, tmp_path)
    pool = cloud.provider.partition("/providers/")[0]
    assert cloud.ask("DELETE", pool if what == "pool" else cloud.provider)[0] == 200
    program.up("--refresh")
    again = federation(program, tmp_path)
    assert again.provider != cloud.provider
    assert again.access_token(again.token())
    assert program.changes() == {}


def test_a_disabled_pool_or_provider_lets_nobody_in(by_environment: Federation) -> None:
    token = by_environment.token(environment="release")
    for name in (by_environment.provider, by_environment.provider.partition("/providers/")[0]):
        for disabled in (True, False):
            change = f"{name}?updateMask=disabled"
            assert by_environment.ask("PATCH", change, {"disabled": disabled})[0] == 200
            if disabled:
                assert "invalid_target" in by_environment.refusal(token)
    assert by_environment.access_token(token)


class TestPools:
    """The API by itself."""

    @pytest.fixture
    def collection(self, by_ref: Federation) -> str:
        return by_ref.provider.partition("/workloadIdentityPools/")[0] + "/workloadIdentityPools"

    def make(self, cloud: Federation, collection: str) -> str:
        ident = f"pool-{next(_files)}"
        status, operation = cloud.ask("POST", f"{collection}?workloadIdentityPoolId={ident}", {})
        assert status == 200
        assert "done" not in operation
        assert cloud.ask("GET", operation["name"])[1]["done"] is True
        return f"{collection}/{ident}"

    def test_a_deleted_one_keeps_its_id_until_it_is_brought_back(
        self, by_ref: Federation, collection: str
    ) -> None:
        name = self.make(by_ref, collection)
        again = f"{collection}?workloadIdentityPoolId={name.rpartition('/')[2]}"
        assert by_ref.ask("POST", f"{name}:undelete", {})[1]["error"]["status"] == "FAILED_PRECONDITION"
        assert by_ref.ask("DELETE", name)[0] == 200
        assert by_ref.ask("GET", name) == (200, {"name": name, "state": "DELETED"})
        listed = by_ref.ask("GET", collection)[1]["workloadIdentityPools"]
        assert name not in [pool["name"] for pool in listed]
        status, said = by_ref.ask("POST", again, {})
        assert (status, said["error"]["message"]) == (409, "Requested entity already exists")
        assert by_ref.ask("PATCH", f"{name}?updateMask=disabled", {"disabled": True})[0] == 400
        assert by_ref.ask("DELETE", name)[0] == 404
        assert by_ref.ask("POST", f"{name}:undelete", {})[0] == 200
        assert by_ref.ask("GET", name)[1]["state"] == "ACTIVE"
        assert by_ref.ask("GET", f"{name}:listAttestationRules") == (200, {})

    @pytest.mark.parametrize("ident", ["gcp-mine", "abc", "Upper", "a" * 33, ""])
    def test_an_id_has_googles_grammar(self, by_ref: Federation, collection: str, ident: str) -> None:
        assert by_ref.ask("POST", f"{collection}?workloadIdentityPoolId={ident}", {})[0] == 400

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"attributeCondition": ""}, "must reference one of the provider's claims"),
            ({"attributeCondition": "true"}, "must reference one of the provider's claims"),
            ({"attributeCondition": "assertion.ref =="}, "Error in attribute_condition"),
            ({"attributeCondition": "assertion.ref == '" + "x" * 4096 + "'"}, "at most 4096"),
            ({"attributeMapping": {"attribute.a": "assertion.a"}}, "mapping for google.subject"),
            ({"attributeMapping": {"google.subject": "assertion.("}}, "Error in attribute_mapping"),
            ({"attributeMapping": {"google.subject": "assertion.sub", "x": "'a'"}}, "Invalid mapped"),
            ({"attributeMapping": {"google.subject": 7}}, "must be an expression"),
            ({"oidc": {"issuerUri": "http://plain.example"}}, "must be an HTTPS address"),
            ({"oidc": {"issuerUri": GITHUB, "allowedAudiences": ["x" * 257]}}, "allowed_audiences"),
            ({"oidc": None}, "oidc is required"),
            ({"displayName": "x" * 33}, "at most 32"),
        ],
    )
    def test_a_provider_must_be_sound(
        self, by_ref: Federation, collection: str, change: dict[str, Any], says: str
    ) -> None:
        right = {
            "oidc": {"issuerUri": GITHUB},
            "attributeMapping": {"google.subject": "assertion.sub"},
            "attributeCondition": "assertion.repository_owner_id == '1'",
        }
        providers = f"{self.make(by_ref, collection)}/providers?workloadIdentityPoolProviderId=github"
        status, said = by_ref.ask("POST", providers, {**right, **change})
        assert status == 400
        assert says in said["error"]["message"]
        assert by_ref.ask("POST", providers, right)[0] == 200

    def test_allowed_audiences_stand_in_for_the_name(self, by_environment: Federation) -> None:
        change = {"oidc": {"issuerUri": GITHUB, "allowedAudiences": ["ours"]}}
        mask = "oidc.allowed_audiences,oidc.issuer_uri,oidc.jwks_json"
        path = f"{by_environment.provider}?updateMask={mask}"
        assert by_environment.ask("PATCH", path, change)[0] == 200
        token = by_environment.token(environment="release")
        assert "expected audience ours" in by_environment.refusal(token)
        assert by_environment.access_token(by_environment.token(environment="release", audience="ours"))
        assert by_environment.ask("PATCH", path, {"oidc": {"issuerUri": GITHUB}})[0] == 200
        assert by_environment.access_token(token)

    def test_a_policy_names_no_pool_that_is_not_there(self, by_ref: Federation) -> None:
        account = f"projects/{by_ref.program.project}/serviceAccounts/{by_ref.writer}"
        member = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"
        binding = {"role": "roles/iam.workloadIdentityUser", "members": [member]}
        status, said = by_ref.ask("POST", f"{account}:setIamPolicy", {"policy": {"bindings": [binding]}})
        assert status == 400
        assert said["error"]["message"].startswith("Identity Pool does not exist (projects/1/")


def test_the_command_line_says_what_is_no_repository(sandbox: Sandbox) -> None:
    refused = sandbox("github-token", "--repository", "my-adder", "--owner-id", "1", check=False)
    assert refused.returncode == 2
    assert "not the full name of a repository, such as org/name" in refused.stderr


def test_the_issuers_key_is_private(by_ref: Federation) -> None:
    by_ref.token()
    key = SandboxFolder(by_ref.sandbox.folder).github_key
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_token_is_githubs_in_every_claim_that_rules_are_made_of(by_ref: Federation) -> None:
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
