"""What the handlers of an index work with: the store, the files, the public index, the repository."""

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
    """What the handlers work with."""

    store: Store
    blobs: Blobs
    public_index: PublicIndex


def read_dependencies(request: Request) -> Dependencies:
    state = request.app.state
    return Dependencies(store=state.store, blobs=state.blobs, public_index=state.public_index)


def find_repository(request: Request, verb: str) -> Json:
    """The repository that the request names, if the caller may do that to it."""
    store: Store = request.app.state.store
    with store.transaction():
        # An index makes no project by being asked for one.
        if store.get(f"projects/{request.path_params['project']}") is None:
            raise not_found()
        return repositories.find_repository(request, f"artifactregistry.repositories.{verb}")[1]
