"""gcp:artifactregistry/repository:Repository: a standard, remote or virtual repository.

Knows the settings of a Python repository. Unlike the real provider, it rejects the settings of other
formats (Docker, Maven, apt, npm, yum) as unknown.
"""

from __future__ import annotations

import json
import re

from sandbox.provider.resources import (
    DELETE,
    DELETION_POLICY,
    LOCATION,
    PROACTIVE,
    PROJECT,
    Cloud,
    ResourceType,
    match_id,
)
from sandbox.provider.rest import ProviderError, error_context
from sandbox.provider.schema import COMPUTED, FLAG, TEXT, Field, Kind, top
from sandbox.provider.values import UNKNOWN, Json, Props, is_known

REGISTRY = "https://artifactregistry.googleapis.com/v1"
# Pulumi's patch of the provider (patches/0006): a new repository gets this label, and keeps it.
PROVISIONED = ("goog-pulumi-provisioned", "true")
# In the order of the real provider's updateMask.
MUTABLE = (
    "description virtualRepositoryConfig cleanupPolicies cleanupPolicyDryRun vulnerabilityScanningConfig"
).split()
CREATE_ONLY = ("format", "kmsKeyName", "mode")
_LOGIN = "remoteRepositoryConfig.upstreamCredentials.usernamePasswordCredentials"
CREDENTIALS = (f"{_LOGIN}.username", f"{_LOGIN}.passwordSecretVersion")
IMPORT_IDS = (
    r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/repositories/(?P<repositoryId>[^/]+)",
    r"(?P<project>[^/]+)/(?P<location>[^/]+)/(?P<repositoryId>[^/]+)",
    r"(?P<location>[^/]+)/(?P<repositoryId>[^/]+)",
)
NOTHING: tuple[Json, ...] = (None, "", False, 0, [], {}, UNKNOWN)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def in_seconds(duration: str) -> str:
    """``90d`` as ``7776000s``, the only form that the API accepts. Other texts are returned unchanged."""
    match = re.fullmatch(r"(-?\d+)([smhd])", duration)
    return f"{int(match[1]) * SECONDS[match[2]]}s" if match else duration


def _is_same_duration(old: str, new: str) -> bool:
    return in_seconds(old) == in_seconds(new)


def _policy_identity(policy: Json) -> str:
    return json.dumps(_without_empty(_with_seconds(policy)), sort_keys=True)


def _are_same_policies(old: Json, new: Json) -> bool:
    return sorted(map(_policy_identity, old)) == sorted(map(_policy_identity, new))


def _block(*, replaces: bool = False, computed: bool = False, **members: Field) -> Field:
    return Field(kind=Kind.OBJECT, replaces=replaces, computed=computed, members=members)


_FIXED = Field(replaces=True, zero="")
_NAMES = Field(kind=Kind.LIST)
_AGE = Field(is_same=_is_same_duration)


