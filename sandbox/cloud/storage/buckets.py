"""Buckets: `storage.googleapis.com`.

Owns what `examples/`, the GCP plugin and the docs need: create, read and delete a bucket, switch
versioning, read and write the policy. There are no folders and no other updates. Shapes and texts are those
of the JSON API's reference and its page "HTTP status and error codes for JSON". Objects are in `objects`.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.core.clock import now
from sandbox.cloud.core.errors import GoogleError, Json, read_field, read_object
from sandbox.cloud.core.locations import REGIONS
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.policies import delete_policy, has_permission, read_policy, set_policy
from sandbox.cloud.projects.projects import get_project, require_service

HOST = "storage.googleapis.com"
# "Bucket locations": every region is one, and the multi-regions have names of their own.
LOCATIONS = {region.upper() for region in REGIONS} | {"US", "EU", "ASIA"}
# "Bucket naming requirements", without names with dots: those are domains that the creator must own.
BUCKET_NAME = re.compile(r"(?!goog)[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]")
NO_BUCKET = "The specified bucket does not exist."
# The settings of a bucket whose creation names none.
IAM_DEFAULTS = {"publicAccessPrevention": "inherited", "uniformBucketLevelAccess": {"enabled": False}}
BUCKET_FIELDS = ("labels", "iamConfiguration", "softDeletePolicy", "versioning")


class StorageError(GoogleError):
    """A refusal in the form of the JSON API, which is older than the form of other hosts."""

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


def invalid(message: str) -> StorageError:
    """The refusal of an invalid request."""
    return StorageError(HTTPStatus.BAD_REQUEST, "invalid", message)


def condition_not_met() -> StorageError:
    """The refusal of a request whose precondition is false."""
    text = "At least one of the pre-conditions you specified did not hold."
    return StorageError(HTTPStatus.PRECONDITION_FAILED, "conditionNotMet", text)


def check_permission(request: Request, permission: str, kind: str, *resources: str) -> None:
    """Refuse a principal without the permission in any policy of the resources.

    Args:
        request: the request.
        permission: such as `storage.objects.get`.
        kind: the kind of the resource, for the error text.
        resources: the resource and its ancestors.

    Raises:
        StorageError: in the words of the JSON API.
    """
    store, principal = request.app.state.store, request.state.principal
    if principal.member is None:
        text = f"Anonymous caller does not have {permission} access to the Google Cloud Storage {kind}."
        code, reason = HTTPStatus.UNAUTHORIZED, "required"
    elif not has_permission(store, principal, permission, *resources):
        email = principal.member.partition(":")[2]
        text = f"{email} does not have {permission} access to the Google Cloud Storage {kind}."
        code, reason = HTTPStatus.FORBIDDEN, "forbidden"
    else:
        return
    raise StorageError(
        code, reason, f"{text} Permission '{permission}' denied on resource (or it may not exist)."
    )


def find_bucket(
    request: Request, permission: str, kind: str = "bucket", *, key: str = "bucket"
) -> tuple[Store, Json]:
    """The bucket that the request's path names under that key, if the principal has that permission on it.

    A principal without the permission still learns that a bucket does not exist.
    """
    store: Store = request.app.state.store
    name = f"b/{request.path_params[key]}"
    bucket = store.get(name)
    if bucket is None and request.state.principal.member is not None:
        raise StorageError(HTTPStatus.NOT_FOUND, "notFound", NO_BUCKET)
    found: Json = bucket or {"project": ""}
    check_permission(request, permission, kind, name, f"projects/{found['project']}")
    require_service(store, found["project"], HOST)
    return store, found


async def create_bucket(request: Request) -> Response:
    store: Store = request.app.state.store
    project = get_project(store, request.query_params.get("project", ""))
    require_service(store, project["projectId"], HOST)
    check_permission(request, "storage.buckets.create", "project", f"projects/{project['projectId']}")
    body = await read_object(request)
    read_field(body, "versioning", Json())
    name, location = body.get("name"), body.get("location", "US")
    if not isinstance(name, str) or not BUCKET_NAME.fullmatch(name):
        raise invalid(f"Invalid bucket name: '{name}'")
    if not isinstance(location, str) or location.upper() not in LOCATIONS:
        raise invalid("The specified location constraint is not valid.")
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
    settings = bucket.get("iamConfiguration")
    bucket["iamConfiguration"] = {**IAM_DEFAULTS, **(settings if isinstance(settings, dict) else {})}
    store.put(f"b/{name}", {**bucket, "project": project["projectId"]})
    return JSONResponse(bucket)


async def describe_bucket(request: Request) -> Response:
    _, bucket = find_bucket(request, "storage.buckets.get")
    return JSONResponse(_public_fields(bucket))


async def update_bucket(request: Request) -> Response:
    """Switch versioning, and nothing else. The sandbox keeps the setting, but no old versions."""
    store, bucket = find_bucket(request, "storage.buckets.update")
    body = await read_object(request)
    if (
        request.query_params.get("ifMetagenerationMatch", bucket["metageneration"])
        != bucket["metageneration"]
    ):
        raise condition_not_met()
    if others := body.keys() - {"name", "versioning"}:
        text = f"The sandbox changes only the versioning of a bucket, not {', '.join(sorted(others))}."
        raise GoogleError("UNIMPLEMENTED", text)
    if "versioning" in body:
        versioning = read_field(body, "versioning", Json())
        bucket["versioning"] = {"enabled": read_field(versioning, "enabled", False)}
    bucket["metageneration"] = str(int(bucket["metageneration"]) + 1)
    bucket["updated"] = now()
    store.put(f"b/{bucket['name']}", bucket)
    return JSONResponse(_public_fields(bucket))


def _public_fields(bucket: Json) -> Json:
    return {key: value for key, value in bucket.items() if key != "project"}


async def delete_bucket(request: Request) -> Response:
    store, bucket = find_bucket(request, "storage.buckets.delete")
    name = f"b/{bucket['name']}"
    if store.below(f"{name}/o/"):
        raise StorageError(HTTPStatus.CONFLICT, "conflict", "The bucket you tried to delete is not empty.")
    store.delete(name)
    delete_policy(store, name)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def list_caches(request: Request) -> Response:
    """Caches near zones: the plugin lists them before it deletes a bucket. The list is always empty."""
    find_bucket(request, "storage.anywhereCaches.list")
    return JSONResponse({"kind": "storage#anywhereCaches"})


async def describe_policy(request: Request) -> Response:
    store, bucket = find_bucket(request, "storage.buckets.getIamPolicy")
    # Google's first policy has legacy grants of the basic roles; nothing here uses them.
    version = request.query_params.get("optionsRequestedPolicyVersion", "")
    return JSONResponse(_policy(bucket, read_policy(store, f"b/{bucket['name']}", version)))


async def write_policy(request: Request) -> Response:
    store, bucket = find_bucket(request, "storage.buckets.setIamPolicy")
    try:
        policy = set_policy(store, f"b/{bucket['name']}", await read_object(request))
    except GoogleError as error:
        if error.status != "ABORTED":
            raise invalid(error.message) from error
        raise condition_not_met() from error
    return JSONResponse(_policy(bucket, policy))


def _policy(bucket: Json, policy: Json) -> Json:
    return {"kind": "storage#policy", "resourceId": f"projects/_/buckets/{bucket['name']}", **policy}


_BUCKET = "/storage/v1/b/{bucket}"
ROUTES = [
    Route("/storage/v1/b", create_bucket, methods=["POST"]),
    # The plugin's client adds a slash to this collection's path.
    Route(f"{_BUCKET}/anywhereCaches/", list_caches),
    Route(f"{_BUCKET}/iam", describe_policy),
    Route(f"{_BUCKET}/iam", write_policy, methods=["PUT"]),
    Route(_BUCKET, describe_bucket),
    Route(_BUCKET, update_bucket, methods=["PATCH"]),
    Route(_BUCKET, delete_bucket, methods=["DELETE"]),
]
