"""Steps of a preview, built by hand for one property at a time."""

from __future__ import annotations

import json
from typing import Any

from tests.tools.summary.recording import summarize_text

BINDING = "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding"
MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
WRITER = {"repository": "python", "role": "roles/artifactregistry.writer", "member": "user:a@example.com"}


def step(
    op: str, token: str, old: dict[str, Any] | None = None, new: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Return a step of a document, named after its type. `more` is part of the old state."""
    return {
        "op": op,
        "urn": f"urn:pulumi:dev::p::{token}::{token.rpartition(':')[2]}",
        "oldState": None if old is None else {"custom": True, "inputs": old, "outputs": old, **more},
        "newState": None if new is None else {"custom": True, "inputs": new},
    }


def binding(*members: str, role: str = "roles/artifactregistry.reader") -> dict[str, Any]:
    return {"repository": "python", "role": role, "members": list(members)}


def summarize_steps(*steps: dict[str, Any]) -> str:
    return summarize_text(json.dumps({"changeSummary": {}, "steps": steps}))