class Repository(ResourceType):
    token = "gcp:artifactregistry/repository:Repository"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "format": Field(required=True, replaces=True, is_same=lambda old, new: old.upper() == new.upper()),
        "repositoryId": Field(required=True, replaces=True),
        "location": LOCATION,
        "project": PROJECT,
        "description": TEXT,
        "kmsKeyName": _FIXED,
        "labels": Field(kind=Kind.MAP),
        "mode": Field(
            replaces=True,
            default="STANDARD_REPOSITORY",
            choices=("STANDARD_REPOSITORY", "VIRTUAL_REPOSITORY", "REMOTE_REPOSITORY"),
        ),
        "cleanupPolicyDryRun": FLAG,
        "cleanupPolicies": Field(
            kind=Kind.SET,
            identity=_policy_identity,
            members={
                "id": Field(required=True),
                "action": Field(choices=("DELETE", "KEEP")),
                "condition": _block(
                    newerThan=_AGE,
                    olderThan=_AGE,
                    packageNamePrefixes=_NAMES,
                    tagPrefixes=_NAMES,
                    tagState=Field(default="ANY", choices=("TAGGED", "UNTAGGED", "ANY")),
                    versionNamePrefixes=_NAMES,
                ),
                "mostRecentVersions": _block(keepCount=Field(), packageNamePrefixes=_NAMES),
            },
        ),
        "remoteRepositoryConfig": _block(
            replaces=True,
            description=_FIXED,
            disableUpstreamValidation=FLAG,
            noCache=_block(replaces=True),
            pythonRepository=_block(
                replaces=True,
                publicRepository=Field(replaces=True, choices=("PYPI",)),
                customRepository=_block(replaces=True, uri=_FIXED),
            ),
            commonRepository=_block(replaces=True, uri=Field(required=True, replaces=True)),
            upstreamCredentials=_block(
                usernamePasswordCredentials=_block(username=Field(), passwordSecretVersion=Field())
            ),
        ),
        "virtualRepositoryConfig": _block(
            upstreamPolicies=Field(
                kind=Kind.LIST,
                is_same=_are_same_policies,
                members={"id": Field(), "priority": Field(), "repository": Field()},
            )
        ),
        "vulnerabilityScanningConfig": _block(
            computed=True,
            enablementConfig=Field(zero="", choices=("INHERITED", "DISABLED")),
            enablementState=COMPUTED,
            enablementStateReason=COMPUTED,
        ),
        "deletionPolicy": DELETION_POLICY,
        "createTime": COMPUTED,
        "updateTime": COMPUTED,
        "name": COMPUTED,
        "registryUri": COMPUTED,
        "effectiveLabels": Field(kind=Kind.MAP, computed=True, output=True),
        "pulumiLabels": Field(kind=Kind.MAP, computed=True, output=True),
    }

    def customize(self, planned: Props, prior: Props | None, cloud: Cloud) -> Props:
        planned = super().customize(planned, prior, cloud)
        labels = planned.get("labels", {})
        if not is_known(labels):
            return {**planned, "pulumiLabels": UNKNOWN, "effectiveLabels": UNKNOWN}
        before: Props = (prior or {}).get("pulumiLabels", {})
        effective: Props = (prior or {}).get("effectiveLabels", {})
        own = dict(cloud.default_labels)
        if cloud.attribution == PROACTIVE or (
            cloud.attribution and (prior is None or PROVISIONED[0] in effective)
        ):
            own[PROVISIONED[0]] = PROVISIONED[1]
        own |= labels
        others = {key: value for key, value in effective.items() if key in own or key not in before}
        return {**planned, "pulumiLabels": own, "effectiveLabels": {**others, **own}}

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        project, name = cloud.project_of(planned), planned["repositoryId"]
        location = cloud.region if planned["location"] == UNKNOWN else planned["location"]
        if not location:
            raise ProviderError(
                "Cannot determine location: set in this resource, or set provider-level 'region' or 'zone'."
            )
        parent = f"projects/{project}/locations/{location}"
        body = {**_body(planned), **{key: planned[key] for key in CREATE_ONLY if planned.get(key)}}
        with error_context("Error creating Repository"):
            operation = cloud.api.call(
                "POST", f"{REGISTRY}/{parent}/repositories", body, repository_id=name
            )
        with error_context("Error waiting to create Repository"):
            cloud.api.wait_for(operation, REGISTRY, "Creating Repository")
        return f"{parent}/repositories/{name}", None

    def read(self, resource_id: str, state: Props, cloud: Cloud) -> Props | None:
        with error_context(f'Error when reading or editing ArtifactRegistryRepository "{resource_id}"'):
            found = cloud.api.find(f"{REGISTRY}/{resource_id}")
        if found is None:
            return None
        labels = found.get("labels", {})
        policies = found.get("cleanupPolicies", {})
        return {
            **{key: found.get(key) for key in self.fields if not self.fields[key].members},
            **{key: _as_planned(self.fields[key], found.get(key)) for key in _BLOCKS},
            **match_id(IMPORT_IDS, resource_id, cloud),
            "name": found["name"].rpartition("/")[2],
            "deletionPolicy": state.get("deletionPolicy"),
            "cleanupPolicies": [{"id": key, **policies[key]} for key in sorted(policies)],
            # A label that was removed elsewhere is kept as an empty text, so that the difference shows.
            "labels": {key: labels.get(key, "") for key in state.get("labels", {})},
            "pulumiLabels": {key: labels.get(key, "") for key in state.get("pulumiLabels", {})},
            "effectiveLabels": labels,
        }

    def update(self, resource_id: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        tops = {top(path) for path in changed}
        mask = [key for key in MUTABLE if key in tops]
        mask += ["labels"] if "effectiveLabels" in tops else []
        if any(path.startswith("remoteRepositoryConfig.upstreamCredentials") for path in changed):
            mask += CREDENTIALS
        if not mask:
            return
        # The real provider always sends the whole set of policies, even if it is empty.
        body = {"cleanupPolicies": {}, **_body(planned)}
        with error_context(f'Error updating Repository "{resource_id}"'):
            cloud.api.call("PATCH", f"{REGISTRY}/{resource_id}", body, updateMask=",".join(mask))

    def delete(self, resource_id: str, state: Props, cloud: Cloud) -> None:
        with error_context("Error when reading or editing Repository"):
            operation = cloud.api.call("DELETE", f"{REGISTRY}/{resource_id}")
        cloud.api.wait_for(operation, REGISTRY, "Deleting Repository")

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        parts = match_id(IMPORT_IDS, resource_id, cloud)
        name = "projects/{project}/locations/{location}/repositories/{repositoryId}".format(**parts)
        return name, {"deletionPolicy": DELETE, **parts}


_BLOCKS = tuple(key for key, field in Repository.fields.items() if field.kind is Kind.OBJECT)


def _as_planned(field: Field, found: Json) -> Json:
    """The members of a block that this provider knows. An empty answer counts as missing."""
    if not isinstance(found, dict):
        return found
    known = {key: _as_planned(member, found[key]) for key, member in field.parts.items() if key in found}
    return known or (None if field.parts else {})


def _body(planned: Props) -> Props:
    """The body that create and update share."""
    body = {key: _without_empty(planned.get(key)) for key in MUTABLE}
    policies = body.pop("cleanupPolicies") or []
    body["cleanupPolicies"] = {
        policy["id"]: {key: value for key, value in _with_seconds(policy).items() if key != "id"}
        for policy in policies
    }
    body["labels"] = planned.get("effectiveLabels")
    if remote := planned.get("remoteRepositoryConfig"):
        # The real provider always sends it: null if the repository caches.
        no_cache = {"noCache": remote.get("noCache")}
        body["remoteRepositoryConfig"] = {**_without_empty(remote), **no_cache}
    return {key: value for key, value in body.items() if value not in NOTHING}


def _with_seconds(policy: Props) -> Props:
    condition = policy.get("condition")
    if not isinstance(condition, dict):
        return policy
    ages = {key: in_seconds(condition[key]) for key in ("olderThan", "newerThan") if condition.get(key)}
    return {**policy, "condition": {**condition, **ages}}


def _without_empty(value: Json) -> Json:
    """The value without zero values, which the real provider does not send."""
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    if not isinstance(value, dict):
        return value
    filled = {key: _without_empty(item) for key, item in value.items()}
    return {key: item for key, item in filled.items() if item not in NOTHING}
