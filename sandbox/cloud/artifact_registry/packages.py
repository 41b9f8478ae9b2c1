"""The packages of a repository, their versions and their files.

Owns the documents of all three, for `artifactregistry.googleapis.com` and for the package index
(`sandbox.cloud.python_index`). A version exists while it has files, and a package while it has versions.
The content of files is in `sandbox.cloud.core.blobs`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.artifact_registry.repositories import REPOSITORY_PATH, begin_deletion, find_repository
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.clock import format_time, shifted_time
from sandbox.cloud.core.errors import GoogleError, Json, invalid, not_found
from sandbox.cloud.core.store import Store
from sandbox.cloud.packaging.distributions import parse_filename
from sandbox.cloud.packaging.pages import SimpleLink

# "Maximum page size is 1,000" (ListPackagesRequest, ListVersionsRequest, ListFilesRequest). The default
# is unknown. gcloud sends its own page size.
PAGE_SIZE = 1000
# Fields of a file that the index needs and that Google's File does not have.
_OWN = ("sha256", "filename", "key", "version", "requiresPython")
_ORDERS = {
    f"{field}{direction}": (key, direction == " desc")
    for field, key in {
        "name": "name",
        "create_time": "createTime",
        "createTime": "createTime",
        "update_time": "updateTime",
        "updateTime": "updateTime",
    }.items()
    for direction in ("", " asc", " desc")
}
# The filters that gcloud sends: one field, with `*` only at the ends of the value.
_FILTER = re.compile(
    r'(?P<field>name|owner)\s*=\s*"(?P<before>\*?)(?P<text>[^"*]*)(?P<after>\*?)"', re.ASCII
)


def escape(name: str) -> str:
    """An id as part of a resource name: gcloud's EscapeFileName (528), and Google's File.name."""
    return name.replace("/", "%2F").replace("+", "%2B").replace("^", "%5E")


def find_file(store: Store, repository: str, package: str, filename: str) -> Json | None:
    """A file's document, or None."""
    return store.get(f"{repository}/files/{package}%2F{escape(filename)}")


def list_links(store: Store, repository: str, package: str) -> list[SimpleLink]:
    """A package's files, in the form of its page in the index."""
    return [
        SimpleLink(
            filename=file["filename"],
            version=file["version"],
            sha256=file["sha256"],
            requires_python=file["requiresPython"],
        )
        for file in store.below(f"{repository}/files/{package}%2F")
    ]


def add_file(store: Store, repository: str, package: str, link: SimpleLink, size: int, **more: str) -> None:
    """Write the documents of a new file, and of its version and package if they are new.

    Args:
        store: the store of the documents.
        repository: the repository's full name.
        package: the package's normalised name.
        link: the file. Its `sha256` names its content.
        size: its size in bytes.
        more: fields that only files of some repositories have.

    Raises:
        GoogleError: ALREADY_EXISTS for a file name that exists, in any spelling.
    """
    key = parse_filename(link.filename).key
    if any(file["key"] == key for file in store.below(f"{repository}/files/{package}%2F")):
        raise GoogleError("ALREADY_EXISTS", "Requested entity already exists.")
    time = format_time(shifted_time(store))
    owner = f"{repository}/packages/{package}"
    version = f"{owner}/versions/{escape(link.version)}"
    for name in (owner, version):
        document = store.get(name) or {"name": name, "createTime": time}
        store.put(name, {**document, "updateTime": time})
    digest = base64.b64encode(bytes.fromhex(link.sha256 or "")).decode()
    name = f"{repository}/files/{package}%2F{escape(link.filename)}"
    file = {
        "name": name,
        "sizeBytes": str(size),
        "hashes": [{"type": "SHA256", "value": digest}],
        "createTime": time,
        "updateTime": time,
        "owner": version,
        "sha256": link.sha256,
        "filename": link.filename,
        "key": key,
        "version": link.version,
        "requiresPython": link.requires_python,
        **more,
    }
    store.put(name, file)


def remove_version(store: Store, version: Json) -> None:
    """Delete a version with its files, and its package if this was the last version.

    It is unknown whether Google keeps a package without versions. The index shows none in both cases.
    """
    package = version["name"].rpartition("/versions/")[0]
    repository, _, package_id = package.rpartition("/packages/")
    for file in store.below(f"{repository}/files/{package_id}%2F"):
        if file["owner"] == version["name"]:
            store.delete(file["name"])
    store.delete(version["name"])
    if not store.children(f"{package}/versions"):
        store.delete(package)


def _public_fields(document: Json) -> Json:
    return {key: value for key, value in document.items() if key not in _OWN}


