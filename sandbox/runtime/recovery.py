"""Repairs a stack whose last `pulumi up` was interrupted while it created a repository.

The repository then exists, but it is not in the state, and the next `up` would fail. All other resources
can be created a second time. `make up` runs this first, so that it works after an interruption. On a real
project, the setting `adopt` takes the repository over.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

REPOSITORY = "gcp:artifactregistry/repository:Repository"


def recover(stack: str, environment: Mapping[str, str], existing: Sequence[str]) -> int:
    """Import the repositories that an interrupted run created, and clear its pending operations.

    Args:
        stack: the stack's name.
        environment: the sandbox's environment.
        existing: full names of the repositories in the cloud.

    Returns:
        The exit status.
    """

    def pulumi(*words: str, output: int | None = None) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", "--non-interactive", "--stack", stack, *words]
        return subprocess.run(command, env=environment, check=False, stdout=output, text=True)

    exported = pulumi("stack", "export", output=subprocess.PIPE)
    if exported.returncode:
        return exported.returncode
    deployment: dict[str, Any] = json.loads(exported.stdout).get("deployment") or {}
    unknown = set(existing) - {resource.get("id") for resource in deployment.get("resources") or []}
    planned: list[dict[str, Any]] = []
    # Other stacks have repositories too. A preview shows whether one of them belongs to this stack.
    if unknown and deployment.get("resources"):
        preview = pulumi("preview", "--json", output=subprocess.PIPE)
        # A failed preview is ignored here: `up` will fail too, and print the reason.
        steps = json.loads(preview.stdout).get("steps", []) if preview.returncode == 0 else []
        planned = [step["newState"] for step in steps if step["op"] == "create"]
    for resource in planned:
        if resource["type"] == REPOSITORY and (name := _full_name(resource["inputs"])) in unknown:
            imported = pulumi(
                *("import", REPOSITORY, resource["urn"].rpartition("::")[2], name),
                *("--parent", f"parent={resource['parent']}"),
                *("--protect=false", "--generate-code=false", "--yes", "--skip-preview"),
            )
            if imported.returncode:
                return imported.returncode
    if deployment.get("pending_operations"):
        return pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates").returncode
    return 0


def _full_name(inputs: Mapping[str, str]) -> str:
    parent = f"projects/{inputs['project']}/locations/{inputs['location']}"
    return f"{parent}/repositories/{inputs['repositoryId']}"
