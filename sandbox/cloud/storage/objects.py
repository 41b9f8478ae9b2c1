"""The small files in buckets, as `storage.googleapis.com` keeps them.

As far as `examples/`, the GCP plugin and Pulumi's state in a bucket need it: objects are uploaded in one
request, copied, listed, read (by the XML API too, as Google's Go library does) and deleted, with the
generation that they must have. No old versions, no resumable upload, no part of a file. Shapes and texts
are those of the references of the two APIs, and of their pages on status and error codes.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from xml.sax.saxutils import escape

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.clock import now
from sandbox.cloud.core.errors import HTTP_STATUS, GoogleError, Json, parse_object, read_object
from sandbox.cloud.core.store import Store
from sandbox.cloud.storage.buckets import (
    NO_BUCKET,
    StorageError,
    check_permission,
    condition_not_met,
    find_bucket,
    invalid,
)

# "Object naming requirements": 1 to 1024 bytes, no line breaks.
OBJECT_NAME_BYTES = 1024
OBJECT_FIELDS = ("contentType", "cacheControl", "contentEncoding", "metadata")
# maxResults in the reference of objects.list: the default, and the most.
PAGE = 1000
# The condition that is imitated; another one must not be taken for none.
GENERATION_MATCH = "ifGenerationMatch"
# What would make the answer another one, and is not imitated; likewise the XML API's conditions.
NOT_IMITATED = ("sourceGeneration", "endOffset", "matchGlob")
XML_CONDITION = "x-goog-if-"
# The first part of the JSON API's paths: what is not imitated of it is no bucket of the XML API.
JSON_API = ("storage", "upload", "download", "batch")
# What the XML API calls the refusals, and says in general ("HTTP status and error codes for XML").
XML_ERRORS = {
    HTTPStatus.UNAUTHORIZED: ("AuthenticationRequired", "Authentication required."),
    HTTPStatus.FORBIDDEN: ("AccessDenied", "Access denied."),
    HTTPStatus.NOT_FOUND: ("NoSuchKey", "The specified key does not exist."),
}


def _path(bucket: Json, name: str) -> str:
    return f"b/{bucket['name']}/o/{name}"


def _find(request: Request, permission: str) -> tuple[Store, Json]:
    """The object that the request names, in the generation that it asks for, if there is one."""
    store, bucket = find_bucket(request, permission, "object")
    name = request.path_params["object"]
    found = store.get(_path(bucket, name))
    asked = request.query_params.get("generation")
    if found is None or asked not in (None, found["generation"]):
        text = f"No such object: {bucket['name']}/{name}"
        raise StorageError(HTTPStatus.NOT_FOUND, "notFound", text)
    return store, found


def _check_conditions(request: Request, found: Json | None) -> None:
    """Refuse a request that was made for another generation of what is there; 0 is none at all."""
    for name, wanted in request.query_params.items():
        if name == GENERATION_MATCH:
            if wanted != (found["generation"] if found else "0"):
                raise condition_not_met()
        elif name.startswith("if"):
            text = f"The sandbox knows no condition {name}, only {GENERATION_MATCH}."
            raise GoogleError("UNIMPLEMENTED", text)
    _refuse_unknown(request)


def _refuse_unknown(request: Request) -> None:
    # Google's Go library sends those that say nothing, too.
    asked = [name for name in NOT_IMITATED if request.query_params.get(name)]
    asked += [name for name in request.headers if name.startswith(XML_CONDITION)]
    if asked:
        raise GoogleError("UNIMPLEMENTED", f"The sandbox does not imitate {asked[0]}.")


async def upload(request: Request) -> Response:
    """`uploadType=multipart`, as clients send what fits into one request: what it is, and its content."""
    store, bucket = find_bucket(request, "storage.objects.create", "object")
    kind = request.query_params.get("uploadType")
    if kind != "multipart":
        raise GoogleError("UNIMPLEMENTED", f"The sandbox takes no upload of type {kind}, only multipart.")
    described, content = _parts(request.headers.get("content-type", ""), await request.body())
    name = _checked_name(request.query_params.get("name") or described.get("name"))
    _require_overwrite(request, store, bucket, name)
    blobs: Blobs = request.app.state.blobs
    with blobs.draft() as draft:
        draft.write(content)
        digest = base64.b64encode(draft.digests["md5"].digest()).decode()
        if described.get("md5Hash", digest) != digest:
            raise invalid(
                f'Provided MD5 hash "{described["md5Hash"]}" doesn\'t match calculated MD5 hash "{digest}".'
            )
        draft.sync()
        blobs.keep(draft)
    kept = {"size": str(draft.size), "md5Hash": digest, "sha256": draft.sha256}
    return JSONResponse(_published(_put(store, bucket, name, described, kept)))


async def copy(request: Request) -> Response:
    """`rewriteTo`, done at once; what the copy is can be said anew, else it is what the original was."""
    store, source = _find(request, "storage.objects.get")
    _, bucket = find_bucket(request, "storage.objects.create", "object", key="to_bucket")
    name = _checked_name(request.path_params["to_object"])
    _require_overwrite(request, store, bucket, name)
    said = await read_object(request)
    described = said if any(said.get(field) for field in OBJECT_FIELDS) else source
    kept = {key: source[key] for key in ("size", "md5Hash", "sha256")}
    made = _put(store, bucket, name, described, kept)
    return JSONResponse(
        {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": made["size"],
            "objectSize": made["size"],
            "done": True,
            "resource": _published(made),
        }
    )


def _put(store: Store, bucket: Json, name: str, described: Json, kept: Json) -> Json:
    """Write a new object, of that content, in the place of any that was there."""
    kind = described.get("contentType") or ""
    # What is sent as a header must be one (RFC 9110, 5.5).
    if not isinstance(kind, str) or not re.fullmatch(r"[ -~]*", kind):
        raise invalid("Invalid value for contentType.")
    path, created = _path(bucket, name), now()
    # Google's are microseconds too.
    generation = str(time.time_ns() // 1000)
    made: Json = {
        **{field: described[field] for field in OBJECT_FIELDS if described.get(field)},
        "kind": "storage#object",
        "id": f"{bucket['name']}/{name}/{generation}",
        "name": name,
        "bucket": bucket["name"],
        "selfLink": f"https://www.googleapis.com/storage/v1/{path}",
        "generation": generation,
        "metageneration": "1",
        "storageClass": bucket["storageClass"],
        "timeCreated": created,
        "updated": created,
        **kept,
    }
    store.put(path, made)
    return made


def _checked_name(name: object) -> str:
    if (
        not isinstance(name, str)
        or not 0 < len(name.encode()) <= OBJECT_NAME_BYTES
        or re.search("[\r\n]", name)
    ):
        raise invalid("Invalid object name.")
    return name


def _require_overwrite(request: Request, store: Store, bucket: Json, name: str) -> None:
    """Replacing an object deletes what was there ("IAM permissions for JSON methods", objects.insert)."""
    found = store.get(_path(bucket, name))
    if found:
        resources = (f"b/{bucket['name']}", f"projects/{bucket['project']}")
        check_permission(request, "storage.objects.delete", "object", *resources)
    _check_conditions(request, found)


def _parts(content_type: str, body: bytes) -> tuple[Json, bytes]:
    """The two parts of a `multipart/related` body: the object's description and its content."""
    kind, options = parse_options_header(content_type)
    parts: list[bytearray] = []
    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": lambda: parts.append(bytearray()),
                "on_part_data": lambda data, start, end: parts[-1].extend(data[start:end]),
            },
        )
        parser.write(body)
        parser.finalize()
        described, content = parts
        parsed = parse_object(bytes(described))
    except (KeyError, ValueError, MultipartParseError, GoogleError) as error:
        raise invalid("Malformed multipart body.") from error
    if kind != b"multipart/related":
        raise invalid("Malformed multipart body.")
    return parsed, bytes(content)


