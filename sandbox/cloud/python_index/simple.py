"""The simple index of a repository: a package's page (PEP 503).

Owns the page's handler. Its HTML is in `sandbox.cloud.packaging.pages`.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.cloud.artifact_registry.rules import check_download
from sandbox.cloud.core.errors import not_found
from sandbox.cloud.packaging.pages import normalise, show_links
from sandbox.cloud.python_index.dependencies import find_repository, read_dependencies
from sandbox.cloud.python_index.upstreams import list_candidates


async def show_page(request: Request) -> Response:
    cloud = read_dependencies(request)
    repository = find_repository(request, "downloadArtifacts")
    name = request.path_params["package"]
    package = normalise(name)
    if package != name:
        # Google's answer is unknown. Its own pages link to the normalised name.
        return RedirectResponse(f"{request.scope['path'].removesuffix(f'{name}/')}{package}/")
    with cloud.store.transaction():
        check_download(cloud.store, repository["name"], package)
    candidates = await list_candidates(cloud, repository, package)
    if not candidates:
        raise not_found()
    candidates.sort(key=lambda candidate: candidate.link.filename)
    links = (candidate.link.as_google_shows() for candidate in candidates)
    return show_links(package, links, f"../../{package}")
