"""Who may read, upload and delete: IAM on the repositories, never on the project.

Readers read every repository; writers and admins do so too, since a job that publishes installs private
dependencies, and have their own role on the upload repository. Grants inherited from the project or a
folder are in nobody's list here, and out of this module's sight.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_gcp import artifactregistry

from components.args import PythonRegistryArgs, member_identity
from components.repositories import Repositories
from components.service_accounts import ServiceAccounts

READER = "roles/artifactregistry.reader"
WRITER = "roles/artifactregistry.writer"
ADMIN = "roles/artifactregistry.repoAdmin"

# Members by a key that is stable for life, however they are spelt: the resource names of additive grants
# hold it. Under two names, the grant that goes would take that of the one that comes along.
Members = Mapping[str, pulumi.Input[str]]


def mark_access(name: str, args: PythonRegistryArgs, parent: pulumi.Resource) -> pulumi.Resource:
    """What stands for the way in which access is granted: every grant is `deleted_with` it.

    Another `access` replaces it, and with it all grants, by others to the same members. The engine makes
    those first and deletes the old ones last, and Google keeps one list a role: deleting a binding
    empties it, deleting a member's grant takes them off it. Whoever was granted anew would have nothing,
    until the next refreshed `up`. What goes together with this is dropped from the state instead.
    """
    return pulumi.ComponentResource(
        "python-registry:index:Access",
        f"{name}-{args.access}-access",
        opts=pulumi.ResourceOptions(parent=parent),
    )


def grant_access(
    name: str,
    args: PythonRegistryArgs,
    repositories: Repositories,
    accounts: ServiceAccounts | None,
    mark: pulumi.Resource,
    parent: pulumi.Resource,
    hooks: pulumi.ResourceHookBinding,
) -> None:
    """Grant the roles, in the way that `access` says, of which `mark` is the mark."""
    own_reader: Members = {"reader-account": accounts.reader.member} if accounts else {}
    own_writer: Members = {"writer-account": accounts.writer.member} if accounts else {}
    readers = {**_listed(args.readers), **own_reader}
    writers = {**_listed(args.writers), **own_writer}
    admins = _listed(args.admins)
    everyone = {**readers, **writers, **admins}

    grants: list[tuple[str, artifactregistry.Repository, str, str, Members]] = [
        ("upload", repositories.upload, "readers", READER, readers),
        ("upload", repositories.upload, "writers", WRITER, writers),
        ("upload", repositories.upload, "admins", ADMIN, admins),
    ]
    for upstream, remote in repositories.remotes.items():
        grants.append((upstream.id, remote, "readers", READER, everyone))
    if repositories.index:
        grants.append(("index", repositories.index, "readers", READER, everyone))

    opts = pulumi.ResourceOptions(parent=parent, hooks=hooks, deleted_with=mark)
    for what, repository, who, role, members in grants:
        if args.access == "authoritative":
            # Without members too: an empty list means nobody, and takes away what others granted.
            artifactregistry.RepositoryIamBinding(
                f"{name}-{what}-{who}",
                project=args.project,
                location=args.location,
                repository=repository.repository_id,
                role=role,
                members=list(members.values()),
                opts=opts,
            )
            continue
        for key, member in members.items():
            artifactregistry.RepositoryIamMember(
                f"{name}-{what}-{who}-{key}",
                project=args.project,
                location=args.location,
                repository=repository.repository_id,
                role=role,
                member=member,
                opts=opts,
            )


def _listed(members: tuple[str, ...]) -> Members:
    return {member_identity(member): member for member in members}
