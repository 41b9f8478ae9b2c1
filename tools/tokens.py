"""Short-lived access tokens: one's own, and those of the stack's accounts.

Owns what a person is told where there is none. Keeps nothing: a token goes to whoever asked for it.
"""

from __future__ import annotations

import json
import logging
import warnings
from typing import Any

import google.auth
from google.auth import exceptions, impersonated_credentials
from google.auth.transport.requests import Request

from tools.errors import ToolError

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
# GenerateAccessTokenRequest.lifetime: an hour is the most that Google gives without further ado.
LIFETIME_SECONDS = 60 * 60
LOGIN = "gcloud auth application-default login"
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"  # noqa: S105  # a role


def own_token() -> str:
    """The caller's own token, by application default credentials.

    Raises:
        ToolError: there is no login, or it is no longer good.
    """
    return str(_own_credentials().token)


def impersonated_token(email: str, role: str) -> str:
    """A token of the stack's account of that role, by the caller's right to act as it.

    Raises:
        ToolError: there is no login, or Google refuses; says which grant is missing.
    """
    acting = impersonated_credentials.Credentials(
        source_credentials=_own_credentials(),
        target_principal=email,
        target_scopes=SCOPES,
        lifetime=LIFETIME_SECONDS,
    )
    try:
        acting.refresh(Request())
    except exceptions.RefreshError as error:
        reason, message = _refusal(error)
        if reason == "IAM_PERMISSION_DENIED":
            raise ToolError(
                f"You may not act as {email}: that takes {TOKEN_CREATOR} on the account, which not even "
                "the project's owners have. Add yourself to the stack's file and run `pulumi up`:\n"
                f"  python-registry:impersonators:\n    {role}:\n      - user:you@example.com"
            ) from error
        raise ToolError(f"Google gives no token of {email}: {message}") from error
    except exceptions.GoogleAuthError as error:
        raise ToolError(f"Google cannot be reached: {error}") from error
    return str(acting.token)


def _own_credentials() -> Any:
    # Both are about quota projects, of which a token needs none.
    logging.getLogger("google.auth").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            credentials, _ = google.auth.default(scopes=SCOPES)
        credentials.refresh(Request())
    except exceptions.DefaultCredentialsError as error:
        raise ToolError(f"You are not logged in ({error}). Run\n  {LOGIN}") from error
    except exceptions.RefreshError as error:
        raise ToolError(f"Your login is no longer good ({error.args[0]}). Run\n  {LOGIN}") from error
    except exceptions.GoogleAuthError as error:
        raise ToolError(f"Google cannot be reached: {error}") from error
    return credentials


def _refusal(error: exceptions.RefreshError) -> tuple[str, str]:
    """The reason and the message in the answer that google-auth hands on as text."""
    try:
        refusal = json.loads(error.args[1])["error"]
        reasons = [detail.get("reason", "") for detail in refusal.get("details", [])]
        return (reasons or [""])[0], refusal["message"]
    except (IndexError, ValueError, TypeError, KeyError):
        return "", str(error.args[0])
