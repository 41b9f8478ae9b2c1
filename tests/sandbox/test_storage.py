"""Buckets and objects as Google has them, as far as the examples need them: asked through the proxy."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from sandbox.cloud.access import OWNER
from tests.sandbox.conftest import Sandbox

pytestmark = pytest.mark.sandbox

BASE = "https://storage.googleapis.com/storage/v1/b"
UPLOAD = "https://storage.googleapis.com/upload/storage/v1/b"
USAGE = "https://serviceusage.googleapis.com/v1"
READER = "user:reader@example.com"
_numbers = itertools.count(1)


class Buckets:
    """A project with the Cloud Storage API on."""

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

    def upload(self, name: str, content: bytes, described: Any = None) -> tuple[int, Any]:
        description = json.dumps({"name": name, "contentType": "text/plain", **(described or {})}).encode()
        head = b"--x\r\nContent-Type: application/json\r\n\r\n" + description
        return self.send(head + b"\r\n--x\r\nContent-Type: text/plain\r\n\r\n" + content + b"\r\n--x--\r\n")

    def ask(self, method: str, path: str, body: Any = None, member: str = OWNER) -> tuple[int, Any]:
        """An answer without content is None."""
        answer = self.sandbox.session(member).request(
            method, f"{BASE}/{self.name}{path}", json=body, timeout=30
        )
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def buckets(sandbox: Sandbox) -> Buckets:
    return Buckets(sandbox)


@pytest.fixture
def bucket(buckets: Buckets) -> Buckets:
    assert buckets.make()[0] == 200
    return buckets


def reason(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["errors"][0]["reason"]


def test_a_bucket_is_made_read_and_deleted(buckets: Buckets) -> None:
    asked = {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": {"enabled": True}}
    status, made = buckets.make(iamConfiguration=asked, location="europe-west1")
    assert status == 200
    assert (made["location"], made["locationType"]) == ("EUROPE-WEST1", "region")
    assert made["iamConfiguration"] == asked
    assert buckets.ask("GET", "") == (200, made)
    assert buckets.ask("DELETE", "") == (204, None)
    assert reason(buckets.ask("GET", "")) == (404, "notFound")


def test_without_the_api_there_is_no_bucket(sandbox: Sandbox) -> None:
    status, answer = sandbox.ask("POST", f"{BASE}?project=storage-api-off", {"name": "some-bucket"})
    assert status == 403
    assert answer["error"]["details"][0]["metadata"]["service"] == "storage.googleapis.com"


@pytest.mark.parametrize(
    "body", [{"name": "Upper"}, {"name": "ab"}, {"name": "goog-x"}, {"name": 3}, {"location": "us-centra1"}]
)
def test_a_bad_name_or_place_is_refused(buckets: Buckets, body: Any) -> None:
    assert reason(buckets.make(**body)) == (400, "invalid")


def test_a_bucket_has_its_name_alone_in_all_projects(bucket: Buckets, sandbox: Sandbox) -> None:
    assert "you already own it" in bucket.make()[1]["error"]["message"]
    other = Buckets(sandbox)
    other.name = bucket.name
    assert reason(other.make()) == (409, "conflict")


def test_an_object_comes_back_byte_for_byte_under_a_name_with_slashes(bucket: Buckets) -> None:
    content = b"[global]\nindex-url = x\r\n\r\n--y \xff\x00"
    status, made = bucket.upload("config/pip/pip.conf", content)
    assert (status, made["size"]) == (200, str(len(content)))
    path = "/o/config%2Fpip%2Fpip.conf"
    assert bucket.ask("GET", path) == (200, made)
    answer = bucket.sandbox.session().get(f"{BASE}/{bucket.name}{path}?alt=media", timeout=30)
    assert answer.content == content
    assert answer.headers["content-type"].startswith("text/plain")
    assert bucket.ask("GET", "/o")[1]["items"] == [made]
    assert "items" not in bucket.ask("GET", "/o?prefix=dags/")[1]
    assert reason(bucket.ask("DELETE", "")) == (409, "conflict"), "not empty"
    assert bucket.ask("DELETE", path) == (204, None)
    assert reason(bucket.ask("GET", path)) == (404, "notFound")
    assert bucket.ask("DELETE", "")[0] == 204


def test_an_object_that_is_written_again_is_another(bucket: Buckets) -> None:
    _, first = bucket.upload("a", b"1")
    _, second = bucket.upload("a", b"2")
    assert int(first["generation"]) < int(second["generation"])
    assert first["md5Hash"] != second["md5Hash"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/related; boundary=x"),
        (b"--x\r\n\r\n{}\r\n--x--\r\n", "multipart/related; boundary=x"),
        (b"--x\r\n\r\n[]\r\n--x\r\n\r\n1\r\n--x--\r\n", "multipart/related; boundary=x"),
        (b"--x\r\n\r\n{\r\n--x\r\n\r\n1\r\n--x--\r\n", "multipart/related; boundary=x"),
        (b"--x\r\n\r\n{}\r\n--x\r\n\r\n1\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\n{}\r\n--x\r\n\r\n1\r\n--x--\r\n", "multipart/related; boundary=x"),
        (b"{}", "application/json"),
    ],
)
def test_a_body_that_is_no_upload_is_refused(bucket: Buckets, body: bytes, kind: str) -> None:
    assert reason(bucket.send(body, kind)) == (400, "invalid")


def test_an_upload_in_pieces_is_not_imitated(bucket: Buckets) -> None:
    status, answer = bucket.send(b"{}", "application/json", uploadType="resumable")
    assert status == 501
    assert "resumable" in answer["error"]["message"]


def test_who_was_granted_nothing_is_refused_and_a_viewer_only_reads(bucket: Buckets) -> None:
    bucket.upload("a", b"1")
    assert reason(bucket.ask("GET", "/o/a", member=READER)) == (403, "forbidden")
    _, policy = bucket.ask("GET", "/iam?optionsRequestedPolicyVersion=3")
    policy["bindings"] = [{"role": "roles/storage.objectViewer", "members": [READER]}]
    status, kept = bucket.ask("PUT", "/iam", policy)
    assert (status, kept["bindings"]) == (200, policy["bindings"])
    assert bucket.ask("GET", "/o/a", member=READER)[0] == 200
    assert reason(bucket.ask("DELETE", "/o/a", member=READER)) == (403, "forbidden")
    assert reason(bucket.ask("GET", "/iam", member=READER)) == (403, "forbidden")
    assert reason(bucket.ask("PUT", "/iam", policy)) == (412, "conditionNotMet"), "its etag is old"
    bad = {"bindings": [{"role": "roles/nonsense", "members": [READER]}]}
    assert reason(bucket.ask("PUT", "/iam", bad)) == (400, "invalid")


def test_without_a_login_there_is_a_challenge(bucket: Buckets) -> None:
    session = bucket.sandbox.session()
    answer = session.get(f"{BASE}/{bucket.name}", headers={"Authorization": ""}, timeout=30)
    assert answer.status_code == 401
    assert answer.json()["error"]["errors"][0]["reason"] == "required"
    assert answer.headers["www-authenticate"].startswith("Bearer ")