async def list_objects(request: Request) -> Response:
    """By name, in pages; with a delimiter, what has it beyond the prefix is one entry of `prefixes`."""
    store, bucket = find_bucket(request, "storage.objects.list")
    _refuse_unknown(request)
    asked = request.query_params
    # Without versioning there are no old ones; the plugin asks for them before it empties a bucket.
    if asked.get("versions") == "true" and "versioning" in bucket:
        raise GoogleError("UNIMPLEMENTED", "The sandbox keeps no old versions to list.")
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    entries = _entries(store.below(_path(bucket, prefix)), prefix, delimiter)
    after = _decoded(asked.get("pageToken", ""))
    size = asked.get("maxResults") or str(PAGE)
    if not re.fullmatch(r"0*[1-9]\d{0,8}", size):
        raise invalid(f"Invalid value for maxResults: {size}")
    size = min(int(size), PAGE)
    names = [name for name in entries if name > after and name >= asked.get("startOffset", "")]
    page = [(name, entries[name]) for name in names[:size]]
    items = [_published(found) for _, found in page if found is not None]
    prefixes = [name for name, found in page if found is None]
    more = base64.urlsafe_b64encode(names[size - 1].encode()).decode() if len(names) > size else ""
    said: Json = {"items": items, "prefixes": prefixes, "nextPageToken": more}
    return JSONResponse({"kind": "storage#objects", **{key: value for key, value in said.items() if value}})


