"""The whole cloud as one ASGI app: which host answers, who asks, what the log keeps.

Owns the path of every request: count it, spoil it if a fault strikes, find the caller, answer inside
one transaction, write one line of log. Knows nothing of TLS and proxies (`sandbox.gateway`).
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Host, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.cloud import artifact_registry, iam, iam_credentials, projects, tokens
from sandbox.cloud.access import identify
from sandbox.cloud.errors import GoogleError
from sandbox.cloud.faults import count_down_to_cut, read_faults, strikes
from sandbox.cloud.store import Store


async def _userinfo(request: Request) -> Response:
    """The plugin asks at every run whose token it has, for its request headers' sake."""
    member = request.state.caller.member or ":"
    return JSONResponse({"email": member.partition(":")[2], "email_verified": True})


async def _not_imitated(request: Request) -> Response:
    raise GoogleError(
        "UNIMPLEMENTED",
        f"The sandbox does not imitate {request.method} {request.url.hostname}{request.url.path}.",
    )


def _routes() -> list[BaseRoute]:
    hosts = {
        artifact_registry.HOST: artifact_registry.ROUTES,
        iam.HOST: iam.ROUTES,
        iam_credentials.HOST: iam_credentials.ROUTES,
        tokens.HOST: tokens.ROUTES,
        projects.RESOURCE_MANAGER: projects.RESOURCE_MANAGER_ROUTES,
        projects.SERVICE_USAGE: projects.SERVICE_USAGE_ROUTES,
        "openidconnect.googleapis.com": [Route("/v1/userinfo", _userinfo)],
    }
    every_method = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    rest = Route("/{path:path}", _not_imitated, methods=every_method)
    return [
        *(Host(host, Router([*routes, rest])) for host, routes in hosts.items()),
        rest,
    ]


class _Conduct:
    """Counts, spoils, identifies, answers and logs each request."""

    def __init__(self, app: ASGIApp, store: Store, log: Path) -> None:
        self._app = app
        self._store = store
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        # Handlers never wait inside a transaction: all of the body is here before it begins.
        body = await request.body()

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        answer: list[Message] = []

        async def collect(message: Message) -> None:
            answer.append(message)

        with self._store.transaction():
            cut = count_down_to_cut(self._store)
        member: str | None = None
        try:
            with self._store.transaction():
                if strikes(read_faults(self._store).unavailable):
                    raise GoogleError("UNAVAILABLE", "The service is currently unavailable.")
                caller = identify(self._store, request.headers.get("authorization"))
                request.state.caller, member = caller, caller.member
                await self._app(scope, replay, collect)
        except GoogleError as error:
            answer.clear()
            await error.response()(scope, replay, collect)
        self._write_log(request, answer[0]["status"], member)
        if cut:
            # Headers alone, then the end: the server under us closes an answer that is not whole.
            await send(answer[0])
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            return
        for message in answer:
            await send(message)

    def _write_log(self, request: Request, status: int, member: str | None) -> None:
        append_log(
            self._log,
            host=request.url.hostname or "",
            method=request.method,
            path=request.url.path,
            status=status,
            principal=member,
        )


def append_log(log: Path, *, host: str, method: str, path: str, status: int, principal: str | None) -> None:
    """Write one request as a line of JSON: what was asked by whom, never a token or a body."""
    line = {
        "time": round(time.time(), 3),
        "host": host,
        "method": method,
        "path": path,
        "status": status,
        "principal": principal,
    }
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


async def _malformed(_: Request, __: Exception) -> Response:
    return GoogleError("INVALID_ARGUMENT", "Invalid JSON payload received.").response()


def build_app(store: Store, log: Path) -> Starlette:
    """The cloud over a store, logging to a file."""
    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(_Conduct, store=store, log=log)],
        exception_handlers={json.JSONDecodeError: _malformed},
    )
    app.state.store = store
    return app
