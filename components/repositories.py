"""The repositories: one for uploads and, with upstreams, one cache for each and the virtual repository.

Only the upload repository has content that cannot be downloaded again, so only that one is protected.
Deleting or replacing a repository deletes its packages, and Google does not ask for confirmation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
from pulumi_gcp import artifactregistry, projects

from .apis import ARTIFACT_REGISTRY
from .args import PythonRegistryArgs
from .cleanup import CleanupPolicy, cache_policies, upload_policies
from .upstreams import PRIVATE_PRIORITY, Upstream

Policy = artifactregistry.RepositoryCleanupPolicyArgs
PolicyCondition = artifactregistry.RepositoryCleanupPolicyConditionArgs
PolicyMostRecentVersions = artifactregistry.RepositoryCleanupPolicyMostRecentVersionsArgs
UpstreamPolicy = artifactregistry.RepositoryVirtualRepositoryConfigUpstreamPolicyArgs


@dataclass(frozen=True, kw_only=True)
class Repositories:
    """The repositories that exist. There is an `index` only if there are `remotes`."""

    upload: artifactregistry.Repository
    remotes: Mapping[Upstream, artifactregistry.Repository]
    index: artifactregistry.Repository | None


def create_repositories(
    name: str,
    args: PythonRegistryArgs,
    apis: dict[str, projects.Service],
    imports: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> Repositories:
    """Create the upload repository, the remote repositories, and the virtual repository above them.

    Args:
        name: name of the registry in the program.
        args: its arguments.
        apis: the services that the repositories need.
        imports: the full names of the repositories to import instead, by id.
        opts: the options of every resource.
    """
    repository = partial(
        artifactregistry.Repository,
        project=args.project,
        location=args.location,
        format="PYTHON",
        labels=args.labels,
    )

    def after(id_: str, *resources: pulumi.Resource, protect: bool = False) -> pulumi.ResourceOptions:
        more = pulumi.ResourceOptions(depends_on=[*resources], protect=protect, import_=imports.get(id_))
        return pulumi.ResourceOptions.merge(opts, more)

    def policy(id_: str, upstream: artifactregistry.Repository, priority: int) -> UpstreamPolicy:
        # From the repository's id, because a preview does not know its name. The index depends on it.
        full_name = upstream.repository_id.apply(args.repository_name)
        return UpstreamPolicy(id=id_, repository=full_name, priority=priority)

    upload = repository(
        f"{name}-upload",
        repository_id=args.repository,
        mode="STANDARD_REPOSITORY",
        description="Private Python packages: uploads go here",
        **_cleanup(args, upload_policies(args)),
        opts=after(args.repository, apis[ARTIFACT_REGISTRY], protect=args.protect),
    )
    remotes = {
        upstream: repository(
            f"{name}-{upstream.id}",
            repository_id=args.upstream_repository(upstream),
            mode="REMOTE_REPOSITORY",
            description=f"Cache of {upstream.title}",
            remote_repository_config=artifactregistry.RepositoryRemoteRepositoryConfigArgs(
                # Immutable at Google: a new text would replace the repository.
                description=upstream.title,
                python_repository=artifactregistry.RepositoryRemoteRepositoryConfigPythonRepositoryArgs(
                    public_repository="PYPI"
                ),
            ),
            **_cleanup(args, cache_policies(args)),
            # If Google refuses the upload repository, nothing else should be created.
            opts=after(args.upstream_repository(upstream), upload),
        )
        for upstream in args.upstreams
    }
    if not remotes:
        return Repositories(upload=upload, remotes=remotes, index=None)
    index = repository(
        f"{name}-index",
        repository_id=args.index_repository,
        mode="VIRTUAL_REPOSITORY",
        description="What clients install from: private packages and PyPI's",
        virtual_repository_config=artifactregistry.RepositoryVirtualRepositoryConfigArgs(
            upstream_policies=[
                policy("private", upload, PRIVATE_PRIORITY),
                *(policy(upstream.id, remote, upstream.priority) for upstream, remote in remotes.items()),
            ]
        ),
        opts=after(args.index_repository),
    )
    return Repositories(upload=upload, remotes=remotes, index=index)


def _cleanup(args: PythonRegistryArgs, policies: Sequence[CleanupPolicy]) -> dict[str, Any]:
    """The inputs of a repository with cleanup policies; no inputs if it has no policy."""
    if args.cleanup is None or not policies:
        return {}
    return {
        # Only reports, for all policies of the repository.
        "cleanup_policy_dry_run": args.cleanup.dry_run,
        "cleanup_policies": [
            Policy(
                id=policy.id,
                action=policy.action,
                condition=PolicyCondition(
                    older_than=policy.older_than, package_name_prefixes=policy.packages or None
                )
                if policy.older_than
                else None,
                most_recent_versions=PolicyMostRecentVersions(keep_count=policy.keep_count)
                if policy.keep_count
                else None,
            )
            for policy in policies
        ],
    }
