"""The dependencies of an index's handlers: the store, the files, the public index, the repository."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from sandbox.cloud.artifact_registry import repositories
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.errors import Json, not_found
from sandbox.cloud.core.store import Store
from sandbox.cloud.pypi.mirror import PublicIndex


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The parts of the cloud that the handlers use."""

    store: Store
    blobs: Blobs
    public_index: PublicIndex


def read_dependencies(request: Request) -> Dependencies:
    """The dependencies, from the app's state."""
    state = request.app.state
    return Dependencies(store=state.store, blobs=state.blobs, public_index=state.public_index)


def find_repository(request: Request, verb: str) -> Json:
    """The repository that the request names, if the principal has `repositories.VERB` on it."""
    store: Store = request.app.state.store
    with store.transaction():
        # A request to an index creates no project.
        if store.get(f"projects/{request.path_params['project']}") is None:
            raise not_found()
        return repositories.find_repository(request, f"artifactregistry.repositories.{verb}")[1]
