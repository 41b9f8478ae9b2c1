"""Buckets, objects and bucket members of the fake provider, with the requests of the real provider 9.35."""

from __future__ import annotations

import base64
import hashlib
from typing import ClassVar

import pytest

from tests.support.provider import (
    BUCKET,
    BUCKET_MEMBER,
    OBJECT,
    CallError,
    FakeEngine,
    FakeGoogle,
    Props,
    change_kinds,
    plain,
)

BUCKETS = "/storage/v1/b"
VIEWER = {"role": "roles/storage.objectViewer", "member": "user:a@example.com"}


class TestBucket:
    INPUTS: ClassVar[Props] = {
        "name": "files",
        "location": "europe-west1",
        "project": "demo-proj",
        "uniformBucketLevelAccess": True,
        "publicAccessPrevention": "enforced",
    }
    ACCESS: ClassVar[Props] = {
        "uniformBucketLevelAccess": {"enabled": True},
        "publicAccessPrevention": "enforced",
    }
    FOUND: ClassVar[Props] = {
        "name": "files",
        "location": "EUROPE-WEST1",
        "projectNumber": "123456789012",
        "selfLink": "https://www.googleapis.com/storage/v1/b/files",
        "storageClass": "STANDARD",
        "iamConfiguration": ACCESS,
    }

    def create(self, engine: FakeEngine, google: FakeGoogle) -> Props:
        google.on(f"POST {BUCKETS}", (200, self.FOUND))
        google.on(f"GET {BUCKETS}/files", (200, self.FOUND))
        resource_id, outputs = engine.create(BUCKET, self.INPUTS)
        assert resource_id == "files"
        return outputs

    def test_create_shows_no_change_although_google_returns_the_location_in_upper_case(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        outputs = self.create(engine, google)
        assert google.requests[0].query["project"] == "demo-proj"
        assert google.bodies("POST") == [
            {"name": "files", "location": "europe-west1", "iamConfiguration": self.ACCESS}
        ]
        assert outputs["url"] == "gs://files"
        assert change_kinds(engine.diff(BUCKET, outputs, self.INPUTS)) == {}

    @pytest.mark.parametrize("change", [{"name": "other"}, {"location": "US"}, {"project": "other-proj"}])
    def test_another_name_location_or_project_replaces_the_bucket(
        self, engine: FakeEngine, google: FakeGoogle, change: Props
    ) -> None:
        (name,) = change
        outputs = self.create(engine, google)
        assert change_kinds(engine.diff(BUCKET, outputs, {**self.INPUTS, **change})) == {
            name: "UPDATE_REPLACE"
        }

    def test_delete_fails_while_the_bucket_has_objects(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        outputs = self.create(engine, google)
        google.on(f"GET {BUCKETS}/files/o", (200, {"items": [{"name": "a/b"}]}))
        with pytest.raises(CallError, match="bucket files containing objects without `force_destroy`"):
            engine.delete(BUCKET, "files", outputs)
        google.on(f"GET {BUCKETS}/files/o", (200, {}))
        google.on(f"DELETE {BUCKETS}/files", (204, {}))
        engine.delete(BUCKET, "files", outputs)

    def test_the_read_of_a_missing_bucket_returns_no_id(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        outputs = self.create(engine, google)
        del google.answers[f"GET {BUCKETS}/files"]
        assert engine.read(BUCKET, "files", outputs).id == ""


class TestBucketObject:
    INPUTS: ClassVar[Props] = {
        "bucket": "files",
        "name": "config/pip/pip.conf",
        "content": "[global]\n",
        "contentType": "text/plain",
    }
    ROUTE = f"GET {BUCKETS}/files/o/config%2Fpip%2Fpip.conf"

    def found(self, content: str) -> Props:
        digest = hashlib.md5(content.encode(), usedforsecurity=False).digest()
        return {
            **{key: self.INPUTS[key] for key in ("bucket", "name", "contentType")},
            "selfLink": "link",
            "generation": "1",
            "md5Hash": base64.b64encode(digest).decode(),
        }

    def create(self, engine: FakeEngine, google: FakeGoogle) -> Props:
        google.on(f"POST /upload{BUCKETS}/files/o", (200, {}))
        google.on(self.ROUTE, (200, self.found(self.INPUTS["content"])))
        resource_id, outputs = engine.create(OBJECT, self.INPUTS)
        assert resource_id == "files-config/pip/pip.conf"
        return outputs

    def test_create_sends_one_request_of_two_parts(self, engine: FakeEngine, google: FakeGoogle) -> None:
        outputs = self.create(engine, google)
        upload = google.requests[0]
        assert (upload.query["uploadType"], upload.query["name"]) == ("multipart", self.INPUTS["name"])
        assert upload.content_type.startswith("multipart/related; boundary=")
        assert b"\r\n\r\n[global]\n\r\n--" in upload.body
        assert change_kinds(engine.diff(OBJECT, outputs, self.INPUTS)) == {}

    def test_new_content_updates_the_object_and_a_new_name_replaces_it(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        outputs = self.create(engine, google)
        assert change_kinds(engine.diff(OBJECT, outputs, {**self.INPUTS, "content": "x"})) == {
            "content": "UPDATE"
        }
        other = {**self.INPUTS, "name": "other"}
        assert change_kinds(engine.diff(OBJECT, outputs, other)) == {"name": "UPDATE_REPLACE"}

    def test_content_that_was_written_elsewhere_shows_as_a_change(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        outputs = self.create(engine, google)
        google.on(self.ROUTE, (200, self.found("theirs")))
        read = plain(engine.read(OBJECT, "files-config/pip/pip.conf", outputs).properties)
        assert change_kinds(engine.diff(OBJECT, read, self.INPUTS)) != {}


class TestBucketIamMember:
    def test_the_member_keeps_the_other_members_when_it_is_added_and_removed(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        others = {"role": VIEWER["role"], "members": ["user:theirs@example.com"]}
        both = {"role": VIEWER["role"], "members": ["user:a@example.com", "user:theirs@example.com"]}
        google.on(
            f"GET {BUCKETS}/files/iam",
            (200, {"bindings": [others], "etag": "1"}),
            (200, {"bindings": [both], "etag": "2"}),
        )
        google.on(f"PUT {BUCKETS}/files/iam", (200, {}))
        resource_id, outputs = engine.create(BUCKET_MEMBER, {"bucket": "files", **VIEWER})
        assert resource_id == "b/files/roles/storage.objectViewer/user:a@example.com"
        assert outputs["bucket"] == "b/files"
        assert change_kinds(engine.diff(BUCKET_MEMBER, outputs, {"bucket": "files", **VIEWER})) == {}
        engine.delete(BUCKET_MEMBER, resource_id, outputs)
        added, removed = google.bodies("PUT")
        assert (added["bindings"], added["etag"]) == ([both], "1")
        assert removed["bindings"] == [others]

    def test_the_policy_is_written_again_after_a_conflict(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        google.on(
            f"GET {BUCKETS}/files/iam", (200, {"bindings": [{**VIEWER, "members": [VIEWER["member"]]}]})
        )
        google.on(f"PUT {BUCKETS}/files/iam", (412, {"error": {"code": 412, "message": "no"}}), (200, {}))
        engine.create(BUCKET_MEMBER, {"bucket": "files", **VIEWER})
        assert len(google.bodies("PUT")) == 2
