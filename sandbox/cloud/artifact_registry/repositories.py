"""Python repositories, as `artifactregistry.googleapis.com` keeps them.

Owns the repositories and their policies. The rules of their fields are in `repository_fields`, packages in
`packages`, download rules in `rules`. The shapes are those of k8s-config-connector's recorded goldens.
"""

from __future__ import annotations

import re
import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.artifact_registry.repository_fields import MODES, changed, read_repository, validate
from sandbox.cloud.core.clock import now
from sandbox.cloud.core.errors import (
    GoogleError,
    Json,
    invalid,
    not_found,
    read_field,
    read_object,
)
from sandbox.cloud.core.locations import REGIONS
from sandbox.cloud.core.messages import read_parameter
from sandbox.cloud.core.operations import get_operation, start_operation
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.policies import check_permission, delete_policy, policy_routes
from sandbox.cloud.projects.projects import get_project, require_service

HOST = "artifactregistry.googleapis.com"
# "Repository locations" in Google's documentation: regions and multi-regions.
LOCATIONS = REGIONS | {"asia", "europe", "us"}
# Repository.name in the Artifact Registry reference.
REPOSITORY_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
# The parameters of all emulated methods, in the discovery document.
PARAMETERS = (
    *("filter", "force", "options.requestedPolicyVersion", "orderBy", "pageSize", "pageToken"),
    *("repositoryId", "ruleId", "updateMask", "view"),
)
_PACKAGE = "type.googleapis.com/google.devtools.artifactregistry.v1"


def repository_names(store: Store) -> list[str]:
    """The full names of all repositories in the cloud."""
    pattern = "projects/*/locations/*/repositories/*"
    return [name for name in store.names(pattern) if name.count("/") == pattern.count("/")]


def _parent(request: Request) -> tuple[Store, str, str]:
    """The store, the project's name and the collection that the request names."""
    store = request.app.state.store
    project_id = get_project(store, request.path_params["project"])["projectId"]
    require_service(store, project_id, HOST)
    location = request.path_params["location"]
    project = f"projects/{project_id}"
    if location not in LOCATIONS:
        raise GoogleError(
            "PERMISSION_DENIED", f"Location {location} is not found or access is unauthorized."
        )
    return store, project, f"{project}/locations/{location}/repositories"


def _repository(request: Request, verb: str) -> tuple[Store, Json]:
    """The repository that the request names, if the principal has `repositories.VERB` on it."""
    return find_repository(request, f"artifactregistry.repositories.{verb}")


def find_repository(request: Request, permission: str) -> tuple[Store, Json]:
    """The repository that the request names, if the principal has that permission on it."""
    store, project, collection = _parent(request)
    name = f"{collection}/{request.path_params['repository']}"
    check_permission(store, request.state.principal, permission, HOST, name, project)
    repository = store.get(name)
    if repository is None:
        raise not_found()
    return store, repository


def _validate(store: Store, repository: Json) -> Json:
    """The repository, if Google would accept it."""
    return validate(repository, store.get)


async def list_locations(request: Request) -> Response:
    """The locations of repositories; gcloud reads them before it lists all repositories."""
    store = request.app.state.store
    project_id = get_project(store, request.path_params["project"])["projectId"]
    require_service(store, project_id, HOST)
    project = f"projects/{project_id}"
    check_permission(store, request.state.principal, "artifactregistry.locations.list", HOST, project)
    locations = [
        {"name": f"{project}/locations/{location}", "locationId": location, "displayName": location}
        for location in sorted(LOCATIONS)
    ]
    return JSONResponse({"locations": locations})


