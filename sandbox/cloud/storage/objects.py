"""Objects in buckets: `storage.googleapis.com`.

Owns what `examples/`, the GCP plugin and Pulumi's state in a bucket need. A client can upload an object in
one request, copy, list, read and delete it, each with a condition on its generation. Reads use the XML
API too, because Google's Go library does. There are no old versions, no resumable uploads and no ranges.
Shapes and texts are those of the references of both APIs, and of their pages on status and error codes.
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
# maxResults in the reference of objects.list: the default and the maximum.
PAGE = 1000
# The only condition that the sandbox emulates. It refuses all others, because to ignore one would be wrong.
GENERATION_MATCH = "ifGenerationMatch"
# Parameters that would change the answer, which the sandbox refuses, like the XML API's conditions.
NOT_EMULATED = ("sourceGeneration", "endOffset", "matchGlob")
XML_CONDITION = "x-goog-if-"
# The first part of the JSON API's paths, which must not be read as a bucket of the XML API.
JSON_API = ("storage", "upload", "download", "batch")
# The XML API's codes and texts of refusals ("HTTP status and error codes for XML").
XML_ERRORS = {
    HTTPStatus.UNAUTHORIZED: ("AuthenticationRequired", "Authentication required."),
    HTTPStatus.FORBIDDEN: ("AccessDenied", "Access denied."),
    HTTPStatus.NOT_FOUND: ("NoSuchKey", "The specified key does not exist."),
}


def _path(bucket: Json, name: str) -> str:
    return f"b/{bucket['name']}/o/{name}"


def _find(request: Request, permission: str) -> tuple[Store, Json]:
    """The object that the request names, in the generation that it names, if any."""
    store, bucket = find_bucket(request, permission, "object")
    name = request.path_params["object"]
    found = store.get(_path(bucket, name))
    generation = request.query_params.get("generation")
    if found is None or generation not in (None, found["generation"]):
        text = f"No such object: {bucket['name']}/{name}"
        raise StorageError(HTTPStatus.NOT_FOUND, "notFound", text)
    return store, found


def _check_conditions(request: Request, found: Json | None) -> None:
    """Refuse a request for another generation of the object; 0 means that no object exists."""
    for name, value in request.query_params.items():
        if name == GENERATION_MATCH:
            if value != (found["generation"] if found else "0"):
                raise condition_not_met()
        elif name.startswith("if"):
            text = f"The sandbox does not emulate the condition {name}, only {GENERATION_MATCH}."
            raise GoogleError("UNIMPLEMENTED", text)
    _refuse_unknown(request)


def _refuse_unknown(request: Request) -> None:
    # Google's Go library also sends empty parameters.
    names = [name for name in NOT_EMULATED if request.query_params.get(name)]
    names += [name for name in request.headers if name.startswith(XML_CONDITION)]
    if names:
        raise GoogleError("UNIMPLEMENTED", f"The sandbox does not emulate {names[0]}.")


async def upload(request: Request) -> Response:
    """`uploadType=multipart`: one request with the object's description and its content."""
    store, bucket = find_bucket(request, "storage.objects.create", "object")
    kind = request.query_params.get("uploadType")
    if kind != "multipart":
        raise GoogleError("UNIMPLEMENTED", f"The sandbox accepts no upload of type {kind}, only multipart.")
    described, content = _parts(request.headers.get("content-type", ""), await request.body())
    name = _validate_name(request.query_params.get("name") or described.get("name"))
    _check_overwrite(request, store, bucket, name)
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
    content_fields = {"size": str(draft.size), "md5Hash": digest, "sha256": draft.sha256}
    return JSONResponse(_public_fields(_put(store, bucket, name, described, content_fields)))


