"""The way in: an HTTPS proxy on loopback whose every Google host, and the public Python index, is the
sandbox's cloud.

Owns the certificate authority, the proxy and the process that serves both; `sandbox.runtime.process` starts
and stops it. A client's bytes go nowhere but to itself, and a host that is not imitated is refused by
name; what the public index has is fetched by `cloud.public_index`.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import ssl
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import trustme
import uvicorn

from sandbox.cloud.core.app import append_log, build_app
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.store import Store
from sandbox.cloud.pypi.configured_index import EMULATED_DOMAINS, find_host, read_configured_index
from sandbox.cloud.pypi.mirror import PublicIndex
from sandbox.runtime.paths import Folder, sandbox_folder
from sandbox.runtime.process import Gateway, code_version

LOOPBACK = "127.0.0.1"
# How long requests under way may finish once the gateway is told to stop, seconds.
GRACE_SECONDS = 3
# Google keeps idle connections for minutes. With the server's own 5 seconds a client that waits as long
# between two tries would find its connection closed under its hands.
KEEP_ALIVE_SECONDS = 240
# A proxy request's head: generous for CONNECT and a few headers (RFC 9112 sets no number).
HEAD_BYTES = 64 * 1024
HTTPS_PORT = "443"
FORBIDDEN = 403


def is_imitated(host: str, public_host: str) -> bool:
    """Whether the sandbox answers for a host: one of Google's, or the public Python index."""
    return host.partition(".")[2] in EMULATED_DOMAINS or host == public_host


def ensure_authority(folder: Folder) -> trustme.CA:
    """The sandbox's certificate authority, made on the spot the first time.

    Clients get `bundle.pem`: the system's authorities and this one, because several take one file for
    all they trust.
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
    """Run the gateway until it is told to stop. Prints nothing; `gateway.json` says where it is."""
    folder = sandbox_folder().create()
    with folder.lock.open("w") as lock:
        # Waits: whoever looks for a gateway holds it for a moment.
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(_serve(folder))


async def _serve(folder: Folder) -> None:
    code = code_version()
    store, blobs = Store(folder.database), Blobs(folder.blobs)
    blobs.sweep(store)
    address = read_configured_index()
    public_host = find_host(address)
    # The protocol by name: asyncio turns Nagle's delay off for such sockets alone, and with it on each
    # answer takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind((LOOPBACK, 0))
    # So that who comes early waits.
    listener.listen()
    proxy = await _listen(folder, listener.getsockname()[1], public_host)
    port = proxy.sockets[0].getsockname()[1]
    public_index = PublicIndex(store, blobs, address, own_proxy=f"http://{LOOPBACK}:{port}")
    zones = (f"*.{zone}" for zone in EMULATED_DOMAINS)
    certificate = ensure_authority(folder).issue_cert(*zones, public_host)

    def tls_context(*_: object) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        return context

    cloud = uvicorn.Server(
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
    where = Gateway(pid=os.getpid(), port=port, public_index=pages, code=code)
    write_private(folder.server, json.dumps(asdict(where)).encode())
    await cloud.serve(sockets=[listener])
    # Not waited for: a tunnel that a client keeps open for later must not keep the process alive.
    proxy.close()
    store.close()


async def _listen(folder: Folder, cloud_port: int, public_host: str) -> asyncio.Server:
    """Open the proxy, at the port it had before if that is free: open shells know that one."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await _answer(folder, cloud_port, public_host, reader, writer)
        writer.close()

    try:
        before = int(json.loads(folder.server.read_bytes())["port"])
    except (OSError, ValueError):
        before = 0
    try:
        return await asyncio.start_server(accept, LOOPBACK, before, limit=HEAD_BYTES)
    except OSError:
        return await asyncio.start_server(accept, LOOPBACK, 0, limit=HEAD_BYTES)


async def _answer(
    folder: Folder,
    cloud_port: int,
    public_host: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Answer one client of the proxy: a tunnel to the cloud, or a refusal that names the host."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        writer.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\n\r\n")
        return
    method, target, *_ = [*head.split(b"\r\n", 1)[0].decode("latin-1").split(" "), "", ""]
    # Without a login in the address: it is nobody's business here.
    authority = (target if method == "CONNECT" else urlsplit(target).netloc).rpartition("@")[2]
    host, _, port = authority.partition(":")
    if method != "CONNECT" or port != HTTPS_PORT or not is_imitated(host, public_host):
        refused = authority or "a request without a host"
        append_log(folder.log, host=refused, method=method, path="", status=FORBIDDEN, principal=None)
        text = f"The python-registry sandbox does not imitate {refused}, and lets nothing out.\n"
        writer.write(
            f"HTTP/1.1 {FORBIDDEN} Not imitated by the sandbox\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(text.encode())}\r\n"
            f"Connection: close\r\n\r\n{text}".encode()
        )
        await writer.drain()
        return
    inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, cloud_port)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    try:
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
    finally:
        inner_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the sender ends, then end the receiver: neither side of a tunnel is left."""
    try:
        while chunk := await reader.read(HEAD_BYTES):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)


if __name__ == "__main__":
    serve()
