"""gcp:composer/environment:Environment, only in previews: the sandbox runs no Airflow.

Knows the properties that `examples/composer` uses.
"""

from __future__ import annotations

from sandbox.provider.resources import DELETION_POLICY, LOCATION, PROJECT, Cloud, ResourceType
from sandbox.provider.rest import ProviderError
from sandbox.provider.schema import Field, Kind
from sandbox.provider.values import Props

_REFUSED = "the fake provider supports a Composer environment only in previews: the sandbox runs no Airflow"


def _block(*, replaces: bool = False, **members: Field) -> Field:
    return Field(kind=Kind.OBJECT, replaces=replaces, members=members)


class Environment(ResourceType):
    token = "gcp:composer/environment:Environment"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "name": Field(required=True, replaces=True),
        "project": PROJECT,
        "region": LOCATION,
        "storageConfig": _block(replaces=True, bucket=Field(required=True, replaces=True)),
        "config": _block(
            enablePrivateBuildsOnly=Field(),
            enablePrivateEnvironment=Field(),
            nodeConfig=_block(serviceAccount=Field(replaces=True)),
            softwareConfig=_block(imageVersion=Field(), pypiPackages=Field(kind=Kind.MAP)),
        ),
        "deletionPolicy": DELETION_POLICY,
    }

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        raise ProviderError(_REFUSED)

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        raise ProviderError(_REFUSED)
