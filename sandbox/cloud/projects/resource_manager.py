"""Projects, and which APIs are on in each: Resource Manager and Service Usage.

A project of the sandbox begins when its id is first asked for, as if its owner had just made it: with
Service Usage and Resource Manager on and every other API off.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.core.errors import (
    GoogleError,
    Json,
    invalid,
    permission_denied,
    read_list,
    read_object,
    service_disabled,
)
from sandbox.cloud.core.faults import read_faults
from sandbox.cloud.core.operations import get_operation, start_operation
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.policies import OWNER, grant, policy_routes, require

RESOURCE_MANAGER = "cloudresourcemanager.googleapis.com"
SERVICE_USAGE = "serviceusage.googleapis.com"
# The services that can be enabled here, with the titles that Google's messages use.
SERVICES = {
    "artifactregistry.googleapis.com": "Artifact Registry API",
    "cloudkms.googleapis.com": "Cloud Key Management Service (KMS) API",
    RESOURCE_MANAGER: "Cloud Resource Manager API",
    "composer.googleapis.com": "Cloud Composer API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "iamcredentials.googleapis.com": "IAM Service Account Credentials API",
    SERVICE_USAGE: "Service Usage API",
    "storage.googleapis.com": "Cloud Storage API",
    "sts.googleapis.com": "Security Token Service API",
}
ON_AT_BIRTH = (RESOURCE_MANAGER, SERVICE_USAGE)
# "Creating and managing projects": 6 to 30 lowercase letters, digits and hyphens, a letter first.
PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
# BatchEnableServicesRequest in the Service Usage reference.
BATCH_LIMIT = 20


def get_project(store: Store, name: str) -> Json:
    """The project of that id or number.

    Raises:
        GoogleError: PERMISSION_DENIED for what cannot be a project, as Google answers for those that
            the caller may not see.
    """
    alias = store.get(f"project-numbers:{name}")
    project_id = alias["projectId"] if alias else name
    known = store.get(f"projects/{project_id}")
    if known:
        return known
    if not PROJECT_ID.fullmatch(project_id):
        raise permission_denied("resourcemanager.projects.get", f"{RESOURCE_MANAGER}/projects/{name}")
    # Twelve digits, the same at every reset, so that outputs can be compared between runs.
    digest = int(hashlib.sha256(project_id.encode()).hexdigest(), 16)
    number = str(10**11 + digest % (9 * 10**11))
    project: Json = {
        "projectNumber": number,
        "projectId": project_id,
        "lifecycleState": "ACTIVE",
        "name": project_id,
        "createTime": now(),
    }
    store.put(f"projects/{project_id}", project)
    store.put(f"project-numbers:{number}", {"projectId": project_id})
    for service in ON_AT_BIRTH:
        _enable(store, project_id, service, usable_at=0)
    grant(store, f"projects/{project_id}", "roles/owner", OWNER)
    return project


def require_service(store: Store, project_id: str, service: str) -> None:
    """Refuse a request to an API that is off, or not yet usable.

    Raises:
        GoogleError: PERMISSION_DENIED with reason SERVICE_DISABLED.
    """
    state = store.get(f"projects/{project_id}/services/{service}")
    if state is None or time.time() < state["usableAt"]:
        number = get_project(store, project_id)["projectNumber"]
        raise service_disabled(service, SERVICES[service], number)


def now() -> str:
    """The time as Google's answers have it: RFC 3339, microseconds, Zulu."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _enable(store: Store, project_id: str, service: str, usable_at: float) -> None:
    name = f"projects/{project_id}/services/{service}"
    if store.get(name) is None:
        store.put(name, {"service": service, "usableAt": usable_at})


def _describe(store: Store, project: Json, service: str) -> Json:
    on = store.get(f"projects/{project['projectId']}/services/{service}") is not None
    return {
        "name": f"projects/{project['projectNumber']}/services/{service}",
        "config": {"name": service, "title": SERVICES[service]},
        "state": "ENABLED" if on else "DISABLED",
        "parent": f"projects/{project['projectNumber']}",
    }


def _known_service(service: str) -> str:
    if service not in SERVICES:
        raise GoogleError(
            "PERMISSION_DENIED",
            f"Not found or permission denied for service(s): {service}. "
            f"(The sandbox has {', '.join(SERVICES)}.)",
        )
    return service


