"""Service accounts, as `iam.googleapis.com` keeps them."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.access import delete_policy, policy_routes, require
from sandbox.cloud.errors import GoogleError, Json, invalid, not_found
from sandbox.cloud.faults import read_faults
from sandbox.cloud.projects import get_project, require_service
from sandbox.cloud.store import Store

HOST = "iam.googleapis.com"
# "Create service accounts": 6 to 30 lowercase letters, digits and hyphens, a letter first.
ACCOUNT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
# ServiceAccount.displayName in the IAM reference: 100 UTF-8 bytes.
DISPLAY_NAME_BYTES = 100


def _published(account: Json) -> Json:
    return {key: value for key, value in account.items() if not key.endswith("At")}


def _etag(account: Json) -> str:
    text = f"{account['displayName']}\n{account['description']}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:6]).decode()


def _find(request: Request, verb: str) -> Json:
    """The account that the request names by e-mail address, if the caller may do that to it.

    Project `-` is read from the address, as Google does.
    """
    store: Store = request.app.state.store
    project, key = request.path_params["project"], request.path_params["key"]
    if project == "-":
        project = key.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
    project_id = get_project(store, project)["projectId"]
    require_service(store, project_id, HOST)
    account = store.get(f"projects/{project_id}/serviceAccounts/{key}")
    if account is None:
        raise not_found()
    parent = f"projects/{project_id}"
    permission = f"iam.serviceAccounts.{verb}"
    require(store, request.state.caller, permission, HOST, account["name"], parent)
    return account


def _policy_holder(request: Request, verb: str) -> str:
    return _find(request, verb)["name"]


async def create_account(request: Request) -> Response:
    store = request.app.state.store
    project_id = get_project(store, request.path_params["project"])["projectId"]
    require_service(store, project_id, HOST)
    parent = f"projects/{project_id}"
    require(store, request.state.caller, "iam.serviceAccounts.create", HOST, parent)
    body = await request.json()
    account_id = body.get("accountId", "")
    if not ACCOUNT_ID.fullmatch(account_id):
        raise invalid(f"Invalid account id: {account_id!r} must match {ACCOUNT_ID.pattern}.")
    wanted = body.get("serviceAccount", {})
    if len(wanted.get("displayName", "").encode()) > DISPLAY_NAME_BYTES:
        raise invalid(f"The display name must not exceed {DISPLAY_NAME_BYTES} bytes.")
    email = f"{account_id}@{project_id}.iam.gserviceaccount.com"
    name = f"{parent}/serviceAccounts/{email}"
    if store.get(name):
        raise GoogleError(
            "ALREADY_EXISTS",
            f"Service account {account_id} already exists within project {parent}.",
        )
    faults = read_faults(store)
    number = str(10**20 + secrets.randbelow(9 * 10**20))
    account = {
        "name": name,
        "projectId": project_id,
        "uniqueId": number,
        "email": email,
        "displayName": wanted.get("displayName", ""),
        "description": wanted.get("description", ""),
        "oauth2ClientId": number,
        "readableAt": time.time() + faults.account_delay,
        "grantableAt": time.time() + faults.account_delay + faults.member_delay,
    }
    account["etag"] = _etag(account)
    store.put(name, account)
    return JSONResponse(_published(account))


async def list_accounts(request: Request) -> Response:
    store = request.app.state.store
    project_id = get_project(store, request.path_params["project"])["projectId"]
    require_service(store, project_id, HOST)
    parent = f"projects/{project_id}"
    require(store, request.state.caller, "iam.serviceAccounts.list", HOST, parent)
    accounts = store.children(f"{parent}/serviceAccounts")
    return JSONResponse({"accounts": [_published(account) for account in accounts]})


async def describe_account(request: Request) -> Response:
    account = _find(request, "get")
    if time.time() < account["readableAt"]:
        raise not_found()
    return JSONResponse(_published(account))


async def update_account(request: Request) -> Response:
    account = _find(request, "update")
    body = await request.json()
    wanted = body.get("serviceAccount", {})
    if wanted.get("etag", account["etag"]) != account["etag"]:
        raise GoogleError("ABORTED", "There were concurrent changes to the service account.")
    fields = {"display_name": "displayName", "displayName": "displayName"}
    fields["description"] = "description"
    for path in body.get("updateMask", "").split(","):
        if path not in fields:
            raise invalid(f"Invalid update mask: {path!r} is none of {', '.join(fields)}.")
        account[fields[path]] = wanted.get(fields[path], "")
    account["etag"] = _etag(account)
    request.app.state.store.put(account["name"], account)
    return JSONResponse(_published(account))


async def delete_account(request: Request) -> Response:
    account = _find(request, "delete")
    request.app.state.store.delete(account["name"])
    delete_policy(request.app.state.store, account["name"])
    return JSONResponse({})


_ACCOUNT = "/v1/projects/{project}/serviceAccounts/{key}"
ROUTES = [
    Route("/v1/projects/{project}/serviceAccounts", create_account, methods=["POST"]),
    Route("/v1/projects/{project}/serviceAccounts", list_accounts),
    *policy_routes(_ACCOUNT, _policy_holder),
    Route(_ACCOUNT, describe_account),
    Route(_ACCOUNT, update_account, methods=["PATCH"]),
    Route(_ACCOUNT, delete_account, methods=["DELETE"]),
]
