"""Impersonation of a service account: `iamcredentials.googleapis.com` gives short-lived tokens."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.auth.access_tokens import mint_token
from sandbox.cloud.core.errors import GoogleError, invalid, read_list, read_object
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import find_account
from sandbox.cloud.iam.policies import check_login, has_permission
from sandbox.cloud.iam.roles import ACT_AS_ACCOUNT
from sandbox.cloud.iam.service_accounts import HOST as IAM
from sandbox.cloud.projects.projects import require_service

HOST = "iamcredentials.googleapis.com"
# GenerateAccessTokenRequest.lifetime in the reference: an hour by default, and at most (an organisation's
# policy can raise it, which the sandbox does not emulate).
LIFETIME_SECONDS = 60 * 60
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


async def generate_access_token(request: Request) -> Response:
    """A token of the account. The path must have `-` as the project: Google refuses any other."""
    store: Store = request.app.state.store
    principal = request.state.principal
    check_login(principal)
    account = find_account(store, request.path_params["account"])
    if account is None:
        # The answer does not tell a missing account from a refusal: "(or it may not exist)".
        raise _denied()
    require_service(store, account["projectId"], HOST)
    granted = has_permission(
        store, principal, ACT_AS_ACCOUNT, account["name"], f"projects/{account['projectId']}"
    )
    # Google's text for a disabled account is unknown.
    if account.get("disabled") or not granted:
        raise _denied()
    body = await read_object(request)
    scopes = read_list(body, "scope", str)
    if not scopes:
        raise invalid("scope: at least one is required.")
    if body.get("delegates"):
        raise invalid("The sandbox does not emulate chains of delegates.")
    lifetime = DURATION.fullmatch(str(body.get("lifetime") or f"{LIFETIME_SECONDS}s"))
    seconds = float(lifetime[1]) if lifetime else 0
    if not 0 < seconds <= LIFETIME_SECONDS:
        raise invalid(f"lifetime: must be a duration of at most {LIFETIME_SECONDS}s.")
    # Whole seconds: google-auth does not parse fractions.
    expires = datetime.fromtimestamp(time.time() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    token = mint_token(store, f"serviceAccount:{account['email']}", seconds, scopes=scopes)
    return JSONResponse({"accessToken": token, "expireTime": expires})


def _denied() -> GoogleError:
    return GoogleError(
        "PERMISSION_DENIED",
        f"Permission '{ACT_AS_ACCOUNT}' denied on resource (or it may not exist).",
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "IAM_PERMISSION_DENIED",
            "domain": IAM,
            "metadata": {"permission": ACT_AS_ACCOUNT},
        },
    )


ROUTES = [
    Route(
        "/v1/projects/-/serviceAccounts/{account}:generateAccessToken",
        generate_access_token,
        methods=["POST"],
    )
]