def _managed(request: Request, verb: str) -> str:
    """The project's name, if the caller may ask Resource Manager for that."""
    store = request.app.state.store
    project_id = get_project(store, request.path_params["project"])["projectId"]
    name = f"projects/{project_id}"
    require_service(store, project_id, RESOURCE_MANAGER)
    permission = f"resourcemanager.projects.{verb}"
    require(store, request.state.caller, permission, RESOURCE_MANAGER, name)
    return name


async def describe_project(request: Request) -> Response:
    return JSONResponse(request.app.state.store.get(_managed(request, "get")))


async def list_services(request: Request) -> Response:
    store, caller = request.app.state.store, request.state.caller
    project = get_project(store, request.path_params["project"])
    parent = f"projects/{project['projectId']}"
    require(store, caller, "serviceusage.services.list", SERVICE_USAGE, parent)
    services = [_describe(store, project, service) for service in sorted(SERVICES)]
    state = request.query_params.get("filter", "").removeprefix("state:")
    return JSONResponse({"services": [s for s in services if state in ("", s["state"])]})


async def describe_service(request: Request) -> Response:
    store, caller = request.app.state.store, request.state.caller
    project = get_project(store, request.path_params["project"])
    parent = f"projects/{project['projectId']}"
    require(store, caller, "serviceusage.services.get", SERVICE_USAGE, parent)
    return JSONResponse(_describe(store, project, _known_service(request.path_params["service"])))


async def enable_services(request: Request) -> Response:
    """`services/NAME:enable` and `services:batchEnable`."""
    store, caller = request.app.state.store, request.state.caller
    project = get_project(store, request.path_params["project"])
    parent = f"projects/{project['projectId']}"
    require(store, caller, "serviceusage.services.enable", SERVICE_USAGE, parent)
    single = request.path_params.get("service")
    names = [single] if single else read_list(await read_object(request), "serviceIds", str)
    if not 0 < len(names) <= BATCH_LIMIT:
        raise invalid(f"Between 1 and {BATCH_LIMIT} services can be enabled at once.")
    usable_at = time.time() + read_faults(store).api_delay
    for name in names:
        _enable(store, project["projectId"], _known_service(name), usable_at)
    described = [_describe(store, project, name) for name in names]
    kind, answer = (
        ("EnableServiceResponse", {"service": described[0]})
        if single
        else ("BatchEnableServicesResponse", {"services": described})
    )
    return JSONResponse(_service_operation(store, project, kind, answer))


async def disable_service(request: Request) -> Response:
    store, caller = request.app.state.store, request.state.caller
    project = get_project(store, request.path_params["project"])
    parent = f"projects/{project['projectId']}"
    require(store, caller, "serviceusage.services.disable", SERVICE_USAGE, parent)
    service = _known_service(request.path_params["service"])
    store.delete(f"{parent}/services/{service}")
    answer = {"service": _describe(store, project, service)}
    return JSONResponse(_service_operation(store, project, "DisableServiceResponse", answer))


def _service_operation(store: Store, project: Json, kind: str, answer: Json) -> Json:
    package = "type.googleapis.com/google.api.serviceusage.v1"
    return start_operation(
        store,
        f"operations/acat.p2-{project['projectNumber']}-{uuid.uuid4()}",
        {"@type": f"{package}.{kind}", **answer},
        {"@type": f"{package}.OperationMetadata"},
    )


async def describe_operation(request: Request) -> Response:
    name = f"operations/{request.path_params['operation']}"
    return JSONResponse(get_operation(request.app.state.store, name))


RESOURCE_MANAGER_ROUTES = [
    *policy_routes("/v1/projects/{project}", _managed),
    Route("/v1/projects/{project}", describe_project),
]
SERVICE_USAGE_ROUTES = [
    Route("/v1/projects/{project}/services:batchEnable", enable_services, methods=["POST"]),
    Route("/v1/projects/{project}/services", list_services),
    Route("/v1/projects/{project}/services/{service}:enable", enable_services, methods=["POST"]),
    Route("/v1/projects/{project}/services/{service}:disable", disable_service, methods=["POST"]),
    Route("/v1/projects/{project}/services/{service}", describe_service),
    # The plugin enables by v1 and asks for the operation by v1beta1.
    Route("/v1/operations/{operation}", describe_operation),
    Route("/v1beta1/operations/{operation}", describe_operation),
]
