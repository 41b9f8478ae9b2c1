"""Keyless publishing: the workload identity pool and the provider that accepts GitHub's tokens.

Owns which tokens the provider accepts. It grants nothing: `iam.py` grants the writer account to the
principals, by their repository and never by their subject. GitHub decides who can merge, and who can use a
protected branch or environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex

import pulumi
from pulumi_gcp import iam, projects

from .apis import IAM
from .args import GITHUB_PREFIX, PythonRegistryArgs

ISSUER = "https://token.actions.githubusercontent.com"
# Eight digits: Google allows 32 characters, and an id must not repeat within 30 days.
SUFFIX_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class GitHubTrust:
    """The provider, and the principal set of each repository's workflows."""

    provider: iam.WorkloadIdentityPoolProvider
    principals: Mapping[str, pulumi.Input[str]]


def trust_github(
    name: str,
    args: PythonRegistryArgs,
    apis: dict[str, projects.Service],
    opts: pulumi.ResourceOptions,
) -> GitHubTrust | None:
    """Accept the tokens of the workflows that `github` names, if there is an account to act as."""
    if args.github is None or not args.service_accounts:
        return None
    claim, _ = args.github.place
    pool = iam.WorkloadIdentityPool(
        f"{name}-github-pool",
        project=args.project,
        workload_identity_pool_id=_new_id(),
        display_name=args.repository,
        description="GitHub workflows that publish Python packages",
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(depends_on=[apis[IAM]], ignore_changes=["workloadIdentityPoolId"]),
        ),
    )
    provider = iam.WorkloadIdentityPoolProvider(
        f"{name}-github",
        project=args.project,
        workload_identity_pool_id=pool.workload_identity_pool_id,
        workload_identity_pool_provider_id=_new_id(),
        display_name="GitHub Actions",
        # Only claims that every accepted token has: Google refuses a token that lacks a mapped claim. Not
        # `sub`: its text follows GitHub's settings, and Google refuses a subject of more than 127 bytes.
        attribute_mapping={
            "google.subject": "assertion.repository_id",
            "attribute.repository": "assertion.repository",
            "attribute.repository_owner_id": "assertion.repository_owner_id",
            f"attribute.{claim}": f"assertion.{claim}",
        },
        attribute_condition=args.github.condition,
        oidc=iam.WorkloadIdentityPoolProviderOidcArgs(issuer_uri=ISSUER),
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(ignore_changes=["workloadIdentityPoolProviderId"])
        ),
    )
    return GitHubTrust(
        provider=provider,
        principals={
            repository: pulumi.Output.concat(
                "principalSet://iam.googleapis.com/", pool.name, "/attribute.repository/", repository
            )
            for repository in args.github.repositories
        },
    )


def _new_id() -> str:
    """A random id for a new pool or provider. An existing one keeps its id: `ignore_changes`.

    Google reserves a deleted id for 30 days: docs/adr/0002-random-pool-ids.md.
    """
    return f"{GITHUB_PREFIX}{token_hex(SUFFIX_BYTES)}"
