"""Buckets, and the small files in them, as `storage.googleapis.com` keeps them.

As far as `examples/` and the GCP plugin need it: buckets are made, read and deleted, objects uploaded in
one request, listed, read and deleted, a bucket's policy read and written. No versions, no folders, no
resumable upload, no change of a bucket in place. Shapes and texts are those of the JSON API's reference
and its page "HTTP status and error codes for JSON".
"""

from __future__ import annotations

import base64
import re
import time
from http import HTTPStatus

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.access import delete_policy, get_policy, holds, set_policy
from sandbox.cloud.artifact_registry import LOCATIONS as REGISTRY_LOCATIONS
from sandbox.cloud.blobs import Blobs
from sandbox.cloud.errors import GoogleError, Json, parse_object, read_object
from sandbox.cloud.projects import get_project, now, require_service
from sandbox.cloud.store import Store

HOST = "storage.googleapis.com"
# "Bucket locations": every region of Artifact Registry's is one, and the multi-regions have other names.
LOCATIONS = {location.upper() for location in REGISTRY_LOCATIONS if "-" in location} | {"US", "EU", "ASIA"}
# "Bucket naming requirements", those with dots aside, which are domains that one must own.
BUCKET_NAME = re.compile(r"(?!goog)[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]")
# "Object naming requirements": 1 to 1024 bytes, no line breaks.
OBJECT_NAME_BYTES = 1024
# What a bucket has that was made without saying so.
IAM_DEFAULTS = {"publicAccessPrevention": "inherited", "uniformBucketLevelAccess": {"enabled": False}}
BUCKET_FIELDS = ("labels", "iamConfiguration", "softDeletePolicy")
OBJECT_FIELDS = ("contentType", "cacheControl", "contentEncoding", "metadata")


class StorageError(GoogleError):
    """A refusal in the JSON API's own form, which is older than that of other hosts."""

    def __init__(self, code: HTTPStatus, reason: str, message: str) -> None:
        super().__init__("INVALID_ARGUMENT", message)
        self.code = code
        self.reason = reason

    def response(self) -> JSONResponse:
        item = {"message": self.message, "domain": "global", "reason": self.reason}
        error = {"code": self.code, "message": self.message, "errors": [item]}
        headers = {}
        if self.code == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
        return JSONResponse({"error": error}, status_code=self.code, headers=headers)


def _invalid(message: str) -> StorageError:
    return StorageError(HTTPStatus.BAD_REQUEST, "invalid", message)


def _require(request: Request, permission: str, what: str, *resources: str) -> None:
    store, caller = request.app.state.store, request.state.caller
    if caller.member is None:
        text = f"Anonymous caller does not have {permission} access to the Google Cloud Storage {what}."
        code, reason = HTTPStatus.UNAUTHORIZED, "required"
    elif not holds(store, caller, permission, *resources):
        who = caller.member.partition(":")[2]
        text = f"{who} does not have {permission} access to the Google Cloud Storage {what}."
        code, reason = HTTPStatus.FORBIDDEN, "forbidden"
    else:
        return
    raise StorageError(
        code, reason, f"{text} Permission '{permission}' denied on resource (or it may not exist)."
    )


def _bucket(request: Request, permission: str, what: str = "bucket") -> tuple[Store, Json]:
    """The bucket that the request names, if the caller has that permission on it.

    One that is not there is said to be so to whoever is logged in.
    """
    store: Store = request.app.state.store
    name = f"b/{request.path_params['bucket']}"
    bucket = store.get(name)
    if bucket is None and request.state.caller.member is not None:
        raise StorageError(HTTPStatus.NOT_FOUND, "notFound", "The specified bucket does not exist.")
    found: Json = bucket or {"project": ""}
    _require(request, permission, what, name, f"projects/{found['project']}")
    require_service(store, found["project"], HOST)
    return store, found


def _object(request: Request, permission: str) -> tuple[Store, Json]:
    store, bucket = _bucket(request, permission, "object")
    name = request.path_params["object"]
    found = store.get(f"b/{bucket['name']}/o/{name}")
    if found is None:
        text = f"No such object: {bucket['name']}/{name}"
        raise StorageError(HTTPStatus.NOT_FOUND, "notFound", text)
    return store, found


