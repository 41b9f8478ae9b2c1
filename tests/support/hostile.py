"""The cloud's app in this process with one of every resource, and bodies that are wrong in one place."""

from __future__ import annotations

import asyncio
import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.applications import Starlette
from starlette.routing import Host, Route, Router
from starlette.types import Message

from sandbox.cloud.artifact_registry.packages import add_file
from sandbox.cloud.auth.access_tokens import mint_token
from sandbox.cloud.core.app import build_app
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import OWNER
from sandbox.cloud.iam.policies import grant
from sandbox.cloud.packaging.pages import SimpleLink
from sandbox.cloud.pypi.mirror import PublicIndex
from tests.support.distributions import wheel
from tests.support.indexes import LOCATION, TinyIndex, prepare

PROJECT = "hostile-requests"
EMAIL = f"python-reader@{PROJECT}.iam.gserviceaccount.com"
ACCOUNT = f"projects/{PROJECT}/serviceAccounts/{EMAIL}"
REPOSITORY = f"projects/{PROJECT}/locations/{LOCATION}/repositories/python"
UPLOAD = wheel("helper", "1.0")
# The values of a route's path parameters, so that the handler reads the body.
PARTS = {
    "project": PROJECT,
    "location": LOCATION,
    "repository": "python",
    "rule": "deny",
    "package": "helper",
    "version": "1.0",
    "file": f"helper%2F{UPLOAD.filename}",
    "filename": UPLOAD.filename,
    "key": EMAIL,
    "account": EMAIL,
    "key_id": "abc",
    "service": "iam.googleapis.com",
    "operation": "none",
    "token": "none",
    "path": "none",
    "bucket": "hostile-bucket",
    "object": "folder/file",
    "to_bucket": "hostile-bucket",
    "to_object": "folder/copy",
    "pool": "github-1",
    "provider": "github",
    "of": "github-1",
}
# Every field that a route reads, with a valid value.
BODY: dict[str, Any] = {
    "policy": {"etag": "x", "bindings": [{"role": "roles/browser", "members": ["user:a@example.com"]}]},
    "accountId": "python-writer",
    "serviceAccount": {"displayName": "a", "description": "b", "etag": "c"},
    "updateMask": "display_name,description",
    "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE",
    "keyAlgorithm": "KEY_ALG_RSA_2048",
    "scope": ["https://www.googleapis.com/auth/cloud-platform"],
    "lifetime": "60s",
    "delegates": [],
    "serviceIds": ["iam.googleapis.com"],
    "format": "PYTHON",
    "mode": "VIRTUAL_REPOSITORY",
    "description": "a",
    "labels": {"team": "a"},
    "cleanupPolicies": {"old": {"action": "DELETE"}},
    "cleanupPolicyDryRun": True,
    "vulnerabilityScanningConfig": {"enablementConfig": "INHERITED"},
    "remoteRepositoryConfig": {"pythonRepository": {"publicRepository": "PYPI"}},
    "virtualRepositoryConfig": {
        "upstreamPolicies": [{"id": "one", "repository": REPOSITORY, "priority": 1}]
    },
    "action": "DENY",
    "operation": "DOWNLOAD",
    "packageId": "helper",
    "condition": {},
    "bindings": [{"role": "roles/storage.objectViewer", "members": ["user:a@example.com"]}],
    "name": "hostile-bucket-2",
    "location": "US",
    "storageClass": "STANDARD",
    "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
    "softDeletePolicy": {"retentionDurationSeconds": "0"},
    "versioning": {"enabled": True},
    "contentType": "text/plain",
    "metadata": {"a": "b"},
}
UPLOADS = "/upload/storage/v1/b/hostile-bucket/o?uploadType=multipart"
OBJECT_TYPE = (b"content-type", b"multipart/related; boundary=x")
OBJECT = b'--x\r\n\r\n{"name": "folder/file"}\r\n--x\r\n\r\ncontent\r\n--x--'
MASKS = (
    "description,labels,cleanupPolicies,cleanupPolicyDryRun,virtualRepositoryConfig,"
    "vulnerabilityScanningConfig",
    "action,operation,packageId,condition",
)
OTHER_TYPES: list[Any] = [None, 5, -1, 1.5, True, "", "x", "\0", "é", [], [1], [None], {}, {"a": 1}, [[]]]
NO_OBJECTS = [
    *(b"", b"null", b"[]", b"5", b'"x"', b"{", b"{}{}", b"\0", b"\xff\xfe", b"{oops", b"NaN"),
    *(b'{"labels": NaN}', b'{"a": 1e999}', b'{"accountId": -Infinity}', b'{"description": "\\ud800"}'),
    *(b'{"\\udfff": 1}', b'{"a": ' + b"9" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 100_000),
    *(b"grant_type=refresh_token&client_id=%ff", b"token=%ED%A0%80", b"&" * 1000),
    b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=e30.e30.x",
]
HEADERS = [
    (b"authorization", "Basic é".encode("latin-1")),
    (b"authorization", "Basic é".encode()),
    (b"authorization", b"Basic /////w=="),
    (b"authorization", b"Bearer \xff\xfe"),
    (b"authorization", b"Basic b2F1dGgyYWNjZXNzdG9rZW46/w=="),
    (b"content-type", b"multipart/form-data"),
    (b"content-type", b"multipart/form-data; boundary=\xff"),
    (b"content-type", b"application/json; charset=nonsense"),
    OBJECT_TYPE,
    (b"content-length", b"9" * 5000),
    (b"range", b"bytes=5-1"),
    (b"range", b"bytes=" + b"9" * 5000 + b"-"),
    (b"if-range", b"\xff"),
]
PATHS = ["é", "%C3%A9", "%ED%A0%80", "%00", "%2F", "%3F", "a" * 3000, "9" * 5000, "..", "~", "["]


