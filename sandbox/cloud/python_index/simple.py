"""The package index at `LOCATION-python.pkg.dev`: what pip, uv and twine talk to.

Owns uploads, the simple index, downloads, and what virtual and remote repositories make of other
indexes. What a repository holds is kept by `packages`, what makes a file acceptable is known by
`distributions`. Handlers wait for clients, disks and the public index: never inside a transaction.
"""

from __future__ import annotations

import base64
import re
from dataclasses import asdict, dataclass, replace
from urllib.parse import quote

from cryptography.fernet import Fernet, InvalidToken
from packaging.utils import canonicalize_version
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive

from sandbox.cloud.artifact_registry.packages import add_file, find_file, list_links
from sandbox.cloud.artifact_registry.repositories import find_repository
from sandbox.cloud.artifact_registry.rules import check_download
from sandbox.cloud.core.blobs import CHUNK_BYTES, Blobs, Draft
from sandbox.cloud.core.errors import HTTP_STATUS, GoogleError, Json, invalid, not_found
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.policies import Caller, identify
from sandbox.cloud.projects.resource_manager import now
from sandbox.cloud.pypi.mirror import PublicIndex, Published, UnreachableError, unavailable
from sandbox.cloud.python_index.distributions import BadDistribution, Distribution, check_upload
from sandbox.cloud.python_index.pages import Link, normalise, show_links

DOMAIN = "-python.pkg.dev"
HOST = f"{{location}}{DOMAIN}"
# Google takes no other with an access token (uv 9778: a valid token under `__token__` is 401).
USER = "oauth2accesstoken"
# Unknown at Google: pip, uv and twine need the 401 alone, and keyring is asked for any realm.
CHALLENGE = 'Basic realm="Artifact Registry"'
# Unknown at Google; the public index's default, and a stop before the disk is full.
UPLOAD_BYTES = 100 * 1024**2
# For the form beside the file: its text fields, above all the description. The sandbox's own, both.
FORM_BYTES = 16 * 1024**2
FIELD_BYTES = 8 * 1024**2
# Unknown at Google. A client follows a redirect at once.
DOWNLOAD_SECONDS = 300
DOWNLOADS = "/artifacts-downloads/"
# The answer to the root of an index, which Google does not list (bazel rules_python 3709, 3826).
_NOTHING = """<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That's an error.</ins>
  <p>  <ins>That's all we know.</ins>
"""
# Fields that say what the file is; twice, they would say two things.
_SINGLE = frozenset(
    ":action protocol_version name version filetype metadata_version requires_python content md5_digest "
    "sha256_digest blake2_256_digest".split()
)


def identify_client(store: Store, request: Request) -> Caller:
    """The caller behind Basic or Bearer credentials; nobody where a download's own token decides.

    Raises:
        GoogleError: UNAUTHENTICATED.
    """
    if request.scope["path"].startswith(DOWNLOADS):
        return Caller(member=None)
    authorization = request.headers.get("authorization", "")
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, token = base64.b64decode(credentials, validate=True).decode().partition(":")
        except ValueError:
            # Of whatever kind: no ASCII, no base64, no UTF-8.
            user, token = "", ""
        if user != USER:
            raise GoogleError("UNAUTHENTICATED", f"Log in as {USER}, with an access token as password.")
        authorization = f"Bearer {token}"
    caller = identify(store, authorization)
    if caller.member is None:
        raise GoogleError("UNAUTHENTICATED", "This index needs a login: an OAuth 2 access token.")
    return caller


def refusal(error: GoogleError) -> Response:
    """An error as this host words it: one line of text."""
    # 409 on Google's APIs, but here an upload of what is there was seen with 400 (twine 816).
    status = 400 if error.status == "ALREADY_EXISTS" else HTTP_STATUS[error.status]
    headers = {"WWW-Authenticate": CHALLENGE} if error.status == "UNAUTHENTICATED" else {}
    return PlainTextResponse(f"{error.message}\n", status, headers)


def logged_path(path: str) -> str:
    """A path as the log may keep it: without a download's token."""
    return re.sub(rf"^({DOWNLOADS}.*/).+", r"\1***", path)


class DownloadTokens:
    """Signs and reads the tokens of downloads; they end with the process, if not before."""

    def __init__(self) -> None:
        self._fernet = Fernet(Fernet.generate_key())

    def make(self, place: str, sha256: str) -> str:
        """A token for that content, at that place alone."""
        return self._fernet.encrypt(f"{place} {sha256}".encode()).decode()

    def read(self, place: str, token: str) -> str:
        """The content that a token was made for.

        Raises:
            GoogleError: PERMISSION_DENIED, the status that a refused download was seen with (uv 20850).
        """
        try:
            said = self._fernet.decrypt(token.encode(), ttl=DOWNLOAD_SECONDS).decode()
        except InvalidToken:
            said = ""
        made_for, _, sha256 = said.partition(" ")
        if made_for != place:
            raise GoogleError("PERMISSION_DENIED", "This download address is not valid, or no longer.")
        return sha256


