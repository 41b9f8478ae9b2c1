"""Who may act as the service accounts: mint short-lived tokens for them, without a key.

Owns that one role on each account. Nobody has it otherwise, not even the project's owners; whoever was
granted it on the project or above has it too, and is out of this module's sight.
"""

from __future__ import annotations

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

    def full_name(email: str) -> str:
        # From its address, which a preview knows, rather than from its name, which it does not.
        return f"projects/{args.project}/serviceAccounts/{email}"

    opts = pulumi.ResourceOptions(parent=parent, hooks=hooks, deleted_with=mark)
    for what, account, members in (
        ("reader", accounts.reader, args.impersonators.reader),
        ("writer", accounts.writer, args.impersonators.writer),
    ):
        account_id = account.email.apply(full_name)
        if args.access == "authoritative":
            # Without members too, as on the repositories: the plugin has one implementation for both
            # (tpgiamresource/resource_iam_binding.go), and an empty list means nobody.
            serviceaccount.IAMBinding(
                f"{name}-{what}-impersonators",
                service_account_id=account_id,
                role=TOKEN_CREATOR,
                members=members,
                opts=opts,
            )
            continue
        for member in members:
            serviceaccount.IAMMember(
                f"{name}-{what}-impersonators-{member_identity(member)}",
                service_account_id=account_id,
                role=TOKEN_CREATOR,
                member=member,
                opts=opts,
            )
