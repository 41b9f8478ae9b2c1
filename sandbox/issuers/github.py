"""GitHub's issuer of workflow tokens, as the sandbox stands in for it.

Owns its key, private to the sandbox's folder, and the claims of a token, which are those that the "OpenID
Connect reference" in GitHub's documentation lists. Whoever may open the folder may be any workflow: it is
a stand-in for GitHub, not a check of anything.
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
from sandbox.runtime.paths import Folder
from sandbox.runtime.proxy import write_private

KEY_BITS = 2048
# GitHub's tokens are good for five minutes, and not before ten minutes ago.
TOKEN_SECONDS, EARLY_SECONDS = 5 * 60, 10 * 60
EXPIRED_SECONDS = 60 * 60


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """What a run says of itself.

    Attributes:
        repository: full name of the repository that it runs in.
        owner_id: number of that repository's owner.
        ref: the ref that it was started by.
        environment: the deployment environment of its job, if any.
        fork: full name of the fork whose pull request started it, if one did.
    """

    repository: str
    owner_id: str
    ref: str = "refs/heads/main"
    environment: str = ""
    fork: str = ""

    def claims(self) -> Json:
        """What GitHub's token says of it, times and audience aside."""
        owner, _, name = self.repository.partition("/")
        # A fork's pull request runs in the repository that it wants to change, as a merge that nobody made.
        ref = "refs/pull/1/merge" if self.fork else self.ref
        event = "pull_request" if self.fork else "push"
        place = "pull_request" if self.fork else f"ref:{ref}"
        place = f"environment:{self.environment}" if self.environment else place
        workflow = f"{self.repository}/.github/workflows/publish.yml@{ref}"
        actor = (self.fork or self.repository).partition("/")[0]
        sha = _digest(f"{self.repository} {ref}")[:40]
        said = {
            "iss": GITHUB,
            "sub": f"repo:{self.repository}:{place}",
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
        return {**said, "environment": self.environment} if self.environment else said


def issue_token(
    folder: Folder, store: Store, workflow: Workflow, audience: str = "", *, expired: bool = False
) -> str:
    """A token of a workflow, as its job would get it from GitHub.

    Args:
        folder: the sandbox's, where the issuer's key is.
        store: where the cloud finds the issuer's public half; in a transaction of the caller's.
        workflow: who asks.
        audience: whom it is for; GitHub's own default is its page of the owner.
        expired: whether its time is over.
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


def _issuer_key(folder: Folder) -> rsa.RSAPrivateKey:
    if not folder.github_key.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        write_private(
            folder.github_key, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
    return cast(rsa.RSAPrivateKey, load_pem_private_key(folder.github_key.read_bytes(), None))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _number(name: str) -> str:
    """The same for a name at every time, as GitHub's numbers are."""
    return str(10**6 + int(_digest(name), 16) % 10**8)
