"""A project with one service account, and requests without a login of their own."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
import requests
from google.auth import impersonated_credentials
from google.auth.transport.requests import Request
from google.oauth2 import credentials

from sandbox.cloud.iam.members import OWNER
from tests.support.federation import anonymous
from tests.support.sandbox import Sandbox

IAM = "https://iam.googleapis.com/v1"
MANAGER = "https://cloudresourcemanager.googleapis.com/v1"
USAGE = "https://serviceusage.googleapis.com/v1"
TOKEN_URI = "https://oauth2.googleapis.com/token"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"
ALICE = "user:alice@example.com"


@dataclass
class Identities:
    """A project with one account, and a session without a login."""

    sandbox: Sandbox
    session: requests.Session
    project: str
    email: str

    @property
    def account(self) -> str:
        return f"{IAM}/projects/{self.project}/serviceAccounts/{self.email}"

    @property
    def google(self) -> Request:
        """The transport of google-auth."""
        return Request(session=self.session)

    def ask(self, method: str, url: str, body: Any = None, member: str = OWNER) -> tuple[int, Any]:
        return self.sandbox.ask(method, url, body, member)

    def enable(self, service: str, verb: str = "enable") -> None:
        url = f"{USAGE}/projects/{self.project}/services/{service}.googleapis.com:{verb}"
        assert self.ask("POST", url, {})[0] == 200

    def make_key(self) -> dict[str, Any]:
        """The key file, which Google shows only when it creates the key."""
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

    def exchange_assertion(self, key: dict[str, Any], **changes: Any) -> tuple[int, Any]:
        """Send an assertion with changed claims; None removes a claim."""
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

    def impersonate(
        self, member: str, lifetime: int = 3600, target: str = ""
    ) -> impersonated_credentials.Credentials:
        """google-auth's credentials of the account, from a member's login."""
        return impersonated_credentials.Credentials(
            source_credentials=self.credentials_of(member),
            target_principal=target or self.email,
            target_scopes=SCOPES,
            lifetime=lifetime,
        )

    def status_with(self, token: str | None) -> int:
        """The status of a read of the project; the account has `roles/browser` on it."""
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{MANAGER}/projects/{self.project}"
        return self.session.get(url, headers=headers, timeout=30).status_code


@pytest.fixture(scope="module")
def session(sandbox: Sandbox) -> requests.Session:
    return anonymous(sandbox)


def refusal(answer: tuple[int, Any]) -> tuple[int, str, str]:
    return answer[0], answer[1]["error"], answer[1]["error_description"]
