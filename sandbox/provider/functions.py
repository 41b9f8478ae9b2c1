"""The provider's functions (invokes), which read what exists without a resource.

Owns the form of an answer: the provider converts a data source, which has a list where the resource has one
object (`DatasourceSchemaFromResourceSchema` in tpgresource/datasource_helpers.go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.provider.artifactregistry.repository import Repository
from sandbox.provider.plan import state_after_read
from sandbox.provider.resources import DELETE, Cloud
from sandbox.provider.rest import ProviderError
from sandbox.provider.schema import Field, Fields, Kind
from sandbox.provider.values import Json, Props


def get_repository(given: Props, cloud: Cloud) -> Props:
    """google_artifact_registry_repository, the data source."""
    place = f"projects/{cloud.project_of(given)}/locations/{given['location']}"
    name, kind = f"{place}/repositories/{given['repositoryId']}", Repository()
    found = kind.read(name, {"deletionPolicy": DELETE}, cloud)
    if found is None:
        raise ProviderError(f"{name} not found")
    labels = found["effectiveLabels"]
    state = {**state_after_read(kind.fields, {}, found), "labels": labels, "pulumiLabels": labels}
    return {"id": name, **_as_data(kind.fields, state)}


FUNCTIONS: Mapping[str, Callable[[Props, Cloud], Props]] = {
    "gcp:artifactregistry/getRepository:getRepository": get_repository
}


def _as_data(fields: Fields, values: Props) -> Props:
    return {_name(name, field): _value(field, values.get(name)) for name, field in fields.items()}


def _name(name: str, field: Field) -> str:
    if field.kind is not Kind.OBJECT or name.endswith("s"):
        return name
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def _value(field: Field, value: Json) -> Json:
    match field.kind:
        case Kind.OBJECT:
            return [] if value is None else [_as_data(field.parts, value)]
        case Kind.LIST | Kind.SET:
            return [_as_data(field.members, item) if field.members else item for item in value or []]
        case Kind.MAP:
            return value or {}
        case Kind.VALUE:
            return "" if value is None else value
