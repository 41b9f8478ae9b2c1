"""How clients get their tokens: keys, logins and impersonation, with Google's own library and gcloud."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import exceptions, impersonated_credentials
from google.auth.transport.requests import Request
from google.oauth2 import credentials, service_account

from sandbox.cloud.iam.members import OWNER
from tests.sandbox.cloud.test_workload_identity import anonymous
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

IAM = "https://iam.googleapis.com/v1"
MANAGER = "https://cloudresourcemanager.googleapis.com/v1"
REGISTRY = "https://artifactregistry.googleapis.com/v1"
USAGE = "https://serviceusage.googleapis.com/v1"
TOKEN_URI = "https://oauth2.googleapis.com/token"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"
ALICE = "user:alice@example.com"
WINDOW = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)
# A busy machine; the tokens that are waited for live a second or two.
PATIENCE_SECONDS = 20

_projects = (f"identities-{n}" for n in itertools.count(1))


@dataclass
class Identities:
    """A project with one account, and a way to ask that carries no login of its own."""

    sandbox: Sandbox
    session: requests.Session
    project: str
    email: str

    @property
    def account(self) -> str:
        return f"{IAM}/projects/{self.project}/serviceAccounts/{self.email}"

    @property
    def google(self) -> Request:
        """What google-auth sends its requests with."""
        return Request(session=self.session)

    def ask(self, method: str, url: str, body: Any = None, member: str = OWNER) -> tuple[int, Any]:
        return self.sandbox.ask(method, url, body, member)

    def enable(self, service: str, verb: str = "enable") -> None:
        url = f"{USAGE}/projects/{self.project}/services/{service}.googleapis.com:{verb}"
        assert self.ask("POST", url, {})[0] == 200

    def make_key(self) -> dict[str, Any]:
        """A key file, as whoever makes a key gets it once."""
        status, key = self.ask("POST", f"{self.account}/keys", {})
        assert status == 200, key
        return json.loads(base64.b64decode(key["privateKeyData"]))

    def grant(self, resource: str, role: str, member: str) -> None:
        _, policy = self.ask("POST", f"{resource}:getIamPolicy", {})
        policy["bindings"] = [*policy.get("bindings", []), {"role": role, "members": [member]}]
        assert self.ask("POST", f"{resource}:setIamPolicy", {"policy": policy})[0] == 200

    def send(self, form: dict[str, str], path: str = "token") -> tuple[int, Any]:
        answer = self.session.post(f"https://oauth2.googleapis.com/{path}", data=form, timeout=30)
        return answer.status_code, answer.json()

    def assert_with(self, key: dict[str, Any], **changes: Any) -> tuple[int, Any]:
        """Send an assertion of one's own making; None takes a claim out."""
        now = int(time.time())
        scope = SCOPES[0]
        claims = {"iss": self.email, "aud": TOKEN_URI, "iat": now, "exp": now + 3600, "scope": scope}
        claims = {k: v for k, v in {**claims, **changes}.items() if v is not None}
        headers = {"kid": key["private_key_id"]}
        assertion = jwt.encode(claims, key["private_key"], algorithm="RS256", headers=headers)
        return self.send({"grant_type": JWT_BEARER, "assertion": assertion})

    def login_of(self, member: str) -> dict[str, str]:
        """The member's application default credentials."""
        script = 'cat "$GOOGLE_APPLICATION_CREDENTIALS"'
        return json.loads(self.sandbox.run("sh", "-c", script, member=member).stdout)

    def credentials_of(self, member: str) -> credentials.Credentials:
        return credentials.Credentials.from_authorized_user_info(self.login_of(member), SCOPES)

    def acting(
        self, member: str, lifetime: int = 3600, target: str = ""
    ) -> impersonated_credentials.Credentials:
        """google-auth's credentials of the account, by a member's own."""
        return impersonated_credentials.Credentials(
            source_credentials=self.credentials_of(member),
            target_principal=target or self.email,
            target_scopes=SCOPES,
            lifetime=lifetime,
        )

    def status_with(self, token: str | None) -> int:
        """What the account's token may do on the project, granted `roles/browser`."""
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{MANAGER}/projects/{self.project}"
        return self.session.get(url, headers=headers, timeout=30).status_code


