"""The exchange of a login for an access token: `oauth2.googleapis.com`.

Owns the two grants that Google's client libraries use: an assertion signed with a service account's key,
and a refresh token of a person's login. Errors have the form of OAuth (RFC 6749), not that of Google's
APIs. Their texts are Google's, as users report them.
"""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.auth.access_tokens import fingerprint, mint_token, revoke_token
from sandbox.cloud.auth.scopes import CLOUD_PLATFORM
from sandbox.cloud.core.errors import Json
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import find_account
from sandbox.cloud.iam.service_accounts import TOKEN_URI, public_key

HOST = "oauth2.googleapis.com"
# "Using OAuth 2.0 for Server to Server Applications": an hour, for the assertion and for the token.
# Google's answer says one second less.
GRANT_SECONDS = 60 * 60
# The OAuth client of the logins of the sandbox (`sandbox.runtime.environment`). Installed applications
# have no confidential secret.
CLIENT_ID, CLIENT_SECRET = "sandbox.apps.googleusercontent.com", "sandbox"

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
WINDOW = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


class _Refused(Exception):
    """An answer in RFC 6749's form."""

    def __init__(self, description: str, error: str = "invalid_grant", status: int = 400) -> None:
        super().__init__(description)
        self.response = JSONResponse({"error": error, "error_description": description}, status_code=status)


def issue_refresh_token(store: Store, member: str) -> str:
    """Create a login: a token to exchange for access tokens until it is revoked. Stored as a hash."""
    token = f"1//sandbox-{secrets.token_urlsafe(32)}"
    store.put(_login(token), {"member": member})
    return token


def logged_in(store: Store, refresh_token: str) -> str | None:
    """The member of a refresh token, or None if it is revoked."""
    login = store.get(_login(refresh_token))
    return login["member"] if login else None


async def exchange(request: Request) -> Response:
    """`POST /token`."""
    store: Store = request.app.state.store
    form = await _form(request)
    grant = form.get("grant_type", "")
    try:
        if grant == JWT_BEARER:
            member, scope = _check_assertion(store, form)
        elif grant == "refresh_token":
            member, scope = _check_refresh_token(store, form), form.get("scope", CLOUD_PLATFORM)
        else:
            raise _Refused(f"Invalid grant_type: {grant}", "unsupported_grant_type")
    except _Refused as refused:
        return refused.response
    answer: Json = {
        "access_token": mint_token(store, member, GRANT_SECONDS, scopes=scope.split()),
        "expires_in": GRANT_SECONDS - 1,
        "token_type": "Bearer",
    }
    if grant == "refresh_token":
        answer["scope"] = scope
    return JSONResponse(answer)


async def revoke(request: Request) -> Response:
    """`POST /revoke`, for a refresh token or an access token."""
    store: Store = request.app.state.store
    token = (await _form(request)).get("token", "")
    if logged_in(store, token) is not None:
        store.delete(_login(token))
    elif not revoke_token(store, token):
        return _Refused("Token expired or revoked", "invalid_token").response
    return JSONResponse({})


def _check_assertion(store: Store, form: dict[str, str]) -> tuple[str, str]:
    """The account that signed an assertion, and the scopes in it."""
    assertion = form.get("assertion", "")
    try:
        key_id = jwt.get_unverified_header(assertion).get("kid", "")
        claimed = jwt.decode(assertion, options={"verify_signature": False})
        issuer = str(claimed.get("iss"))
        f"{key_id}{issuer}".encode()
    # Apart from the library's errors: claims nested too deep, or with half a surrogate pair in a name.
    except (jwt.InvalidTokenError, RecursionError, UnicodeEncodeError) as error:
        raise _Refused("Invalid JWT Signature.") from error
    account = find_account(store, issuer)
    if account is None or account.get("disabled"):
        # The same text for both, as the library's maintainers say (googleapis/google-cloud-php 3622).
        raise _Refused("Invalid grant: account not found")
    key = public_key(store, account, key_id)
    try:
        # Google's answer does not tell a deleted key from a wrong signature.
        if key is None:
            raise jwt.InvalidSignatureError
        claims = jwt.decode(
            assertion,
            key,
            algorithms=["RS256"],
            audience=TOKEN_URI,
            options={"require": ["iat", "exp", "aud"]},
        )
        if int(claims["exp"]) - int(claims["iat"]) > GRANT_SECONDS:
            raise jwt.ExpiredSignatureError
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as error:
        raise _Refused("Invalid JWT Signature.") from error
    except jwt.InvalidAudienceError as error:
        raise _Refused("Invalid JWT: Failed audience check.") from error
    except (jwt.InvalidTokenError, OverflowError, TypeError) as error:
        raise _Refused("Invalid JWT: Failed audience check." if "aud" not in claimed else WINDOW) from error
    if claims.get("sub", account["email"]) != account["email"]:
        # Domain-wide delegation: no account here has it.
        text = "Client is unauthorized to retrieve access tokens using this method."
        raise _Refused(text, "unauthorized_client", 401)
    if not claims.get("scope"):
        raise _Refused("Invalid OAuth scope or ID token audience provided.", "invalid_scope")
    return f"serviceAccount:{account['email']}", str(claims["scope"])


def _check_refresh_token(store: Store, form: dict[str, str]) -> str:
    """The member who logged in with a refresh token."""
    if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        raise _Refused("The OAuth client was not found.", "invalid_client", 401)
    member = logged_in(store, form.get("refresh_token", ""))
    if member is None:
        raise _Refused("Token has been expired or revoked.")
    return member


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    return {key: values[0] for key, values in parse_qs(body).items()}


def _login(refresh_token: str) -> str:
    return f"logins:{fingerprint(refresh_token)}"


ROUTES = [
    Route("/token", exchange, methods=["POST"]),
    Route("/revoke", revoke, methods=["POST"]),
]
