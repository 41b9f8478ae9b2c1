"""Long-running operations, as google.longrunning defines them.

The answer that starts an operation never says `done`. A client must ask for the operation again.
"""

from __future__ import annotations

import time

from sandbox.cloud.core.errors import Json, not_found
from sandbox.cloud.core.faults import read_faults
from sandbox.cloud.core.store import Store

# A finished operation can be read for this time. Google's limit is unknown; clients poll for less.
RETENTION_SECONDS = 24 * 60 * 60


def start_operation(store: Store, name: str, response: Json, metadata: Json) -> Json:
    """Start an operation whose effect is already stored; `response` is shown when it is done.

    Google answers a create without `done` even if the resource exists at once (recorded goldens of
    k8s-config-connector). So clients must poll here too.
    """
    done_at = time.time() + read_faults(store).slow_operations
    operation = {"name": name, "metadata": metadata}
    store.put(f"operations:{name}", {**operation, "response": response, "doneAt": done_at})
    return operation


def delete_old_operations(store: Store) -> None:
    """Delete the operations that finished long ago."""
    store.delete_older("operations:", "doneAt", time.time() - RETENTION_SECONDS)


def get_operation(store: Store, name: str) -> Json:
    """Read the operation as it is now.

    Raises:
        GoogleError: NOT_FOUND.
    """
    operation = store.get(f"operations:{name}")
    if operation is None:
        raise not_found()
    if time.time() < operation.pop("doneAt"):
        del operation["response"]
        return operation
    return {**operation, "done": True}
