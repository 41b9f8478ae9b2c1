"""The downloads of an index: a redirect with a token, then the file.

Owns the tokens of downloads, and the copies that a remote repository keeps.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from sandbox.cloud.artifact_registry.packages import add_file, find_file
from sandbox.cloud.artifact_registry.rules import check_download
from sandbox.cloud.core.clock import now
from sandbox.cloud.core.errors import GoogleError, not_found
from sandbox.cloud.packaging.pages import SimpleLink, normalise
from sandbox.cloud.pypi.files import UnreachableError, unavailable
from sandbox.cloud.python_index.dependencies import Dependencies, find_repository, read_dependencies
from sandbox.cloud.python_index.upstreams import list_candidates, list_remote_files

# Google's limit is unknown. A client follows a redirect at once.
DOWNLOAD_SECONDS = 300
DOWNLOADS = "/artifacts-downloads/"


def logged_path(path: str) -> str:
    """A path for the log, without a download's token."""
    return re.sub(rf"^({DOWNLOADS}.*/).+", r"\1***", path)


class DownloadTokens:
    """Signs and reads the tokens of downloads. They are valid for minutes, and only in this process."""

    def __init__(self) -> None:
        self._fernet = Fernet(Fernet.generate_key())

    def make(self, place: str, sha256: str) -> str:
        """A token for that content, valid only at that place."""
        return self._fernet.encrypt(f"{place} {sha256}".encode()).decode()

    def read(self, place: str, token: str) -> str:
        """The SHA-256 of the content that a token is for.

        Raises:
            GoogleError: PERMISSION_DENIED, Google's status for a refused download (uv 20850).
        """
        try:
            text = self._fernet.decrypt(token.encode(), ttl=DOWNLOAD_SECONDS).decode()
        except InvalidToken:
            text = ""
        signed_place, _, sha256 = text.partition(" ")
        if signed_place != place:
            raise GoogleError("PERMISSION_DENIED", "This download address is not valid, or no longer.")
        return sha256


async def begin_download(request: Request) -> Response:
    cloud = read_dependencies(request)
    repository = find_repository(request, "downloadArtifacts")
    package, filename = request.path_params["package"], request.path_params["filename"]
    source = repository["name"]
    if normalise(package) != package:
        # Pages link only to the normalised name, and rules apply to it.
        raise not_found()
    with cloud.store.transaction():
        check_download(cloud.store, source, package)
    if repository["mode"] == "VIRTUAL_REPOSITORY":
        candidates = await list_candidates(cloud, repository, package)
        source = next((c.source for c in candidates if c.link.filename == filename), "")
        with cloud.store.transaction():
            check_download(cloud.store, source, package)
    sha256 = await _obtain(cloud, source, package, filename)
    place = _place(request)
    token = request.app.state.download_tokens.make(place, sha256)
    return RedirectResponse(f"{place}{quote(token)}")


def _place(request: Request) -> str:
    parts = request.path_params
    namespace, repository = parts["project"], parts["repository"]
    return f"{DOWNLOADS}namespaces/{namespace}/repositories/{repository}/downloads/"


async def _obtain(cloud: Dependencies, repository: str, package: str, filename: str) -> str:
    """The SHA-256 of a file in a standard or remote repository. A remote one fetches a new file."""
    with cloud.store.transaction():
        found = cloud.store.get(repository)
        known = find_file(cloud.store, repository, package, filename)
    if known:
        return known["sha256"]
    if found is None or found["mode"] != "REMOTE_REPOSITORY":
        raise not_found()
    for file in await list_remote_files(cloud, repository, package):
        if file.filename == filename:
            try:
                sha256 = await cloud.public_index.fetch(file)
            except UnreachableError as error:
                raise unavailable(error) from error
            _record(cloud, repository, package, replace(file.as_google_shows(), sha256=sha256))
            return sha256
    raise not_found()


def _record(cloud: Dependencies, repository: str, package: str, link: SimpleLink) -> None:
    """Write the documents of a file that a remote repository has just fetched."""
    size = cloud.blobs.path(link.sha256 or "").stat().st_size
    with cloud.store.transaction():
        # Another client can have downloaded the file, or deleted the repository, at the same time.
        new = find_file(cloud.store, repository, package, link.filename) is None
        if new and cloud.store.get(repository):
            add_file(cloud.store, repository, package, link, size, fetchTime=now())


async def send_file(request: Request) -> Response:
    cloud = read_dependencies(request)
    sha256 = request.app.state.download_tokens.read(_place(request), request.path_params["token"])
    file = FileResponse(cloud.blobs.path(sha256), media_type="application/octet-stream")
    if request.method == "HEAD":
        # Ranges work, but the answer to HEAD does not say so (uv 18998).
        del file.headers["accept-ranges"]
    return file
