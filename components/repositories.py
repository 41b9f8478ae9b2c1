"""The repositories: one to upload to and, with `pypi_proxy`, PyPI's cache and the view of both.

The upload repository alone holds what cannot be had again, so it alone is protected: deleting or
replacing one takes its packages along, and Google asks no question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_gcp import artifactregistry, projects

from components.apis import ARTIFACT_REGISTRY
from components.args import PythonRegistryArgs
from components.upstreams import PRIVATE_PRIORITY, Upstream


@dataclass(frozen=True, kw_only=True)
class Repositories:
    """The repositories that exist; the virtual `index` only with `remotes` behind it."""

    upload: artifactregistry.Repository
    remotes: Mapping[Upstream, artifactregistry.Repository]
    index: artifactregistry.Repository | None


def make_repositories(
    name: str,
    args: PythonRegistryArgs,
    apis: dict[str, projects.Service],
    parent: pulumi.Resource,
    hooks: pulumi.ResourceHookBinding,
) -> Repositories:
    """Make the upload repository and, with `pypi_proxy`, the remote and the virtual one."""

    def repository(
        what: str,
        repository_id: str,
        description: str,
        mode: str,
        after: list[pulumi.Resource],
        *,
        protect: bool = False,
        remote: artifactregistry.RepositoryRemoteRepositoryConfigArgs | None = None,
        virtual: artifactregistry.RepositoryVirtualRepositoryConfigArgs | None = None,
    ) -> artifactregistry.Repository:
        return artifactregistry.Repository(
            f"{name}-{what}",
            project=args.project,
            location=args.location,
            repository_id=repository_id,
            format="PYTHON",
            mode=mode,
            description=description,
            labels=args.labels,
            remote_repository_config=remote,
            virtual_repository_config=virtual,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=after, hooks=hooks, protect=protect),
        )

    def upstream(
        what: str, of: artifactregistry.Repository, priority: int
    ) -> artifactregistry.RepositoryVirtualRepositoryConfigUpstreamPolicyArgs:
        return artifactregistry.RepositoryVirtualRepositoryConfigUpstreamPolicyArgs(
            id=what,
            # From its id, which a preview knows, rather than from its name, which it does not.
            repository=of.repository_id.apply(args.repository_name),
            priority=priority,
        )

    upload = repository(
        "upload",
        args.repository,
        "Private Python packages: uploads go here",
        "STANDARD_REPOSITORY",
        [apis[ARTIFACT_REGISTRY]],
        protect=args.protect,
    )
    remotes = {
        source: repository(
            source.id,
            args.upstream_repository(source),
            f"Cache of {source.title}",
            "REMOTE_REPOSITORY",
            # It needs none, but where the upload repository is refused nothing is to be made beside it.
            [upload],
            remote=artifactregistry.RepositoryRemoteRepositoryConfigArgs(
                # Immutable at Google's: a change of this text would replace the repository.
                description=source.title,
                python_repository=artifactregistry.RepositoryRemoteRepositoryConfigPythonRepositoryArgs(
                    public_repository="PYPI"
                ),
            ),
        )
        for source in args.upstreams
    }
    if not remotes:
        return Repositories(upload=upload, remotes=remotes, index=None)
    index = repository(
        "index",
        args.index_repository,
        "What clients install from: private packages and PyPI's",
        "VIRTUAL_REPOSITORY",
        list(remotes.values()),
        virtual=artifactregistry.RepositoryVirtualRepositoryConfigArgs(
            upstream_policies=[
                upstream("private", upload, PRIVATE_PRIORITY),
                *(upstream(source.id, remote, source.priority) for source, remote in remotes.items()),
            ]
        ),
    )
    return Repositories(upload=upload, remotes=remotes, index=index)
