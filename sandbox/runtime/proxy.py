"""The HTTPS proxy on loopback. It sends Google's hosts and the public Python index to the sandbox's cloud.

Owns the certificate authority, the proxy, and the process that serves both. `sandbox.runtime.process`
starts and stops that process. The proxy forwards nothing to another machine: it refuses a host that the
sandbox does not emulate. `sandbox.cloud.pypi` fetches the files of the public index.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import ssl
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trustme
import uvicorn

from sandbox.cloud.core.app import append_log, build_app
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.store import Store
from sandbox.cloud.pypi.configured_index import EMULATED_DOMAINS, find_host, read_configured_index
from sandbox.cloud.pypi.mirror import PublicIndex
from sandbox.cloud.python_index.host import explain_other_host
from sandbox.runtime.paths import SandboxFolder, sandbox_folder, write_private
from sandbox.runtime.process import LOOPBACK, Proxy, code_version

# How long requests may still take after the proxy is told to stop, in seconds.
GRACE_SECONDS = 3
# Google keeps idle connections for minutes. The server's default is 5 seconds. A client that waits 5
# seconds between two tries would then use a connection that the server closes at that moment.
KEEP_ALIVE_SECONDS = 240
# Size limit of a proxy request's head. CONNECT and a few headers need far less (RFC 9112 sets no number).
HEAD_BYTES = 64 * 1024
HTTPS_PORT = "443"
FORBIDDEN = 403


def is_emulated(host: str, public_host: str) -> bool:
    """Whether the sandbox answers for a host: one of Google's, or the public Python index."""
    return host.partition(".")[2] in EMULATED_DOMAINS or host == public_host


def ensure_authority(folder: SandboxFolder) -> trustme.CA:
    """The sandbox's certificate authority, created the first time.

    Clients get `bundle.pem`: the system's authorities and this one. Several clients accept only one file.
    """
    key, certificate = folder.authority / "key.pem", folder.authority / "cert.pem"
    if key.exists() and certificate.exists():
        authority = trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    else:
        authority = trustme.CA(organization_name="python-registry sandbox")
        write_private(key, authority.private_key_pem.bytes())
        write_private(certificate, authority.cert_pem.bytes())
    system = ssl.get_default_verify_paths().cafile
    trusted = Path(system).read_bytes() if system else b""
    write_private(folder.authority / "bundle.pem", trusted + authority.cert_pem.bytes())
    return authority


def serve() -> None:
    """Run the proxy until it is told to stop. Prints nothing; `proxy.json` has its port."""
    folder = sandbox_folder().create()
    with folder.proxy_lock.open("w") as lock:
        # This waits: `find_proxy` holds the lock for a moment.
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(_serve(folder))


async def _serve(folder: SandboxFolder) -> None:
    code = code_version()
    store, blobs = Store(folder.database), Blobs(folder.blobs)
    blobs.sweep(store)
    address = read_configured_index()
    public_host = find_host(address)
    # The call names the protocol: asyncio disables Nagle's delay only for such sockets. With the delay,
    # each answer takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind((LOOPBACK, 0))
    # A client that connects before the cloud runs waits.
    listener.listen()
    tunnels = _Tunnels(folder, cloud_port=listener.getsockname()[1], public_host=public_host)
    server = await tunnels.listen()
    port = server.sockets[0].getsockname()[1]
    public_index = PublicIndex(store, blobs, address, own_proxy=f"http://{LOOPBACK}:{port}")
    zones = (f"*.{zone}" for zone in EMULATED_DOMAINS)
    certificate = ensure_authority(folder).issue_cert(*zones, public_host)

    def tls_context(*_: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    cloud = _Cloud(
        uvicorn.Config(
            build_app(store, blobs, public_index, folder.log),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            ssl_context_factory=tls_context,
        )
    )
    pages = f"https://{public_host}{urlsplit(address).path}"
    state = Proxy(pid=os.getpid(), port=port, public_index=pages, code=code, root=str(folder.root))
    write_private(folder.proxy_state, json.dumps(asdict(state)).encode())
    await cloud.serve(sockets=[listener])
    # This does not wait for open tunnels: a client's idle tunnel must not keep the process alive.
    server.close()
    store.close()


class _Cloud(uvicorn.Server):
    """The server of the cloud. Unlike its base, it does not wait for idle clients when it stops.

    An idle client does not answer the end of TLS, so the base would wait for the whole grace period.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_soon(self._abort_closed)
        await super().shutdown(sockets)

    def _abort_closed(self) -> None:
        """Abort the connections that the base has closed: those without a request."""
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if transport.is_closing() and not transport.get_write_buffer_size():
                transport.abort()


@dataclass(frozen=True, kw_only=True)
class _Destination:
    """The host and port that a client asks the proxy for."""

    method: str
    host: str
    port: str

    @classmethod
    def parse(cls, head: bytes) -> _Destination:
        method, target, *_ = [*head.split(b"\r\n", 1)[0].decode("latin-1").split(" "), "", ""]
        # Without the login that the address may have: the log must not keep it.
        authority = (target if method == "CONNECT" else urlsplit(target).netloc).rpartition("@")[2]
        host, _, port = authority.partition(":")
        return cls(method=method, host=host, port=port)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


class _Tunnels:
    """The proxy proper: one tunnel to the cloud per client connection."""

    def __init__(self, folder: SandboxFolder, *, cloud_port: int, public_host: str) -> None:
        self._folder = folder
        self._cloud_port = cloud_port
        self._public_host = public_host

    async def listen(self) -> asyncio.Server:
        """Open the proxy at its previous port if that port is free: open shells use it."""
        try:
            previous = int(json.loads(self._folder.proxy_state.read_bytes())["port"])
        except (OSError, ValueError):
            previous = 0
        try:
            return await asyncio.start_server(self._accept, LOOPBACK, previous, limit=HEAD_BYTES)
        except OSError:
            return await asyncio.start_server(self._accept, LOOPBACK, 0, limit=HEAD_BYTES)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Open a tunnel to the cloud, or refuse the host by name."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            writer.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\n\r\n")
            return
        destination = _Destination.parse(head)
        is_tunnel = destination.method == "CONNECT" and destination.port == HTTPS_PORT
        emulated = is_emulated(destination.host, self._public_host)
        explanation = explain_other_host(destination.host)
        if emulated and not is_tunnel:
            explanation = (
                explanation or f"The sandbox serves {destination.host} only as https on port {HTTPS_PORT}"
            )
        if explanation or not emulated:
            await self._refuse(destination, explanation, writer)
            return
        inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, self._cloud_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        finally:
            inner_writer.close()

    async def _refuse(
        self, destination: _Destination, explanation: str | None, writer: asyncio.StreamWriter
    ) -> None:
        host, method = str(destination) or "a request without a host", destination.method
        append_log(self._folder.log, host=host, method=method, path="", status=FORBIDDEN, principal=None)
        text = f"The python-registry sandbox does not emulate {host} and forwards no request.\n"
        text = f"{explanation}.\n" if explanation else text
        # Clients show only the first line of a proxy's refusal.
        writer.write(
            f"HTTP/1.1 {FORBIDDEN} {explanation or 'Not emulated by the sandbox'}\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(text.encode())}\r\n"
            f"Connection: close\r\n\r\n{text}".encode()
        )
        await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the sender ends, then end the receiver. So both sides of a tunnel end."""
    try:
        while chunk := await reader.read(HEAD_BYTES):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


if __name__ == "__main__":
    serve()
