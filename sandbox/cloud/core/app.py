"""All hosts of the cloud as one ASGI app.

Owns the path of every request: count it, inject a fault, identify the principal, answer, and write one line
of log. An API answers inside one transaction, an index in several short ones. Does not own TLS and proxies
(`sandbox.runtime.proxy`).
"""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.cloud.artifact_registry import packages, repositories, rules
from sandbox.cloud.auth import iam_credentials, oauth2, openid_connect, sts
from sandbox.cloud.auth.access_tokens import delete_expired_tokens, identify
from sandbox.cloud.auth.scopes import check_scope
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.core.faults import count_down_to_cut, read_faults, strikes
from sandbox.cloud.core.messages import check_parameters
from sandbox.cloud.core.operations import delete_old_operations
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam import service_accounts, workload_identity
from sandbox.cloud.iam.members import Principal
from sandbox.cloud.projects import logs, resource_manager, service_usage
from sandbox.cloud.pypi.mirror import PublicIndex
from sandbox.cloud.python_index import download
from sandbox.cloud.python_index import host as python_index
from sandbox.cloud.storage import buckets, objects

# The status in the log for a client that disconnected before the answer (nginx uses the same number).
CLIENT_LEFT = 499


async def _not_emulated(request: Request) -> Response:
    raise GoogleError(
        "UNIMPLEMENTED",
        f"The sandbox does not emulate {request.method} {_host(request)}{request.scope['path']}.",
    )


def _host(request: Request) -> str:
    """The host of a request, from the header itself: `request.url` fails for some headers."""
    return request.headers.get("host", "").partition(":")[0].lower()


def _routes(public_index: PublicIndex) -> list[BaseRoute]:
    apis: dict[str, list[BaseRoute]] = {
        repositories.HOST: [*packages.ROUTES, *repositories.ROUTES, *rules.ROUTES],
        service_accounts.HOST: [*workload_identity.ROUTES, *service_accounts.ROUTES],
        iam_credentials.HOST: [*iam_credentials.ROUTES],
        sts.HOST: [*sts.ROUTES],
        oauth2.HOST: [*oauth2.ROUTES],
        openid_connect.HOST: [*openid_connect.ROUTES],
        logs.HOST: [*logs.ROUTES],
        resource_manager.HOST: [*resource_manager.ROUTES],
        service_usage.HOST: [*service_usage.ROUTES],
        buckets.HOST: [*buckets.ROUTES, *objects.ROUTES],
    }
    every_method = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    rest = Route("/{path:path}", _not_emulated, methods=every_method)
    no_file = Route("/{path:path}", python_index.refuse_rest, methods=every_method)
    indexes = {python_index.HOST: python_index.ROUTES, public_index.host: public_index.routes()}
    return [
        *(Host(host, TransactionMiddleware(Router([*routes, rest]))) for host, routes in apis.items()),
        *(Host(host, Router([*routes, no_file])) for host, routes in indexes.items()),
        rest,
    ]


class TransactionMiddleware:
    """Answers a request in one transaction: the store keeps all of its changes, or none.

    The transaction never waits for the client. The body arrives before it begins, and the answer is sent
    after it ends. So this middleware is for JSON, not for files.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        answer: list[Message] = []

        async def collect(message: Message) -> None:
            answer.append(message)

        with scope["app"].state.store.transaction():
            await self._app(scope, replay, collect)
        for message in answer:
            await send(message)


class RequestMiddleware:
    """Counts each request, injects faults, identifies the principal and writes the log."""

    def __init__(self, app: ASGIApp, store: Store, public_host: str, log: Path) -> None:
        self._app = app
        self._store = store
        self._public_host = public_host
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        host = _host(request)
        member: str | None = None
        cut = started = False

        async def pass_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                # Before the client has the answer: a client that reads the log then finds the line.
                self._write_log(request, message["status"], member)
                if cut:
                    # Without its length: with it, an empty answer would be complete.
                    headers = [header for header in message["headers"] if header[0] != b"content-length"]
                    message = {**message, "headers": headers}
            elif cut:
                # Only headers, then the end: the server closes the connection of an incomplete answer.
                message = {"type": "http.response.body", "body": b"", "more_body": True}
            await send(message)

        try:
            with self._store.transaction():
                cut = count_down_to_cut(self._store)
            with self._store.transaction():
                if strikes(read_faults(self._store).unavailable):
                    raise GoogleError("UNAVAILABLE", "The service is currently unavailable.")
                principal = self._identify(request, host)
            request.state.principal, member = principal, principal.member
            check_scope(principal, host, request.method)
            if host == repositories.HOST:
                check_parameters(request, repositories.PARAMETERS)
            await self._app(scope, receive, pass_on)
        except GoogleError as error:
            index = host == self._public_host or host.endswith(python_index.DOMAIN)
            response = python_index.refusal(error) if index else error.response()
            await response(scope, receive, pass_on)
        except ClientDisconnect:
            self._write_log(request, CLIENT_LEFT, member)
        except Exception:
            # An error of the sandbox itself. The server answers it without `pass_on`.
            if not started:
                self._write_log(request, HTTPStatus.INTERNAL_SERVER_ERROR, member)
            raise

    def _identify(self, request: Request, host: str) -> Principal:
        if host == self._public_host:
            # The public index needs no login, and ignores any.
            return Principal(member=None)
        if host.endswith(python_index.DOMAIN):
            return python_index.identify_client(self._store, request)
        return identify(self._store, request.headers.get("authorization"))

    def _write_log(self, request: Request, status: int, member: str | None) -> None:
        append_log(
            self._log,
            host=_host(request),
            method=request.method,
            path=download.logged_path(request.scope["path"]),
            status=status,
            principal=member,
        )


def append_log(log: Path, **entry: str | int | None) -> None:
    """Write what is known of one request as a line of JSON. Never pass a token or a body."""
    line = {"time": round(time.time(), 3), **entry}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def build_app(store: Store, blobs: Blobs, public_index: PublicIndex, log: Path) -> Starlette:
    """Build the cloud over a store and a folder of files, and delete expired tokens and operations."""
    with store.transaction():
        delete_expired_tokens(store)
        delete_old_operations(store)
    app = Starlette(
        routes=_routes(public_index),
        middleware=[Middleware(RequestMiddleware, store=store, public_host=public_index.host, log=log)],
    )
    app.state.store = store
    app.state.blobs = blobs
    app.state.public_index = public_index
    app.state.download_tokens = download.DownloadTokens()
    return app