async def create_bucket(request: Request) -> Response:
    store: Store = request.app.state.store
    project = get_project(store, request.query_params.get("project", ""))
    require_service(store, project["projectId"], HOST)
    _require(request, "storage.buckets.create", "project", f"projects/{project['projectId']}")
    body = await read_object(request)
    name, location = body.get("name"), body.get("location", "US")
    if not isinstance(name, str) or not BUCKET_NAME.fullmatch(name):
        raise _invalid(f"Invalid bucket name: '{name}'")
    if not isinstance(location, str) or location.upper() not in LOCATIONS:
        raise _invalid("The specified location constraint is not valid.")
    if known := store.get(f"b/{name}"):
        own = known["project"] == project["projectId"]
        text = (
            "Your previous request to create the named bucket succeeded and you already own it."
            if own
            else "The requested bucket name is not available. The bucket namespace is shared by all users "
            "of the system. Please select a different name and try again."
        )
        raise StorageError(HTTPStatus.CONFLICT, "conflict", text)
    created = now()
    bucket: Json = {
        **{field: body[field] for field in BUCKET_FIELDS if body.get(field)},
        "kind": "storage#bucket",
        "id": name,
        "name": name,
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{name}",
        "projectNumber": project["projectNumber"],
        "location": location.upper(),
        "locationType": "region" if "-" in location else "multi-region",
        "storageClass": body.get("storageClass") or "STANDARD",
        "metageneration": "1",
        "timeCreated": created,
        "updated": created,
        "etag": "CAE=",
    }
    asked = bucket.get("iamConfiguration")
    bucket["iamConfiguration"] = {**IAM_DEFAULTS, **(asked if isinstance(asked, dict) else {})}
    store.put(f"b/{name}", {**bucket, "project": project["projectId"]})
    return JSONResponse(bucket)


async def describe_bucket(request: Request) -> Response:
    _, bucket = _bucket(request, "storage.buckets.get")
    return JSONResponse({key: value for key, value in bucket.items() if key != "project"})


async def delete_bucket(request: Request) -> Response:
    store, bucket = _bucket(request, "storage.buckets.delete")
    name = f"b/{bucket['name']}"
    if store.below(f"{name}/o/"):
        raise StorageError(HTTPStatus.CONFLICT, "conflict", "The bucket you tried to delete is not empty.")
    store.delete(name)
    delete_policy(store, name)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def list_caches(request: Request) -> Response:
    """Caches near zones: the plugin asks before it deletes a bucket, and there is none here."""
    _bucket(request, "storage.anywhereCaches.list")
    return JSONResponse({"kind": "storage#anywhereCaches"})


async def read_policy(request: Request) -> Response:
    store, bucket = _bucket(request, "storage.buckets.getIamPolicy")
    # Google begins with the basic roles' legacy grants, of which nobody here makes use.
    return JSONResponse(_policy(bucket, get_policy(store, f"b/{bucket['name']}")))


async def write_policy(request: Request) -> Response:
    store, bucket = _bucket(request, "storage.buckets.setIamPolicy")
    try:
        policy = set_policy(store, f"b/{bucket['name']}", await read_object(request))
    except GoogleError as error:
        if error.status != "ABORTED":
            raise _invalid(error.message) from error
        text = "At least one of the pre-conditions you specified did not hold."
        raise StorageError(HTTPStatus.PRECONDITION_FAILED, "conditionNotMet", text) from error
    return JSONResponse(_policy(bucket, policy))


def _policy(bucket: Json, policy: Json) -> Json:
    return {"kind": "storage#policy", "resourceId": f"projects/_/buckets/{bucket['name']}", **policy}


