"""Long-running operations, as google.longrunning has them: first answered undone, done when asked."""

from __future__ import annotations

import time

from sandbox.cloud.core.errors import Json, not_found
from sandbox.cloud.core.faults import read_faults
from sandbox.cloud.core.store import Store

# How long a finished operation can be asked for, unknown at Google; the sandbox's own, longer than any
# client polls.
KEPT_SECONDS = 24 * 60 * 60


def start_operation(store: Store, name: str, response: Json, metadata: Json) -> Json:
    """Begin an operation whose effect is already stored; `response` is told when it is done.

    Google has been seen to answer a create without `done` even where the thing exists at once
    (recorded goldens of k8s-config-connector), so clients must poll here too.
    """
    done_at = time.time() + read_faults(store).slow_operations
    operation = {"name": name, "metadata": metadata}
    store.put(f"operations:{name}", {**operation, "response": response, "doneAt": done_at})
    return operation


def forget_old_operations(store: Store) -> None:
    """Remove the operations that were done long ago."""
    store.delete_older("operations:", "doneAt", time.time() - KEPT_SECONDS)


def get_operation(store: Store, name: str) -> Json:
    """The operation as it is now.

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
