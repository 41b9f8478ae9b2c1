"""The predefined roles that can be granted here, and the permissions in each.

Owns the catalogue. `sandbox.cloud.iam.policies` applies it.
"""

from __future__ import annotations

# "Create short-lived credentials for a service account": the owner role does not include it.
ACT_AS_ACCOUNT = "iam.serviceAccounts.getAccessToken"
_READ = {
    f"artifactregistry.{permission}"
    for permission in (
        "files.download files.get files.list locations.get locations.list packages.get packages.list "
        "pythonpackages.get pythonpackages.list repositories.downloadArtifacts repositories.get "
        "repositories.list repositories.readViaVirtualRepository rules.get rules.list tags.get tags.list "
        "versions.get versions.list"
    ).split()
}
_WRITE = _READ | {
    f"artifactregistry.{permission}"
    for permission in (
        "files.update files.upload packages.update repositories.uploadArtifacts tags.create tags.update"
    ).split()
}
_MANAGE = _WRITE | {
    f"artifactregistry.{permission}"
    for permission in (
        "files.delete packages.delete repositories.deleteArtifacts rules.create rules.delete rules.update "
        "tags.delete versions.delete versions.update"
    ).split()
}
# Predefined roles, as "IAM roles and permissions index" lists them, without permissions that nothing here
# checks. `*` at the end of an entry matches any rest, but never `ACT_AS_ACCOUNT`.
ROLES: dict[str, set[str]] = {
    "roles/owner": {"*"},
    "roles/artifactregistry.reader": _READ,
    "roles/artifactregistry.writer": _WRITE,
    "roles/artifactregistry.repoAdmin": _MANAGE,
    "roles/artifactregistry.admin": {"artifactregistry.*"},
    "roles/serviceusage.serviceUsageAdmin": {"serviceusage.*"},
    "roles/serviceusage.serviceUsageViewer": {"serviceusage.services.get", "serviceusage.services.list"},
    "roles/iam.securityReviewer": {
        "artifactregistry.repositories.getIamPolicy",
        "iam.serviceAccounts.getIamPolicy",
        "iam.serviceAccounts.list",
    },
    "roles/iam.serviceAccountViewer": {"iam.serviceAccounts.get", "iam.serviceAccounts.list"},
    "roles/iam.serviceAccountAdmin": {"iam.serviceAccounts.*", "resourcemanager.projects.get"},
    "roles/iam.serviceAccountKeyAdmin": {"iam.serviceAccountKeys.*", "iam.serviceAccounts.get"},
    "roles/iam.serviceAccountTokenCreator": {ACT_AS_ACCOUNT, "iam.serviceAccounts.get"},
    "roles/storage.admin": {"storage.*"},
    "roles/storage.objectAdmin": {
        f"storage.objects.{verb}" for verb in ("create", "delete", "get", "list", "update")
    },
    "roles/storage.objectViewer": {"storage.objects.get", "storage.objects.list"},
    "roles/iam.workloadIdentityUser": {ACT_AS_ACCOUNT, "iam.serviceAccounts.get"},
    "roles/iam.workloadIdentityPoolAdmin": {
        *("iam.workloadIdentityPools.*", "iam.workloadIdentityPoolProviders.*"),
        "resourcemanager.projects.get",
    },
    "roles/iam.workloadIdentityPoolViewer": {
        f"iam.{what}.{verb}"
        for what in ("workloadIdentityPools", "workloadIdentityPoolProviders")
        for verb in ("get", "list")
    },
    "roles/browser": {"resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy"},
}


def includes_permission(role: str, permission: str) -> bool:
    """Whether a role includes the permission; a role that is not in the catalogue includes none."""
    permissions = ROLES.get(role, set())
    if permission in permissions or permission == ACT_AS_ACCOUNT:
        return permission in permissions
    return any(entry.endswith("*") and permission.startswith(entry[:-1]) for entry in permissions)
