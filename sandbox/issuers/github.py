"""The emulated GitHub OIDC issuer, which signs the tokens of workflows.

Owns the issuer's key, private to the sandbox's folder, and the claims of a token: those that the "OpenID
Connect reference" in GitHub's documentation lists. A user who can read the folder can get a token of any
workflow: the issuer checks nothing.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import cast

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from sandbox.cloud.auth.sts import publish_keys
from sandbox.cloud.core.errors import Json
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.workload_identity import GITHUB
from sandbox.runtime.paths import SandboxFolder, write_private

KEY_BITS = 2048
# GitHub's tokens are valid for five minutes, and from ten minutes before their issue.
TOKEN_SECONDS, EARLY_SECONDS = 5 * 60, 10 * 60
EXPIRED_SECONDS = 60 * 60


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One run of a workflow.

    Attributes:
        repository: full name of its repository.
        owner_id: numeric ID of that repository's owner.
        ref: the ref that started it.
        environment: the deployment environment of its job, if any.
        fork: full name of the fork whose pull request started it, if any.
    """

    repository: str
    owner_id: str
    ref: str = "refs/heads/main"
    environment: str = ""
    fork: str = ""

    def claims(self) -> Json:
        """The claims of GitHub's token, without times and audience."""
        owner, _, name = self.repository.partition("/")
        # A fork's pull request runs in the target repository, on a merge commit that GitHub creates.
        ref = "refs/pull/1/merge" if self.fork else self.ref
        event = "pull_request" if self.fork else "push"
        context = "pull_request" if self.fork else f"ref:{ref}"
        context = f"environment:{self.environment}" if self.environment else context
        workflow = f"{self.repository}/.github/workflows/publish.yml@{ref}"
        actor = (self.fork or self.repository).partition("/")[0]
        sha = _digest(f"{self.repository} {ref}")[:40]
        claims = {
            "iss": GITHUB,
            "sub": f"repo:{self.repository}:{context}",
            "repository": self.repository,
            "repository_id": _number(self.repository),
            "repository_owner": owner,
            "repository_owner_id": self.owner_id,
            "repository_visibility": "private",
            "ref": ref,
            "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
            "ref_protected": "false",
            "base_ref": "main" if self.fork else "",
            "head_ref": "change" if self.fork else "",
            "event_name": event,
            "workflow": "publish",
            "workflow_ref": workflow,
            "workflow_sha": sha,
            "job_workflow_ref": workflow,
            "job_workflow_sha": sha,
            "sha": sha,
            "actor": actor,
            "actor_id": _number(actor),
            "run_id": _number(f"{name} run"),
            "run_number": "1",
            "run_attempt": "1",
            "runner_environment": "github-hosted",
            "jti": str(uuid.uuid4()),
        }
        return {**claims, "environment": self.environment} if self.environment else claims


def issue_token(
    folder: SandboxFolder, store: Store, workflow: Workflow, audience: str = "", *, expired: bool = False
) -> str:
    """A workflow's token, as its job would get it from GitHub.

    Args:
        folder: the sandbox's folder, which has the issuer's key.
        store: gets the issuer's public key, for the cloud. It must be in a transaction.
        workflow: the run that requests the token.
        audience: the token's audience. GitHub's default is its page of the owner.
        expired: whether the token has expired.
    """
    owner = workflow.repository.partition("/")[0]
    now = int(time.time()) - (EXPIRED_SECONDS if expired else 0)
    times = {"iat": now, "nbf": now - EARLY_SECONDS, "exp": now + TOKEN_SECONDS}
    claims = {**workflow.claims(), **times, "aud": audience or f"https://github.com/{owner}"}
    key = _issuer_key(folder)
    public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    key_id = _digest(public["n"])[:40]
    publish_keys(store, GITHUB, [{**public, "kid": key_id, "alg": "RS256", "use": "sig"}])
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": key_id})


def _issuer_key(folder: SandboxFolder) -> rsa.RSAPrivateKey:
    if not folder.github_key.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        write_private(
            folder.github_key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
    return cast(rsa.RSAPrivateKey, load_pem_private_key(folder.github_key.read_bytes(), None))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _number(name: str) -> str:
    """A numeric ID. The same name always gets the same ID, as on GitHub."""
    return str(10**6 + int(_digest(name), 16) % 10**8)
