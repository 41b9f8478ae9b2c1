"""The entries of Cloud Audit Logs about cleanups, in the form that Google's page on dry runs reads.

Google writes them only if the project has Data Access audit logs for Artifact Registry (DATA_WRITE). The
sandbox always writes them.
"""

from __future__ import annotations

import uuid

from sandbox.cloud.core.errors import Json
from sandbox.cloud.core.store import Store
from sandbox.cloud.projects.logs import write_entry

SERVICE = "artifactregistry.googleapis.com"
# "Artifact Registry audit logging": the method, and the type of its entries.
METHOD = "google.devtools.artifactregistry.v1.ArtifactRegistry.BatchDeleteVersions"
LOG = "cloudaudit.googleapis.com%2Fdata_access"


def write_batch_deletion(
    store: Store, repository: str, versions: list[str], *, validate_only: bool, time: str
) -> None:
    """Write the entry of one cleanup. `validate_only` is what a dry run sets."""
    project = repository.split("/")[1]
    request: Json = {"parent": f"{repository}/packages/-", "names": versions}
    if validate_only:
        request["validateOnly"] = True
    labels = {"service": SERVICE, "method": METHOD, "project_id": project}
    entry = {
        "logName": f"projects/{project}/logs/{LOG}",
        "insertId": uuid.uuid4().hex,
        "timestamp": time,
        "severity": "INFO",
        "resource": {"type": "audited_resource", "labels": labels},
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": SERVICE,
            "methodName": METHOD,
            "resourceName": request["parent"],
            "request": request,
        },
    }
    write_entry(store, f"projects/{project}", entry)
