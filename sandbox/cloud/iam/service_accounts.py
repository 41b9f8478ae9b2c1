"""Service accounts and their keys: `iam.googleapis.com`.

Owns the life cycle of both. The store has only the public half of a key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.core.errors import GoogleError, Json, invalid, not_found, read_field, read_object
from sandbox.cloud.core.faults import read_faults
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import ACCOUNT_DOMAIN
from sandbox.cloud.iam.policies import check_permission, delete_policy, policy_routes, replace_member
from sandbox.cloud.projects.projects import get_project, require_service

HOST = "iam.googleapis.com"
# "Create service accounts": 6 to 30 lowercase letters, digits and hyphens, a letter first.
ACCOUNT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
# ServiceAccount.displayName in the IAM reference: 100 UTF-8 bytes.
DISPLAY_NAME_BYTES = 100
# ServiceAccountKey in the IAM reference: the defaults of `keys.create`. The sandbox creates no other keys.
KEY_TYPE, KEY_ALGORITHM, KEY_BITS = "TYPE_GOOGLE_CREDENTIALS_FILE", "KEY_ALG_RSA_2048", 2048
# A key file names the address for its assertions, and google-auth sends them there.
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
# Google's keys do not expire unless an organisation's policy limits them.
NEVER = "9999-12-31T23:59:59Z"


def _published(account: Json) -> Json:
    return {key: value for key, value in account.items() if not key.endswith("At")}


def _etag(account: Json) -> str:
    text = f"{account['displayName']}\n{account['description']}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:6]).decode()


def _find(request: Request, permission: str) -> Json:
    """The account that the request names by e-mail address, if the principal has that permission on it.

    If the project is `-`, the address names it, as at Google.
    """
    store: Store = request.app.state.store
    project, key = request.path_params["project"], request.path_params["key"]
    if project == "-":
        project = key.partition("@")[2].removesuffix(ACCOUNT_DOMAIN)
    project_id = get_project(store, project)["projectId"]
    require_service(store, project_id, HOST)
    account = store.get(f"projects/{project_id}/serviceAccounts/{key}")
    if account is None:
        raise not_found()
    parent = f"projects/{project_id}"
    check_permission(store, request.state.principal, f"iam.{permission}", HOST, account["name"], parent)
    return account


def _policy_holder(request: Request, verb: str) -> str:
    return _find(request, f"serviceAccounts.{verb}")["name"]


async def create_account(request: Request) -> Response:
    store = request.app.state.store
    project_id = get_project(store, request.path_params["project"])["projectId"]
    require_service(store, project_id, HOST)
    parent = f"projects/{project_id}"
    check_permission(store, request.state.principal, "iam.serviceAccounts.create", HOST, parent)
    body = await read_object(request)
    account_id = read_field(body, "accountId", "")
    if not ACCOUNT_ID.fullmatch(account_id):
        raise invalid(f"Invalid account id: {account_id!r} must match {ACCOUNT_ID.pattern}.")
    texts = _read_texts(read_field(body, "serviceAccount", Json()))
    email = f"{account_id}@{project_id}{ACCOUNT_DOMAIN}"
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
        **texts,
        "oauth2ClientId": number,
        "readableAt": time.time() + faults.account_delay,
        "grantableAt": time.time() + faults.account_delay + faults.member_delay,
    }
    account["etag"] = _etag(account)
    store.put(name, account)
    return JSONResponse(_published(account))


def _read_texts(fields: Json) -> dict[str, str]:
    """The fields of an account that a request can set."""
    texts = {field: read_field(fields, field, "") for field in ("displayName", "description")}
    if len(texts["displayName"].encode()) > DISPLAY_NAME_BYTES:
        raise invalid(f"The display name must not exceed {DISPLAY_NAME_BYTES} bytes.")
    return texts


async def list_accounts(request: Request) -> Response:
    store = request.app.state.store
    project_id = get_project(store, request.path_params["project"])["projectId"]
    require_service(store, project_id, HOST)
    parent = f"projects/{project_id}"
    check_permission(store, request.state.principal, "iam.serviceAccounts.list", HOST, parent)
    accounts = store.children(f"{parent}/serviceAccounts")
    return JSONResponse({"accounts": [_published(account) for account in accounts]})


async def describe_account(request: Request) -> Response:
    account = _find(request, "serviceAccounts.get")
    if time.time() < account["readableAt"]:
        raise not_found()
    return JSONResponse(_published(account))


async def update_account(request: Request) -> Response:
    account = _find(request, "serviceAccounts.update")
    body = await read_object(request)
    desired = read_field(body, "serviceAccount", Json())
    texts = _read_texts(desired)
    if read_field(desired, "etag", account["etag"]) != account["etag"]:
        raise GoogleError("ABORTED", "There were concurrent changes to the service account.")
    fields = {"display_name": "displayName", "displayName": "displayName"}
    fields["description"] = "description"
    for path in read_field(body, "updateMask", "").split(","):
        if path not in fields:
            raise invalid(f"Invalid update mask: {path!r} is not one of {', '.join(fields)}.")
        account[fields[path]] = texts[fields[path]]
    account["etag"] = _etag(account)
    request.app.state.store.put(account["name"], account)
    return JSONResponse(_published(account))


async def disable_account(request: Request) -> Response:
    return _set_disabled(request, disabled=True)


async def enable_account(request: Request) -> Response:
    return _set_disabled(request, disabled=False)


def _set_disabled(request: Request, *, disabled: bool) -> Response:
    account = _find(request, f"serviceAccounts.{'disable' if disabled else 'enable'}")
    # An answer of Google has no fields that are false.
    account.pop("disabled", None)
    if disabled:
        account["disabled"] = True
    request.app.state.store.put(account["name"], account)
    return JSONResponse({})


async def delete_account(request: Request) -> Response:
    account = _find(request, "serviceAccounts.delete")
    store: Store = request.app.state.store
    for key in store.children(_keys(account)):
        store.delete(key["name"])
    store.delete(account["name"])
    delete_policy(store, account["name"])
    # "Policy" in the IAM reference: a binding of the deleted account never counts for a new account with
    # the same address, and Google accepts this form in a new policy.
    member = f"serviceAccount:{account['email']}"
    replace_member(store, member, f"deleted:{member}?uid={account['uniqueId']}")
    return JSONResponse({})


def public_key(store: Store, account: Json, key_id: str) -> str | None:
    """The public half (PEM) of a key of the account, or None."""
    key = store.get(f"{_keys(account)}/{key_id}")
    return key["publicKey"] if key else None


def _keys(account: Json) -> str:
    return f"{account['name']}/keys"


def _published_key(key: Json) -> Json:
    return {name: value for name, value in key.items() if name != "publicKey"}


def _find_key(request: Request, verb: str) -> Json:
    account = _find(request, f"serviceAccountKeys.{verb}")
    key = request.app.state.store.get(f"{_keys(account)}/{request.path_params['key_id']}")
    if key is None:
        raise not_found()
    return key


async def create_key(request: Request) -> Response:
    account = _find(request, "serviceAccountKeys.create")
    body = await read_object(request)
    for field, value in (("privateKeyType", KEY_TYPE), ("keyAlgorithm", KEY_ALGORITHM)):
        if body.get(field, value) != value:
            raise invalid(f"The sandbox creates keys with {field} {value}, not {body[field]}.")
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    key_id = secrets.token_hex(20)
    key = {
        "name": f"{_keys(account)}/{key_id}",
        "privateKeyType": KEY_TYPE,
        "keyAlgorithm": KEY_ALGORITHM,
        "validAfterTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "validBeforeTime": NEVER,
        "keyOrigin": "GOOGLE_PROVIDED",
        "keyType": "USER_MANAGED",
        "publicKey": private.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    }
    request.app.state.store.put(key["name"], key)
    file = {
        "type": "service_account",
        "project_id": account["projectId"],
        "private_key_id": key_id,
        "private_key": private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "client_email": account["email"],
        "client_id": account["uniqueId"],
        "token_uri": TOKEN_URI,
        "universe_domain": "googleapis.com",
    }
    data = base64.b64encode(json.dumps(file, indent=2).encode()).decode()
    return JSONResponse({**_published_key(key), "privateKeyData": data})


async def list_keys(request: Request) -> Response:
    account = _find(request, "serviceAccountKeys.list")
    keys = request.app.state.store.children(_keys(account))
    return JSONResponse({"keys": [_published_key(key) for key in keys]})


async def describe_key(request: Request) -> Response:
    return JSONResponse(_published_key(_find_key(request, "get")))


async def delete_key(request: Request) -> Response:
    request.app.state.store.delete(_find_key(request, "delete")["name"])
    return JSONResponse({})


_ACCOUNT = "/v1/projects/{project}/serviceAccounts/{key}"
ROUTES = [
    Route("/v1/projects/{project}/serviceAccounts", create_account, methods=["POST"]),
    Route("/v1/projects/{project}/serviceAccounts", list_accounts),
    *policy_routes(_ACCOUNT, _policy_holder),
    Route(f"{_ACCOUNT}:disable", disable_account, methods=["POST"]),
    Route(f"{_ACCOUNT}:enable", enable_account, methods=["POST"]),
    Route(_ACCOUNT, describe_account),
    Route(_ACCOUNT, update_account, methods=["PATCH"]),
    Route(_ACCOUNT, delete_account, methods=["DELETE"]),
    Route(f"{_ACCOUNT}/keys", create_key, methods=["POST"]),
    Route(f"{_ACCOUNT}/keys", list_keys),
    Route(f"{_ACCOUNT}/keys/{{key_id}}", describe_key),
    Route(f"{_ACCOUNT}/keys/{{key_id}}", delete_key, methods=["DELETE"]),
]