@pytest.fixture(scope="module")
def session(sandbox: Sandbox) -> requests.Session:
    return anonymous(sandbox)


@pytest.fixture
def cloud(sandbox: Sandbox, session: requests.Session) -> Identities:
    project = next(_projects)
    email = f"python-writer@{project}.iam.gserviceaccount.com"
    cloud = Identities(sandbox, session, project, email)
    cloud.enable("iam")
    cloud.enable("iamcredentials")
    accounts = f"{IAM}/projects/{project}/serviceAccounts"
    assert cloud.ask("POST", accounts, {"accountId": "python-writer"})[0] == 200
    cloud.grant(f"{MANAGER}/projects/{project}", "roles/browser", f"serviceAccount:{email}")
    return cloud


def wait_until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happens():
        assert time.monotonic() < deadline, "in vain"


def refusal(answer: tuple[int, Any]) -> tuple[int, str, str]:
    return answer[0], answer[1]["error"], answer[1]["error_description"]


class TestAKey:
    def test_becomes_a_token_that_stands_for_its_account(self, cloud: Identities) -> None:
        login = service_account.Credentials.from_service_account_info(cloud.make_key(), scopes=SCOPES)
        login.refresh(cloud.google)
        assert cloud.status_with(login.token) == 200
        asked = [r for r in cloud.sandbox.log() if r["path"] == f"/v1/projects/{cloud.project}"]
        assert asked[-1]["principal"] == f"serviceAccount:{cloud.email}"

    def test_is_listed_and_read_without_its_private_half(self, cloud: Identities) -> None:
        key_id = cloud.make_key()["private_key_id"]
        _, listed = cloud.ask("GET", f"{cloud.account}/keys")
        _, read = cloud.ask("GET", f"{cloud.account}/keys/{key_id}")
        assert listed == {"keys": [read]}
        assert read["name"].endswith(f"/serviceAccounts/{cloud.email}/keys/{key_id}")
        assert not {"privateKeyData", "publicKey"} & set(read)

    def test_that_is_deleted_signs_nothing_more(self, cloud: Identities) -> None:
        key = cloud.make_key()
        assert cloud.ask("DELETE", f"{cloud.account}/keys/{key['private_key_id']}") == (200, {})
        login = service_account.Credentials.from_service_account_info(key, scopes=SCOPES)
        with pytest.raises(exceptions.RefreshError, match="invalid_grant: Invalid JWT Signature"):
            login.refresh(cloud.google)
        assert cloud.ask("GET", f"{cloud.account}/keys/{key['private_key_id']}")[0] == 404

    def test_that_is_anothers_signs_nothing_here(self, cloud: Identities) -> None:
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        forged = {**cloud.make_key(), "private_key": stranger}
        assert refusal(cloud.assert_with(forged)) == (400, "invalid_grant", "Invalid JWT Signature.")

    def test_of_a_deleted_account_is_gone_with_it(self, cloud: Identities) -> None:
        key = cloud.make_key()
        assert cloud.ask("DELETE", cloud.account)[0] == 200
        assert refusal(cloud.assert_with(key))[2] == "Invalid grant: account not found"
        accounts = f"{IAM}/projects/{cloud.project}/serviceAccounts"
        cloud.ask("POST", accounts, {"accountId": "python-writer"})
        assert refusal(cloud.assert_with(key))[2] == "Invalid JWT Signature.", (
            "another account of that name"
        )

    def test_of_another_kind_is_refused(self, cloud: Identities) -> None:
        status, answer = cloud.ask("POST", f"{cloud.account}/keys", {"privateKeyType": "TYPE_PKCS12_FILE"})
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")

    def test_is_made_by_those_alone_who_may(self, cloud: Identities) -> None:
        assert cloud.ask("POST", f"{cloud.account}/keys", {}, ALICE)[0] == 403
        cloud.grant(cloud.account, "roles/iam.serviceAccountKeyAdmin", ALICE)
        assert cloud.ask("POST", f"{cloud.account}/keys", {}, ALICE)[0] == 200

    @pytest.mark.parametrize(
        ("changes", "said"),
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
    def test_signs_no_claims_but_its_own_for_an_hour(
        self, cloud: Identities, changes: dict[str, Any], said: str
    ) -> None:
        now = int(time.time())
        # Times are told from now on.
        changes = {k: now + v if isinstance(v, int) else v for k, v in changes.items()}
        status, error, text = refusal(cloud.assert_with(cloud.make_key(), **changes))
        assert (status, text) == (400, said)
        assert error == ("invalid_scope" if "scope" in changes else "invalid_grant")

    def test_speaks_for_nobody_else(self, cloud: Identities) -> None:
        answer = cloud.assert_with(cloud.make_key(), sub="alice@example.com")
        assert answer[1]["error"] == "unauthorized_client"

    @pytest.mark.parametrize("assertion", ["", "a.b.c", "e30.e30."])
    def test_is_needed_for_an_assertion(self, cloud: Identities, assertion: str) -> None:
        answer = cloud.send({"grant_type": JWT_BEARER, "assertion": assertion})
        assert answer[0] == 400
        assert answer[1]["error"] == "invalid_grant"

    def test_signs_no_assertion_of_another_algorithm(self, cloud: Identities) -> None:
        key = cloud.make_key()
        claims = {"iss": cloud.email, "aud": TOKEN_URI, "iat": 0, "exp": 2**40, "scope": SCOPES[0]}
        for secret, algorithm in (("", "none"), ("x" * 32, "HS256")):
            forged = jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": key["private_key_id"]})
            answer = cloud.send({"grant_type": JWT_BEARER, "assertion": forged})
            assert refusal(answer) == (400, "invalid_grant", "Invalid JWT Signature.")


class TestALogin:
    def test_inside_is_private_and_stays_the_same(self, cloud: Identities) -> None:
        assert cloud.login_of(ALICE) == cloud.login_of(ALICE)
        assert cloud.login_of(ALICE) != cloud.login_of(OWNER)
        files = list((cloud.sandbox.folder / "credentials").iterdir())
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        database = (cloud.sandbox.folder / "cloud.db").read_bytes()
        assert cloud.login_of(ALICE)["refresh_token"].encode() not in database

    def test_is_found_by_googles_library_and_renews_itself(self, cloud: Identities) -> None:
        script = (
            "import google.auth as a, google.auth.transport.requests as r;"
            f"c, _ = a.default(scopes={SCOPES}); c.refresh(r.Request()); print(c.token)"
        )
        token = cloud.sandbox.run("python", "-c", script, member=ALICE).stdout.strip()
        assert cloud.status_with(token) == 403, "alice was granted nothing"
        cloud.grant(f"{MANAGER}/projects/{cloud.project}", "roles/browser", ALICE)
        assert cloud.status_with(token) == 200

    def test_that_is_revoked_gives_no_token_and_the_next_run_logs_in_anew(self, cloud: Identities) -> None:
        before, login = cloud.login_of(ALICE), cloud.credentials_of(ALICE)
        assert cloud.send({"token": before["refresh_token"]}, "revoke") == (200, {})
        with pytest.raises(exceptions.RefreshError, match=r"Token has been expired or revoked\."):
            login.refresh(cloud.google)
        assert cloud.send({"token": before["refresh_token"]}, "revoke")[1]["error"] == "invalid_token"
        assert cloud.login_of(ALICE) != before
        cloud.credentials_of(ALICE).refresh(cloud.google)

    def test_of_another_client_is_refused(self, cloud: Identities) -> None:
        login = {**cloud.login_of(ALICE), "client_secret": "guessed"}
        answer = cloud.send({"grant_type": "refresh_token", **login})
        assert refusal(answer) == (401, "invalid_client", "The OAuth client was not found.")

    def test_by_password_is_none(self, cloud: Identities) -> None:
        answer = cloud.send({"grant_type": "password"})
        assert refusal(answer) == (400, "unsupported_grant_type", "Invalid grant_type: password")

    def test_serves_gcloud(self, cloud: Identities) -> None:
        if shutil.which("gcloud") is None:
            pytest.skip("gcloud is not installed")
        cloud.grant(f"{MANAGER}/projects/{cloud.project}", "roles/browser", ALICE)
        for command in ("auth", "auth application-default"):
            printed = cloud.sandbox.run("gcloud", *command.split(), "print-access-token", member=ALICE)
            assert cloud.status_with(printed.stdout.strip()) == 200, command

    def test_of_gcloud_can_be_a_key(self, cloud: Identities) -> None:
        if shutil.which("gcloud") is None:
            pytest.skip("gcloud is not installed")
        script = (
            f"gcloud iam service-accounts keys create key.json --iam-account={cloud.email} && "
            "chmod 600 key.json && unset CLOUDSDK_AUTH_ACCESS_TOKEN CLOUDSDK_CORE_ACCOUNT && "
            "gcloud auth activate-service-account --key-file=key.json && gcloud auth print-access-token"
        )
        home = cloud.sandbox.folder / "home"
        token = cloud.sandbox.run("sh", "-c", script, cwd=home).stdout.strip()
        assert cloud.status_with(token) == 200
        cloud.sandbox.run("rm", "-r", "key.json", ".config/gcloud", cwd=home)


class TestActingAsAnAccount:
    def test_needs_the_grant_which_an_owner_does_not_have_as_such(self, cloud: Identities) -> None:
        acting, permission = cloud.acting(OWNER), "iam.serviceAccounts.getAccessToken"
        with pytest.raises(exceptions.RefreshError) as refused:
            acting.refresh(cloud.google)
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
        cloud.grant(cloud.account, TOKEN_CREATOR, OWNER)
        acting.refresh(cloud.google)
        assert cloud.status_with(acting.token) == 200

    @pytest.mark.parametrize("role", ["roles/iam.serviceAccountAdmin", "roles/owner"])
    def test_is_in_no_other_role(self, cloud: Identities, role: str) -> None:
        cloud.grant(cloud.account, role, ALICE)
        with pytest.raises(exceptions.RefreshError, match="Unable to acquire impersonated credentials"):
            cloud.acting(ALICE).refresh(cloud.google)

    def test_can_be_granted_on_the_project(self, cloud: Identities) -> None:
        cloud.grant(f"{MANAGER}/projects/{cloud.project}", TOKEN_CREATOR, ALICE)
        acting = cloud.acting(ALICE)
        acting.refresh(cloud.google)
        assert cloud.status_with(acting.token) == 200

    def test_of_one_that_does_not_exist_is_refused_alike(self, cloud: Identities) -> None:
        with pytest.raises(exceptions.RefreshError, match="getAccessToken"):
            cloud.acting(OWNER, target=f"none@{cloud.project}.iam.gserviceaccount.com").refresh(
                cloud.google
            )

    def test_ends_when_the_token_expires(self, cloud: Identities) -> None:
        cloud.grant(cloud.account, TOKEN_CREATOR, ALICE)
        acting = cloud.acting(ALICE, lifetime=2)
        acting.refresh(cloud.google)
        assert cloud.status_with(acting.token) == 200
        wait_until(lambda: cloud.status_with(acting.token) == 401)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"lifetime": "3601s"}, "lifetime: must be a duration of at most 3600s."),
            ({"lifetime": "0s"}, "lifetime: must be a duration of at most 3600s."),
            ({"lifetime": "soon"}, "lifetime: must be a duration of at most 3600s."),
            ({"scope": []}, "scope: at least one is required."),
            ({"delegates": ["x"]}, "The sandbox imitates no chains of delegates."),
        ],
    )
    def test_is_for_an_hour_at_most_and_for_a_scope(
        self, cloud: Identities, change: dict[str, Any], said: str
    ) -> None:
        cloud.grant(cloud.account, TOKEN_CREATOR, ALICE)
        url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{cloud.email}"
        status, answer = cloud.ask("POST", f"{url}:generateAccessToken", {"scope": SCOPES, **change}, ALICE)
        assert (status, answer["error"]["message"]) == (400, said)

    def test_needs_the_wildcard_for_the_project_and_the_api(self, cloud: Identities) -> None:
        cloud.grant(cloud.account, TOKEN_CREATOR, ALICE)
        base = "https://iamcredentials.googleapis.com/v1/projects"
        rest = f"serviceAccounts/{cloud.email}:generateAccessToken"
        assert cloud.ask("POST", f"{base}/{cloud.project}/{rest}", {"scope": SCOPES}, ALICE)[0] == 501
        cloud.enable("iamcredentials", "disable")
        status, answer = cloud.ask("POST", f"{base}/-/{rest}", {"scope": SCOPES}, ALICE)
        assert (status, answer["error"]["details"][0]["reason"]) == (403, "SERVICE_DISABLED")

    def test_needs_a_login(self, cloud: Identities) -> None:
        url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{cloud.email}"
        answer = cloud.session.post(f"{url}:generateAccessToken", json={"scope": SCOPES}, timeout=30)
        assert answer.status_code == 401


