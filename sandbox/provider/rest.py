"""A REST client for Google's APIs with the real provider's retries and error texts.

Owns the HTTP client, the retries, the time limits and long-running operations. It polls faster than the
real provider, within the same limits. It knows no resource type. It connects only to the proxy that it is
given: the fake provider must never reach Google.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import requests

from sandbox.provider.values import Json

# transport/error_retry_predicates.go (isCommonRetryableErrorCode) of the Google provider.
RETRIED_STATUSES = (429, 500, 502, 503)
# transport/retry_transport.go (defaultRetryTransportTimeoutSec).
RETRY_SECONDS = 90.0
# Timeouts of the resources' create, update and delete (schema.DefaultTimeout).
OPERATION_SECONDS = 20 * 60.0
# Not the real values: the real provider starts at 0.5 to 10 s, which a sandbox does not need.
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.1, 1.0
CONNECT_AND_READ_SECONDS = (10.0, 60.0)
FIRST_FAILURE, NOT_FOUND, CONFLICT = 300, 404, 409


class ProviderError(Exception):
    """A failure whose text the engine gets unchanged."""


class ApiError(ProviderError):
    """Google's error, in the words of Google's API client for Go (googleapi.Error.Error)."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = None
        error = parsed.get("error") if isinstance(parsed, dict) else None
        self.error: dict[str, Any] = error if isinstance(error, dict) else {}

    def __str__(self) -> str:
        message, items = self.error.get("message", ""), self.error.get("errors", [])
        if not message and not items:
            return f"googleapi: got HTTP response code {self.status} with body: {self.body}"
        text = f"googleapi: Error {self.status}: {message}"
        if details := self.error.get("details"):
            text += f"\nDetails:\n{_as_go_prints(details)}\n"
        if not items:
            return text.strip()
        if len(items) == 1 and items[0].get("message") == message:
            return f"{text}, {items[0].get('reason', '')}"
        lines = (f"Reason: {i.get('reason', '')}, Message: {i.get('message', '')}" for i in items)
        return "\n".join([text, "More details:", *lines, ""])


def has_status(error: BaseException, status: int) -> bool:
    """Whether an error is Google's error with this status, or was raised because of one."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ApiError):
        cause = cause.__cause__
    return cause is not None and cause.status == status


@contextmanager
def error_context(activity: str) -> Generator[None, None, None]:
    """Put the activity in front of the text of a failure."""
    try:
        yield
    except ProviderError as error:
        raise ProviderError(f"{activity}: {error}") from error


def _as_go_prints(value: Json) -> str:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    for character in "&<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. ``body`` None sends no body; bytes are sent unchanged."""

    method: str
    url: str
    query: dict[str, str]
    body: Json = None
    content_type: str = "application/json"


class Transport(Protocol):
    """Sends a request once. Returns the status and the text of the answer. Tests give their own."""

    def __call__(self, request: Request) -> tuple[int, str]: ...


def proxy_transport(proxy: str, authorities: str | bool, token: str) -> Transport:
    """HTTPS through the sandbox's proxy, and never past it."""
    session = requests.Session()
    # NO_PROXY or a .netrc must not lead past the proxy.
    session.trust_env = False
    session.proxies = {"https": proxy, "http": proxy}
    session.verify = authorities
    session.headers["Authorization"] = f"Bearer {token}"

    def send(request: Request) -> tuple[int, str]:
        raw = isinstance(request.body, bytes)
        answer = session.request(
            request.method,
            request.url,
            params=request.query,
            data=request.body if raw else None,
            json=None if raw else request.body,
            headers={"Content-Type": request.content_type} if raw else None,
            timeout=CONNECT_AND_READ_SECONDS,
        )
        return answer.status_code, answer.text

    return send


class Api:
    """The API client of resource types, with retries. Cancelling the run ends every wait."""

    def __init__(self, send: Transport, cancelled: threading.Event) -> None:
        self._send = send
        self._cancelled = cancelled

    def call(self, method: str, url: str, body: Json = None, **query: str) -> Json:
        """The answer's JSON. Retries what the real provider retries, otherwise raises ApiError."""
        return self._send_with_retries(
            Request(method=method, url=url, query={"alt": "json", **query}, body=body)
        )

    def upload(self, url: str, metadata: Json, content: str, **query: str) -> Json:
        """Send a small file and its metadata, as the two parts of one body."""
        boundary = uuid.uuid4().hex
        head, kind = "Content-Type: application/json", metadata.get("contentType", "text/plain")
        parts = f"{head}\r\n\r\n{json.dumps(metadata)}", f"Content-Type: {kind}\r\n\r\n{content}"
        body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
        request = Request(
            method="POST",
            url=url,
            query={"alt": "json", "uploadType": "multipart", **query},
            body=body.encode(),
            content_type=f"multipart/related; boundary={boundary}",
        )
        return self._send_with_retries(request)

    def _send_with_retries(self, request: Request) -> Json:
        for is_last in self.attempts(RETRY_SECONDS):
            try:
                status, text = self._send(request)
            except requests.RequestException as error:
                # Google may have executed a write without an answer: it is not sent again.
                if is_last or request.method != "GET":
                    raise ProviderError(f"{request.method} {request.url}: {error}") from error
                continue
            if status < FIRST_FAILURE:
                return json.loads(text) if text else {}
            if is_last or status not in RETRIED_STATUSES:
                raise ApiError(status, text)
        raise AssertionError("the last attempt returns or raises")

    def find(self, url: str) -> Json:
        """The answer to a GET; None if there is no such resource."""
        try:
            return self.call("GET", url)
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            return None

    def attempts(self, seconds: float) -> Iterator[bool]:
        """One item per attempt, with growing pauses, until the time is over. The last item is True."""
        deadline, delay = time.monotonic() + seconds, FIRST_DELAY_SECONDS
        while time.monotonic() + delay < deadline:
            yield False
            self.pause(delay)
            delay = min(delay * 1.5, LONGEST_DELAY_SECONDS)
        yield True

    def pause(self, seconds: float) -> None:
        """Wait. Raises if the run is cancelled."""
        if self._cancelled.wait(seconds):
            raise ProviderError("the run was cancelled")

    def wait_for(self, operation: Json, base: str, activity: str) -> None:
        """Wait for a long-running operation. An answer without a name is not an operation."""
        if not operation.get("name"):
            return
        for is_last in self.attempts(OPERATION_SECONDS):
            if error := operation.get("error"):
                text = f"Error code {error.get('code')}, message: {error.get('message')}"
                raise ProviderError(f"Error waiting for {activity}: {text}")
            if operation.get("done"):
                return
            if is_last:
                break
            operation = self.call("GET", f"{base}/{operation['name']}")
        raise ProviderError(
            f"Error waiting for {activity}: timeout while waiting for state to become "
            f"'done: true' (last state: 'done: false', timeout: {OPERATION_SECONDS / 60:g}m0s)"
        )
