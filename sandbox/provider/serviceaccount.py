"""gcp:serviceaccount/account:Account, a service account, and the roles on one:
gcp:serviceaccount/iAMBinding:IAMBinding and gcp:serviceaccount/iAMMember:IAMMember.

Google shows a new account only after a while. So `create` reads it until it was found a few times in a row,
as the real provider does. The real provider then waits another ten seconds; this one does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from sandbox.provider.iam_policy import (
    BINDING_FIELDS,
    MEMBER_FIELDS,
    POLICY_VERSION,
    IamBinding,
    IamMember,
    IamPolicy,
)
from sandbox.provider.resources import (
    DELETION_POLICY,
    PROJECT,
    Cloud,
    ResourceType,
    match_id,
)
from sandbox.provider.rest import CONFLICT, ProviderError, error_context, has_status
from sandbox.provider.schema import COMPUTED, FLAG, TEXT, Field
from sandbox.provider.values import UNKNOWN, Json, Props

IAM = "https://iam.googleapis.com/v1"
# resource_google_service_account.go: verify.ValidateRFC1035Name(6, 30), StringLenBetween(0, 256).
ID_LENGTHS, ID_PATTERN = (6, 30), "^[a-z]([-a-z0-9]*[a-z0-9])?$"
DESCRIPTION_LENGTH = 256
# The same file: how long the provider waits for a new account and for a change, and how often in a row it
# must read them.
CREATE_SECONDS, UPDATE_SECONDS, READS_IN_A_ROW = 5 * 60.0, 60.0, 3
IMPORT_IDS = (
    r"projects/(?P<project>[^/]+)/serviceAccounts/(?P<email>[^/]+)",
    r"(?P<project>[^/]+)/(?P<email>[^/]+)",
    r"(?P<email>[^/]+)",
)
# verify/validation.go: ServiceAccountLinkRegex, assembled from its parts.
_DOMAIN = r"(?:(?:[-a-z0-9]{1,63}\.)*(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?):)?"
_PROJECT = r"(?:[0-9]{1,19}|(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)"
ACCOUNT_LINK = (
    rf"projects/{_DOMAIN}{_PROJECT}|-)/serviceAccounts/({_DOMAIN}{_PROJECT})@[a-z]+.gserviceaccount.com$"
    r"|[0-9]{1,20}-compute@developer.gserviceaccount.com"
    r"|[a-z]([-a-z0-9]{4,28}[a-z0-9])?@[-a-z0-9\.]{1,63}\.iam\.gserviceaccount\.com$)"
)


def _validate_account_id(value: str, name: str) -> Iterator[str]:
    shortest, longest = ID_LENGTHS
    if not shortest <= len(value) <= longest:
        yield f'"{name}" ("{value}") must be between {shortest} and {longest} characters long'
    if not re.search(ID_PATTERN, value):
        yield f'"{name}" ("{value}") must match regex "{ID_PATTERN}"'


def _validate_description(value: str, name: str) -> Iterator[str]:
    if len(value) > DESCRIPTION_LENGTH:
        yield f"expected length of {name} to be in the range (0 - {DESCRIPTION_LENGTH}), got {value}"


class Account(ResourceType):
    token = "gcp:serviceaccount/account:Account"  # noqa: S105 - a type's name
    fields = {  # noqa: RUF012 - declared by the base
        "accountId": Field(required=True, replaces=True, validate=_validate_account_id),
        "displayName": TEXT,
        "description": Field(zero="", validate=_validate_description),
        "disabled": FLAG,
        "createIgnoreAlreadyExists": Field(),
        "project": PROJECT,
        "deletionPolicy": DELETION_POLICY,
        "email": COMPUTED,
        "member": COMPUTED,
        "name": COMPUTED,
        "uniqueId": COMPUTED,
    }
    # The bridge sets it if the program gives a name that the bridge can generate (accountId: AutoName).
    delete_before_replace = True

    def customize(self, planned: Props, prior: Props | None, cloud: Cloud) -> Props:
        # A default of Terraform that the bridge does not show to the engine.
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
        except ProviderError as error:
            if not (planned.get("createIgnoreAlreadyExists") and has_status(error, CONFLICT)):
                raise ProviderError(f"Error creating service account: {error}") from error
            email = _email(planned["accountId"], project)
            answer = {"name": f"projects/{project}/serviceAccounts/{email}"}
        reads = 0
        for _ in cloud.api.attempts(CREATE_SECONDS):
            reads = reads + 1 if cloud.api.find(f"{IAM}/{answer['name']}") else 0
            if reads == READS_IN_A_ROW:
                break
        return answer["name"], None

    def read(self, resource_id: str, state: Props, cloud: Cloud) -> Props | None:
        with error_context(f'Error when reading or editing Service Account "{resource_id}"'):
            found = cloud.api.find(f"{IAM}/{resource_id}")
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

    def update(self, resource_id: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        masks = {"description": "description", "displayName": "display_name"}
        desired = {key: planned.get(key) or "" for key in masks if key in changed}
        with error_context(f'Error retrieving service account "{resource_id}"'):
            found = cloud.api.call("GET", f"{IAM}/{resource_id}")
        if "disabled" in changed:
            verb = "disable" if planned.get("disabled") else "enable"
            cloud.api.call("POST", f"{IAM}/{resource_id}:{verb}", {})
        if not desired:
            return
        texts = {key: planned[key] for key in ("displayName", "description") if planned.get(key)}
        body = {
            "serviceAccount": {**texts, "etag": found.get("etag")},
            "updateMask": ",".join(masks[key] for key in desired),
        }
        cloud.api.call("PATCH", f"{IAM}/{resource_id}", body)
        reads, stale = 0, ""
        for _ in cloud.api.attempts(UPDATE_SECONDS):
            found = cloud.api.find(f"{IAM}/{resource_id}") or {}
            stale = next((key for key in desired if found.get(key, "") != desired[key]), "")
            reads = 0 if stale else reads + 1
            if reads == READS_IN_A_ROW:
                return
        raise ProviderError(
            f"got pending status \"Field '{masks[stale]}' is not updated. "
            f"Expected '{desired[stale]}' but was '{found.get(stale, '')}'\""
        )

    def delete(self, resource_id: str, state: Props, cloud: Cloud) -> None:
        with error_context("Error deleting service account"):
            cloud.api.call("DELETE", f"{IAM}/{resource_id}")

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        parts = match_id(IMPORT_IDS, resource_id, cloud)
        return f"projects/{parts['project']}/serviceAccounts/{parts['email']}", {}


def _email(account_id: str, project: str) -> str:
    return f"{account_id}@{project}.iam.gserviceaccount.com"


def _validate_account_link(value: str, name: str) -> Iterator[str]:
    if not re.search(ACCOUNT_LINK, value):
        yield f'"{name}" ("{value}") doesn\'t match regexp {json.dumps(ACCOUNT_LINK)}'


class _AccountPolicy(IamPolicy):
    key = "serviceAccountId"
    fields = {  # noqa: RUF012 - declared by the base
        "serviceAccountId": Field(required=True, replaces=True, validate=_validate_account_link)
    }
    api = IAM
    title = "service account '{}'"

    def locate(self, state: Props, cloud: Cloud) -> Props:
        return {"serviceAccountId": state["serviceAccountId"]}

    def get(self, name: str, cloud: Cloud) -> Json:
        query = {"options.requestedPolicyVersion": str(POLICY_VERSION)}
        return cloud.api.call("POST", f"{IAM}/{name}:getIamPolicy", **query)


class AccountIamBinding(IamBinding):
    token = "gcp:serviceaccount/iAMBinding:IAMBinding"  # noqa: S105
    policy, fields = _AccountPolicy(), {**_AccountPolicy.fields, **BINDING_FIELDS}


class AccountIamMember(IamMember):
    token = "gcp:serviceaccount/iAMMember:IAMMember"  # noqa: S105
    policy, fields = _AccountPolicy(), {**_AccountPolicy.fields, **MEMBER_FIELDS}