@dataclass(frozen=True, kw_only=True)
class _Offer:
    """A file that a repository offers, and the repository that really has it."""

    link: Link
    source: str
    """Full name of the upstream, or of the repository itself."""


@dataclass(frozen=True, kw_only=True)
class _Cloud:
    """What the handlers work with."""

    store: Store
    blobs: Blobs
    public_index: PublicIndex


def _cloud(request: Request) -> _Cloud:
    state = request.app.state
    return _Cloud(store=state.store, blobs=state.blobs, public_index=state.public_index)


def _find_repository(request: Request, verb: str) -> Json:
    """The repository that the request names, if the caller may do that to it."""
    store: Store = request.app.state.store
    with store.transaction():
        # An index makes no project by being asked for one.
        if store.get(f"projects/{request.path_params['project']}") is None:
            raise not_found()
        return find_repository(request, f"artifactregistry.repositories.{verb}")[1]


async def _remote_links(cloud: _Cloud, repository: str, package: str) -> list[Published]:
    """What a remote repository lists: the public index's page, or the last one that it saw."""
    name = f"{repository}/pages/{package}"
    try:
        published = await cloud.public_index.find(package)
    except UnreachableError as error:
        with cloud.store.transaction():
            page = cloud.store.get(name)
        if page is None:
            raise unavailable(error) from error
        return [Published(**file) for file in page["files"]]
    if published:
        with cloud.store.transaction():
            cloud.store.put(name, {"files": [asdict(file) for file in published]})
    return published


async def _offers(cloud: _Cloud, repository: Json, package: str) -> list[_Offer]:
    """The files that a repository offers of a package."""
    name, mode = repository["name"], repository["mode"]
    if mode == "VIRTUAL_REPOSITORY":
        return await _union(cloud, repository, package)
    if mode == "REMOTE_REPOSITORY":
        links: list[Link] = list(await _remote_links(cloud, name, package))
    else:
        with cloud.store.transaction():
            links = list_links(cloud.store, name, package)
    return [_Offer(link=link, source=name) for link in links]


async def _union(cloud: _Cloud, virtual: Json, package: str) -> list[_Offer]:
    """All upstreams' versions; one that several have is the highest priority's alone (uv 6104).

    Google asks the virtual repository for `repositories.readViaVirtualRepository` on each ("Produced by
    the upstream repository when a virtual repository authenticates to it", the audit logging page);
    here it has that always, as its service agent has in a project that nobody took it from.

    Unknown at Google is what is listed while the public index does not answer; here, what the others
    have, so that a private package installs without a network.
    """
    config = virtual.get("virtualRepositoryConfig") or {}
    policies: list[Json] = config.get("upstreamPolicies", [])
    offers: dict[str, list[_Offer]] = {}
    silent: GoogleError | None = None
    for policy in sorted(policies, key=lambda policy: -policy.get("priority", 0)):
        with cloud.store.transaction():
            upstream = cloud.store.get(policy["repository"])
        # Upstreams are standard or remote ("Virtual repositories overview").
        if upstream is None or upstream["mode"] == "VIRTUAL_REPOSITORY":
            continue
        try:
            offered = await _offers(cloud, upstream, package)
        except GoogleError as error:
            silent = error
            continue
        versions: dict[str, list[_Offer]] = {}
        for offer in offered:
            versions.setdefault(canonicalize_version(offer.link.version), []).append(offer)
        offers = {**versions, **offers}
    if silent and not offers:
        raise silent
    return [offer for version in offers.values() for offer in version]


async def show_page(request: Request) -> Response:
    cloud = _cloud(request)
    repository = _find_repository(request, "downloadArtifacts")
    name = request.path_params["package"]
    package = normalise(name)
    if package != name:
        # Unknown at Google, whose own pages link to the normalised name.
        return RedirectResponse(f"{request.scope['path'].removesuffix(f'{name}/')}{package}/")
    with cloud.store.transaction():
        check_download(cloud.store, repository["name"], package)
    offers = await _offers(cloud, repository, package)
    if not offers:
        raise not_found()
    links = (_plain(offer.link) for offer in sorted(offers, key=lambda offer: offer.link.filename))
    return show_links(package, links, f"../../{package}")


def _plain(link: Link) -> Link:
    """A link as Google's pages have it, whatever the public index says beside."""
    return Link(
        filename=link.filename,
        version=link.version,
        sha256=link.sha256,
        requires_python=link.requires_python,
    )


async def begin_download(request: Request) -> Response:
    cloud = _cloud(request)
    repository = _find_repository(request, "downloadArtifacts")
    package, filename = request.path_params["package"], request.path_params["filename"]
    source = repository["name"]
    if normalise(package) != package:
        # Pages link to the normalised name alone; rules are for that.
        raise not_found()
    with cloud.store.transaction():
        check_download(cloud.store, source, package)
    if repository["mode"] == "VIRTUAL_REPOSITORY":
        offers = await _offers(cloud, repository, package)
        source = next((offer.source for offer in offers if offer.link.filename == filename), "")
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


