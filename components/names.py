"""Names that other parts need without Pulumi: Google's roles, and the type of the access mode's anchor.

Owns no ids: those that follow from the settings are in `args.py`.
"""

from __future__ import annotations

# Artifact Registry's roles include each other: a writer can also read ("Access control with IAM").
READER = "roles/artifactregistry.reader"
WRITER = "roles/artifactregistry.writer"
ADMIN = "roles/artifactregistry.repoAdmin"
# Create short-lived tokens of a service account.
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"  # noqa: S105  # a role
# Act as a service account after a login at another issuer.
WORKLOAD_IDENTITY_USER = "roles/iam.workloadIdentityUser"

# Every grant is `deletedWith` a resource of this type. The token is part of released URNs.
ACCESS_MODE_ANCHOR = "python-registry:index:Access"