async def create_repository(request: Request) -> Response:
    store, project, collection = _parent(request)
    permission = "artifactregistry.repositories.create"
    check_permission(store, request.state.principal, permission, HOST, project)
    repository_id = read_parameter(request, "repositoryId")
    if not REPOSITORY_ID.fullmatch(repository_id):
        raise invalid(f"Invalid repository id {repository_id!r}: must match {REPOSITORY_ID.pattern}.")
    name = f"{collection}/{repository_id}"
    body = read_repository(await read_object(request))
    if body.get("format") != "PYTHON":
        raise invalid(f"The sandbox has repositories of the format PYTHON, not {body.get('format', '')!r}.")
    mode = read_field(body, "mode", "MODE_UNSPECIFIED")
    if mode == "MODE_UNSPECIFIED":
        mode = MODES[0]
    if mode not in MODES:
        raise invalid(f"Invalid mode {mode!r}.")
    if store.get(name):
        raise GoogleError("ALREADY_EXISTS", "the repository already exists")
    remote = read_field(body, "remoteRepositoryConfig", Json())
    if mode == MODES[1] and remote.get("pythonRepository") != {"publicRepository": "PYPI"}:
        raise invalid("The sandbox's remote repositories have the public repository PYPI as upstream.")
    created = now()
    repository = _validate(
        store,
        {
            **body,
            "name": name,
            "mode": mode,
            "createTime": created,
            "updateTime": created,
            "satisfiesPzi": True,
            "vulnerabilityScanningConfig": {
                **read_field(body, "vulnerabilityScanningConfig", Json()),
                "enablementState": "SCANNING_DISABLED",
                "enablementStateReason": "API containerscanning.googleapis.com is not enabled.",
            },
        },
    )
    store.put(name, repository)
    answer = {"@type": f"{_PACKAGE}.Repository", **repository}
    return JSONResponse(_operation(store, name, answer))


async def list_repositories(request: Request) -> Response:
    store, project, collection = _parent(request)
    permission = "artifactregistry.repositories.list"
    check_permission(store, request.state.principal, permission, HOST, project)
    return JSONResponse({"repositories": [_with_uri(r) for r in store.children(collection)]})


async def describe_repository(request: Request) -> Response:
    _, repository = _repository(request, "get")
    return JSONResponse(_with_uri(repository))


async def update_repository(request: Request) -> Response:
    store, repository = _repository(request, "update")
    mask = read_parameter(request, "updateMask")
    repository = changed(repository, await read_object(request), mask)
    repository["updateTime"] = now()
    store.put(repository["name"], _validate(store, repository))
    return JSONResponse(repository)


async def delete_repository(request: Request) -> Response:
    store, repository = _repository(request, "delete")
    name = repository["name"]
    for other in store.children(name.rpartition("/")[0]):
        virtual = other.get("virtualRepositoryConfig") or {}
        if name in (policy["repository"] for policy in virtual.get("upstreamPolicies", [])):
            raise GoogleError(
                "FAILED_PRECONDITION",
                f"Repository {name} is an upstream of the virtual repository {other['name']}.",
            )
    store.delete(name)
    store.delete_below(f"{name}/")
    delete_policy(store, name)
    return JSONResponse(begin_deletion(store, name))


def _policy_holder(request: Request, verb: str) -> str:
    return _repository(request, verb)[1]["name"]


async def describe_operation(request: Request) -> Response:
    return JSONResponse(get_operation(request.app.state.store, request.scope["path"].removeprefix("/v1/")))


def begin_deletion(store: Store, name: str) -> Json:
    """The operation that answers the deletion of a resource in a location."""
    return _operation(store, name, {"@type": "type.googleapis.com/google.protobuf.Empty"})


def _with_uri(repository: Json) -> Json:
    _, project, _, location, _, repository_id = repository["name"].split("/")
    uri = f"{location}-python.pkg.dev/{project}/{repository_id}"
    return {**repository, "registryUri": uri}


def _operation(store: Store, name: str, answer: Json) -> Json:
    return start_operation(
        store,
        f"{name.rpartition('/repositories/')[0]}/operations/{uuid.uuid4()}",
        answer,
        {"@type": f"{_PACKAGE}.OperationMetadata"},
    )


_LOCATION = "/v1/projects/{project}/locations/{location}"
REPOSITORY_PATH = f"{_LOCATION}/repositories/{{repository}}"
ROUTES = [
    # gcloud uses the beta API only for this request.
    Route("/v1beta2/projects/{project}/locations", list_locations),
    Route("/v1/projects/{project}/locations", list_locations),
    Route(f"{_LOCATION}/repositories", create_repository, methods=["POST"]),
    Route(f"{_LOCATION}/repositories", list_repositories),
    *policy_routes(REPOSITORY_PATH, _policy_holder, read="GET"),
    Route(REPOSITORY_PATH, describe_repository),
    Route(REPOSITORY_PATH, update_repository, methods=["PATCH"]),
    Route(REPOSITORY_PATH, delete_repository, methods=["DELETE"]),
    Route(f"{_LOCATION}/operations/{{operation}}", describe_operation),
]
