"""Mends a stack whose last `pulumi up` was cut off while it made a repository.

The repository exists then, but not in the state, and the next `up` would be refused. Everything else that
the program makes can be made twice. Owns `make up`'s promise to work from a half-done state; on a real
project the program itself prints the command that this one runs.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

REPOSITORY = "gcp:artifactregistry/repository:Repository"


def recover(stack: str, environment: Mapping[str, str], existing: Sequence[str]) -> int:
    """Import what a run that was cut off has made, and clear its pending operations; the exit status.

    Args:
        stack: the stack's name.
        environment: the sandbox's.
        existing: full names of the repositories that the cloud has.
    """

    def pulumi(*words: str, output: int | None = None) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", "--non-interactive", "--stack", stack, *words]
        return subprocess.run(command, env=environment, check=False, stdout=output, text=True)

    exported = pulumi("stack", "export", output=subprocess.PIPE)
    if exported.returncode:
        return exported.returncode
    deployment: dict[str, Any] = json.loads(exported.stdout).get("deployment") or {}
    unknown = set(existing) - {resource.get("id") for resource in deployment.get("resources") or []}
    wanted: list[dict[str, Any]] = []
    # Other stacks have repositories too: whether one of them is this stack's, a preview tells.
    if unknown and deployment.get("resources"):
        previewed = pulumi("preview", "--json", output=subprocess.PIPE)
        # One that fails says nothing here: `up` will, in full.
        steps = json.loads(previewed.stdout).get("steps", []) if previewed.returncode == 0 else []
        wanted = [step["newState"] for step in steps if step["op"] == "create"]
    for resource in wanted:
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
