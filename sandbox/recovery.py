"""Mends a stack whose last `pulumi up` was killed while it made a repository.

The repository exists then, but not in the state, and the next `up` would be refused. Everything else that
the program makes can be made twice. Owns `make up`'s promise to work from a half-done state; on a real
project the program itself prints the command that this one runs.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

REPOSITORY = "gcp:artifactregistry/repository:Repository"


def recover(stack: str, environment: Mapping[str, str]) -> int:
    """Import what a killed run has made, and clear its pending operations; the exit status."""

    def pulumi(*words: str, output: int | None = None) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", "--non-interactive", "--stack", stack, *words]
        return subprocess.run(command, env=environment, check=False, stdout=output, text=True)

    exported = pulumi("stack", "export", output=subprocess.PIPE)
    if exported.returncode:
        return exported.returncode
    deployment: dict[str, Any] = json.loads(exported.stdout).get("deployment") or {}
    creating = [
        operation["resource"]
        for operation in deployment.get("pending_operations") or []
        if operation["type"] == "creating"
    ]
    if not creating:
        return 0
    for resource in (r for r in creating if r["type"] == REPOSITORY):
        # Fails where the run was killed before Google had made it: `up` will.
        pulumi(
            *("import", REPOSITORY, resource["urn"].rpartition("::")[2], _full_name(resource["inputs"])),
            *("--parent", f"parent={resource['parent']}"),
            *("--protect=false", "--generate-code=false", "--yes", "--skip-preview"),
        )
    return pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates").returncode


def _full_name(inputs: Mapping[str, str]) -> str:
    parent = f"projects/{inputs['project']}/locations/{inputs['location']}"
    return f"{parent}/repositories/{inputs['repositoryId']}"
