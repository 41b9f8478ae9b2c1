"""gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding and
gcp:artifactregistry/repositoryIamMember:RepositoryIamMember: roles on one repository.
"""

from __future__ import annotations

from sandbox.provider.artifactregistry.repository import REGISTRY
from sandbox.provider.iam_policy import BINDING_FIELDS, MEMBER_FIELDS, IamBinding, IamMember, IamPolicy
from sandbox.provider.resources import LOCATION, PROJECT, Cloud, match_id
from sandbox.provider.schema import Field
from sandbox.provider.values import UNKNOWN, Props

REPOSITORY_IDS = (
    r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/repositories/(?P<repository>[^/]+)",
    r"(?P<project>[^/]+)/(?P<location>[^/]+)/(?P<repository>[^/]+)",
    r"(?P<location>[^/]+)/(?P<repository>[^/]+)",
    r"(?P<repository>[^/]+)",
)


def _is_same_repository(old: str, new: str) -> bool:
    return old == new or ("/" not in new and old.rpartition("/")[2] == new)


class _RepositoryPolicy(IamPolicy):
    key = "repository"
    fields = {  # noqa: RUF012 - declared by the base
        "repository": Field(required=True, replaces=True, is_same=_is_same_repository),
        "location": LOCATION,
        "project": PROJECT,
    }
    api = REGISTRY
    title = 'artifactregistry repository "{}"'

    def locate(self, state: Props, cloud: Cloud) -> Props:
        given = {
            key: state[key] for key in ("project", "location") if state.get(key) not in (None, UNKNOWN)
        }
        provider = Cloud(api=cloud.api, project=given.get("project") or cloud.project)
        named = match_id(REPOSITORY_IDS, state["repository"], provider)
        parts = {"location": cloud.region, **given, **named}
        parent = f"projects/{parts['project']}/locations/{parts['location']}"
        return {**parts, "repository": f"{parent}/repositories/{parts['repository']}"}


class RepositoryIamBinding(IamBinding):
    token = "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding"  # noqa: S105
    policy, fields = _RepositoryPolicy(), {**_RepositoryPolicy.fields, **BINDING_FIELDS}


class RepositoryIamMember(IamMember):
    token = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"  # noqa: S105
    policy, fields = _RepositoryPolicy(), {**_RepositoryPolicy.fields, **MEMBER_FIELDS}