class TestAScope:
    AUTH = "https://www.googleapis.com/auth/"

    def token_for(self, cloud: Identities, *scopes: str) -> str:
        """By a key; the account may do anything in its project."""
        cloud.grant(f"{MANAGER}/projects/{cloud.project}", "roles/owner", f"serviceAccount:{cloud.email}")
        wanted = " ".join(f"{self.AUTH}{scope}" for scope in scopes)
        return cloud.assert_with(cloud.make_key(), scope=wanted)[1]["access_token"]

    def asked(self, cloud: Identities, token: str, method: str, url: str) -> requests.Response:
        login = {"Authorization": f"Bearer {token}"}
        return cloud.session.request(method, url, headers=login, json={}, timeout=30)

    def allowed(self, cloud: Identities, token: str) -> dict[str, bool]:
        """What a token's scopes let it ask, whatever comes of it."""
        index = f"https://us-central1-python.pkg.dev/{cloud.project}/python"
        buckets = f"https://storage.googleapis.com/storage/v1/b?project={cloud.project}"
        return {
            what: "insufficient authentication scopes" not in self.asked(cloud, token, *request).text
            for what, request in {
                "read index": ("GET", f"{index}/simple/"),
                "upload": ("POST", f"{index}/"),
                "read project": ("GET", f"{MANAGER}/projects/{cloud.project}"),
                "change account": ("PATCH", cloud.account),
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
    def test_bounds_what_its_token_may_do(self, cloud: Identities, scope: str, lets: set[str]) -> None:
        found = self.allowed(cloud, self.token_for(cloud, scope))
        expected = {what: not lets.isdisjoint({what, what.partition(" ")[0]}) for what in found}
        assert found == expected
        assert all(self.allowed(cloud, self.token_for(cloud, scope, "cloud-platform")).values())

    def test_that_is_missing_is_told_as_google_tells_it(self, cloud: Identities) -> None:
        refused = self.asked(cloud, self.token_for(cloud, "devstorage.read_only"), "GET", cloud.account)
        error = refused.json()["error"]
        assert (refused.status_code, error["message"], error["details"][0]["reason"]) == (
            403,
            "Request had insufficient authentication scopes.",
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        )
        line = next(line for line in reversed(cloud.sandbox.log()) if cloud.email in line["path"])
        assert (line["status"], line["principal"]) == (403, f"serviceAccount:{cloud.email}")

    def test_is_that_of_a_login_or_of_who_acts_as_the_account(self, cloud: Identities) -> None:
        narrow = [f"{self.AUTH}devstorage.read_only"]
        login = credentials.Credentials.from_authorized_user_info(cloud.login_of(OWNER), narrow)
        login.refresh(cloud.google)
        cloud.grant(cloud.account, TOKEN_CREATOR, OWNER)
        acting = impersonated_credentials.Credentials(
            source_credentials=cloud.credentials_of(OWNER),
            target_principal=cloud.email,
            target_scopes=narrow,
        )
        acting.refresh(cloud.google)
        for token in (str(login.token), str(acting.token)):
            assert [what for what, may in self.allowed(cloud, token).items() if may] == ["read bucket"]


class TestADisabledAccount:
    def switch(self, cloud: Identities, verb: str) -> None:
        assert cloud.ask("POST", f"{cloud.account}:{verb}", {}) == (200, {})

    def test_says_so_until_it_is_enabled(self, cloud: Identities) -> None:
        for verb, disabled in (("disable", True), ("disable", True), ("enable", None), ("enable", None)):
            self.switch(cloud, verb)
            assert cloud.ask("GET", cloud.account)[1].get("disabled") is disabled

    def test_is_refused_with_the_tokens_that_it_has_and_they_are_good_again_afterwards(
        self, cloud: Identities
    ) -> None:
        token = cloud.assert_with(cloud.make_key())[1]["access_token"]
        index = f"https://us-central1-python.pkg.dev/{cloud.project}/python/simple/"
        login = {"Authorization": f"Bearer {token}"}
        assert cloud.status_with(token) == 200
        self.switch(cloud, "disable")
        refused = cloud.session.get(f"{MANAGER}/projects/{cloud.project}", headers=login, timeout=30)
        assert refused.status_code == 401
        assert refused.json()["error"]["details"][0]["reason"] == "ACCOUNT_STATE_INVALID"
        assert cloud.session.get(index, headers=login, timeout=30).status_code == 401
        self.switch(cloud, "enable")
        assert cloud.status_with(token) == 200
        assert cloud.session.get(index, headers=login, timeout=30).status_code != 401

    def test_gets_no_token_by_its_keys_or_through_others(self, cloud: Identities) -> None:
        key = cloud.make_key()
        cloud.grant(cloud.account, TOKEN_CREATOR, ALICE)
        acting = cloud.acting(ALICE)
        self.switch(cloud, "disable")
        assert refusal(cloud.assert_with(key)) == (400, "invalid_grant", "Invalid grant: account not found")
        with pytest.raises(exceptions.RefreshError, match="getAccessToken"):
            acting.refresh(cloud.google)
        self.switch(cloud, "enable")
        assert cloud.assert_with(key)[0] == 200
        acting.refresh(cloud.google)

    @pytest.mark.parametrize(
        ("role", "status"),
        [("roles/iam.serviceAccountAdmin", 200), ("roles/iam.serviceAccountViewer", 403)],
    )
    def test_is_made_so_by_those_alone_who_may(self, cloud: Identities, role: str, status: int) -> None:
        cloud.grant(cloud.account, role, ALICE)
        for verb in ("disable", "enable"):
            assert cloud.ask("POST", f"{cloud.account}:{verb}", {}, member=ALICE)[0] == status

    def test_is_made_so_by_gcloud(self, cloud: Identities) -> None:
        if shutil.which("gcloud") is None:
            pytest.skip("gcloud is not installed")
        for verb, disabled in (("disable", True), ("enable", None)):
            cloud.sandbox.run(
                "gcloud", "iam", "service-accounts", verb, cloud.email, "--project", cloud.project
            )
            assert cloud.ask("GET", cloud.account)[1].get("disabled") is disabled


def test_no_setting_or_login_of_a_client_gets_in(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = "PIP_INDEX_URL PIP_CONFIG_FILE UV_INDEX POETRY_HTTP_BASIC_X_PASSWORD NETRC XDG_CONFIG_HOME"
    for key in (*theirs.split(), "PYTHON_KEYRING_BACKEND", "PIP_CERT"):
        monkeypatch.setenv(key, "of-the-real-world")
    inside = sandbox.run("env").stdout
    assert "of-the-real-world" not in inside
    assert f"PIP_CERT={sandbox.folder}" in inside
