"""Service Usage: `serviceusage.googleapis.com` lists, enables and disables the APIs of a project."""

from __future__ import annotations

import time
import uuid

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.core.errors import GoogleError, Json, invalid, read_list, read_object
from sandbox.cloud.core.faults import read_faults
from sandbox.cloud.core.operations import get_operation, start_operation
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.policies import check_permission
from sandbox.cloud.projects.projects import SERVICE_USAGE, SERVICES, enable_service, get_project

HOST = SERVICE_USAGE
# BatchEnableServicesRequest in the Service Usage reference.
BATCH_LIMIT = 20


def _describe(store: Store, project: Json, service: str) -> Json:
    on = store.get(f"projects/{project['projectId']}/services/{service}") is not None
    return {
        "name": f"projects/{project['projectNumber']}/services/{service}",
        "config": {"name": service, "title": SERVICES[service]},
        "state": "ENABLED" if on else "DISABLED",
        "parent": f"projects/{project['projectNumber']}",
    }


def _check_service(service: str) -> str:
    """The name of an API, refused if it cannot be enabled here."""
    if service not in SERVICES:
        raise GoogleError(
            "PERMISSION_DENIED",
            f"Not found or permission denied for service(s): {service}. "
            f"(The sandbox has {', '.join(SERVICES)}.)",
        )
    return service


async def list_services(request: Request) -> Response:
    store, principal = request.app.state.store, request.state.principal
    project = get_project(store, request.path_params["project"])
    parent = f"projects/{project['projectId']}"
    check_permission(store, principal, "serviceusage.services.list", HOST, parent)
    services = [_describe(store, project, service) for service in sorted(SERVICES)]
    state = request.query_params.get("filter", "").removeprefix("state:")
    return JSONResponse({"services": [s for s in services if state in ("", s["state"])]})


async def describe_service(request: Request) -> Response:
    store, principal = request.app.state.store, request.state.principal
    project = get_project(store, request.path_params["project"])
    parent = f"projects/{project['projectId']}"
    check_permission(store, principal, "serviceusage.services.get", HOST, parent)
    return JSONResponse(_describe(store, project, _check_service(request.path_params["service"])))


async def enable_services(request: Request) -> Response:
    """`services/NAME:enable` and `services:batchEnable`."""
    store, principal = request.app.state.store, request.state.principal
    project = get_project(store, request.path_params["project"])
    parent = f"projects/{project['projectId']}"
    check_permission(store, principal, "serviceusage.services.enable", HOST, parent)
    single = request.path_params.get("service")
    names = [single] if single else read_list(await read_object(request), "serviceIds", str)
    if not 0 < len(names) <= BATCH_LIMIT:
        raise invalid(f"Between 1 and {BATCH_LIMIT} services can be enabled at once.")
    usable_at = time.time() + read_faults(store).api_delay
    for name in names:
        enable_service(store, project["projectId"], _check_service(name), usable_at)
    described = [_describe(store, project, name) for name in names]
    kind, answer = (
        ("EnableServiceResponse", {"service": described[0]})
        if single
        else ("BatchEnableServicesResponse", {"services": described})
    )
    return JSONResponse(_service_operation(store, project, kind, answer))


async def disable_service(request: Request) -> Response:
    store, principal = request.app.state.store, request.state.principal
    project = get_project(store, request.path_params["project"])
    parent = f"projects/{project['projectId']}"
    check_permission(store, principal, "serviceusage.services.disable", HOST, parent)
    service = _check_service(request.path_params["service"])
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


ROUTES = [
    Route("/v1/projects/{project}/services:batchEnable", enable_services, methods=["POST"]),
    Route("/v1/projects/{project}/services", list_services),
    Route("/v1/projects/{project}/services/{service}:enable", enable_services, methods=["POST"]),
    Route("/v1/projects/{project}/services/{service}:disable", disable_service, methods=["POST"]),
    Route("/v1/projects/{project}/services/{service}", describe_service),
    # The plugin uses v1 to enable an API, and v1beta1 to read the operation.
    Route("/v1/operations/{operation}", describe_operation),
    Route("/v1beta1/operations/{operation}", describe_operation),
]
