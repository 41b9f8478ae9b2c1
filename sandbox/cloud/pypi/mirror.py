"""The public Python index, as clients inside the sandbox and remote repositories see it.

Owns the way to the real one (whichever pip is configured with), what was fetched of it, and the
packages planted beside it, as if a stranger had published them. It needs no login, and takes no uploads.
Nothing here goes to a host that the sandbox imitates; a login to the real index is sent, never stored.
"""

from __future__ import annotations

import logging
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
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
from sandbox.cloud.core.errors import GoogleError, Json, not_found
from sandbox.cloud.core.store import Store
from sandbox.cloud.python_index.distributions import BadDistribution, check_file, parse_filename
from sandbox.cloud.python_index.pages import Link, normalise, show_links

# Google's zones, every host of which the sandbox answers for, and none of which it asks.
IMITATED = ("googleapis.com", "pkg.dev")
# How long a fetched page is taken for the truth, unknown at Google; the sandbox's own, short enough to
# see a new release within a try or two. Files never change under their digest.
PAGE_SECONDS = 60
# To connect, and between two reads; the sandbox's own, less than clients wait for it.
TIMEOUT_SECONDS = (5, 30)
# Clients ask loopback past any proxy: an index that is configured there is imitated under this name.
LOOPBACK_STANDS_FOR = "public-index.example"
_PAGES = "public-index/pages/"
_FILES = "public-index/files/"
_PLANTED = "public-index/planted/"

_Result = TypeVar("_Result")


class _ImitatedHostError(requests.RequestException):
    """An address that must not be asked."""


class UnreachableError(Exception):
    """The real index did not answer; the message says how, without the address and its login."""


@dataclass(frozen=True, kw_only=True)
class Published(Link):
    """A file of the public index."""

    url: str | None
    """Where the real index has it; None for a planted one, whose content is here."""


def read_configured_index() -> str:
    """The address of the index that pip uses here.

    The one that pip is built with, where the configured one is Google's own: no request of the sandbox
    may go there, and its host would be taken for an imitated one that needs no login.

    Raises:
        RuntimeError: pip cannot be run.
    """
    address = _read_index()
    if "****" in address:
        # The help hides a login, the configuration does not.
        for value in re.findall(r"[.]index-url='(\S+)'", _ask_pip("config", "list")):
            known, hidden = urlsplit(value), urlsplit(address)
            if (known.hostname, known.path) == (hidden.hostname, hidden.path):
                address = value
    host = find_host(address)
    if _is_googles(host):
        # A file of nothing beside: `--isolated` leaves the machine's own configuration in force.
        address = _read_index("--isolated", PIP_CONFIG_FILE=os.devnull)
        logging.warning(
            "pip's index is on %s, which the sandbox imitates and never asks: "
            "its public index is pip's default, %s.",
            host,
            address,
        )
    return address


def _read_index(*options: str, **variables: str) -> str:
    """The index from pip's own help: pip has no other word for it."""
    said = re.search(
        r"--index-url <url> .*? \(default (\S+)\)", _ask_pip(*options, "install", "--help", **variables)
    )
    if said is None:
        raise RuntimeError(
            "The public index is not known: `python -m pip install --help` does not name it."
        )
    return said[1]


def _ask_pip(*words: str, **variables: str) -> str:
    # Wide, so that no address is broken in two.
    environment = {**os.environ, "COLUMNS": "4000", **variables}
    command = [sys.executable, "-m", "pip", *words]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    return " ".join(done.stdout.split())


def find_host(address: str) -> str:
    """The host under which clients inside the sandbox find that index."""
    host = urlsplit(address).hostname or ""
    return LOOPBACK_STANDS_FOR if host == "localhost" or host.startswith("127.") else host


def _is_googles(host: str) -> bool:
    return f".{host.rstrip('.')}".endswith(tuple(f".{zone}" for zone in IMITATED))


def plant(store: Store, blobs: Blobs, path: Path) -> str:
    """Publish a file on the public index, as anybody could; returns what it is taken for.

    Raises:
        BadDistribution.
    """
    with blobs.draft() as draft:
        draft.write(path.read_bytes())
        draft.sync()
        made = check_file(draft.path, path.name)
        planted = Published(
            filename=made.filename,
            version=made.version,
            sha256=draft.sha256,
            requires_python=made.requires_python,
            url=None,
        )
        with store.transaction():
            store.put(f"{_PLANTED}{made.package}/{made.filename}", asdict(planted))
            blobs.keep(draft)
    return f"{made.package} {made.version}"


def unplant(store: Store) -> None:
    """Take everything planted off the public index."""
    with store.transaction():
        store.delete_below(_PLANTED)


