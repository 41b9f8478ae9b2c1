"""What every resource type has in common, and what it is given to work with.

Each type is a subclass in a module of its own, listed in `sandbox.provider.server`. A type says what
its properties are (`fields`) and makes Google's calls; what follows from the properties alone is
`sandbox.provider.schema`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sandbox.provider.rest import Api, PluginError
from sandbox.provider.schema import Field, Fields, plan
from sandbox.provider.values import UNKNOWN, Props

# Optional with a default that the provider knows: computed, so that leaving it out changes nothing.
PROJECT = Field(computed=True, replaces=True)
LOCATION = Field(computed=True, replaces=True)
DELETION_POLICY = Field(computed=True)
DELETE, PREVENT, ABANDON = "DELETE", "PREVENT", "ABANDON"


@dataclass(kw_only=True)
class Cloud:
    """The configured provider: whom to ask, and for which project where a resource names none."""

    api: Api
    project: str | None = None
    region: str | None = None

    def project_of(self, planned: Props) -> str:
        """The resource's project, or the provider's."""
        project = planned.get("project")
        project = self.project if project in (None, UNKNOWN) else project
        if not project:
            raise PluginError("project: required field is not set: set it, or gcp:project")
        return project


class ResourceType:
    """One type. Methods raise PluginError (ApiError among them) with the text users see."""

    token: ClassVar[str]
    fields: ClassVar[Fields]
    delete_before_replace: ClassVar[bool] = False

    def plan(self, prior: Props | None, given: Props, cloud: Cloud) -> Props:
        """The state to come."""
        return self.customize(plan(self.fields, prior, given), prior, cloud)

    def customize(self, planned: Props, prior: Props | None, cloud: Cloud) -> Props:
        """What the real plug-in works out while it plans (Terraform's CustomizeDiff)."""
        if planned.get("project") == UNKNOWN and cloud.project:
            planned["project"] = cloud.project
        if planned.get("deletionPolicy") == UNKNOWN:
            planned["deletionPolicy"] = DELETE
        return planned

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        """Makes it: the id, and the state where Google's answer was the whole of it."""
        raise NotImplementedError

    def read(self, ident: str, state: Props, cloud: Cloud) -> Props | None:
        """What Google has; None: it is gone."""
        raise NotImplementedError

    def update(self, ident: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        """Changes it in place. ``changed``: paths of the properties that differ."""

    def delete(self, ident: str, state: Props, cloud: Cloud) -> None:
        """Removes it. A 404 is the caller's to take as done."""

    def parse_id(self, ident: str, cloud: Cloud) -> tuple[str, Props]:
        """The canonical id, and the properties that an id given to ``import`` stands for."""
        raise NotImplementedError


def parse_by(patterns: tuple[str, ...], ident: str, cloud: Cloud) -> Props:
    """The named parts of an id, by the first pattern that fits, and the provider's project if none."""
    for pattern in patterns:
        if match := re.fullmatch(pattern, ident):
            parts = match.groupdict()
            return {**parts, "project": cloud.project_of(parts)}
    raise PluginError(f'Import id "{ident}" doesn\'t match any of the accepted formats: {patterns}')
