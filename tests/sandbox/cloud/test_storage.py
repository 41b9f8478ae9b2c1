"""Buckets and objects as Google has them, as far as examples and states need them, through the proxy."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
import requests

from sandbox.cloud.iam.members import OWNER
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

BASE = "https://storage.googleapis.com/storage/v1/b"
XML = "https://storage.googleapis.com"
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

    def upload(self, name: str, content: bytes, described: Any = None, **query: str) -> tuple[int, Any]:
        description = json.dumps({"name": name, "contentType": "text/plain", **(described or {})}).encode()
        head = b"--x\r\nContent-Type: application/json\r\n\r\n" + description
        body = head + b"\r\n--x\r\nContent-Type: text/plain\r\n\r\n" + content + b"\r\n--x--\r\n"
        return self.send(body, **query)

    def ask(self, method: str, path: str, body: Any = None, member: str = OWNER) -> tuple[int, Any]:
        """An answer without content is None."""
        answer = self.sandbox.session(member).request(
            method, f"{BASE}/{self.name}{path}", json=body, timeout=30
        )
        return answer.status_code, answer.json() if answer.content else None

    def read(self, path: str, **headers: str) -> requests.Response:
        """By the XML API."""
        return self.sandbox.session().get(f"{XML}/{path}", headers=headers, timeout=30)

    def grant(self, role: str, member: str) -> None:
        binding = {"role": role, "members": [member]}
        assert self.ask("PUT", "/iam", {"bindings": [binding]})[0] == 200

    def listed(self, query: str = "") -> tuple[list[str], list[str], str]:
        """A page of the list: names of objects, prefixes, and the token of the next."""
        status, page = self.ask("GET", f"/o?{query}")
        assert status == 200
        names = [item["name"] for item in page.get("items", [])]
        return names, page.get("prefixes", []), page.get("nextPageToken", "")


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


def test_versioning_is_switched_and_nothing_else_of_a_bucket(bucket: Buckets) -> None:
    status, changed = bucket.ask("PATCH", "", {"name": bucket.name, "versioning": {"enabled": True}})
    assert (status, changed["versioning"], changed["metageneration"]) == (200, {"enabled": True}, "2")
    assert bucket.ask("GET", "") == (200, changed)
    status, refused = bucket.ask("PATCH", "", {"labels": {"a": "b"}})
    assert (status, "not labels" in refused["error"]["message"]) == (501, True)
    assert bucket.ask("PATCH", "", {"versioning": True})[0] == 400
    assert bucket.ask("PATCH", "", {"versioning": {"enabled": "yes"}})[0] == 400
    bucket.grant("roles/storage.objectAdmin", READER)
    assert reason(bucket.ask("PATCH", "", {"versioning": {}}, READER)) == (403, "forbidden")
    assert bucket.ask("GET", "") == (200, changed)


def test_the_xml_api_reads_what_the_json_api_wrote(bucket: Buckets) -> None:
    _, made = bucket.upload(".pulumi/stacks/p/dev.json", b'{"a": 1}')
    for path in (".pulumi/stacks/p/dev.json", ".pulumi%2Fstacks%2Fp%2Fdev.json"):
        answer = bucket.read(f"{bucket.name}/{path}")
        assert (answer.status_code, answer.content) == (200, b'{"a": 1}')
        assert answer.headers["X-Goog-Generation"] == made["generation"]
        assert answer.headers["X-Goog-Hash"] == f"md5={made['md5Hash']}"
    path = f"{bucket.name}/.pulumi/stacks/p/dev.json?generation="
    assert bucket.read(path + made["generation"]).status_code == 200
    assert bucket.read(f"{path}1").status_code == 404, "old ones are not kept"


def test_the_xml_api_refuses_in_xml(bucket: Buckets) -> None:
    bucket.upload("a", b"1")
    missing, elsewhere = bucket.read(f"{bucket.name}/<b>"), bucket.read(f"{bucket.name}-not/a")
    assert (missing.status_code, elsewhere.status_code) == (404, 404)
    assert "<Code>NoSuchKey</Code>" in missing.text
    assert f"No such object: {bucket.name}/&lt;b&gt;" in missing.text
    assert "<Code>NoSuchBucket</Code>" in elsewhere.text
    anonymous = bucket.read(f"{bucket.name}/a", Authorization="")
    assert (anonymous.status_code, "AuthenticationRequired" in anonymous.text) == (401, True)
    stranger = bucket.sandbox.session(READER).get(f"{XML}/{bucket.name}/a", timeout=30)
    assert (stranger.status_code, stranger.headers["content-type"][:15]) == (403, "application/xml")
    assert "<Code>AccessDenied</Code>" in stranger.text
    assert "does not have storage.objects.get access" in stranger.text


def test_what_is_not_imitated_is_no_object_of_the_xml_api(bucket: Buckets) -> None:
    assert bucket.ask("GET", "/notificationConfigs")[0] == 501
    assert bucket.sandbox.ask("GET", f"{XML}/{bucket.name}")[0] == 501


def test_a_delimiter_makes_folders_of_names(bucket: Buckets) -> None:
    for name in ("a", "s/p/dev.json", "s/p/dev.json.bak", "s/p-q/x", "s/z"):
        bucket.upload(name, b"1")
    assert bucket.listed("delimiter=/") == (["a"], ["s/"], "")
    assert bucket.listed("delimiter=/&prefix=s/") == (["s/z"], ["s/p-q/", "s/p/"], "")
    assert bucket.listed("delimiter=/&prefix=s/p") == ([], ["s/p-q/", "s/p/"], "")
    assert bucket.listed("delimiter=/&prefix=s/p/dev") == (["s/p/dev.json", "s/p/dev.json.bak"], [], "")
    assert bucket.listed("prefix=t") == ([], [], "")


def test_a_list_comes_in_pages_that_have_every_name_once(bucket: Buckets) -> None:
    for name in ("a/1", "a/2", "b", "c/1", "d"):
        bucket.upload(name, b"1")
    names, prefixes, token = bucket.listed("delimiter=/&maxResults=2")
    assert (names, prefixes) == (["b"], ["a/"])
    names, prefixes, token = bucket.listed(f"delimiter=/&maxResults=2&pageToken={token}")
    assert (names, prefixes, token) == (["d"], ["c/"], "")
    assert reason(bucket.ask("GET", "/o?pageToken=%21")) == (400, "invalid")
    for number in ("0", "-1", "x"):
        assert reason(bucket.ask("GET", f"/o?maxResults={number}")) == (400, "invalid")


def test_a_copy_has_content_and_kind_of_the_original_or_another_kind(bucket: Buckets) -> None:
    _, made = bucket.upload("s/dev.json", b"state", {"metadata": {"k": "v"}})
    path = f"/o/s%2Fdev.json/rewriteTo/b/{bucket.name}/o/s%2Fdev.json.bak"
    status, done = bucket.ask("POST", path)
    assert (status, done["done"], done["objectSize"]) == (200, True, "5")
    copied = done["resource"]
    assert copied["name"] == "s/dev.json.bak"
    assert (copied["metadata"], copied["contentType"]) == (made["metadata"], "text/plain")
    assert bucket.read(f"{bucket.name}/s/dev.json.bak").content == b"state"
    _, done = bucket.ask("POST", path, {"contentType": "text/x"})
    assert done["resource"]["contentType"] == "text/x"
    assert "metadata" not in done["resource"]
    bucket.ask("DELETE", "/o/s%2Fdev.json")
    assert bucket.read(f"{bucket.name}/s/dev.json.bak").content == b"state"


def test_a_copy_needs_original_and_place_and_the_right_to_both(bucket: Buckets) -> None:
    bucket.upload("a", b"1")
    assert reason(bucket.ask("POST", f"/o/b/rewriteTo/b/{bucket.name}/o/c")) == (404, "notFound")
    assert reason(bucket.ask("POST", f"/o/a/rewriteTo/b/{bucket.name}-not/o/c")) == (404, "notFound")
    bucket.grant("roles/storage.objectViewer", READER)
    path = f"/o/a/rewriteTo/b/{bucket.name}/o/c"
    assert reason(bucket.ask("POST", path, member=READER)) == (403, "forbidden")
    assert bucket.listed()[0] == ["a"]


def test_an_object_changes_only_in_the_generation_that_was_asked_for(bucket: Buckets) -> None:
    absent = {"ifGenerationMatch": "0"}
    _, first = bucket.upload("a", b"1", **absent)
    assert reason(bucket.upload("a", b"2", **absent)) == (412, "conditionNotMet")
    assert reason(bucket.upload("b", b"2", ifGenerationMatch="1")) == (412, "conditionNotMet")
    status, second = bucket.upload("a", b"2", ifGenerationMatch=first["generation"])
    assert status == 200
    old = f"?ifGenerationMatch={first['generation']}"
    copy = f"/o/a/rewriteTo/b/{bucket.name}/o/a"
    for method, path in (("GET", "/o/a"), ("DELETE", "/o/a"), ("POST", copy)):
        assert reason(bucket.ask(method, path + old)) == (412, "conditionNotMet"), method
    place = f"/o/a/rewriteTo/b/{bucket.name}/o/b?ifGenerationMatch=0"
    assert bucket.ask("POST", place)[0] == 200, "the condition is the place's, not the original's"
    assert reason(bucket.ask("POST", place)) == (412, "conditionNotMet")
    assert bucket.ask("DELETE", "/o/a?ifMetagenerationMatch=1")[0] == 501, "never as if it were met"
    assert bucket.ask("GET", "/o/a") == (200, second)
    assert bucket.ask("DELETE", f"/o/a?ifGenerationMatch={second['generation']}")[0] == 204


def test_content_that_is_not_what_its_digest_says_is_refused(bucket: Buckets) -> None:
    _, made = bucket.upload("a", b"1")
    assert bucket.upload("b", b"1", {"md5Hash": made["md5Hash"]})[0] == 200
    assert reason(bucket.upload("c", b"2", {"md5Hash": made["md5Hash"]})) == (400, "invalid")
    assert bucket.listed()[0] == ["a", "b"]


@pytest.mark.parametrize("kind", [5, "text/pl\u00e4in", "a\r\nb: c", ["text/plain"]])
def test_a_kind_that_is_no_header_is_refused(bucket: Buckets, kind: Any) -> None:
    assert reason(bucket.upload("a", b"1", {"contentType": kind})) == (400, "invalid")


def test_who_administers_objects_replaces_and_deletes_them_and_reads_no_policy(bucket: Buckets) -> None:
    bucket.upload("a", b"1")
    bucket.grant("roles/storage.objectAdmin", READER)
    assert bucket.ask("POST", f"/o/a/rewriteTo/b/{bucket.name}/o/b", member=READER)[0] == 200
    assert bucket.ask("POST", f"/o/a/rewriteTo/b/{bucket.name}/o/b", member=READER)[0] == 200
    assert bucket.ask("DELETE", "/o/a", member=READER)[0] == 204
    assert reason(bucket.ask("GET", "/iam", member=READER)) == (403, "forbidden")
    assert reason(bucket.ask("GET", "", member=READER)) == (403, "forbidden")
    assert reason(bucket.ask("DELETE", "", member=READER)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/o?endOffset=b"),
        ("POST", "/o/a/rewriteTo/b/any/o/b?sourceGeneration=1"),
    ],
)
def test_what_would_change_the_answer_is_not_passed_over(bucket: Buckets, method: str, path: str) -> None:
    bucket.upload("a", b"x")
    path = path.replace("/b/any/", f"/b/{bucket.name}/")
    status, answer = bucket.ask(method, path)
    assert (status, answer["error"]["status"]) == (501, "UNIMPLEMENTED")
    assert bucket.read(f"{bucket.name}/a", **{"X-Goog-If-Generation-Match": "1"}).status_code == 501
    assert bucket.read(f"{bucket.name}/").status_code == 501


def test_old_versions_are_listed_of_a_bucket_that_has_none_alone(bucket: Buckets) -> None:
    bucket.upload("a", b"x")
    assert bucket.listed("versions=true")[0] == ["a"]
    assert bucket.ask("PATCH", "", {"versioning": {"enabled": True}})[0] == 200
    assert bucket.listed("versions=false")[0] == ["a"]
    status, answer = bucket.ask("GET", "/o?versions=true")
    assert (status, answer["error"]["status"]) == (501, "UNIMPLEMENTED")


def test_a_list_can_begin_at_a_name(bucket: Buckets) -> None:
    for name in ("a", "b", "c"):
        bucket.upload(name, b"x")
    assert bucket.listed("startOffset=b")[0] == ["b", "c"]
    assert bucket.listed("startOffset=&endOffset=")[0] == ["a", "b", "c"]


def test_a_list_takes_any_prefix_and_an_object_is_sent_as_it_was_said_to_be(bucket: Buckets) -> None:
    bucket.upload("\U0010fffe/a", b"x")
    assert bucket.listed("prefix=\U0010fffe")[0] == ["\U0010fffe/a"]
    assert bucket.listed("prefix=\U0010ffff")[0] == []
    read = bucket.read(f"{bucket.name}/%F4%8F%BF%BE/a")
    assert (read.content, read.headers["Content-Type"]) == (b"x", "text/plain")


@pytest.mark.parametrize("versioning", [True, "on", []])
def test_versioning_of_no_sense_is_refused(buckets: Buckets, versioning: Any) -> None:
    assert buckets.make(versioning=versioning)[0] == 400


def test_a_bucket_changes_only_in_the_metageneration_that_was_asked_for(bucket: Buckets) -> None:
    assert bucket.ask("PATCH", "?ifMetagenerationMatch=9", {"versioning": {}})[0] == 412
    assert bucket.ask("PATCH", "?ifMetagenerationMatch=1", {"versioning": {}})[1]["metageneration"] == "2"


def test_a_change_of_nothing_leaves_versioning_unsaid(bucket: Buckets) -> None:
    assert "versioning" not in bucket.ask("PATCH", "", {})[1]
