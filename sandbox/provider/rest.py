"""REST to Google's APIs, with the real plug-in's retries and the real plug-in's error texts.

Owns the HTTP client, what is retried, how long anything is waited for, and operations. It polls
quicker than the real one, within the same bounds. It knows no resource, and it opens no connection
but to the proxy it is given: this plug-in must never reach Google itself.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator
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
# Ours: the real plug-in starts at 0.5 to 10 s, which a sandbox needs not.
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.1, 1.0
CONNECT_AND_READ_SECONDS = (10.0, 60.0)
FIRST_FAILURE, NOT_FOUND, CONFLICT = 300, 404, 409


class PluginError(Exception):
    """A failure to report as it reads."""


class ApiError(PluginError):
    """Google's refusal, printed as Google's API client for Go does (googleapi.Error.Error)."""

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
    """Whether an error is Google's refusal with this status, or was raised because of one."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ApiError):
        cause = cause.__cause__
    return cause is not None and cause.status == status


@contextmanager
def saying(what: str) -> Generator[None, None, None]:
    """Puts before a failure what was being done."""
    try:
        yield
    except PluginError as error:
        raise PluginError(f"{what}: {error}") from error


def _as_go_prints(value: Json) -> str:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    for character in "&<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; ``body`` None sends none, bytes are sent as they are."""

    method: str
    url: str
    query: dict[str, str]
    body: Json = None
    content_type: str = "application/json"


class Transport(Protocol):
    """Sends a request once: the status and the text of the answer. Tests put theirs here."""

    def __call__(self, request: Request) -> tuple[int, str]: ...


def proxied(proxy: str, authorities: str | bool, token: str) -> Transport:
    """HTTPS through the sandbox's proxy, and no other way."""
    session = requests.Session()
    # Not even NO_PROXY or a .netrc may lead past the proxy.
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
    """What resources use: requests that are retried, and waits that a cancelled run ends."""

    def __init__(self, send: Transport, cancelled: threading.Event, clock: Callable[[], float]) -> None:
        self._send = send
        self._cancelled = cancelled
        self._clock = clock

    def call(self, method: str, url: str, body: Json = None, **query: str) -> Json:
        """The answer's JSON. Retries what the real plug-in retries; else raises ApiError."""
        return self._retried(Request(method=method, url=url, query={"alt": "json", **query}, body=body))

    def upload(self, url: str, described: Json, content: str, **query: str) -> Json:
        """Sends a small file with its description, in the two parts of one body."""
        boundary = uuid.uuid4().hex
        head, kind = "Content-Type: application/json", described.get("contentType", "text/plain")
        parts = f"{head}\r\n\r\n{json.dumps(described)}", f"Content-Type: {kind}\r\n\r\n{content}"
        body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
        request = Request(
            method="POST",
            url=url,
            query={"alt": "json", "uploadType": "multipart", **query},
            body=body.encode(),
            content_type=f"multipart/related; boundary={boundary}",
        )
        return self._retried(request)

    def _retried(self, request: Request) -> Json:
        for last in self.attempts(RETRY_SECONDS):
            try:
                status, text = self._send(request)
            except requests.RequestException as error:
                # A write that got no answer may have been carried out: it is not sent twice.
                if last or request.method != "GET":
                    raise PluginError(f"{request.method} {request.url}: {error}") from error
                continue
            if status < FIRST_FAILURE:
                return json.loads(text) if text else {}
            if last or status not in RETRIED_STATUSES:
                raise ApiError(status, text)
        raise AssertionError("attempts() ends with a last one")

    def find(self, url: str) -> Json:
        """What a GET answers, None where there is nothing."""
        try:
            return self.call("GET", url)
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            return None

    def attempts(self, seconds: float) -> Iterator[bool]:
        """One item a try, with growing pauses between, until the time is over: True is the last."""
        deadline, delay = self._clock() + seconds, FIRST_DELAY_SECONDS
        while self._clock() + delay < deadline:
            yield False
            self.pause(delay)
            delay = min(delay * 1.5, LONGEST_DELAY_SECONDS)
        yield True

    def pause(self, seconds: float) -> None:
        """Waits; raises when the run is cancelled."""
        if self._cancelled.wait(seconds):
            raise PluginError("the run was cancelled")

    def finish(self, operation: Json, base: str, activity: str) -> None:
        """Waits for a long-running operation. An answer without a name is not one."""
        if not operation.get("name"):
            return
        for last in self.attempts(OPERATION_SECONDS):
            if error := operation.get("error"):
                text = f"Error code {error.get('code')}, message: {error.get('message')}"
                raise PluginError(f"Error waiting for {activity}: {text}")
            if operation.get("done"):
                return
            if last:
                break
            operation = self.call("GET", f"{base}/{operation['name']}")
        raise PluginError(
            f"Error waiting for {activity}: timeout while waiting for state to become "
            f"'done: true' (last state: 'done: false', timeout: {OPERATION_SECONDS / 60:g}m0s)"
        )


def new_api(send: Transport, cancelled: threading.Event) -> Api:
    """An Api on the machine's clock."""
    return Api(send, cancelled, time.monotonic)
