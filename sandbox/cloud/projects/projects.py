"""Projects, and the APIs that are enabled in each.

Owns the documents of both, and the refusal of a request to an API that is off. The hosts that show and
change them are in `resource_manager` and `service_usage`.

A project of the sandbox is created when its id is first used, as if its owner had just created it. Service
Usage and Resource Manager are enabled in it, and every other API is disabled.
"""

from __future__ import annotations

import hashlib
import re
import time

from sandbox.cloud.core.clock import now
from sandbox.cloud.core.errors import Json, permission_denied, service_disabled
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import OWNER
from sandbox.cloud.iam.policies import grant

RESOURCE_MANAGER = "cloudresourcemanager.googleapis.com"
LOGGING = "logging.googleapis.com"
SERVICE_USAGE = "serviceusage.googleapis.com"
# The services that can be enabled here, with the titles that Google's messages use.
SERVICES = {
    "artifactregistry.googleapis.com": "Artifact Registry API",
    "cloudkms.googleapis.com": "Cloud Key Management Service (KMS) API",
    RESOURCE_MANAGER: "Cloud Resource Manager API",
    "composer.googleapis.com": "Cloud Composer API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "iamcredentials.googleapis.com": "IAM Service Account Credentials API",
    LOGGING: "Cloud Logging API",
    SERVICE_USAGE: "Service Usage API",
    "storage.googleapis.com": "Cloud Storage API",
    "sts.googleapis.com": "Security Token Service API",
}
DEFAULT_SERVICES = (RESOURCE_MANAGER, SERVICE_USAGE)
# "Creating and managing projects": 6 to 30 lowercase letters, digits and hyphens, a letter first.
PROJECT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")


def get_project(store: Store, name: str) -> Json:
    """The project of that id or number; a new id creates a project.

    Raises:
        GoogleError: PERMISSION_DENIED for a name that cannot be a project. Google gives the same answer
            for a project that the principal cannot see.
    """
    alias = store.get(f"project-numbers:{name}")
    project_id = alias["projectId"] if alias else name
    existing = store.get(f"projects/{project_id}")
    if existing:
        return existing
    if not PROJECT_ID.fullmatch(project_id):
        raise permission_denied("resourcemanager.projects.get", f"{RESOURCE_MANAGER}/projects/{name}")
    # Twelve digits that a reset does not change, so that users can compare outputs between runs.
    digest = int(hashlib.sha256(project_id.encode()).hexdigest(), 16)
    number = str(10**11 + digest % (9 * 10**11))
    project: Json = {
        "projectNumber": number,
        "projectId": project_id,
        "lifecycleState": "ACTIVE",
        "name": project_id,
        "createTime": now(),
    }
    store.put(f"projects/{project_id}", project)
    store.put(f"project-numbers:{number}", {"projectId": project_id})
    for service in DEFAULT_SERVICES:
        enable_service(store, project_id, service, usable_at=0)
    grant(store, f"projects/{project_id}", "roles/owner", OWNER)
    return project


def require_service(store: Store, project_id: str, service: str) -> None:
    """Refuse a request to an API that is disabled, or was enabled moments ago.

    Raises:
        GoogleError: PERMISSION_DENIED with reason SERVICE_DISABLED.
    """
    state = store.get(f"projects/{project_id}/services/{service}")
    if state is None or time.time() < state["usableAt"]:
        number = get_project(store, project_id)["projectNumber"]
        raise service_disabled(service, SERVICES[service], number)


def enable_service(store: Store, project_id: str, service: str, usable_at: float) -> None:
    """Enable an API in a project; no effect if it is enabled already."""
    name = f"projects/{project_id}/services/{service}"
    if store.get(name) is None:
        store.put(name, {"service": service, "usableAt": usable_at})
