"""Logins to package indexes with a key file of a service account, without an exchange for a token.

Owns the user names of such a login and the check of its key. Google documents both names: "Configure
authentication to Artifact Registry for Python package repositories" has `_json_key_base64`, as
`gcloud artifacts print-settings python --json-key` writes it, and other formats have `_json_key` too.
"""

from __future__ import annotations

import base64
import functools
import json
from typing import Any, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from sandbox.cloud.auth.access_tokens import check_enabled
from sandbox.cloud.auth.scopes import CLOUD_PLATFORM
from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import Principal, find_account
from sandbox.cloud.iam.service_accounts import public_key

RAW, BASE64 = "_json_key", "_json_key_base64"
USERS = (RAW, BASE64)


def identify_by_key(store: Store, user: str, password: str) -> Principal:
    """The service account that a key file identifies.

    Args:
        store: the cloud's state.
        user: one of `USERS`.
        password: the key file's content, in base64 for `_json_key_base64`.

    Raises:
        GoogleError: UNAUTHENTICATED for any other text, a deleted key or account, a disabled account, and a
            private key that does not belong to the account's public key.
    """
    key = _parse(user, password)
    email, key_id = key.get("client_email"), key.get("private_key_id")
    private = key.get("private_key")
    if key.get("type") != "service_account" or not (_is_text(email) and _is_text(key_id, private)):
        raise _refused(f"The password of {user} must be the key file of a service account.")
    account = find_account(store, cast(str, email))
    if account is None:
        raise _refused("The account of this key does not exist.")
    known = public_key(store, account, cast(str, key_id))
    if known is None or known != _public_half(cast(str, private)):
        raise _refused("This key is deleted, or it is not a key of its account.")
    member = f"serviceAccount:{account['email']}"
    check_enabled(store, member)
    return Principal(member, scopes=(CLOUD_PLATFORM,))


def _parse(user: str, password: str) -> dict[str, Any]:
    try:
        # GNU's base64 breaks its lines, and Google's page for Docker passes such a file on as it is.
        text = base64.b64decode("".join(password.split()), validate=True) if user == BASE64 else password
        key = json.loads(text)
    except (ValueError, RecursionError):
        key = None
    return cast(dict[str, Any], key) if isinstance(key, dict) else {}


def _is_text(*values: object) -> bool:
    """Whether all values are texts that can be stored and compared."""
    return all(isinstance(value, str) and value.isascii() for value in values)


# The check of a private key takes more time than the rest of a request, and a client logs in often.
@functools.lru_cache(maxsize=64)
def _public_half(private_key: str) -> str | None:
    """The public half (PEM) of a private key, or None. The library checks that both halves match."""
    try:
        public = load_pem_private_key(private_key.encode(), None).public_key()
    # TypeError: the key is encrypted.
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _refused(message: str) -> GoogleError:
    # Google's texts are unknown.
    return GoogleError("UNAUTHENTICATED", message)
