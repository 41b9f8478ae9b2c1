"""Objects in buckets, by the JSON API and the XML API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.buckets import BASE, READER, XML, Buckets, reason

pytestmark = pytest.mark.sandbox


def test_an_object_keeps_its_bytes_and_a_name_with_slashes(bucket: Buckets) -> None:
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


def test_a_replaced_object_has_a_new_generation(bucket: Buckets) -> None:
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
def test_a_malformed_upload_is_refused(bucket: Buckets, body: bytes, kind: str) -> None:
    assert reason(bucket.send(body, kind)) == (400, "invalid")


def test_a_resumable_upload_is_refused(bucket: Buckets) -> None:
    status, answer = bucket.send(b"{}", "application/json", uploadType="resumable")
    assert status == 501
    assert "resumable" in answer["error"]["message"]


def test_a_member_without_a_grant_is_refused_and_a_viewer_only_reads(bucket: Buckets) -> None:
    bucket.upload("a", b"1")
    assert reason(bucket.ask("GET", "/o/a", member=READER)) == (403, "forbidden")
    _, policy = bucket.ask("GET", "/iam?optionsRequestedPolicyVersion=3")
    policy["bindings"] = [{"role": "roles/storage.objectViewer", "members": [READER]}]
    status, written = bucket.ask("PUT", "/iam", policy)
    assert (status, written["bindings"]) == (200, policy["bindings"])
    assert bucket.ask("GET", "/o/a", member=READER)[0] == 200
    assert reason(bucket.ask("DELETE", "/o/a", member=READER)) == (403, "forbidden")
    assert reason(bucket.ask("GET", "/iam", member=READER)) == (403, "forbidden")
    assert reason(bucket.ask("PUT", "/iam", policy)) == (412, "conditionNotMet"), "its etag is old"
    bad = {"bindings": [{"role": "roles/nonsense", "members": [READER]}]}
    assert reason(bucket.ask("PUT", "/iam", bad)) == (400, "invalid")


def test_the_xml_api_reads_objects_of_the_json_api(bucket: Buckets) -> None:
    _, made = bucket.upload(".pulumi/stacks/p/dev.json", b'{"a": 1}')
    for path in (".pulumi/stacks/p/dev.json", ".pulumi%2Fstacks%2Fp%2Fdev.json"):
        answer = bucket.read(f"{bucket.name}/{path}")
        assert (answer.status_code, answer.content) == (200, b'{"a": 1}')
        assert answer.headers["X-Goog-Generation"] == made["generation"]
        assert answer.headers["X-Goog-Hash"] == f"md5={made['md5Hash']}"
    path = f"{bucket.name}/.pulumi/stacks/p/dev.json?generation="
    assert bucket.read(path + made["generation"]).status_code == 200
    assert bucket.read(f"{path}1").status_code == 404, "old generations are not kept"


def test_the_xml_api_refuses_in_xml(bucket: Buckets) -> None:
    bucket.upload("a", b"1")
    missing, elsewhere = bucket.read(f"{bucket.name}/<b>"), bucket.read(f"{bucket.name}-not/a")
    assert (missing.status_code, elsewhere.status_code) == (404, 404)
    assert "<Code>NoSuchKey</Code>" in missing.text
    assert f"No such object: {bucket.name}/&lt;b&gt;" in missing.text
    assert "<Code>NoSuchBucket</Code>" in elsewhere.text
    anonymous = bucket.read(f"{bucket.name}/a", Authorization="")
    assert (anonymous.status_code, "AuthenticationRequired" in anonymous.text) == (401, True)
    other = bucket.sandbox.session(READER).get(f"{XML}/{bucket.name}/a", timeout=30)
    assert (other.status_code, other.headers["content-type"][:15]) == (403, "application/xml")
    assert "<Code>AccessDenied</Code>" in other.text
    assert "does not have storage.objects.get access" in other.text


def test_an_unsupported_request_is_not_an_object_of_the_xml_api(bucket: Buckets) -> None:
    assert bucket.ask("GET", "/notificationConfigs")[0] == 501
    assert bucket.sandbox.ask("GET", f"{XML}/{bucket.name}")[0] == 501


def test_a_copy_has_the_original_content_and_kind_or_another_kind(bucket: Buckets) -> None:
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


def test_a_copy_needs_the_original_the_bucket_and_both_permissions(bucket: Buckets) -> None:
    bucket.upload("a", b"1")
    assert reason(bucket.ask("POST", f"/o/b/rewriteTo/b/{bucket.name}/o/c")) == (404, "notFound")
    assert reason(bucket.ask("POST", f"/o/a/rewriteTo/b/{bucket.name}-not/o/c")) == (404, "notFound")
    bucket.grant("roles/storage.objectViewer", READER)
    path = f"/o/a/rewriteTo/b/{bucket.name}/o/c"
    assert reason(bucket.ask("POST", path, member=READER)) == (403, "forbidden")
    assert bucket.listed()[0] == ["a"]


def test_an_object_only_changes_if_its_generation_matches(bucket: Buckets) -> None:
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
    assert bucket.ask("POST", place)[0] == 200, "the condition applies to the copy, not to the original"
    assert reason(bucket.ask("POST", place)) == (412, "conditionNotMet")
    assert bucket.ask("DELETE", "/o/a?ifMetagenerationMatch=1")[0] == 501, (
        "an unknown condition is never ignored"
    )
    assert bucket.ask("GET", "/o/a") == (200, second)
    assert bucket.ask("DELETE", f"/o/a?ifGenerationMatch={second['generation']}")[0] == 204


def test_content_with_a_wrong_digest_is_refused(bucket: Buckets) -> None:
    _, made = bucket.upload("a", b"1")
    assert bucket.upload("b", b"1", {"md5Hash": made["md5Hash"]})[0] == 200
    assert reason(bucket.upload("c", b"2", {"md5Hash": made["md5Hash"]})) == (400, "invalid")
    assert bucket.listed()[0] == ["a", "b"]


@pytest.mark.parametrize("kind", [5, "text/pl\u00e4in", "a\r\nb: c", ["text/plain"]])
def test_an_invalid_content_type_is_refused(bucket: Buckets, kind: Any) -> None:
    assert reason(bucket.upload("a", b"1", {"contentType": kind})) == (400, "invalid")


def test_an_object_admin_changes_objects_but_reads_no_policy(bucket: Buckets) -> None:
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
def test_unsupported_parameters_are_refused(bucket: Buckets, method: str, path: str) -> None:
    bucket.upload("a", b"x")
    path = path.replace("/b/any/", f"/b/{bucket.name}/")
    status, answer = bucket.ask(method, path)
    assert (status, answer["error"]["status"]) == (501, "UNIMPLEMENTED")
    assert bucket.read(f"{bucket.name}/a", **{"X-Goog-If-Generation-Match": "1"}).status_code == 501
    assert bucket.read(f"{bucket.name}/").status_code == 501