async def _obtain(cloud: _Cloud, repository: str, package: str, filename: str) -> str:
    """The SHA-256 of a file in a standard or remote repository, which fetches it the first time."""
    with cloud.store.transaction():
        found = cloud.store.get(repository)
        known = find_file(cloud.store, repository, package, filename)
    if known:
        return known["sha256"]
    if found is None or found["mode"] != "REMOTE_REPOSITORY":
        raise not_found()
    for file in await _remote_links(cloud, repository, package):
        if file.filename == filename:
            try:
                sha256 = await cloud.public_index.fetch(file)
            except UnreachableError as error:
                raise unavailable(error) from error
            _record(cloud, repository, package, replace(_plain(file), sha256=sha256))
            return sha256
    raise not_found()


def _record(cloud: _Cloud, repository: str, package: str, link: Link) -> None:
    """Write the documents of a file that a remote repository has fetched just now."""
    size = cloud.blobs.path(link.sha256 or "").stat().st_size
    with cloud.store.transaction():
        # Another client may have asked at the same time, or the repository be gone.
        new = find_file(cloud.store, repository, package, link.filename) is None
        if new and cloud.store.get(repository):
            add_file(cloud.store, repository, package, link, size, fetchTime=now())


async def send_file(request: Request) -> Response:
    cloud = _cloud(request)
    sha256 = request.app.state.download_tokens.read(_place(request), request.path_params["token"])
    file = FileResponse(cloud.blobs.path(sha256), media_type="application/octet-stream")
    if request.method == "HEAD":
        # Ranges work, but no HEAD says so (uv 18998).
        del file.headers["accept-ranges"]
    return file


async def upload(request: Request) -> Response:
    cloud = _cloud(request)
    repository = _find_repository(request, "uploadArtifacts")
    if repository["mode"] != "STANDARD_REPOSITORY":
        # Google's words are unknown.
        raise invalid(f"Uploads go to standard repositories; this is a {repository['mode']}.")
    limited = Request(request.scope, _limit(request))
    async with limited.form(max_files=1, max_part_size=FIELD_BYTES) as form:
        try:
            fields, content = _read_form(form)
            with cloud.blobs.draft() as draft:
                made = await run_in_threadpool(_receive, fields, content, draft)
                link = Link(
                    filename=made.filename,
                    version=made.version,
                    sha256=draft.sha256,
                    requires_python=made.requires_python,
                )
                with cloud.store.transaction():
                    # The repository may have been deleted since.
                    if cloud.store.get(repository["name"]) is None:
                        raise not_found()
                    add_file(cloud.store, repository["name"], made.package, link, draft.size)
                    cloud.blobs.keep(draft)
        except BadDistribution as error:
            # Google's words are unknown; its status for what a form says wrongly is.
            raise invalid(str(error)) from error
    # Unknown at Google: the status of a success, and what it says; clients take any 2xx.
    return PlainTextResponse("")


def _too_large() -> HTTPException:
    return HTTPException(413, f"A file may have {UPLOAD_BYTES} bytes at most.\n")


def _limit(request: Request) -> Receive:
    """The request's body, refused where it becomes too large."""
    limit = UPLOAD_BYTES + FORM_BYTES
    declared = request.headers.get("content-length", "")
    # By its length first: Python makes no number of thousands of digits.
    if declared.isdecimal() and (len(declared) > len(str(limit)) or int(declared) > limit):
        raise _too_large()
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _too_large()
        return message

    return receive


def _read_form(form: FormData) -> tuple[dict[str, str], UploadFile]:
    """The form's text fields and its file.

    Raises:
        BadDistribution: they are not what an upload sends.
    """
    fields: dict[str, str] = {}
    content: UploadFile | None = None
    for name, value in form.multi_items():
        if name in _SINGLE and (name in fields or (name == "content" and content)):
            raise BadDistribution(f"Field {name!r} is there twice.")
        if isinstance(value, str):
            fields[name] = value
        elif name == "content":
            content = value
    if content is None or not content.filename:
        raise BadDistribution("The form has no file in field 'content'.")
    return fields, content


def _receive(fields: dict[str, str], content: UploadFile, draft: Draft) -> Distribution:
    """Write an upload's file to the disk and check it; in a thread."""
    while chunk := content.file.read(CHUNK_BYTES):
        draft.write(chunk)
    if draft.size > UPLOAD_BYTES:
        raise _too_large()
    draft.flush()
    made = check_upload(fields, content.filename or "", draft)
    draft.sync()
    return made


async def refuse_rest(_: Request) -> Response:
    return HTMLResponse(_NOTHING, 404)


_REPOSITORY = "/{project}/{repository}"
ROUTES = [
    Route(f"{DOWNLOADS}namespaces/{{project}}/repositories/{{repository}}/downloads/{{token}}", send_file),
    Route(f"{_REPOSITORY}/", upload, methods=["POST"]),
    Route(f"{_REPOSITORY}/simple/{{package}}/", show_page),
    Route(f"{_REPOSITORY}/{{package}}/{{filename}}", begin_download),
]
