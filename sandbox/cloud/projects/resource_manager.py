"""Resource Manager: `cloudresourcemanager.googleapis.com` shows a project and its policy."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.iam.policies import check_permission, policy_routes
from sandbox.cloud.projects.projects import RESOURCE_MANAGER, get_project, require_service

HOST = RESOURCE_MANAGER


def _managed(request: Request, verb: str) -> str:
    """The project's name, if the caller may ask Resource Manager for that."""
    store = request.app.state.store
    project_id = get_project(store, request.path_params["project"])["projectId"]
    name = f"projects/{project_id}"
    require_service(store, project_id, HOST)
    permission = f"resourcemanager.projects.{verb}"
    check_permission(store, request.state.principal, permission, HOST, name)
    return name


async def describe_project(request: Request) -> Response:
    return JSONResponse(request.app.state.store.get(_managed(request, "get")))


ROUTES = [
    *policy_routes("/v1/projects/{project}", _managed),
    Route("/v1/projects/{project}", describe_project),
]
