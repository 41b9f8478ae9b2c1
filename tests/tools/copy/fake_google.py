"""A fake of Google for the unit tests of the copy: two repositories over HTTP, and failures on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SOURCE, TARGET = (f"projects/p/locations/us/repositories/{name}" for name in ("dev", "prod"))
TOKEN = "ya29.a-secret-token"
# The answer that never arrives.
CUT = 0


@dataclass
class Failure:
    """An answer to the next requests whose method and path match."""

    pattern: str
    status: int
    times: int = 1
    body: str = ""


@dataclass
class FakeGoogle:
    """The content of both repositories, by the id of the file, and each request."""

    files: dict[str, dict[str, bytes]] = field(
        default_factory=lambda: dict[str, dict[str, bytes]]({SOURCE: {}, TARGET: {}})
    )
    failures: list[Failure] = field(default_factory=list[Failure])
    requests: list[str] = field(default_factory=list[str])
    logins: list[str] = field(default_factory=list[str])
    fields: list[dict[str, list[str]]] = field(default_factory=list[dict[str, list[str]]])
    served: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """The bytes that a download sends instead of the content, by the id of the file."""
    page_size: int = 1000
    url: str = ""

    @property
    def source(self) -> dict[str, bytes]:
        return self.files[SOURCE]

    @source.setter
    def source(self, files: dict[str, bytes]) -> None:
        self.files[SOURCE] = files

    @property
    def target(self) -> dict[str, bytes]:
        return self.files[TARGET]

    def uploads(self) -> int:
        return sum(line.startswith("POST") for line in self.requests)

    def outputs(self, name: str) -> dict[str, Any]:
        return {"repository_name": name, "repository_url": f"{self.url}/{name}/"}

    def fail(self, request: str) -> Failure | None:
        for failure in self.failures:
            if failure.times and re.search(failure.pattern, request):
                failure.times -= 1
                return failure
        return None

    def document(self, name: str, file_id: str) -> dict[str, Any]:
        content = self.files[name][file_id]
        package, _, filename = file_id.partition("/")
        version = filename.removesuffix(".tar.gz").split("-")[1]
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        escaped = file_id.replace("/", "%2F").replace("+", "%2B")
        return {
            "name": f"{name}/files/{escaped}",
            "sizeBytes": str(len(content)),
            "hashes": [{"type": "MD5", "value": "AA=="}, {"type": "SHA256", "value": digest}],
            "owner": f"{name}/packages/{package}/versions/{version.replace('+', '%2B')}",
        }

    def read(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        name, _, rest = path.removeprefix("/v1/").partition("/files")
        file_id = unquote(rest.removeprefix("/")).removesuffix(":download")
        if not rest:
            start = int(query.get("pageToken", ["0"])[0])
            ids = sorted(self.files[name])
            page: dict[str, Any] = {
                "files": [self.document(name, key) for key in ids[start : start + self.page_size]]
            }
            if start + self.page_size < len(ids):
                page["nextPageToken"] = str(start + self.page_size)
            return 200, json.dumps(page).encode()
        if file_id not in self.files[name]:
            return 404, b'{"error": {"message": "Requested entity was not found."}}'
        if rest.endswith(":download"):
            assert query == {"alt": ["media"]}
            return 200, self.served.get(file_id, self.files[name][file_id])
        return 200, json.dumps(self.document(name, file_id)).encode()

    def store(self, path: str, kind: str, body: bytes) -> tuple[int, bytes]:
        form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=HTTP)
        fields: dict[str, list[str]] = {}
        filename, content = "", b""
        for part in form.iter_parts():  # pyright: ignore[reportAttributeAccessIssue]
            key = str(part.get_param("name", header="content-disposition"))
            value = part.get_payload(decode=True)
            assert isinstance(value, bytes)
            if key == "content":
                filename, content = str(part.get_filename()), value
            else:
                fields.setdefault(key, []).append(value.decode())
        self.fields.append(fields)
        package = re.sub(r"[-_.]+", "-", fields["name"][0]).lower()
        files = self.files[path.strip("/")]
        if f"{package}/{filename}" in files:
            return 400, b"Requested entity already exists.\n"
        files[f"{package}/{filename}"] = content
        return 200, b""


@contextmanager
def serve(google: FakeGoogle) -> Generator[FakeGoogle]:
    """Serve the fake on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet per answer, at once.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            request = f"{self.command} {self.path}"
            if ":download" in request:
                # Otherwise a server can compress the answer.
                assert self.headers["Accept-Encoding"] == "identity"
            # gcloud escapes it; Google's answer to the other form is unknown.
            assert "+" not in request
            google.requests.append(request)
            google.logins.append(str(self.headers["Authorization"]))
            failure = google.fail(request)
            url = urlsplit(self.path)
            status, content = (failure.status, failure.body.encode()) if failure else (CUT, b"")
            if status == CUT:
                if self.command == "POST":
                    status, content = google.store(url.path, self.headers["Content-Type"], body)
                else:
                    status, content = google.read(url.path, parse_qs(url.query))
                if failure:
                    self.close_connection = True
                    return
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if content.startswith(b"<") else "text/plain")
            self.send_header("Content-Length", str(len(content)))
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    google.url = f"http://127.0.0.1:{server.server_port}"
    yield google
    server.shutdown()
    server.server_close()
