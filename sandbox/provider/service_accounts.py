"""gcp:serviceaccount/account:Account — a service account.

An account is not there at once for everyone: it is looked for until it was seen a few times in a row,
as the real plug-in does (which then waits another ten seconds; this one does not).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sandbox.provider.resources import (
    DELETION_POLICY,
    PROJECT,
    Cloud,
    ResourceType,
    parse_by,
)
from sandbox.provider.rest import CONFLICT, PluginError, has_status, saying
from sandbox.provider.schema import COMPUTED, FLAG, TEXT, Field
from sandbox.provider.values import UNKNOWN, Props

IAM = "https://iam.googleapis.com/v1"
# resource_google_service_account.go: verify.ValidateRFC1035Name(6, 30), StringLenBetween(0, 256).
ID_LENGTHS, ID_PATTERN = (6, 30), "^[a-z]([-a-z0-9]*[a-z0-9])?$"
DESCRIPTION_LENGTH = 256
# The same file: how long a new account and a change are waited for, and how often in a row
# they must be seen.
CREATE_SECONDS, UPDATE_SECONDS, SIGHTINGS = 5 * 60.0, 60.0, 3
IMPORT_IDS = (
    r"projects/(?P<project>[^/]+)/serviceAccounts/(?P<email>[^/]+)",
    r"(?P<project>[^/]+)/(?P<email>[^/]+)",
    r"(?P<email>[^/]+)",
)


def _not_an_account_id(value: str, name: str) -> Iterator[str]:
    shortest, longest = ID_LENGTHS
    if not shortest <= len(value) <= longest:
        yield f'"{name}" ("{value}") must be between {shortest} and {longest} characters long'
    if not re.search(ID_PATTERN, value):
        yield f'"{name}" ("{value}") must match regex "{ID_PATTERN}"'


def _too_long(value: str, name: str) -> Iterator[str]:
    if len(value) > DESCRIPTION_LENGTH:
        yield f"expected length of {name} to be in the range (0 - {DESCRIPTION_LENGTH}), got {value}"


class Account(ResourceType):
    token = "gcp:serviceaccount/account:Account"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "accountId": Field(required=True, replaces=True, refuse=_not_an_account_id),
        "displayName": TEXT,
        "description": Field(zero="", refuse=_too_long),
        "disabled": FLAG,
        "createIgnoreAlreadyExists": Field(),
        "project": PROJECT,
        "deletionPolicy": DELETION_POLICY,
        "email": COMPUTED,
        "member": COMPUTED,
        "name": COMPUTED,
        "uniqueId": COMPUTED,
    }
    # The bridge sets it where a name that it could have made up was given (accountId: AutoName).
    delete_before_replace = True

    def customize(self, planned: Props, prior: Props | None, cloud: Cloud) -> Props:
        # A default of Terraform's that the bridge does not show to the engine.
        planned = {"disabled": False, **super().customize(planned, prior, cloud)}
        known = UNKNOWN not in (planned["accountId"], planned.get("project"))
        renamed = prior is None or prior.get("accountId") != planned["accountId"]
        if renamed and known and planned.get("project"):
            planned["email"] = _email(planned["accountId"], planned["project"])
            planned["member"] = f"serviceAccount:{planned['email']}"
        return planned

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        project = cloud.project_of(planned)
        texts = {key: planned[key] for key in ("displayName", "description") if planned.get(key)}
        body = {"accountId": planned["accountId"], "serviceAccount": texts}
        try:
            answer = cloud.api.call("POST", f"{IAM}/projects/{project}/serviceAccounts", body)
        except PluginError as error:
            if not (planned.get("createIgnoreAlreadyExists") and has_status(error, CONFLICT)):
                raise PluginError(f"Error creating service account: {error}") from error
            email = _email(planned["accountId"], project)
            answer = {"name": f"projects/{project}/serviceAccounts/{email}"}
        seen = 0
        for _ in cloud.api.attempts(CREATE_SECONDS):
            seen = seen + 1 if cloud.api.find(f"{IAM}/{answer['name']}") else 0
            if seen == SIGHTINGS:
                break
        return answer["name"], None

    def read(self, ident: str, state: Props, cloud: Cloud) -> Props | None:
        with saying(f'Error when reading or editing Service Account "{ident}"'):
            found = cloud.api.find(f"{IAM}/{ident}")
        if found is None:
            return None
        email = found["email"]
        return {
            "accountId": email.partition("@")[0],
            "displayName": found.get("displayName"),
            "description": found.get("description"),
            "disabled": found.get("disabled"),
            "project": found["projectId"],
            "email": email,
            "member": f"serviceAccount:{email}",
            "name": found["name"],
            "uniqueId": found["uniqueId"],
        }

    def update(self, ident: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        masks = {"description": "description", "displayName": "display_name"}
        wanted = {key: planned.get(key) or "" for key in masks if key in changed}
        with saying(f'Error retrieving service account "{ident}"'):
            found = cloud.api.call("GET", f"{IAM}/{ident}")
        if "disabled" in changed:
            verb = "disable" if planned.get("disabled") else "enable"
            cloud.api.call("POST", f"{IAM}/{ident}:{verb}", {})
        if not wanted:
            return
        texts = {key: planned[key] for key in ("displayName", "description") if planned.get(key)}
        body = {
            "serviceAccount": {**texts, "etag": found.get("etag")},
            "updateMask": ",".join(masks[key] for key in wanted),
        }
        cloud.api.call("PATCH", f"{IAM}/{ident}", body)
        seen, stale = 0, ""
        for _ in cloud.api.attempts(UPDATE_SECONDS):
            found = cloud.api.find(f"{IAM}/{ident}") or {}
            stale = next((key for key in wanted if found.get(key, "") != wanted[key]), "")
            seen = 0 if stale else seen + 1
            if seen == SIGHTINGS:
                return
        raise PluginError(
            f"got pending status \"Field '{masks[stale]}' is not updated. "
            f"Expected '{wanted[stale]}' but was '{found.get(stale, '')}'\""
        )

    def delete(self, ident: str, state: Props, cloud: Cloud) -> None:
        with saying("Error deleting service account"):
            cloud.api.call("DELETE", f"{IAM}/{ident}")

    def parse_id(self, ident: str, cloud: Cloud) -> tuple[str, Props]:
        parts = parse_by(IMPORT_IDS, ident, cloud)
        return f"projects/{parts['project']}/serviceAccounts/{parts['email']}", {}


def _email(account_id: str, project: str) -> str:
    return f"{account_id}@{project}.iam.gserviceaccount.com"
