"""A new project of a sandbox, and requests to Google's APIs about it."""

from __future__ import annotations

import itertools
from typing import Any

from sandbox.cloud.iam.members import OWNER
from tests.support.sandbox import Sandbox

REGISTRY = "https://artifactregistry.googleapis.com/v1"
IAM = "https://iam.googleapis.com/v1"
USAGE = "https://serviceusage.googleapis.com/v1"
MANAGER = "https://cloudresourcemanager.googleapis.com/v1"
STANDARD = {"format": "PYTHON", "mode": "STANDARD_REPOSITORY"}
_projects = (f"cloud-rules-{n}" for n in itertools.count(1))


class Cloud:
    """A new project of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.project = f"projects/{next(_projects)}"
        self.repositories = f"{REGISTRY}/{self.project}/locations/us/repositories"
        self.accounts = f"{IAM}/{self.project}/serviceAccounts"

    def ask(self, method: str, url: str, body: Any = None, member: str = OWNER) -> tuple[int, Any]:
        return self.sandbox.ask(method, url, body, member)

    def enable(self, *services: str) -> None:
        for service in services:
            assert self.ask("POST", f"{USAGE}/{self.project}/services/{service}:enable", {})[0] == 200

    def make(self, repository: str, **more: Any) -> tuple[int, Any]:
        return self.ask("POST", f"{self.repositories}?repository_id={repository}", {**STANDARD, **more})


def message(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["message"]
