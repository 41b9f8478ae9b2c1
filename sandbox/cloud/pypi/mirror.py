"""The public Python index, as clients inside the sandbox and remote repositories see it.

Owns the requests to the real index, and the copies of what it answered. Planted packages are in `planted`.
The public index needs no login and takes no uploads. Nothing here sends a request to a host that the
sandbox emulates. A login to the real index is sent, never stored.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import requests
from pypi_simple import DistributionPackage, NoSuchProjectError, PyPISimple, UnsupportedRepoVersionError
from requests.utils import urldefragauth
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.cloud.core.blobs import CHUNK_BYTES, Blobs, Draft
from sandbox.cloud.core.errors import Json, not_found
from sandbox.cloud.core.store import Store
from sandbox.cloud.packaging.distributions import BadDistribution, parse_filename
from sandbox.cloud.packaging.pages import normalise, show_links
from sandbox.cloud.pypi.configured_index import find_host, is_emulated
from sandbox.cloud.pypi.files import RemoteFile, UnreachableError, unavailable
from sandbox.cloud.pypi.planted import list_planted

# A copy of a page is used for this time; Google's is unknown. It is short, so that users see a new release
# soon. Files never change under their digest.
PAGE_SECONDS = 60
# To connect, and between two reads. Clients wait longer for the sandbox.
TIMEOUT_SECONDS = (5, 30)
_PAGES = "public-index/pages/"
_FILES = "public-index/files/"

_Result = TypeVar("_Result")


class _EmulatedHostError(requests.RequestException):
    """An address that must not be requested."""


class PublicIndex:
    """The index that pip uses on this machine, with the planted packages."""

    def __init__(self, store: Store, blobs: Blobs, address: str, own_proxy: str) -> None:
        """Create the index without a request.

        Args:
            store: the store of pages and planted packages.
            blobs: the store of files.
            address: the index's address, such as pip's `index-url`.
            own_proxy: the sandbox's proxy. A gateway that starts in an open shell of the sandbox
                inherits it, and must not send requests to itself.
        """
        self._store = store
        self._blobs = blobs
        self._address = urldefragauth(address)
        self._login = _read_login(address)
        self._own_proxy = own_proxy
        self.host = find_host(address)

    def routes(self) -> list[BaseRoute]:
        """The routes of pages and files, both on one host."""
        pages = urlsplit(self._address).path.rstrip("/")
        return [
            Route(f"{pages}/{{package}}/", show_page),
            Route(f"{pages.rpartition('/')[0]}/files/{{package}}/{{filename}}", send_file),
        ]

    async def find(self, package: str) -> list[RemoteFile]:
        """A package's files, planted ones included; empty for a package that nobody published.

        Raises:
            UnreachableError: the real index does not answer, and the package has no planted files.
        """
        with self._store.transaction():
            planted = list_planted(self._store, package)
            page = self._store.get(f"{_PAGES}{package}") or {"fetched": 0}
        if page["fetched"] + PAGE_SECONDS < time.time():
            try:
                page = await run_in_threadpool(self._fetch_page, package)
            except UnreachableError:
                if not planted:
                    raise
                # So that users can try an attack without a network.
                page = {"files": []}
            else:
                with self._store.transaction():
                    self._store.put(f"{_PAGES}{package}", page)
        names = {file.filename for file in planted}
        real = [RemoteFile(**file) for file in page["files"] if file["filename"] not in names]
        return real + planted

    async def fetch(self, file: RemoteFile) -> str:
        """The SHA-256 of a file's content, which is fetched if the sandbox does not have it.

        Raises:
            UnreachableError.
        """
        if file.url is None:
            assert file.sha256  # noqa: S101  # `plant` sets it
            return file.sha256
        with self._store.transaction():
            known = self._store.get(f"{_FILES}{file.url}")
        if known:
            return known["sha256"]
        with self._blobs.draft() as draft:
            await run_in_threadpool(self._fetch_file, file.url, draft)
            if file.sha256 not in (None, draft.sha256):
                raise UnreachableError(f"{file.filename} came damaged, with sha256 {draft.sha256}")
            with self._store.transaction():
                self._store.put(f"{_FILES}{file.url}", {"sha256": draft.sha256})
                self._blobs.keep(draft)
            return draft.sha256

    def _fetch_page(self, package: str) -> Json:
        def fetch(session: requests.Session) -> list[RemoteFile]:
            client = PyPISimple(self._address, auth=self._login, session=session)
            try:
                page = client.get_project_page(package, timeout=TIMEOUT_SECONDS)
            except NoSuchProjectError:
                return []
            return [file for file in map(_read_file, page.packages) if file]

        files = self._request(fetch)
        return {"fetched": time.time(), "files": [asdict(file) for file in files]}

    def _fetch_file(self, url: str, draft: Draft) -> None:
        def fetch(session: requests.Session) -> None:
            # The login is only for the index, not for another host of its files.
            login = self._login if urlsplit(url)[:2] == urlsplit(self._address)[:2] else None
            with session.get(url, auth=login, stream=True, timeout=TIMEOUT_SECONDS) as answer:
                answer.raise_for_status()
                for chunk in answer.iter_content(CHUNK_BYTES):
                    draft.write(chunk)

        self._request(fetch)
        draft.sync()

    def _request(self, fetch: Callable[[requests.Session], _Result]) -> _Result:
        """Send requests to the real index, with the user's own environment."""
        with _Session() as session:
            # The authorities that pip trusts: its configured file, otherwise the system's.
            trusted = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
            session.verify = trusted or True
            if self._own_proxy in map(os.environ.get, ("HTTPS_PROXY", "https_proxy")):
                session.trust_env = False
            try:
                return fetch(session)
            except _EmulatedHostError as error:
                raise UnreachableError(str(error)) from error
            # ValueError: an answer that is not a page of an index.
            except (requests.RequestException, UnsupportedRepoVersionError, ValueError, OSError) as error:
                how = type(error).__name__
                raise UnreachableError(f"the public index does not answer ({how})") from error


