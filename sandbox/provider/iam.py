"""gcp:iam/workloadIdentityPool:WorkloadIdentityPool and
gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider: the OIDC issuers that Google trusts.

Google keeps deleted ones for a while, and they can still be read. The provider treats them as missing.
Knows federation pools and OIDC providers. Unlike the real provider, it rejects the properties for trust
domains, AWS, SAML and X.509 as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from sandbox.provider.resources import DELETE, DELETION_POLICY, PROJECT, Cloud, ResourceType, match_id
from sandbox.provider.rest import ProviderError, error_context
from sandbox.provider.schema import COMPUTED, FLAG, TEXT, Field, Fields, Kind, top
from sandbox.provider.serviceaccount import IAM
from sandbox.provider.values import Json, Props

# constants/iam_workload_identity_pool.go, and the same for providers.
ID_PATTERN, ID_LENGTHS = "^[0-9a-z-]+$", (4, 32)
# The real provider's updateMask for any change in `oidc`.
OIDC_MASK = ("oidc.allowed_audiences", "oidc.issuer_uri", "oidc.jwks_json")
_POOL = (
    r"projects/(?P<project>[^/]+)/locations/global/workloadIdentityPools/(?P<workloadIdentityPoolId>[^/]+)"
)
_SHORT = r"(?P<project>[^/]+)/(?P<workloadIdentityPoolId>[^/]+)"
_SHORTEST = r"(?P<workloadIdentityPoolId>[^/]+)"
_PROVIDER = "(?P<workloadIdentityPoolProviderId>[^/]+)"


def _validate_pool_id(value: str, name: str) -> Iterator[str]:
    for reason in _validate_id(value, name):
        # Google creates such pools for Kubernetes clusters.
        yield reason + (", or end in '.svc.id.goog'" if reason.endswith("(-)") else "")


def _validate_id(value: str, name: str) -> Iterator[str]:
    shortest, longest = ID_LENGTHS
    if value.startswith("gcp-"):
        yield f'"{name}" ("{value}") can not start with "gcp-"'
    if not re.search(ID_PATTERN, value):
        yield f'"{name}" must contain only lowercase letters (a-z), numbers (0-9), or dashes (-)'
    if len(value) < shortest:
        yield f'"{name}" cannot be smaller than {shortest} characters'
    if len(value) > longest:
        yield f'"{name}" cannot be greater than {longest} characters'


class _SoftlyDeleted(ResourceType):
    """Shared by pools and providers. Subclasses give name, collection and mutable properties."""

    title: ClassVar[str]
    mutable: ClassVar[tuple[str, ...]]
    collection: ClassVar[str]
    key: ClassVar[str]
    import_ids: ClassVar[tuple[str, ...]]

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        project = cloud.project_of(planned)
        collection = self.collection.format(**{**planned, "project": project})
        body = {key: planned[key] for key in self.mutable if planned.get(key)}
        query = {self.key: planned[self.key]}
        with error_context(f"Error creating {self.title}"):
            operation = cloud.api.call("POST", f"{IAM}/{collection}", body, **query)
        with error_context(f"Error waiting to create {self.title}"):
            cloud.api.wait_for(operation, IAM, f"Creating {self.title}")
        return f"{collection}/{planned[self.key]}", None

    def read(self, resource_id: str, state: Props, cloud: Cloud) -> Props | None:
        with error_context(f'Error when reading or editing IAMBeta{self.title} "{resource_id}"'):
            found = cloud.api.find(f"{IAM}/{resource_id}")
            # The real provider lists the rules of every pool, although only trust-domain pools have some.
            if found and self.title == "WorkloadIdentityPool":
                cloud.api.call("GET", f"{IAM}/{resource_id}:listAttestationRules")
        if found is None or found.get("state") == "DELETED":
            return None
        return {
            **{key: found.get(key) for key in ("name", "state", *self.mutable)},
            **match_id(self.import_ids, resource_id, cloud),
            "deletionPolicy": state.get("deletionPolicy"),
        }

    def update(self, resource_id: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        tops = {top(path) for path in changed}
        mask: list[str] = []
        for key in self.mutable:
            if key in tops:
                mask += OIDC_MASK if key == "oidc" else (key,)
        if mask:
            # Like the real provider, the body omits empty properties. A property that only the mask names
            # is cleared.
            body: Json = {key: planned[key] for key in self.mutable if planned.get(key)}
            with error_context(f'Error updating {self.title} "{resource_id}"'):
                operation = cloud.api.call("PATCH", f"{IAM}/{resource_id}", body, updateMask=",".join(mask))
            cloud.api.wait_for(operation, IAM, f"Updating {self.title}")

    def delete(self, resource_id: str, state: Props, cloud: Cloud) -> None:
        with error_context(f"Error when reading or editing {self.title}"):
            operation = cloud.api.call("DELETE", f"{IAM}/{resource_id}")
        cloud.api.wait_for(operation, IAM, f"Deleting {self.title}")

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        parts = match_id(self.import_ids, resource_id, cloud)
        return f"{self.collection.format(**parts)}/{parts[self.key]}", {"deletionPolicy": DELETE, **parts}


_TEXTS: Fields = {
    "displayName": TEXT,
    "description": TEXT,
    "disabled": FLAG,
    "project": PROJECT,
    "deletionPolicy": DELETION_POLICY,
    "name": COMPUTED,
    "state": COMPUTED,
}


class WorkloadIdentityPool(_SoftlyDeleted):
    token = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool"  # noqa: S105 - a type's name
    title = "WorkloadIdentityPool"
    collection = "projects/{project}/locations/global/workloadIdentityPools"
    key = "workloadIdentityPoolId"
    mutable = ("displayName", "description", "disabled")
    import_ids = (_POOL, _SHORT, _SHORTEST)
    fields = {  # noqa: RUF012 - declared by the base
        "workloadIdentityPoolId": Field(required=True, replaces=True, validate=_validate_pool_id),
        **_TEXTS,
    }


class WorkloadIdentityPoolProvider(_SoftlyDeleted):
    token = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"  # noqa: S105
    title = "WorkloadIdentityPoolProvider"
    collection = f"{WorkloadIdentityPool.collection}/{{workloadIdentityPoolId}}/providers"
    key = "workloadIdentityPoolProviderId"
    mutable = ("displayName", "description", "disabled", "attributeMapping", "attributeCondition", "oidc")
    import_ids = (f"{_POOL}/providers/{_PROVIDER}", f"{_SHORT}/{_PROVIDER}", f"{_SHORTEST}/{_PROVIDER}")
    fields = {  # noqa: RUF012 - declared by the base
        "workloadIdentityPoolId": Field(required=True, replaces=True),
        "workloadIdentityPoolProviderId": Field(required=True, replaces=True, validate=_validate_id),
        "attributeCondition": TEXT,
        "attributeMapping": Field(kind=Kind.MAP),
        "oidc": Field(
            kind=Kind.OBJECT,
            members={
                "issuerUri": Field(required=True),
                "allowedAudiences": Field(kind=Kind.LIST),
                "jwksJson": TEXT,
            },
        ),
        **_TEXTS,
    }

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        if not planned.get("oidc"):
            raise ProviderError("the fake provider supports only OIDC providers: oidc is missing")
        return super().create(planned, cloud)
