"""Package indexes: a project's repositories in the sandbox, and a public index of the tests' own."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import socket
import subprocess
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from sandbox.cloud.auth.access_tokens import mint_token
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import OWNER
from sandbox.runtime.paths import SandboxFolder
from sandbox.runtime.process import find_proxy
from tests.support.distributions import Upload
from tests.support.sandbox import Sandbox

LOCATION = "us-central1"
HOST = f"{LOCATION}-python.pkg.dev"
API = "https://artifactregistry.googleapis.com/v1"
USAGE = "https://serviceusage.googleapis.com/v1"

# The key is the sandbox's folder. To create an environment takes a second.
_environments: dict[Path, dict[str, str]] = {}
_projects = (f"index-tests-{n}" for n in itertools.count(1))


class _PromptAdapter(HTTPAdapter):
    """Sends at once through a proxy too; by default urllib3 waits 40 ms for more data."""

    def proxy_manager_for(self, proxy: Any, **more: Any) -> Any:
        prompt = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        return super().proxy_manager_for(proxy, socket_options=prompt, **more)


class TinyIndex:
    """A public index over HTTP that a test can switch off."""

    def __init__(self) -> None:
        self.files: dict[str, Upload] = {}
        self.down = False
        self.asked: list[str] = []
        self.logins: list[str | None] = []
        # Redirects: the target of each moved path.
        self.moved: dict[str, str] = {}
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append(self.path)
                index.logins.append(self.headers["Authorization"])
                status, content = index.answer(self.path)
                self.send_response(302 if self.path in index.moved else status)
                if self.path in index.moved:
                    self.send_header("Location", index.moved[self.path])
                kind = "text/html" if self.path.startswith("/simple/") else "application/octet-stream"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple/"

    def publish(self, *uploads: Upload) -> None:
        self.files.update({upload.filename: upload for upload in uploads})

    def answer(self, path: str) -> tuple[int, bytes]:
        if self.down:
            return 500, b"down"
        if path.startswith("/packages/"):
            return 200, self.files[path.removeprefix("/packages/")].content
        name = path.removeprefix("/simple/").rstrip("/")
        lines = [
            f'<a href="/packages/{file.filename}#sha256={hashlib.sha256(file.content).hexdigest()}"'
            f' data-requires-python="&gt;=3.8">{file.filename}</a>'
            for file in self.files.values()
            if file.fields["name"] == name
        ]
        return (200, "\n".join(lines).encode()) if lines else (404, b"none")


class Registry:
    """A new project of a sandbox, with repositories in it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.folder = SandboxFolder(sandbox.folder)
        self.project = next(_projects)
        self._api = self.session(None)
        self.parent = f"projects/{self.project}/locations/{LOCATION}/repositories"
        self.url = f"https://{HOST}/{self.project}"
        self.must(
            "POST", f"{USAGE}/projects/{self.project}/services/artifactregistry.googleapis.com:enable"
        )

    @contextlib.contextmanager
    def store(self) -> Generator[Store]:
        """The cloud's store, opened as the command line opens it while a gateway runs."""
        store = Store(self.folder.database)
        with store.transaction():
            yield store
        store.close()

    def token(self, member: str, seconds: float = 3600) -> str:
        with self.store() as store:
            return mint_token(store, member, seconds)

    def session(self, member: str | None = OWNER) -> requests.Session:
        """A client of the sandbox, logged in as that member."""
        gateway = find_proxy(self.folder)
        assert gateway
        session = requests.Session()
        session.mount("https://", _PromptAdapter())
        session.trust_env = False
        session.proxies["https"] = f"http://127.0.0.1:{gateway.port}"
        session.verify = str(self.folder.authority / "bundle.pem")
        if member:
            session.auth = ("oauth2accesstoken", self.token(member))
        return session

    def ask(self, method: str, url: str, body: Any = None, member: str = OWNER) -> requests.Response:
        """Send a request to Google's APIs."""
        login = {"Authorization": f"Bearer {self.token(member)}"}
        return self._api.request(method, url, json=body, headers=login, timeout=30)

    def must(self, method: str, url: str, body: Any = None) -> Any:
        answer = self.ask(method, url, {} if body is None else body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make(self, repository: str = "python") -> str:
        """Create a standard repository; return its address."""
        self.must("POST", f"{API}/{self.parent}?repositoryId={repository}", {"format": "PYTHON"})
        return f"{self.url}/{repository}"

    def make_remote(self, repository: str = "public") -> str:
        config = {"pythonRepository": {"publicRepository": "PYPI"}}
        body = {"format": "PYTHON", "mode": "REMOTE_REPOSITORY", "remoteRepositoryConfig": config}
        self.must("POST", f"{API}/{self.parent}?repositoryId={repository}", body)
        return f"{self.url}/{repository}"

    def make_virtual(self, *upstreams: str, repository: str = "all") -> str:
        """Create a virtual repository over others; the first has the highest priority."""
        policies = [
            {"id": name, "repository": f"{self.parent}/{name}", "priority": 100 - n}
            for n, name in enumerate(upstreams)
        ]
        body = {
            "format": "PYTHON",
            "mode": "VIRTUAL_REPOSITORY",
            "virtualRepositoryConfig": {"upstreamPolicies": policies},
        }
        self.must("POST", f"{API}/{self.parent}?repositoryId={repository}", body)
        return f"{self.url}/{repository}"

    def grant(self, repository: str, role: str, member: str) -> None:
        policy = {"bindings": [{"role": f"roles/artifactregistry.{role}", "members": [member]}]}
        self.must("POST", f"{API}/{self.parent}/{repository}:setIamPolicy", {"policy": policy})

    def deny(self, repository: str, rule: str, action: str = "DENY", package: str = "") -> None:
        """Store a download rule in the form of the API."""
        name = f"{self.parent}/{repository}/rules/{rule}"
        body = {"name": name, "action": action, "operation": "DOWNLOAD"}
        with self.store() as store:
            store.put(name, {**body, **({"packageId": package} if package else {})})

    def documents(self, collection: str, repository: str = "python") -> list[Any]:
        return self.must("GET", f"{API}/{self.parent}/{repository}/{collection}")[collection.split("/")[-1]]

    def client(self, *command: str, check: bool = True, errors: bool = True) -> str:
        """The output of pip, uv or twine inside the sandbox; `TOKEN` in a word is the owner's token."""
        words = [word.replace("TOKEN", self.token(OWNER)) for word in command]
        done = subprocess.run(words, env=self.environment(), capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr if errors else done.stdout

    def environment(self) -> dict[str, str]:
        """A client's environment without the package indexes of this machine."""
        if self.sandbox.folder not in _environments:
            lines = self.sandbox.run("env", "-0").stdout.split("\0")
            inside = dict(line.split("=", 1) for line in lines if line)
            for variable in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "UV_FIND_LINKS"):
                inside.pop(variable, None)
            inside |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}
            _environments[self.sandbox.folder] = inside
        return _environments[self.sandbox.folder]

    def stored(self) -> set[str]:
        """The names in the folder of contents, drafts included."""
        return {path.name for path in self.folder.blobs.rglob("*") if path.is_file()}