class Cloud:
    """The app with one project that has one of every resource."""

    def __init__(self, folder: Path, index: TinyIndex) -> None:
        self.log = folder / "requests.log"
        self.store = Store(folder / "cloud.db")
        self._blobs = blobs = Blobs(folder / "blobs")
        self.app: Starlette = build_app(
            self.store, blobs, PublicIndex(self.store, blobs, index.url, "http://none.example"), self.log
        )
        with self.store.transaction():
            self.token = mint_token(self.store, OWNER)

    def ask(
        self, method: str, host: str, path: str, body: bytes, *headers: tuple[bytes, bytes]
    ) -> tuple[int, str]:
        sent: list[Message] = []
        given = {name for name, _ in headers}
        login = (b"authorization", f"Bearer {self.token}".encode())
        parts = urlsplit(path)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": unquote_to_bytes(parts.path).decode("utf-8", "replace"),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(b"host", host.encode()), *headers, *([] if login[0] in given else [login])],
        }
        incoming = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Message:
            return next(incoming, {"type": "http.disconnect"})

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        text = b"".join(message.get("body", b"") for message in sent)
        return sent[0]["status"], text.decode("utf-8", "replace")

    def restore(self) -> None:
        """Create again every resource that a route's path names."""
        with self.store.transaction():
            grant(self.store, f"projects/{PROJECT}", "roles/owner", OWNER)
            self.store.delete_below(f"{REPOSITORY}/rules/")
        usage = "serviceusage.googleapis.com"
        path = f"/v1/projects/{PROJECT}/services"
        for service in ("artifactregistry", "iam", "iamcredentials", "cloudresourcemanager", "storage"):
            answer = self.ask("POST", usage, f"{path}/{service}.googleapis.com:enable", b"")
            assert answer[0] == 200, answer
        account = b'{"accountId": "python-reader"}'
        self.ask("POST", "iam.googleapis.com", f"/v1/projects/{PROJECT}/serviceAccounts", account)
        storage = "storage.googleapis.com"
        bucket = b'{"name": "hostile-bucket"}'
        self.ask("POST", storage, f"/storage/v1/b?project={PROJECT}", bucket)
        self.ask("POST", storage, UPLOADS, OBJECT, OBJECT_TYPE)
        registry = "artifactregistry.googleapis.com"
        collection = f"/v1/{REPOSITORY.rpartition('/')[0]}"
        self.ask("POST", registry, f"{collection}?repositoryId=python", b'{"format": "PYTHON"}')
        rule = b'{"action": "DENY", "operation": "DOWNLOAD", "packageId": "other"}'
        self.ask("POST", registry, f"{collection}/python/rules?ruleId=deny", rule)
        with self.store.transaction():
            grant(self.store, ACCOUNT, "roles/iam.serviceAccountTokenCreator", OWNER)
            self.store.put(f"{ACCOUNT}/keys/abc", {"name": f"{ACCOUNT}/keys/abc", "publicKey": "x"})
            if self.store.get(f"{REPOSITORY}/packages/helper") is None:
                with self._blobs.draft() as draft:
                    draft.write(UPLOAD.content)
                    draft.sync()
                    self._blobs.keep(draft)
                link = SimpleLink(
                    filename=UPLOAD.filename, version="1.0", sha256=draft.sha256, requires_python=None
                )
                add_file(self.store, REPOSITORY, "helper", link, draft.size)

    def routes(self) -> Iterator[tuple[str, str, str]]:
        """Method, host and path of every route."""
        for host in self.app.routes:
            if not isinstance(host, Host):
                continue
            name = host.host.replace("{location}", LOCATION)
            inner: Any = getattr(host.app, "_app", host.app)
            assert isinstance(inner, Router)
            for route in inner.routes:
                assert isinstance(route, Route)
                path = re.sub(r"\{(\w+)(:path)?\}", lambda part: PARTS[part[1]], route.path)
                for method in sorted(route.methods or ()):
                    yield method, name, path


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to each value inside another value."""
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()  # pyright: ignore[reportUnknownMemberType]
    elif isinstance(value, list):
        inside = enumerate(value)  # pyright: ignore[reportUnknownArgumentType]
    for key, inner in inside:
        yield (*at, key)
        yield from places(inner, (*at, key))


PLACES = list(places(BODY))


def draw_body(draw: random.Random) -> bytes:
    """A body that is wrong in one place, or as a whole."""
    if draw.random() < 0.3:
        return draw.choice(NO_OBJECTS)
    if draw.random() < 0.1:
        about = draw.choice([*NO_OBJECTS, b'{"name": 5}', b'{"name": "\\ud800"}', b'{"metadata": NaN}'])
        return OBJECT.replace(b'{"name": "folder/file"}', about)
    if draw.random() < 0.1:
        body, _ = prepare("https://none.example", UPLOAD)
        return body[: draw.randrange(len(body))]
    body = copy.deepcopy(BODY)
    body["mode"] = draw.choice(["STANDARD_REPOSITORY", "REMOTE_REPOSITORY", "VIRTUAL_REPOSITORY"])
    if draw.random() < 0.5:
        del body["policy"]["etag"]
        del body["serviceAccount"]["etag"]
        del body["condition"]
    for way in draw.sample(PLACES, draw.choice([0, 1, 1, 1, 3])):
        place: Any = body
        try:
            for key in way[:-1]:
                place = place[key]
            place[way[-1]] = copy.deepcopy(draw.choice(OTHER_TYPES))
        except (KeyError, IndexError, TypeError):
            pass  # An earlier change removed the place.
    return json.dumps(body).encode()
