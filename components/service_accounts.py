"""The reader account for machines that install, and the writer account for jobs that publish.

Owns the accounts only. No key is created. `iam.py` grants what they can do and who can act as them.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_gcp import projects, serviceaccount

from .apis import IAM
from .args import PythonRegistryArgs
from .repositories import Repositories


@dataclass(frozen=True, kw_only=True)
class ServiceAccounts:
    """The two accounts."""

    reader: serviceaccount.Account
    writer: serviceaccount.Account


def create_service_accounts(
    name: str,
    args: PythonRegistryArgs,
    apis: dict[str, projects.Service],
    repositories: Repositories,
    opts: pulumi.ResourceOptions,
) -> ServiceAccounts | None:
    """Create the accounts, if `service_accounts` is on."""
    if not args.service_accounts:
        return None
    # An account that exists is adopted (below), and `destroy` would delete it. Google refuses a second
    # upload repository of the same id, so only the program that owns that repository adopts the accounts.
    opts = pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(depends_on=[apis[IAM], repositories.upload])
    )

    def account(role: str, account_id: str, purpose: str) -> serviceaccount.Account:
        return serviceaccount.Account(
            f"{name}-{role}",
            project=args.project,
            account_id=account_id,
            display_name=f"{purpose} Python packages ({args.repository})",
            # An interrupted `up` can create the account without recording it. The next `up` adopts it.
            create_ignore_already_exists=True,
            opts=opts,
        )

    return ServiceAccounts(
        reader=account("reader", args.reader_account, "Installs"),
        writer=account("writer", args.writer_account, "Uploads"),
    )
