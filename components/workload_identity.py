"""Keyless publishing: GitHub workflows that act as the writer account, without a secret anywhere.

Owns the workload identity pool, the provider that says whose tokens it takes, and the one role on the
writer account. What those tokens are worth beyond that (protection of branches and environments, who may
merge) is GitHub's to say, and out of this module's sight.

Google deletes pools and providers softly: one that is gone keeps its id for 30 days, and a second of that
id is refused (terraform-provider-google 14191, pulumi-gcp 1149). The plugin can neither bring one back nor
take one over without being told beforehand that it exists, so each has an id of its own, drawn when it is
made and kept in the state from then on: `destroy` and `up`, or the setting off and on, make new ones. That
is the safer way round as well: a pool that is brought back lets every old token in again.
"""

from __future__ import annotations

from secrets import token_hex

import pulumi
from pulumi_gcp import iam, projects

from components.apis import IAM
from components.args import GITHUB_PREFIX, PythonRegistryArgs
from components.impersonation import grant_on_account
from components.service_accounts import ServiceAccounts

WORKLOAD_IDENTITY_USER = "roles/iam.workloadIdentityUser"
ISSUER = "https://token.actions.githubusercontent.com"
# Eight digits: an id has 32 characters at most, and thirty days of pools never come near 2**32.
SUFFIX_BYTES = 4


def federate_github(
    name: str,
    args: PythonRegistryArgs,
    accounts: ServiceAccounts | None,
    apis: dict[str, projects.Service],
    mark: pulumi.Resource,
    parent: pulumi.Resource,
    hooks: pulumi.ResourceHookBinding,
) -> iam.WorkloadIdentityPoolProvider | None:
    """Let the workflows that `github` names act as the writer account; the provider that they ask.

    The role is granted in the way that `access` says, of which `mark` is the mark.
    """
    if args.github is None or accounts is None:
        return None
    claim, _ = args.github.place
    pool = iam.WorkloadIdentityPool(
        f"{name}-github-pool",
        project=args.project,
        workload_identity_pool_id=_new_id(),
        display_name=args.repository,
        description="GitHub workflows that publish Python packages",
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[apis[IAM]],
            hooks=hooks,
            # The id it was made with stays: the one drawn in this run is for a pool that is made in it.
            ignore_changes=["workloadIdentityPoolId"],
        ),
    )
    provider = iam.WorkloadIdentityPoolProvider(
        f"{name}-github",
        project=args.project,
        workload_identity_pool_id=pool.workload_identity_pool_id,
        workload_identity_pool_provider_id=_new_id(),
        display_name="GitHub Actions",
        # Only claims that every admitted token has: a mapping that finds none refuses the token.
        attribute_mapping={
            "google.subject": "assertion.sub",
            "attribute.repository": "assertion.repository",
            "attribute.repository_owner_id": "assertion.repository_owner_id",
            f"attribute.{claim}": f"assertion.{claim}",
        },
        attribute_condition=args.github.condition,
        oidc=iam.WorkloadIdentityPoolProviderOidcArgs(issuer_uri=ISSUER),
        opts=pulumi.ResourceOptions(
            parent=parent, hooks=hooks, ignore_changes=["workloadIdentityPoolProviderId"]
        ),
    )

    members = {
        repository: pool.name.apply(
            lambda pool_name, repository=repository: (
                f"principalSet://iam.googleapis.com/{pool_name}/attribute.repository/{repository}"
            )
        )
        for repository in args.github.repositories
    }
    opts = pulumi.ResourceOptions(parent=parent, hooks=hooks, deleted_with=mark)
    workflows = f"{name}-writer-workflows"
    grant_on_account(workflows, args, accounts.writer, WORKLOAD_IDENTITY_USER, members, opts)
    return provider


def _new_id() -> str:
    return f"{GITHUB_PREFIX}{token_hex(SUFFIX_BYTES)}"