class _Session(requests.Session):
    """Sends no request to a host that the sandbox emulates, even if a page or a redirect leads there."""

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        host = urlsplit(request.url or "").hostname or ""
        if is_emulated(str(host)):
            raise _EmulatedHostError(
                f"the public index leads to {host}, a host that the sandbox emulates and never contacts"
            )
        return super().send(request, **more)


def _read_login(address: str) -> tuple[str, str] | None:
    parts = urlsplit(address)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def _read_file(file: DistributionPackage) -> RemoteFile | None:
    """A file of a page; None for kinds that clients no longer install (eggs, installers)."""
    try:
        version = parse_filename(file.filename).version
    except BadDistribution:
        return None
    return RemoteFile(
        filename=file.filename,
        version=version,
        sha256=(file.digests or {}).get("sha256"),
        requires_python=file.requires_python,
        yanked=(file.yanked_reason or "") if file.is_yanked else None,
        url=urldefragauth(file.url),
    )


async def show_page(request: Request) -> Response:
    index: PublicIndex = request.app.state.public_index
    name = request.path_params["package"]
    package = normalise(name)
    if package != name:
        return RedirectResponse(f"{request.url.path.removesuffix(f'{name}/')}{package}/")
    try:
        files = await index.find(package)
    except UnreachableError as error:
        raise unavailable(error) from error
    if not files:
        raise not_found()
    return show_links(package, files, f"../../files/{package}")


async def send_file(request: Request) -> Response:
    index: PublicIndex = request.app.state.public_index
    filename = request.path_params["filename"]
    package = normalise(request.path_params["package"])
    try:
        for file in await index.find(package):
            if file.filename == filename:
                sha256 = await index.fetch(file)
                path = request.app.state.blobs.path(sha256)
                return FileResponse(path, media_type="application/octet-stream")
    except UnreachableError as error:
        raise unavailable(error) from error
    raise not_found()
