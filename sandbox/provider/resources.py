"""The base of every resource type, and the configured provider that it works with.

Each type is a subclass in the module that `pulumi_gcp` has it in; `sandbox.provider.resource_types` lists
them. A type declares its properties (`fields`) and sends Google's requests. `sandbox.provider.schema` owns
what follows from the properties.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from sandbox.provider.plan import plan
from sandbox.provider.rest import Api, ProviderError
from sandbox.provider.schema import Field, Fields
from sandbox.provider.values import UNKNOWN, Props

# Optional, with a default that the provider knows. They are computed, so omitting them changes nothing.
PROJECT = Field(computed=True, replaces=True)
LOCATION = Field(computed=True, replaces=True)
DELETION_POLICY = Field(computed=True)
DELETE, PREVENT, ABANDON = "DELETE", "PREVENT", "ABANDON"
# transport/config.go of the Google provider: when it adds its own label to a resource.
CREATION_ONLY, PROACTIVE = "CREATION_ONLY", "PROACTIVE"


@dataclass(kw_only=True)
class Cloud:
    """The configured provider: the API client, and what resources get that do not give it themselves.

    Attributes:
        default_labels: labels of every resource with labels.
        attribution: when the provider adds its own label, or an empty text for never.
    """

    api: Api
    project: str | None = None
    region: str | None = None
    default_labels: Mapping[str, str] = field(default_factory=dict[str, str])
    attribution: str = CREATION_ONLY

    def project_of(self, planned: Props) -> str:
        """The resource's project, otherwise the provider's."""
        project = planned.get("project")
        project = self.project if project in (None, UNKNOWN) else project
        if not project:
            raise ProviderError("project: required field is not set: set it, or gcp:project")
        return project


class ResourceType:
    """One resource type. Methods raise ProviderError with the text that users see."""

    token: ClassVar[str]
    fields: ClassVar[Fields]
    delete_before_replace: ClassVar[bool] = False

    def plan(self, prior: Props | None, given: Props, cloud: Cloud) -> Props:
        """The planned state."""
        return self.customize(plan(self.fields, prior, given), prior, cloud)

    def customize(self, planned: Props, prior: Props | None, cloud: Cloud) -> Props:
        """The planned state with the real provider's additions (Terraform's CustomizeDiff)."""
        if planned.get("project") == UNKNOWN and cloud.project:
            planned["project"] = cloud.project
        if planned.get("deletionPolicy") == UNKNOWN:
            planned["deletionPolicy"] = DELETE
        return planned

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        """Create the resource. Returns its id, and its state if no read is needed."""
        raise NotImplementedError

    def read(self, resource_id: str, state: Props, cloud: Cloud) -> Props | None:
        """The resource's state at Google; None if it does not exist."""
        raise NotImplementedError

    def update(self, resource_id: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        """Update the resource in place. ``changed`` has the paths of the changed properties."""

    def delete(self, resource_id: str, state: Props, cloud: Cloud) -> None:
        """Delete the resource. The caller treats a 404 as done."""

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        """The full id and the properties of an id that the user gives to ``import``."""
        raise NotImplementedError


def match_id(patterns: tuple[str, ...], resource_id: str, cloud: Cloud) -> Props:
    """The named parts of an id, by the first matching pattern. The project is the provider's by default."""
    for pattern in patterns:
        if match := re.fullmatch(pattern, resource_id):
            parts = match.groupdict()
            return {**parts, "project": cloud.project_of(parts)}
    raise ProviderError(f'Import id "{resource_id}" doesn\'t match any of the accepted formats: {patterns}')
