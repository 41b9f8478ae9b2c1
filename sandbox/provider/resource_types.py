"""The resource types that the fake provider has."""

from __future__ import annotations

from sandbox.provider.artifactregistry.repository import Repository
from sandbox.provider.artifactregistry.repository_iam import RepositoryIamBinding, RepositoryIamMember
from sandbox.provider.artifactregistry.rule import Rule
from sandbox.provider.composer import Environment
from sandbox.provider.iam import WorkloadIdentityPool, WorkloadIdentityPoolProvider
from sandbox.provider.projects import Service
from sandbox.provider.resources import ResourceType
from sandbox.provider.serviceaccount import Account, AccountIamBinding, AccountIamMember
from sandbox.provider.storage import Bucket, BucketIamMember, BucketObject

# To add a type, write its class and add it here.
RESOURCE_TYPES: tuple[type[ResourceType], ...] = (
    Service,
    Account,
    Repository,
    RepositoryIamBinding,
    RepositoryIamMember,
    Rule,
    AccountIamBinding,
    AccountIamMember,
    Bucket,
    BucketObject,
    BucketIamMember,
    Environment,
    WorkloadIdentityPool,
    WorkloadIdentityPoolProvider,
)
