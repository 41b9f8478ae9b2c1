"""Google's error answers: the JSON of google.rpc.Status, as every `*.googleapis.com` host sends it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, TypeVar, cast

from starlette.requests import Request
from starlette.responses import JSONResponse

Json = dict[str, Any]
_Value = TypeVar("_Value")
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"

# google.rpc.Code (google/rpc/code.proto) and the HTTP status it maps to there.
HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}


class GoogleError(Exception):
    """An error answer of a Google API.

    Args:
        status: a google.rpc.Code name, a key of `HTTP_STATUS`.
        message: the text for people.
        details: google.rpc error details, each with its `@type`.
    """

    def __init__(self, status: str, message: str, *details: Json) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details

    def response(self) -> JSONResponse:
        """The HTTP answer; a 401 has the challenge that makes clients log in."""
        code = HTTP_STATUS[self.status]
        error: Json = {"code": code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        headers = {}
        if code == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
        return JSONResponse({"error": error}, status_code=code, headers=headers)


def not_found() -> GoogleError:
    """The refusal of a resource that does not exist."""
    return GoogleError("NOT_FOUND", "Requested entity was not found.")


def invalid(message: str) -> GoogleError:
    """The refusal of a request that fails Google's validation."""
    return GoogleError("INVALID_ARGUMENT", message)


async def read_object(request: Request) -> Json:
    """Read a request's body as an object; a request without a body has an empty one.

    Raises:
        GoogleError: INVALID_ARGUMENT for any other JSON, and for text that is not JSON.
    """
    return parse_object(await request.body() or b"{}")


def parse_object(text: bytes) -> Json:
    """Read an object from JSON.

    A field that is null is dropped: it equals a missing one in the JSON form of protobuf.

    Raises:
        GoogleError: INVALID_ARGUMENT for any other JSON, and for text that is not JSON.
    """
    try:
        body = json.loads(text, object_hook=_without_nulls)
        # Python reads more than JSON and UTF-8 allow: NaN, 1e999, half a surrogate pair. It cannot write
        # such values again.
        json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid("Invalid JSON payload received.") from error
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received. Expected an object.")
    return cast(Json, body)


def _without_nulls(body: Json) -> Json:
    return {field: value for field, value in body.items() if value is not None}


def read_field(body: Json, field: str, default: _Value) -> _Value:
    """Read a field of an object, or return the default.

    Raises:
        GoogleError: INVALID_ARGUMENT for a value of another type than the default's.
    """
    value = body.get(field, default)
    if type(value) is not type(default):
        raise invalid(f"Invalid value at {field!r}: {json.dumps(value)[:100]}.")
    return value


def read_list(body: Json, field: str, kind: type) -> list[Any]:
    """Read a list in an object; a missing one is empty.

    Raises:
        GoogleError: INVALID_ARGUMENT for a value that is not a list, or has a member of another type.
    """
    values: list[Any] = read_field(body, field, [])
    if not all(type(value) is kind for value in values):
        raise invalid(f"Invalid value at {field!r}: {json.dumps(values)[:100]}.")
    return values


def service_disabled(service: str, title: str, project: str) -> GoogleError:
    """The refusal of a request to an API that is disabled, or was enabled moments ago."""
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={project}"
    return GoogleError(
        "PERMISSION_DENIED",
        f"{title} has not been used in project {project} before or it is disabled. Enable it by "
        f"visiting {url} then retry. If you enabled this API recently, wait a few minutes for the "
        "action to propagate to our systems and retry.",
        {
            "@type": ERROR_INFO,
            "reason": "SERVICE_DISABLED",
            "domain": "googleapis.com",
            "metadata": {
                "service": service,
                "serviceTitle": title,
                "consumer": f"projects/{project}",
                "activationUrl": url,
            },
        },
    )


def permission_denied(permission: str, resource: str) -> GoogleError:
    """The refusal of a principal without the permission."""
    return GoogleError(
        "PERMISSION_DENIED",
        f"Permission '{permission}' denied on resource '//{resource}' (or it may not exist).",
        {
            "@type": ERROR_INFO,
            "reason": "IAM_PERMISSION_DENIED",
            "domain": resource.split("/", 1)[0],
            "metadata": {"permission": permission, "resource": resource.split("/", 1)[1]},
        },
    )