def _entries(objects: Iterable[Json], prefix: str, delimiter: str) -> dict[str, Json | None]:
    """What a list has, by name: objects, and None for what they begin with up to the delimiter."""
    entries: dict[str, Json | None] = {}
    for found in objects:
        head, delimited, _ = found["name"][len(prefix) :].partition(delimiter or "\n")
        entries[prefix + head + delimited] = None if delimited else found
    return entries


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise invalid("Invalid pageToken.") from error


async def read(request: Request) -> Response:
    """What the object is or, with `alt=media`, its content."""
    _, found = _find(request, "storage.objects.get")
    _check_conditions(request, found)
    return (
        _content(request, found)
        if request.query_params.get("alt") == "media"
        else JSONResponse(_published(found))
    )


async def read_by_xml(request: Request) -> Response:
    """The content, as the XML API sends it."""
    _refuse_unknown(request)
    if request.path_params["bucket"] in JSON_API or not request.path_params["object"]:
        path = request.scope["path"]
        raise GoogleError("UNIMPLEMENTED", f"The sandbox does not imitate {request.method} {path}.")
    try:
        _, found = _find(request, "storage.objects.get")
    except GoogleError as error:
        return _xml_refusal(error)
    return _content(request, found)


def _content(request: Request, found: Json) -> Response:
    content = request.app.state.blobs.path(found["sha256"]).read_bytes()
    headers = {
        "X-Goog-Generation": found["generation"],
        "X-Goog-Metageneration": found["metageneration"],
        "X-Goog-Hash": f"md5={found['md5Hash']}",
        "Last-Modified": format_datetime(datetime.fromisoformat(found["updated"]), usegmt=True),
        # As it was stored: of `media_type` Starlette would make another.
        "Content-Type": found.get("contentType", "application/octet-stream"),
    }
    return Response(content, headers=headers)


def _xml_refusal(error: GoogleError) -> Response:
    status = HTTPStatus(error.code if isinstance(error, StorageError) else HTTP_STATUS[error.status])
    code, message = XML_ERRORS[status]
    if error.message == NO_BUCKET:
        code, message = "NoSuchBucket", NO_BUCKET
    details = f"<Details>{escape(error.message)}</Details>"
    text = f"<Error><Code>{code}</Code><Message>{message}</Message>{details}</Error>"
    return Response(
        f"<?xml version='1.0' encoding='UTF-8'?>{text}", status, media_type="application/xml; charset=UTF-8"
    )


async def delete(request: Request) -> Response:
    store, found = _find(request, "storage.objects.delete")
    _check_conditions(request, found)
    # The content goes at the next start (`Blobs.sweep`).
    store.delete(f"b/{found['bucket']}/o/{found['name']}")
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _published(found: Json) -> Json:
    return {key: value for key, value in found.items() if key != "sha256"}


_OBJECTS = "/storage/v1/b/{bucket}/o"
_OBJECT = f"{_OBJECTS}/{{object:path}}"
ROUTES = [
    Route(f"/upload{_OBJECTS}", upload, methods=["POST"]),
    Route(_OBJECTS, list_objects),
    Route(f"{_OBJECT}/rewriteTo/b/{{to_bucket}}/o/{{to_object:path}}", copy, methods=["POST"]),
    Route(_OBJECT, read),
    Route(f"/download{_OBJECT}", read),
    Route(_OBJECT, delete, methods=["DELETE"]),
    # After all else of the host: it takes any path.
    Route("/{bucket}/{object:path}", read_by_xml),
]
