"""Names that must never come from PyPI: one download rule each, on the remote repository.

A rule fails closed: a client that asks for such a name there is refused, instead of getting a stranger's
package. Download rules are in preview at Google.
"""

from __future__ import annotations

from itertools import product

import pulumi
from pulumi_gcp import artifactregistry

from components.args import PythonRegistryArgs, deny_rule, normalized_package
from components.repositories import Repositories


def deny_private_packages(
    name: str,
    args: PythonRegistryArgs,
    repositories: Repositories,
    parent: pulumi.Resource,
    hooks: pulumi.ResourceHookBinding,
) -> None:
    """Deny the download of each private package from the remote repository."""
    for (upstream, remote), package in product(repositories.remotes.items(), args.private_packages):
        artifactregistry.Rule(
            f"{name}-{upstream.id}-{deny_rule(package)}",
            project=args.project,
            location=args.location,
            repository_id=remote.repository_id,
            rule_id=deny_rule(package),
            action="DENY",
            operation="DOWNLOAD",
            package_id=normalized_package(package),
            opts=pulumi.ResourceOptions(parent=parent, hooks=hooks),
        )
