"""The deployed repositories with their policies and versions, from the Artifact Registry API.

Owns the requests, the pages of lists, and the messages for missing access.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, unquote

from google.auth import exceptions
from google.auth.transport.requests import AuthorizedSession

from components.names import READER
from tools.cleanup.rules import Version
from tools.errors import ToolError

API = "https://artifactregistry.googleapis.com/v1"
# "Maximum page size is 1,000" (ListPackagesRequest, ListVersionsRequest).
PAGE_SIZE = 1000
TIMEOUT_SECONDS = 60
# A long list is many requests, so Google can limit their rate.
RETRIED_STATUSES = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
WAITS_SECONDS = (1, 2, 4, 8, 16)

Json = Mapping[str, Any]
Progress = Callable[[int, int], None]


def read_repository(session: AuthorizedSession, name: str) -> Json | None:
    """Return the repository of that full name, or None if there is none.

    Raises:
        ToolError: the caller may not read it, or Google cannot be reached.
    """
    return _get(session, name, {})


def read_versions(session: AuthorizedSession, name: str, progress: Progress) -> list[Version]:
    """Return all versions of a repository.

    Args:
        session: a session with the caller's token.
        name: the repository's full name.
        progress: gets the number of packages that are read, and of all packages.

    Raises:
        ToolError: the caller may not list them, or Google cannot be reached.
    """
    packages = [package["name"] for package in _list(session, f"{name}/packages", "packages")]
    versions: list[Version] = []
    for number, package in enumerate(packages):
        progress(number, len(packages))
        for version in _list(session, f"{package}/versions", "versions"):
            _, _, ids = version["name"].partition("/packages/")
            package_id, _, version_id = ids.partition("/versions/")
            created = datetime.fromisoformat(version["createTime"])
            versions.append(Version(unquote(package_id), unquote(version_id), created))
    return versions


def _list(session: AuthorizedSession, collection: str, field: str) -> Iterator[Json]:
    """Yield the documents of a collection, from all pages."""
    token = ""
    while True:
        page = _get(session, collection, {"pageSize": PAGE_SIZE, "pageToken": token}) or {}
        yield from page.get(field, [])
        token = page.get("nextPageToken", "")
        if not token:
            return


def _get(session: AuthorizedSession, name: str, parameters: Mapping[str, str | int]) -> Json | None:
    """Return the document, or None if it does not exist."""
    # An id in a name is escaped already, and its escape is a part of the id.
    url = f"{API}/{quote(name, safe='/')}"
    request = partial(cast("Any", session).get, url, params=parameters, timeout=TIMEOUT_SECONDS)
    try:
        answer = request()
        for seconds in WAITS_SECONDS:
            if answer.status_code not in RETRIED_STATUSES:
                break
            time.sleep(seconds)
            answer = request()
        body: Any = answer.json()
    # requests raises these, and so does its JSON parser.
    except (OSError, ValueError, exceptions.GoogleAuthError) as error:
        raise ToolError(f"Cannot read {name}: {error}") from error
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return None
    if answer.status_code != HTTPStatus.OK:
        message = body.get("error", {}).get("message", answer.reason)
        help_text = ""
        if answer.status_code == HTTPStatus.FORBIDDEN:
            help_text = f" You need the role {READER} on this repository."
        raise ToolError(f"Google refuses to read {name}: {message}{help_text}")
    return body