async def upload(request: Request) -> Response:
    """`uploadType=multipart`, as clients send what fits into one request: what it is, and its content."""
    store, bucket = _bucket(request, "storage.objects.create", "object")
    kind = request.query_params.get("uploadType")
    if kind != "multipart":
        raise GoogleError("UNIMPLEMENTED", f"The sandbox takes no upload of type {kind}, only multipart.")
    described, content = _parts(request.headers.get("content-type", ""), await request.body())
    name = request.query_params.get("name") or described.get("name")
    if (
        not isinstance(name, str)
        or not 0 < len(name.encode()) <= OBJECT_NAME_BYTES
        or re.search("[\r\n]", name)
    ):
        raise _invalid("Invalid object name.")
    path = f"b/{bucket['name']}/o/{name}"
    _require_overwrite(request, store, path, bucket)
    blobs: Blobs = request.app.state.blobs
    with blobs.draft() as draft:
        draft.write(content)
        draft.sync()
        blobs.keep(draft)
    created = now()
    # Google's are microseconds too.
    generation = str(time.time_ns() // 1000)
    found: Json = {
        **{field: described[field] for field in OBJECT_FIELDS if described.get(field)},
        "kind": "storage#object",
        "id": f"{bucket['name']}/{name}/{generation}",
        "name": name,
        "bucket": bucket["name"],
        "selfLink": f"https://www.googleapis.com/storage/v1/{path}",
        "generation": generation,
        "metageneration": "1",
        "storageClass": bucket["storageClass"],
        "size": str(draft.size),
        "md5Hash": base64.b64encode(draft.digests["md5"].digest()).decode(),
        "timeCreated": created,
        "updated": created,
    }
    store.put(path, {**found, "sha256": draft.sha256})
    return JSONResponse(found)


def _require_overwrite(request: Request, store: Store, path: str, bucket: Json) -> None:
    """Replacing an object deletes what was there ("IAM permissions for JSON methods", objects.insert)."""
    if store.get(path):
        resources = (f"b/{bucket['name']}", f"projects/{bucket['project']}")
        _require(request, "storage.objects.delete", "object", *resources)


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
        raise _invalid("Malformed multipart body.") from error
    if kind != b"multipart/related":
        raise _invalid("Malformed multipart body.")
    return parsed, bytes(content)


async def list_objects(request: Request) -> Response:
    store, bucket = _bucket(request, "storage.objects.list")
    prefix = request.query_params.get("prefix", "")
    items = [_published(found) for found in store.below(f"b/{bucket['name']}/o/{prefix}")]
    return JSONResponse({"kind": "storage#objects", **({"items": items} if items else {})})


async def read(request: Request) -> Response:
    """What the object is or, with `alt=media`, its content."""
    _, found = _object(request, "storage.objects.get")
    if request.query_params.get("alt") != "media":
        return JSONResponse(_published(found))
    content = request.app.state.blobs.path(found["sha256"]).read_bytes()
    return Response(content, media_type=found.get("contentType", "application/octet-stream"))


async def delete(request: Request) -> Response:
    store, found = _object(request, "storage.objects.delete")
    # The content goes at the next start (`Blobs.sweep`).
    store.delete(f"b/{found['bucket']}/o/{found['name']}")
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _published(found: Json) -> Json:
    return {key: value for key, value in found.items() if key != "sha256"}


_BUCKET = "/storage/v1/b/{bucket}"
ROUTES = [
    Route("/storage/v1/b", create_bucket, methods=["POST"]),
    # The plugin's client ends that collection's path with a slash.
    Route(f"{_BUCKET}/anywhereCaches/", list_caches),
    Route(f"{_BUCKET}/iam", read_policy),
    Route(f"{_BUCKET}/iam", write_policy, methods=["PUT"]),
    Route(f"/upload{_BUCKET}/o", upload, methods=["POST"]),
    Route(f"{_BUCKET}/o", list_objects),
    Route(f"{_BUCKET}/o/{{object:path}}", read),
    Route(f"/download{_BUCKET}/o/{{object:path}}", read),
    Route(f"{_BUCKET}/o/{{object:path}}", delete, methods=["DELETE"]),
    Route(_BUCKET, describe_bucket),
    Route(_BUCKET, delete_bucket, methods=["DELETE"]),
]
