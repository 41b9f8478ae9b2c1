"""A reader and a writer service account, for machines that install and for jobs that publish.

Without keys: nothing here makes one. What they may do is said in `access.py`, who may act as them in
`impersonation.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_gcp import projects, serviceaccount

from components.apis import IAM
from components.args import PythonRegistryArgs
from components.repositories import Repositories


@dataclass(frozen=True, kw_only=True)
class ServiceAccounts:
    """The two accounts."""

    reader: serviceaccount.Account
    writer: serviceaccount.Account


def make_service_accounts(
    name: str,
    args: PythonRegistryArgs,
    apis: dict[str, projects.Service],
    repositories: Repositories,
    parent: pulumi.Resource,
    hooks: pulumi.ResourceHookBinding,
) -> ServiceAccounts | None:
    """Make the accounts, or nothing where `service_accounts` is off."""
    if not args.service_accounts:
        return None
    # An account that is there is taken over (below), and goes with this program's destroy: only whoever has
    # made the upload repository may do that, since a second program of that name is refused there.
    opts = pulumi.ResourceOptions(parent=parent, depends_on=[apis[IAM], repositories.upload], hooks=hooks)

    def account(role: str, account_id: str, does: str) -> serviceaccount.Account:
        return serviceaccount.Account(
            f"{name}-{role}",
            project=args.project,
            account_id=account_id,
            display_name=f"{does} Python packages ({args.repository})",
            # An `up` that was cut off has made the account without noting it: the next one goes on.
            create_ignore_already_exists=True,
            opts=opts,
        )

    return ServiceAccounts(
        reader=account("reader", args.reader_account, "Installs"),
        writer=account("writer", args.writer_account, "Uploads"),
    )
