"""The deny rules for private packages: one per package on each remote repository.

A client that asks a remote repository for a private name gets an error instead of someone else's package.
Google offers download rules as a preview.
"""

from __future__ import annotations

from itertools import product

import pulumi
from pulumi_gcp import artifactregistry

from .args import PythonRegistryArgs, deny_rule, normalized_package
from .repositories import Repositories


def deny_private_packages(
    name: str, args: PythonRegistryArgs, repositories: Repositories, opts: pulumi.ResourceOptions
) -> None:
    """Deny the download of every private package from every remote repository."""
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
            opts=opts,
        )
