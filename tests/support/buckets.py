"""A project of a sandbox with a bucket, and requests about it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import requests

from sandbox.cloud.iam.members import OWNER
from tests.support.sandbox import Sandbox

BASE = "https://storage.googleapis.com/storage/v1/b"
XML = "https://storage.googleapis.com"
UPLOAD = "https://storage.googleapis.com/upload/storage/v1/b"
USAGE = "https://serviceusage.googleapis.com/v1"
READER = "user:reader@example.com"
_numbers = itertools.count(1)


class Buckets:
    """A project with the Cloud Storage API enabled."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.project = f"storage-rules-{next(_numbers)}"
        self.name = f"{self.project}-files"
        url = f"{USAGE}/projects/{self.project}/services/storage.googleapis.com:enable"
        assert sandbox.ask("POST", url, {})[0] == 200

    def make(self, member: str = OWNER, **body: Any) -> tuple[int, Any]:
        return self.sandbox.ask(
            "POST", f"{BASE}?project={self.project}", {"name": self.name, "location": "US", **body}, member
        )

    def send(
        self, body: bytes, kind: str = "multipart/related; boundary=x", **query: str
    ) -> tuple[int, Any]:
        answer = self.sandbox.session().post(
            f"{UPLOAD}/{self.name}/o",
            params={"uploadType": "multipart", **query},
            data=body,
            headers={"Content-Type": kind},
            timeout=30,
        )
        return answer.status_code, answer.json()

    def upload(self, name: str, content: bytes, described: Any = None, **query: str) -> tuple[int, Any]:
        description = json.dumps({"name": name, "contentType": "text/plain", **(described or {})}).encode()
        head = b"--x\r\nContent-Type: application/json\r\n\r\n" + description
        body = head + b"\r\n--x\r\nContent-Type: text/plain\r\n\r\n" + content + b"\r\n--x--\r\n"
        return self.send(body, **query)

    def ask(self, method: str, path: str, body: Any = None, member: str = OWNER) -> tuple[int, Any]:
        """Send a request; an answer without content is None."""
        answer = self.sandbox.session(member).request(
            method, f"{BASE}/{self.name}{path}", json=body, timeout=30
        )
        return answer.status_code, answer.json() if answer.content else None

    def read(self, path: str, **headers: str) -> requests.Response:
        """Read by the XML API."""
        return self.sandbox.session().get(f"{XML}/{path}", headers=headers, timeout=30)

    def grant(self, role: str, member: str) -> None:
        binding = {"role": role, "members": [member]}
        assert self.ask("PUT", "/iam", {"bindings": [binding]})[0] == 200

    def listed(self, query: str = "") -> tuple[list[str], list[str], str]:
        """A page of the list: names of objects, prefixes, and the token of the next page."""
        status, page = self.ask("GET", f"/o?{query}")
        assert status == 200
        names = [item["name"] for item in page.get("items", [])]
        return names, page.get("prefixes", []), page.get("nextPageToken", "")


def reason(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["errors"][0]["reason"]
