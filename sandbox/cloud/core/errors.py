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
    """An answer that is not a success.

    Args:
        status: a google.rpc.Code name, a key of `HTTP_STATUS`.
        message: the text a person reads.
        details: google.rpc error details, each with its `@type`.
    """

    def __init__(self, status: str, message: str, *details: Json) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details

    def response(self) -> JSONResponse:
        """The HTTP answer, with the challenge that makes clients ask for a login on 401."""
        code = HTTP_STATUS[self.status]
        error: Json = {"code": code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        headers = {}
        if code == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
        return JSONResponse({"error": error}, status_code=code, headers=headers)


def not_found() -> GoogleError:
    """What Google says of any missing thing it may not describe."""
    return GoogleError("NOT_FOUND", "Requested entity was not found.")


def invalid(message: str) -> GoogleError:
    """A request that Google's validation refuses."""
    return GoogleError("INVALID_ARGUMENT", message)


async def read_object(request: Request) -> Json:
    """A request's body: an object, empty where there is none.

    Raises:
        GoogleError: INVALID_ARGUMENT for any other JSON, and for what is none.
    """
    return parse_object(await request.body() or b"{}")


def parse_object(text: bytes) -> Json:
    """An object from JSON.

    A field that is null is as good as missing (the JSON form of protobuf), and is left out.

    Raises:
        GoogleError: INVALID_ARGUMENT for any other JSON, and for what is none.
    """
    try:
        body = json.loads(text, object_hook=_without_nulls)
        # What Python reads beyond JSON and UTF-8 cannot be written again: NaN, 1e999, half a character.
        json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid("Invalid JSON payload received.") from error
    if not isinstance(body, dict):
        raise invalid("Invalid JSON payload received. Expected an object.")
    return cast(Json, body)


def _without_nulls(body: Json) -> Json:
    return {field: value for field, value in body.items() if value is not None}


def read_field(body: Json, field: str, default: _Value) -> _Value:
    """A field of an object, or the default.

    Raises:
        GoogleError: INVALID_ARGUMENT for a value of another type than the default's.
    """
    value = body.get(field, default)
    if type(value) is not type(default):
        raise invalid(f"Invalid value at {field!r}: {json.dumps(value)[:100]}.")
    return value


def read_list(body: Json, field: str, kind: type) -> list[Any]:
    """A list in an object, empty where it is missing.

    Raises:
        GoogleError: INVALID_ARGUMENT for what is no list, or has a member of another type.
    """
    values: list[Any] = read_field(body, field, [])
    if not all(type(value) is kind for value in values):
        raise invalid(f"Invalid value at {field!r}: {json.dumps(values)[:100]}.")
    return values


def service_disabled(service: str, title: str, project: str) -> GoogleError:
    """An API that is off, or was enabled moments ago."""
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
    """A caller whom no policy gives the permission."""
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
