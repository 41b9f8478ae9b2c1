"""gcp:artifactregistry/rule:Rule: allows or denies downloads of a repository, or of one package in it."""

from __future__ import annotations

from sandbox.provider.artifactregistry.repository import REGISTRY
from sandbox.provider.resources import (
    DELETE,
    DELETION_POLICY,
    LOCATION,
    PROJECT,
    Cloud,
    ResourceType,
    match_id,
)
from sandbox.provider.rest import ProviderError, error_context
from sandbox.provider.schema import COMPUTED, TEXT, Field, Kind, top
from sandbox.provider.values import UNKNOWN, Props

# In the order of the real provider's updateMask (resource_artifact_registry_rule.go).
MUTABLE = ("action", "operation", "condition", "packageId")
IMPORT_IDS = (
    r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/repositories/(?P<repositoryId>[^/]+)"
    r"/rules/(?P<ruleId>[^/]+)",
    r"(?P<project>[^/]+)/(?P<location>[^/]+)/(?P<repositoryId>[^/]+)/(?P<ruleId>[^/]+)",
    r"(?P<location>[^/]+)/(?P<repositoryId>[^/]+)/(?P<ruleId>[^/]+)",
)


class Rule(ResourceType):
    token = "gcp:artifactregistry/rule:Rule"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "repositoryId": Field(required=True, replaces=True),
        "ruleId": Field(required=True, replaces=True),
        "action": Field(zero="", choices=("ACTION_UNSPECIFIED", "ALLOW", "DENY")),
        "operation": Field(zero="", choices=("OPERATION_UNSPECIFIED", "DOWNLOAD")),
        "packageId": TEXT,
        "condition": Field(
            kind=Kind.OBJECT,
            members={
                "expression": Field(required=True),
                "title": TEXT,
                "description": TEXT,
                "location": TEXT,
            },
        ),
        "location": LOCATION,
        "project": PROJECT,
        "deletionPolicy": DELETION_POLICY,
        "name": COMPUTED,
    }

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        location = cloud.region if planned["location"] == UNKNOWN else planned["location"]
        if not location:
            raise ProviderError(
                "Cannot determine location: set in this resource, or set provider-level 'region' or 'zone'."
            )
        parent = f"projects/{cloud.project_of(planned)}/locations/{location}"
        rules = f"{parent}/repositories/{planned['repositoryId']}/rules"
        with error_context("Error creating Rule"):
            cloud.api.call("POST", f"{REGISTRY}/{rules}", _body(planned), ruleId=planned["ruleId"])
        return f"{rules}/{planned['ruleId']}", None

    def read(self, resource_id: str, state: Props, cloud: Cloud) -> Props | None:
        with error_context(f'Error when reading or editing ArtifactRegistryRule "{resource_id}"'):
            found = cloud.api.find(f"{REGISTRY}/{resource_id}")
        if found is None:
            return None
        return {
            **{key: found.get(key) for key in ("name", *MUTABLE)},
            **match_id(IMPORT_IDS, resource_id, cloud),
            "deletionPolicy": state.get("deletionPolicy"),
        }

    def update(self, resource_id: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        mask = [key for key in MUTABLE if key in {top(path) for path in changed}]
        if mask:
            with error_context(f'Error updating Rule "{resource_id}"'):
                cloud.api.call(
                    "PATCH", f"{REGISTRY}/{resource_id}", _body(planned), updateMask=",".join(mask)
                )

    def delete(self, resource_id: str, state: Props, cloud: Cloud) -> None:
        with error_context("Error when reading or editing Rule"):
            cloud.api.call("DELETE", f"{REGISTRY}/{resource_id}")

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        parts = match_id(IMPORT_IDS, resource_id, cloud)
        repository = "projects/{project}/locations/{location}/repositories/{repositoryId}".format(**parts)
        return f"{repository}/rules/{parts['ruleId']}", {"deletionPolicy": DELETE, **parts}


def _body(planned: Props) -> Props:
    return {key: planned[key] for key in MUTABLE if planned.get(key)}
