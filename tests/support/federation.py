"""A stack that lets workflows publish, and the tokens of those workflows."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.auth import exceptions, identity_pool
from google.auth.transport.requests import Request

from sandbox.runtime.paths import SandboxFolder
from tests.support.sandbox import Program, Sandbox, new_program

IAM = "https://iam.googleapis.com/v1"
STS = "https://sts.googleapis.com/v1/token"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
REPOSITORY, OWNER_ID, REF = "acme/my-adder", "1234567", "refs/heads/main"
BY_REF = {"repositories": [REPOSITORY, "acme/tool"], "ownerId": int(OWNER_ID), "ref": REF}
# Google allows 127 bytes of a mapped subject. The claim `sub` of this repository has more.
LONG_REPOSITORY = f"acme/{'r' * 95}"
BY_ENVIRONMENT = {
    "repositories": [REPOSITORY, LONG_REPOSITORY],
    "ownerId": OWNER_ID,
    "environment": "release",
}
CONDITION = "unauthorized_client: The given credential is rejected by the attribute condition."
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
    """A stack that lets workflows publish, and a session without a login."""

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
        """The audience that `google-github-actions/auth` requests from GitHub."""
        return f"https://iam.googleapis.com/{self.provider}"

    def token(self, *words: str, **changes: Any) -> str:
        """A workflow's token; by default the workflow can publish."""
        right = {"repository": REPOSITORY, "owner-id": OWNER_ID, "ref": REF, "audience": self.audience}
        options = {**right, **{key.replace("_", "-"): value for key, value in changes.items()}}
        return self.sandbox("github-token", *token_flags(options), *words).stdout.strip()

    def signed(self, key: Any = None, **claims: Any) -> str:
        """The right workflow's token with other claims, signed with the issuer's key or another one."""
        token = self.token()
        payload = {**jwt.decode(token, options={"verify_signature": False}), **claims}
        payload = {name: value for name, value in payload.items() if value is not None}
        folder = SandboxFolder(self.sandbox.folder)
        own: Any = load_pem_private_key(folder.github_key.read_bytes(), None)
        headers = {"kid": jwt.get_unverified_header(token)["kid"]}
        return jwt.encode(payload, key or own, algorithm="RS256", headers=headers)

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
        """The reason of the refusal, in Google's library."""
        with pytest.raises(exceptions.GoogleAuthError) as refused:
            self.access_token(token)
        text = str(refused.value)
        assert token not in text
        return re.sub(r"\\+(['\"])", r"\1", text.replace("Error code ", ""))

    def exchange(self, **change: str | None) -> tuple[int, Any]:
        form = {**EXCHANGE, "audience": f"//iam.googleapis.com/{self.provider}", **change}
        answer = self.session.post(STS, data=form, timeout=30)
        return answer.status_code, answer.json()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.sandbox.ask(method, f"{IAM}/{path}", body)

    def status_as(self, token: str, path: str) -> int:
        """The status of a request with an access token."""
        login = {"Authorization": f"Bearer {token}"}
        return self.session.post(f"{IAM}/{path}", headers=login, json={}, timeout=30).status_code


def token_flags(options: dict[str, Any]) -> list[str]:
    """The options of `github-token` on its command line. True is an option without a value."""
    return [f"--{key}" if value is True else f"--{key}={value}" for key, value in options.items()]


def anonymous(sandbox: Sandbox) -> requests.Session:
    """A session without a login that uses the sandbox's proxy."""
    lines = sandbox.run("env", "-0").stdout.split("\0")
    inside = dict(line.split("=", 1) for line in lines if line)
    session = requests.Session()
    session.trust_env = False
    session.proxies["https"] = inside["HTTPS_PROXY"]
    session.verify = inside["REQUESTS_CA_BUNDLE"]
    return session


def read_federation(program: Program, folder: Path) -> Federation:
    """The stack's federation, from its current outputs."""
    outputs = program.outputs()
    provider, writer = outputs["workload_identity_provider"], outputs["writer_email"]
    return Federation(program, anonymous(program.sandbox), folder, provider, writer)


def create_federation(sandbox: Sandbox, folder: Path, github: dict[str, Any]) -> Federation:
    program = new_program(sandbox, folder)
    program.configure(pypiProxy=False, github=github)
    program.up()
    return read_federation(program, folder)
