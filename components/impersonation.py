"""Who may act as the service accounts: roles on each account, in the way that `access` says.

Owns the role that mints short-lived tokens without a key. Nobody has it otherwise, not even the project's
owners; whoever was granted it on the project or above has it too, and is out of this module's sight.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_gcp import serviceaccount

from components.args import PythonRegistryArgs, member_identity
from components.service_accounts import ServiceAccounts

TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"  # noqa: S105  # a role


def grant_impersonation(
    name: str,
    args: PythonRegistryArgs,
    accounts: ServiceAccounts | None,
    mark: pulumi.Resource,
    parent: pulumi.Resource,
    hooks: pulumi.ResourceHookBinding,
) -> None:
    """Grant the role on each account, in the way that `access` says, of which `mark` is the mark."""
    if accounts is None:
        return
    opts = pulumi.ResourceOptions(parent=parent, hooks=hooks, deleted_with=mark)
    for what, account, listed in (
        ("reader", accounts.reader, args.impersonators.reader),
        ("writer", accounts.writer, args.impersonators.writer),
    ):
        members = {member_identity(member): member for member in listed}
        grant_on_account(f"{name}-{what}-impersonators", args, account, TOKEN_CREATOR, members, opts)


def grant_on_account(
    name: str,
    args: PythonRegistryArgs,
    account: serviceaccount.Account,
    role: str,
    members: Mapping[str, pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
) -> None:
    """Grant a role on an account: as one list of that name, or one by one, each named after its key."""
    # From its address, which a preview knows, rather than from its name, which it does not.
    account_id = account.email.apply(lambda email: f"projects/{args.project}/serviceAccounts/{email}")
    if args.access == "authoritative":
        # Without members too, as on the repositories: the plugin has one implementation for both
        # (tpgiamresource/resource_iam_binding.go), and an empty list means nobody.
        serviceaccount.IAMBinding(
            name, service_account_id=account_id, role=role, members=list(members.values()), opts=opts
        )
        return
    for key, member in members.items():
        serviceaccount.IAMMember(
            f"{name}-{key}", service_account_id=account_id, role=role, member=member, opts=opts
        )