def _list_page(request: Request, field: str, documents: list[Json]) -> Response:
    """A page of a list, with the filter and the order of the request.

    Raises:
        GoogleError: INVALID_ARGUMENT for a filter that the sandbox does not know; gcloud then filters.
    """
    query = request.query_params
    if text := query.get("filter"):
        documents = list(filter(_matcher(text), documents))
    if order := query.get("orderBy"):
        if order not in _ORDERS:
            raise invalid(f"Invalid order_by: {order!r}.")
        key, reverse = _ORDERS[order]
        documents = sorted(documents, key=lambda document: str(document[key]), reverse=reverse)
    try:
        size = int(query.get("pageSize") or PAGE_SIZE)
        start = int(query.get("pageToken") or 0)
    except ValueError as error:
        raise invalid("Invalid page size or page token.") from error
    if size < 0 or start < 0:
        raise invalid("Invalid page size or page token.")
    end = start + min(size or PAGE_SIZE, PAGE_SIZE)
    answer: dict[str, Any] = {field: [_public_fields(document) for document in documents[start:end]]}
    if end < len(documents):
        answer["nextPageToken"] = str(end)
    return JSONResponse(answer)


def _matcher(expression: str) -> Callable[[Json], bool]:
    condition = _FILTER.fullmatch(expression.strip())
    if condition is None:
        raise invalid(f"Request contains an invalid argument: filter {expression!r}.")
    # "Filter is case-insensitive" (the reference, on lists).
    field, text = condition["field"], condition["text"].lower()
    before, after = condition["before"], condition["after"]

    def fits(value: str) -> bool:
        if before and after:
            return text in value
        if before:
            return value.endswith(text)
        return value.startswith(text) if after else value == text

    def matches(document: Json) -> bool:
        value = document.get(field, "").lower()
        # gcloud lists all files of a package by the package as their owner; their owner is a version.
        return fits(value) or (field == "owner" and fits(value.partition("/versions/")[0]))

    return matches


def _find(request: Request, collection: str, permission: str) -> tuple[Store, Json]:
    """The package, version or file that the request names."""
    store, repository = find_repository(request, f"artifactregistry.{permission}")
    name = repository["name"]
    for part in collection.split("/"):
        name += f"/{part}s/{escape(request.path_params[part])}"
    found = store.get(name)
    if found is None:
        raise not_found()
    return store, found


async def list_packages(request: Request) -> Response:
    store, repository = find_repository(request, "artifactregistry.packages.list")
    return _list_page(request, "packages", store.children(f"{repository['name']}/packages"))


async def describe_package(request: Request) -> Response:
    return JSONResponse(_find(request, "package", "packages.get")[1])


async def delete_package(request: Request) -> Response:
    store, package = _find(request, "package", "packages.delete")
    for version in store.children(f"{package['name']}/versions"):
        remove_version(store, version)
    return JSONResponse(begin_deletion(store, package["name"]))


async def list_versions(request: Request) -> Response:
    store, package = _find(request, "package", "versions.list")
    return _list_page(request, "versions", store.children(f"{package['name']}/versions"))


async def describe_version(request: Request) -> Response:
    return JSONResponse(_find(request, "package/version", "versions.get")[1])


async def delete_version(request: Request) -> Response:
    store, version = _find(request, "package/version", "versions.delete")
    remove_version(store, version)
    return JSONResponse(begin_deletion(store, version["name"]))


async def list_files(request: Request) -> Response:
    store, repository = find_repository(request, "artifactregistry.files.list")
    return _list_page(request, "files", store.children(f"{repository['name']}/files"))


async def describe_file(request: Request) -> Response:
    return JSONResponse(_public_fields(_find(request, "file", "files.get")[1]))


async def download_file(request: Request) -> Response:
    """The content, for `gcloud artifacts files download`; an answer without `alt=media` is empty."""
    _, file = _find(request, "file", "files.download")
    if request.query_params.get("alt") != "media":
        return JSONResponse({})
    blobs: Blobs = request.app.state.blobs
    # Read at once: a streaming response would keep the request's transaction open.
    return Response(blobs.path(file["sha256"]).read_bytes(), media_type="application/octet-stream")


_PACKAGE = f"{REPOSITORY_PATH}/packages/{{package}}"
ROUTES = [
    Route(f"{REPOSITORY_PATH}/packages", list_packages),
    Route(_PACKAGE, describe_package),
    Route(_PACKAGE, delete_package, methods=["DELETE"]),
    Route(f"{_PACKAGE}/versions", list_versions),
    Route(f"{_PACKAGE}/versions/{{version}}", describe_version),
    Route(f"{_PACKAGE}/versions/{{version}}", delete_version, methods=["DELETE"]),
    Route(f"{REPOSITORY_PATH}/files", list_files),
    # `%2F` in a file's id is a slash when the router reads the path.
    Route(f"{REPOSITORY_PATH}/files/{{file:path}}:download", download_file),
    Route(f"{REPOSITORY_PATH}/files/{{file:path}}", describe_file),
]
