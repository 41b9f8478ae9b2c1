"""A local HTTP server in front of a package index, for a client that uses no proxy."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests


@contextlib.contextmanager
def relay(url: str, environment: Mapping[str, str]) -> Generator[str]:
    """Pass the requests of a client on to an address, through the proxy of the sandbox.

    Args:
        url: the address of a repository in the index.
        environment: the variables that the sandbox gives to clients.

    Yields:
        The address for the client.
    """
    parts = urlsplit(url)
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"https": environment["HTTPS_PROXY"]}
    session.verify = environment["REQUESTS_CA_BUNDLE"]

    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
            target = f"https://{parts.netloc}{self.path}"
            answer = session.request(self.command, target, headers=headers, data=body, timeout=30)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _pass_on

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{parts.path}"
    finally:
        server.shutdown()
        server.server_close()