def send(session: requests.Session, url: str, upload: Upload) -> requests.Response:
    """Upload in the form of twine."""
    parts = [(key, (None, value)) for key, value in upload.fields.items()]
    content = ("content", (upload.filename, upload.content, "application/octet-stream"))
    return session.post(f"{url}/", files=[*parts, content], timeout=60)


def prepare(url: str, upload: Upload) -> tuple[bytes, str]:
    """The body of an upload, and its content type."""
    parts = [(key, (None, value)) for key, value in upload.fields.items()]
    prepared = requests.Request(
        "POST", f"{url}/", files=[*parts, ("content", (upload.filename, upload.content))]
    ).prepare()
    assert isinstance(prepared.body, bytes)
    return prepared.body, str(prepared.headers["Content-Type"])


def put(registry: Registry, url: str, *uploads: Upload) -> None:
    session = registry.session()
    for upload in uploads:
        answer = send(session, url, upload)
        assert answer.status_code == 200, answer.text


def with_login(url: str) -> str:
    """An index's address with a login in it, for pip and uv."""
    return url.replace("https://", "https://oauth2accesstoken:TOKEN@") + "/simple/"


def listed(session: requests.Session, url: str, package: str) -> list[str]:
    """The file names on a package's page; empty for a missing package."""
    answer = session.get(f"{url}/simple/{package}/", timeout=30)
    if answer.status_code == 404:
        return []
    assert answer.status_code == 200, answer.text
    return re.findall(r">([^<>]+)</a>", answer.text)


@contextlib.contextmanager
def sandbox_with_index(folder: Path) -> Generator[tuple[Sandbox, TinyIndex]]:
    """A running sandbox whose public index is the tests' own."""
    index = TinyIndex()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_INDEX_URL", index.url)
        sandbox = Sandbox(folder)
        sandbox("start")
        yield sandbox, index
        sandbox("reset")
    index.server.shutdown()
    index.server.server_close()
