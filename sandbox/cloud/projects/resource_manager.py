"""Resource Manager: `cloudresourcemanager.googleapis.com` shows a project and its policy."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.iam.policies import check_permission, policy_routes
from sandbox.cloud.projects.projects import RESOURCE_MANAGER, get_project, require_service

HOST = RESOURCE_MANAGER


def _find_project(request: Request, verb: str) -> str:
    """The project's name, if the principal has that permission in Resource Manager."""
    store = request.app.state.store
    project_id = get_project(store, request.path_params["project"])["projectId"]
    name = f"projects/{project_id}"
    require_service(store, project_id, HOST)
    permission = f"resourcemanager.projects.{verb}"
    check_permission(store, request.state.principal, permission, HOST, name)
    return name


async def describe_project(request: Request) -> Response:
    return JSONResponse(request.app.state.store.get(_find_project(request, "get")))


ROUTES = [
    *policy_routes("/v1/projects/{project}", _find_project),
    Route("/v1/projects/{project}", describe_project),
]
