"""The host `LOCATION-python.pkg.dev`: its login, its refusals and its routes.

The handlers wait for clients, disks and the public index, but never inside a transaction.
"""

from __future__ import annotations

import base64
import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.cloud.auth import key_logins
from sandbox.cloud.auth.access_tokens import identify
from sandbox.cloud.core.errors import HTTP_STATUS, GoogleError
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import Principal
from sandbox.cloud.python_index.download import DOWNLOADS, begin_download, send_file
from sandbox.cloud.python_index.simple import show_page
from sandbox.cloud.python_index.upload import upload

DOMAIN = "-python.pkg.dev"
HOST = f"{{location}}{DOMAIN}"
# All hosts of Artifact Registry: LOCATION-FORMAT.pkg.dev.
ALL_FORMATS = ".pkg.dev"
# The release notes of Artifact Registry, 1 March 2022: this host "is no longer available".
_OLD_DOMAIN = "-pypi.pkg.dev"
# Google accepts an access token only with this user name (uv 9778: under `__token__` it answers 401).
USER = "oauth2accesstoken"
# Google's realm is unknown. pip, uv and twine only need the 401, and ask the keyring for any realm.
CHALLENGE = 'Basic realm="Artifact Registry"'
# Google's answer to the root of an index: it does not list packages (bazel rules_python 3709, 3826).
_NOTHING = """<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That's an error.</ins>
  <p>  <ins>That's all we know.</ins>
"""


def identify_client(store: Store, request: Request) -> Principal:
    """The principal that Basic or Bearer credentials identify; none for a download, whose token is enough.

    Raises:
        GoogleError: UNAUTHENTICATED.
    """
    if request.scope["path"].startswith(DOWNLOADS):
        return Principal(member=None)
    authorization = request.headers.get("authorization", "")
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
        except ValueError:
            # For text that is not ASCII, not base64 or not UTF-8.
            user, token = "", ""
        if user in key_logins.USERS:
            return key_logins.identify_by_key(store, user, token)
        if user != USER:
            raise GoogleError("UNAUTHENTICATED", f"Log in as {USER}, with an access token as password.")
        authorization = f"Bearer {token}"
    principal = identify(store, authorization)
    if principal.member is None:
        raise GoogleError("UNAUTHENTICATED", "This index needs a login: an OAuth 2 access token.")
    return principal


def refusal(error: GoogleError) -> Response:
    """An error in the form of this host: one line of text."""
    # Google's APIs answer 409, but this host answers 400 to an upload of an existing file (twine 816).
    status = 400 if error.status == "ALREADY_EXISTS" else HTTP_STATUS[error.status]
    headers = {"WWW-Authenticate": CHALLENGE} if error.status == "UNAUTHENTICATED" else {}
    return PlainTextResponse(f"{error.message}\n", status, headers)


def explain_other_host(host: str) -> str | None:
    """A sentence about a host of Artifact Registry that has no Python index; None for all other hosts."""
    host = host.lower()
    if not re.fullmatch(rf"[a-z0-9.-]*{re.escape(ALL_FORMATS)}", host) or host.endswith(DOMAIN):
        return None
    if host.endswith(_OLD_DOMAIN):
        new = f"{host.removesuffix(_OLD_DOMAIN)}{DOMAIN}"
        return f"{host} is the host of the alpha version, which Google closed in March 2022: use {new}"
    return f"{host} is not the host of a Python index, which is LOCATION{DOMAIN}"


async def refuse_rest(_: Request) -> Response:
    return HTMLResponse(_NOTHING, 404)


_REPOSITORY = "/{project}/{repository}"
ROUTES = [
    Route(f"{DOWNLOADS}namespaces/{{project}}/repositories/{{repository}}/downloads/{{token}}", send_file),
    # poetry, uv and Cloud Build send an upload to the configured address as it is, with or without the last
    # slash, and poetry follows no redirect.
    Route(f"{_REPOSITORY}/", upload, methods=["POST"]),
    Route(_REPOSITORY, upload, methods=["POST"]),
    Route(f"{_REPOSITORY}/simple/{{package}}/", show_page),
    Route(f"{_REPOSITORY}/{{package}}/{{filename}}", begin_download),
]