async def copy(request: Request) -> Response:
    """`rewriteTo`, finished at once. The body can describe the copy; by default it is like the original."""
    store, source = _find(request, "storage.objects.get")
    _, bucket = find_bucket(request, "storage.objects.create", "object", key="to_bucket")
    name = _validate_name(request.path_params["to_object"])
    _check_overwrite(request, store, bucket, name)
    body = await read_object(request)
    described = body if any(body.get(field) for field in OBJECT_FIELDS) else source
    content_fields = {key: source[key] for key in ("size", "md5Hash", "sha256")}
    result = _put(store, bucket, name, described, content_fields)
    return JSONResponse(
        {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": result["size"],
            "objectSize": result["size"],
            "done": True,
            "resource": _public_fields(result),
        }
    )


def _put(store: Store, bucket: Json, name: str, described: Json, content_fields: Json) -> Json:
    """Write a new object with that content, and replace an older one."""
    kind = described.get("contentType") or ""
    # The kind must be a valid header value (RFC 9110, 5.5).
    if not isinstance(kind, str) or not re.fullmatch(r"[ -~]*", kind):
        raise invalid("Invalid value for contentType.")
    path, created = _path(bucket, name), now()
    # Google's generations are microseconds too.
    generation = str(time.time_ns() // 1000)
    result: Json = {
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
        **content_fields,
    }
    store.put(path, result)
    return result


def _validate_name(name: object) -> str:
    if (
        not isinstance(name, str)
        or not 0 < len(name.encode()) <= OBJECT_NAME_BYTES
        or re.search("[\r\n]", name)
    ):
        raise invalid("Invalid object name.")
    return name


def _check_overwrite(request: Request, store: Store, bucket: Json, name: str) -> None:
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
    """Objects by name, in pages. With a delimiter, names with a common start are one of `prefixes`."""
    store, bucket = find_bucket(request, "storage.objects.list")
    _refuse_unknown(request)
    query = request.query_params
    # A bucket without versioning has no old versions; the plugin lists them before it empties a bucket.
    if query.get("versions") == "true" and "versioning" in bucket:
        raise GoogleError("UNIMPLEMENTED", "The sandbox keeps no old versions to list.")
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    entries = _entries(store.below(_path(bucket, prefix)), prefix, delimiter)
    after = _decoded(query.get("pageToken", ""))
    size = query.get("maxResults") or str(PAGE)
    if not re.fullmatch(r"0*[1-9]\d{0,8}", size):
        raise invalid(f"Invalid value for maxResults: {size}")
    size = min(int(size), PAGE)
    names = [name for name in entries if name > after and name >= query.get("startOffset", "")]
    page = [(name, entries[name]) for name in names[:size]]
    items = [_public_fields(found) for _, found in page if found is not None]
    prefixes = [name for name, found in page if found is None]
    more = base64.urlsafe_b64encode(names[size - 1].encode()).decode() if len(names) > size else ""
    fields: Json = {"items": items, "prefixes": prefixes, "nextPageToken": more}
    filled = {key: value for key, value in fields.items() if value}
    return JSONResponse({"kind": "storage#objects", **filled})


def _entries(objects: Iterable[Json], prefix: str, delimiter: str) -> dict[str, Json | None]:
    """The entries of a list by name: an object, or None for a prefix that ends at the delimiter."""
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
    """The object's description or, with `alt=media`, its content."""
    _, found = _find(request, "storage.objects.get")
    _check_conditions(request, found)
    return (
        _content(request, found)
        if request.query_params.get("alt") == "media"
        else JSONResponse(_public_fields(found))
    )


async def read_by_xml(request: Request) -> Response:
    """The content, in the form of the XML API."""
    _refuse_unknown(request)
    if request.path_params["bucket"] in JSON_API or not request.path_params["object"]:
        path = request.scope["path"]
        raise GoogleError("UNIMPLEMENTED", f"The sandbox does not emulate {request.method} {path}.")
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
        # The stored value: Starlette would change `media_type`.
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
    # `Blobs.sweep` deletes the content at the next start.
    store.delete(f"b/{found['bucket']}/o/{found['name']}")
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _public_fields(found: Json) -> Json:
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
    # Last of the host's routes, because it matches any path.
    Route("/{bucket}/{object:path}", read_by_xml),
]
