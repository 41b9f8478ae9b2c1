"""Repositories of each mode, for tests of what changes them."""

from __future__ import annotations

from typing import Any

from tests.support.cloud import Cloud


def create_repositories(cloud: Cloud) -> str:
    """Create `python` and `stranger`, `index` over the first, and `pypi`; the name of the collection."""
    collection = f"{cloud.project}/locations/us/repositories"
    upstream = {"id": "private", "repository": f"{collection}/python", "priority": 20}
    first = {"id": "first", "action": "KEEP", "mostRecentVersions": {"keepCount": 1}}
    python = {"description": "old", "labels": {"team": "data"}, "cleanupPolicies": {"first": first}}
    remote = {"description": "PyPI", "pythonRepository": {"publicRepository": "PYPI"}}
    bodies: dict[str, dict[str, Any]] = {
        "python": python,
        "stranger": {},
        "index": {
            "mode": "VIRTUAL_REPOSITORY",
            "virtualRepositoryConfig": {"upstreamPolicies": [upstream]},
        },
        "pypi": {"mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": remote},
    }
    for name, body in bodies.items():
        answer = cloud.make(name, **body)
        assert answer[0] == 200, answer
    return collection


def read_fields(cloud: Cloud, repository: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Those fields of a repository, as a read shows them; None for a missing one."""
    status, read = cloud.ask("GET", f"{cloud.repositories}/{repository}")
    assert status == 200
    return {field: read.get(field) for field in fields}
