"""The emulated GitHub OIDC issuer, which signs the tokens of workflows.

Owns the issuer's key, private to the sandbox's folder, and the claims of a token: those that the "OpenID
Connect reference" in GitHub's documentation lists. A user who can read the folder can get a token of any
workflow: the issuer checks nothing. GitHub Enterprise Server has issuers of its own; they are not emulated.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
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


class MissingClaim(ValueError):
    """A customized subject names a claim that the token does not have. GitHub then issues no token."""


@dataclass(frozen=True, kw_only=True)
class TokenSettings:
    """The settings of a repository, its organization and its enterprise that change tokens.

    Attributes:
        immutable_subject: whether `sub` has the numeric IDs of the owner and of the repository. It has them
            for repositories that were created, renamed or transferred since 15 July 2026, and by choice.
        claim_keys: the claims that form a customized `sub` (`include_claim_keys`); none for the default.
        properties: custom properties of the repository, which become claims `repo_property_…`.
        enterprise: name (slug) of the enterprise, if any.
        enterprise_issuer: whether the enterprise has an issuer of its own (`include_enterprise_slug`).
    """

    immutable_subject: bool = False
    claim_keys: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    enterprise: str = ""
    enterprise_issuer: bool = False

    @property
    def issuer(self) -> str:
        """The token's issuer."""
        return f"{GITHUB}/{self.enterprise}" if self.enterprise_issuer else GITHUB

    def subject(self, claims: Json, context: str) -> str:
        """The claim `sub`.

        Args:
            claims: the other claims.
            context: the part of the default subject that follows the repository.

        Raises:
            MissingClaim: a key is not a claim of this token.
        """
        owner, _, name = claims["repository"].partition("/")
        if self.immutable_subject:
            owner, name = f"{owner}@{claims['repository_owner_id']}", f"{name}@{claims['repository_id']}"
        known = {"repo": f"repo:{owner}/{name}", "context": context}
        parts: list[str] = []
        for key in self.claim_keys or known:
            if key not in known and not claims.get(key):
                raise MissingClaim(f"the token has no claim {key}")
            parts.append(known.get(key) or f"{key}:{_escape(claims[key])}")
        return ":".join(parts)


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One run of a workflow.

    Attributes:
        repository: full name of its repository.
        owner_id: numeric ID of that repository's owner.
        repository_id: numeric ID of that repository. The default depends only on the full name.
        ref: the ref that started it.
        environment: the deployment environment of its job, if any.
        fork: full name of the fork whose pull request started it, if any.
        reusable_workflow: the reusable workflow that has the job, if any.
        visibility: `public`, `private` or `internal`.
        runner: `github-hosted` or `self-hosted`.
    """

    repository: str
    owner_id: str
    repository_id: str = ""
    ref: str = "refs/heads/main"
    environment: str = ""
    fork: str = ""
    reusable_workflow: str = ""
    visibility: str = "private"
    runner: str = "github-hosted"

    def claims(self, settings: TokenSettings | None = None) -> Json:
        """The claims of GitHub's token, without times and audience.

        Raises:
            MissingClaim: the subject is customized with a claim that this token does not have.
        """
        settings = settings or TokenSettings()
        owner, _, name = self.repository.partition("/")
        # A fork's pull request runs in the target repository, on a merge commit that GitHub creates.
        ref = "refs/pull/1/merge" if self.fork else self.ref
        event = "pull_request" if self.fork else "push"
        context = "pull_request" if self.fork else f"ref:{ref}"
        context = f"environment:{_escape(self.environment)}" if self.environment else context
        workflow = f"{self.repository}/.github/workflows/publish.yml@{ref}"
        actor = (self.fork or self.repository).partition("/")[0]
        sha = _digest(f"{self.repository} {ref}")[:40]
        claims: Json = {
            "iss": settings.issuer,
            "repository": self.repository,
            "repository_id": self.repository_id or _number(self.repository),
            "repository_owner": owner,
            "repository_owner_id": self.owner_id,
            "repository_visibility": self.visibility,
            "ref": ref,
            "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
            "ref_protected": "false",
            "base_ref": "main" if self.fork else "",
            "head_ref": "change" if self.fork else "",
            "event_name": event,
            "workflow": "publish",
            "workflow_ref": workflow,
            "workflow_sha": sha,
            "job_workflow_ref": self.reusable_workflow or workflow,
            "job_workflow_sha": _digest(self.reusable_workflow)[:40] if self.reusable_workflow else sha,
            "sha": sha,
            "actor": actor,
            "actor_id": _number(actor),
            "run_id": _number(f"{name} run"),
            "run_number": "1",
            "run_attempt": "1",
            "check_run_id": _number(f"{name} job"),
            "runner_environment": self.runner,
            "jti": str(uuid.uuid4()),
        }
        if self.environment:
            claims |= {
                "environment": self.environment,
                "environment_node_id": f"EN_{_digest(f'{self.repository} {self.environment}')[:16]}",
            }
        if settings.enterprise:
            claims |= {"enterprise": settings.enterprise, "enterprise_id": _number(settings.enterprise)}
        claims |= {f"repo_property_{key}": value for key, value in settings.properties.items()}
        return {**claims, "sub": settings.subject(claims, context)}


def issue_token(
    folder: SandboxFolder,
    store: Store,
    workflow: Workflow,
    audience: str = "",
    *,
    settings: TokenSettings | None = None,
    expired: bool = False,
) -> str:
    """A workflow's token, as its job would get it from GitHub.

    Args:
        folder: the sandbox's folder, which has the issuer's key.
        store: gets the issuer's public key, for the cloud. It must be in a transaction.
        workflow: the run that requests the token.
        audience: the token's audience. GitHub's default is its page of the owner.
        settings: what the repository's owner configured about tokens. By default, nothing.
        expired: whether the token has expired.

    Raises:
        MissingClaim: the subject is customized with a claim that this token does not have.
    """
    owner = workflow.repository.partition("/")[0]
    now = int(time.time()) - (EXPIRED_SECONDS if expired else 0)
    times = {"iat": now, "nbf": now - EARLY_SECONDS, "exp": now + TOKEN_SECONDS}
    claims = {**workflow.claims(settings), **times, "aud": audience or f"https://github.com/{owner}"}
    key = _issuer_key(folder)
    public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    key_id = _digest(public["n"])[:40]
    publish_keys(store, str(claims["iss"]), [{**public, "kid": key_id, "alg": "RS256", "use": "sig"}])
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": key_id})


def _issuer_key(folder: SandboxFolder) -> rsa.RSAPrivateKey:
    if not folder.github_key.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        write_private(
            folder.github_key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
    return cast(rsa.RSAPrivateKey, load_pem_private_key(folder.github_key.read_bytes(), None))


def _escape(value: str) -> str:
    """A value in a subject. The parts of a subject are separated by colons."""
    return value.replace(":", "%3A")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _number(name: str) -> str:
    """A numeric ID. The same name always gets the same ID, as on GitHub."""
    return str(10**6 + int(_digest(name), 16) % 10**8)
