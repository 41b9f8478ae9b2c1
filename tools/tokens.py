"""Short-lived access tokens: of the caller, and of the stack's service accounts.

Owns the messages for a missing login and a missing grant. Stores no token.
"""

from __future__ import annotations

import json
import logging
import warnings
from typing import Any

import google.auth
from google.auth import exceptions, impersonated_credentials
from google.auth.transport.requests import AuthorizedSession, Request

from components.names import TOKEN_CREATOR
from tools.errors import ToolError

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
# GenerateAccessTokenRequest.lifetime: Google allows one hour unless an organization policy extends it.
LIFETIME_SECONDS = 60 * 60
LOGIN = "gcloud auth application-default login"


def own_token() -> str:
    """Return a token of the caller, from application default credentials.

    Raises:
        ToolError: there is no login, or it has expired.
    """
    return str(own_credentials().token)


def own_session() -> AuthorizedSession:
    """Return a session that sends the caller's token.

    Raises:
        ToolError: there is no login, or it has expired.
    """
    return AuthorizedSession(own_credentials())


def impersonated_token(email: str, role: str) -> str:
    """Return a token of the stack's account of that role, if the caller may impersonate it.

    Raises:
        ToolError: there is no login, or Google refuses. The message names the missing grant.
    """
    return str(account_credentials(email, role).token)


def account_credentials(email: str, role: str) -> Any:
    """Return credentials of the stack's account of that role. They renew their token.

    Raises:
        ToolError: there is no login, or Google refuses. The message names the missing grant.
    """
    account = impersonated_credentials.Credentials(
        source_credentials=own_credentials(),
        target_principal=email,
        target_scopes=SCOPES,
        lifetime=LIFETIME_SECONDS,
    )
    try:
        account.refresh(Request())
    except exceptions.RefreshError as error:
        reason, message = _read_refusal(error)
        if reason == "IAM_PERMISSION_DENIED":
            raise ToolError(
                f"You cannot act as {email}. You need the role {TOKEN_CREATOR} on that account; project "
                "owners do not have it by default. Add yourself to the stack file and run `pulumi up`:\n"
                f"  python-registry:impersonators:\n    {role}:\n      - user:you@example.com"
            ) from error
        raise ToolError(f"Google refuses a token of {email}: {message}") from error
    except exceptions.GoogleAuthError as error:
        raise ToolError(f"Cannot connect to Google: {error}") from error
    return account


def own_credentials() -> Any:
    """Return the application default credentials of the caller. They renew their token.

    Raises:
        ToolError: there is no login, or it has expired.
    """
    # Both warn about quota projects. A token does not need one.
    logging.getLogger("google.auth").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            credentials, _ = google.auth.default(scopes=SCOPES)
        credentials.refresh(Request())
    except exceptions.DefaultCredentialsError as error:
        raise ToolError(f"You are not logged in ({error}). Run\n  {LOGIN}") from error
    except exceptions.RefreshError as error:
        raise ToolError(
            f"Your login has expired or was revoked ({error.args[0]}). Run\n  {LOGIN}"
        ) from error
    except exceptions.GoogleAuthError as error:
        raise ToolError(f"Cannot connect to Google: {error}") from error
    return credentials


def _read_refusal(error: exceptions.RefreshError) -> tuple[str, str]:
    """Return the reason and the message of Google's answer, which google-auth keeps as text."""
    try:
        refusal = json.loads(error.args[1])["error"]
        reasons = [detail.get("reason", "") for detail in refusal.get("details", [])]
        return (reasons or [""])[0], refusal["message"]
    except (IndexError, ValueError, TypeError, KeyError):
        return "", str(error.args[0])