class PublicIndex:
    """The index that pip is configured with, and what is planted beside it."""

    def __init__(self, store: Store, blobs: Blobs, address: str, own_proxy: str) -> None:
        """Begin; nothing is asked yet.

        Args:
            store: for pages, and what is planted.
            blobs: for files.
            address: the index's address, such as pip's `index-url`.
            own_proxy: the sandbox's proxy. A gateway that is started in an open shell of the sandbox
                inherits it, and must not ask itself.
        """
        self._store = store
        self._blobs = blobs
        self._address = urldefragauth(address)
        self._login = _read_login(address)
        self._own_proxy = own_proxy
        self.host = find_host(address)

    def routes(self) -> list[BaseRoute]:
        """Its pages where clients look for them, and files beside, so that no second host is needed."""
        pages = urlsplit(self._address).path.rstrip("/")
        return [
            Route(f"{pages}/{{package}}/", show_page),
            Route(f"{pages.rpartition('/')[0]}/files/{{package}}/{{filename}}", send_file),
        ]

    async def find(self, package: str) -> list[Published]:
        """A package's files, planted ones included; none for a package that nobody published.

        Raises:
            UnreachableError: the real index does not answer, and nothing is planted under the name.
        """
        with self._store.transaction():
            planted = [Published(**file) for file in self._store.below(f"{_PLANTED}{package}/")]
            page = self._store.get(f"{_PAGES}{package}") or {"fetched": 0}
        if page["fetched"] + PAGE_SECONDS < time.time():
            try:
                page = await run_in_threadpool(self._fetch_page, package)
            except UnreachableError:
                if not planted:
                    raise
                # So that an attack can be tried without a network.
                page = {"files": []}
            else:
                with self._store.transaction():
                    self._store.put(f"{_PAGES}{package}", page)
        names = {file.filename for file in planted}
        real = [Published(**file) for file in page["files"] if file["filename"] not in names]
        return real + planted

    async def fetch(self, file: Published) -> str:
        """The SHA-256 under which a file's content is here, fetched if need be.

        Raises:
            UnreachableError.
        """
        if file.url is None:
            assert file.sha256  # noqa: S101  # `plant` wrote it
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
        def ask(session: requests.Session) -> list[Published]:
            client = PyPISimple(self._address, auth=self._login, session=session)
            try:
                page = client.get_project_page(package, timeout=TIMEOUT_SECONDS)
            except NoSuchProjectError:
                return []
            return [file for file in map(_read_file, page.packages) if file]

        files = self._ask(ask)
        return {"fetched": time.time(), "files": [asdict(file) for file in files]}

    def _fetch_file(self, url: str, draft: Draft) -> None:
        def ask(session: requests.Session) -> None:
            # Its login is for the index alone, not for where it keeps its files.
            login = self._login if urlsplit(url)[:2] == urlsplit(self._address)[:2] else None
            with session.get(url, auth=login, stream=True, timeout=TIMEOUT_SECONDS) as answer:
                answer.raise_for_status()
                for chunk in answer.iter_content(CHUNK_BYTES):
                    draft.write(chunk)

        self._ask(ask)
        draft.sync()

    def _ask(self, ask: Callable[[requests.Session], _Result]) -> _Result:
        """Ask the real index, by the user's own environment."""
        with _Session() as session:
            # What pip trusts: the file it is told of, else the system's authorities.
            trusted = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
            session.verify = trusted or True
            if self._own_proxy in map(os.environ.get, ("HTTPS_PROXY", "https_proxy")):
                session.trust_env = False
            try:
                return ask(session)
            except _ImitatedHostError as error:
                raise UnreachableError(str(error)) from error
            # ValueError: an answer that is no page of an index, of whatever kind.
            except (requests.RequestException, UnsupportedRepoVersionError, ValueError, OSError) as error:
                how = type(error).__name__
                raise UnreachableError(f"the public index does not answer ({how})") from error


class _Session(requests.Session):
    """Asks no host that the sandbox imitates, wherever a page or a redirect leads."""

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        host = urlsplit(request.url or "").hostname or ""
        if _is_googles(str(host)):
            raise _ImitatedHostError(
                f"the public index leads to {host}, which the sandbox imitates and never asks"
            )
        return super().send(request, **more)


def _read_login(address: str) -> tuple[str, str] | None:
    parts = urlsplit(address)
    if parts.username is None:
        return None
    return unquote(parts.username), unquote(parts.password or "")


def _read_file(file: DistributionPackage) -> Published | None:
    """A file as it is listed; None for kinds that no client takes any more (eggs, installers)."""
    try:
        version = parse_filename(file.filename).version
    except BadDistribution:
        return None
    return Published(
        filename=file.filename,
        version=version,
        sha256=(file.digests or {}).get("sha256"),
        requires_python=file.requires_python,
        yanked=(file.yanked_reason or "") if file.is_yanked else None,
        url=urldefragauth(file.url),
    )


def unavailable(error: UnreachableError) -> GoogleError:
    """What a client is told of an index that does not answer."""
    return GoogleError("UNAVAILABLE", f"The sandbox has no copy of this, and {error}.")


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
