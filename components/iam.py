"""Every grant of the registry: roles on its repositories and service accounts, never on the project.

Owns which member gets which role. Three functions compute grants as plain values, and `create_grants`
creates their resources. This module does not manage grants on the project or above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_gcp import artifactregistry, serviceaccount

from .args import PythonRegistryArgs, member_identity
from .names import (
    ACCESS_MODE_ANCHOR,
    ADMIN,
    READER,
    TOKEN_CREATOR,
    WORKLOAD_IDENTITY_USER,
    WRITER,
)
from .repositories import Repositories
from .service_accounts import ServiceAccounts
from .workload_identity import GitHubTrust

# Members by a key that does not depend on spelling or on an output: the resource names of additive grants
# contain it. If a new spelling had a new name, deleting the old grant would revoke the new one.
Members = Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One role on one repository or service account, and the members who get it."""

    name: str
    target: artifactregistry.Repository | serviceaccount.Account
    role: str
    members: Members


def repository_grants(
    args: PythonRegistryArgs, repositories: Repositories, accounts: ServiceAccounts | None
) -> list[Grant]:
    """Roles on the repositories.

    Writers and admins also read the remote and virtual repositories: a job that publishes installs
    private dependencies.
    """
    readers = _members(args.readers, args.named_readers)
    writers = _members(args.writers, args.named_writers)
    admins = _members(args.admins, args.named_admins)
    if accounts:
        readers["reader-account"] = accounts.reader.member
        writers["writer-account"] = accounts.writer.member
    everyone = {**readers, **writers, **admins}
    upload = repositories.upload
    grants = [
        Grant(name="upload-readers", target=upload, role=READER, members=readers),
        Grant(name="upload-writers", target=upload, role=WRITER, members=writers),
        Grant(name="upload-admins", target=upload, role=ADMIN, members=admins),
    ]
    for upstream, remote in repositories.remotes.items():
        grants.append(Grant(name=f"{upstream.id}-readers", target=remote, role=READER, members=everyone))
    if repositories.index:
        grants.append(Grant(name="index-readers", target=repositories.index, role=READER, members=everyone))
    return grants


def token_creator_grants(args: PythonRegistryArgs, accounts: ServiceAccounts | None) -> list[Grant]:
    """The members who can act as each account. By default nobody can, not even an owner of the project."""
    if accounts is None:
        return []
    return [
        Grant(
            name=f"{role}-impersonators",
            target=account,
            role=TOKEN_CREATOR,
            members=members,
        )
        for role, account, members in (
            (
                "reader",
                accounts.reader,
                _members(args.impersonators.reader, args.named_reader_impersonators),
            ),
            (
                "writer",
                accounts.writer,
                _members(args.impersonators.writer, args.named_writer_impersonators),
            ),
        )
    ]


def workflow_grants(github: GitHubTrust | None, accounts: ServiceAccounts | None) -> list[Grant]:
    """The GitHub workflows that can act as the writer account."""
    if github is None or accounts is None:
        return []
    return [
        Grant(
            name="writer-workflows",
            target=accounts.writer,
            role=WORKLOAD_IDENTITY_USER,
            members=github.principals,
        )
    ]


def create_grants(
    name: str, args: PythonRegistryArgs, grants: Iterable[Grant], opts: pulumi.ResourceOptions
) -> None:
    """Create one binding per grant if `access` is authoritative, otherwise one resource per member."""
    # If `access` changes, Pulumi deletes this anchor and drops the old grants from the state. It does not
    # revoke them, so members keep their roles: docs/adr/0003-access-mode-anchor.md.
    anchor = pulumi.ComponentResource(
        ACCESS_MODE_ANCHOR,
        f"{name}-{args.access}-access",
        opts=pulumi.ResourceOptions(parent=opts.parent),
    )
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(deleted_with=anchor))
    for grant in grants:
        binding, member, target = _resource_types(args, grant.target)
        common: dict[str, Any] = {**target, "role": grant.role, "opts": opts}
        if args.access == "authoritative":
            # A binding without members revokes what others granted, so it is created as well.
            binding(f"{name}-{grant.name}", members=list(grant.members.values()), **common)
            continue
        for key, value in grant.members.items():
            member(f"{name}-{grant.name}-{key}", member=value, **common)


def _resource_types(
    args: PythonRegistryArgs, target: artifactregistry.Repository | serviceaccount.Account
) -> tuple[Callable[..., pulumi.Resource], Callable[..., pulumi.Resource], dict[str, pulumi.Input[str]]]:
    """The resource types of a binding and of one member, and the inputs that name the target."""
    if isinstance(target, artifactregistry.Repository):
        repository: dict[str, pulumi.Input[str]] = {
            "project": args.project,
            "location": args.location,
            "repository": target.repository_id,
        }
        return artifactregistry.RepositoryIamBinding, artifactregistry.RepositoryIamMember, repository
    # From the email address, because a preview does not know the account's name.
    account = target.email.apply(lambda email: f"projects/{args.project}/serviceAccounts/{email}")
    return serviceaccount.IAMBinding, serviceaccount.IAMMember, {"service_account_id": account}


def _members(members: tuple[str, ...], named: Members) -> dict[str, pulumi.Input[str]]:
    """The members of a list by identity, and the named ones by name, which no identity equals.

    The names are sorted, because a plugin gets its maps in a random order.
    """
    return {
        **{member_identity(member): member for member in members},
        **{f"named-{name}": member for name, member in sorted(named.items())},
    }
