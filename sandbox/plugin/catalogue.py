"""The resource types that the stand-in knows. One more: a module, and a line here."""

from __future__ import annotations

from sandbox.plugin.access import RepositoryIamBinding, RepositoryIamMember
from sandbox.plugin.accounts import Account
from sandbox.plugin.repositories import Repository
from sandbox.plugin.resources import ResourceType
from sandbox.plugin.services import Service


def resource_types() -> dict[str, ResourceType]:
    """Every type by its token."""
    known: list[ResourceType] = [
        Service(),
        Account(),
        Repository(),
        RepositoryIamBinding(),
        RepositoryIamMember(),
    ]
    return {kind.token: kind for kind in known}
