"""The stand-in's buckets, objects and Composer environments: what the real plug-in 9.35 asks and shows."""

from __future__ import annotations

import base64
import hashlib
from typing import ClassVar

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.provider import rest
from sandbox.provider.values import UNKNOWN
from tests.sandbox.provider.test_provider import (
    Engine,
    FakeGoogle,
    Props,
    Refused,
    kinds,
    plain,
    struct,
    urn,
)

BUCKET = "gcp:storage/bucket:Bucket"
OBJECT = "gcp:storage/bucketObject:BucketObject"
MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
ENVIRONMENT = "gcp:composer/environment:Environment"
B = "/storage/v1/b"
VIEWER = {"role": "roles/storage.objectViewer", "member": "user:a@example.com"}


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> FakeGoogle:
    monkeypatch.setattr(rest, "FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(rest, "LONGEST_DELAY_SECONDS", 0.001)
    return FakeGoogle()


@pytest.fixture
def engine(google: FakeGoogle) -> Engine:
    return Engine(google)


class TestABucket:
    NEWS: ClassVar[Props] = {
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

    def made(self, engine: Engine, google: FakeGoogle) -> Props:
        google.on(f"POST {B}", (200, self.FOUND))
        google.on(f"GET {B}/files", (200, self.FOUND))
        ident, outputs = engine.create(BUCKET, self.NEWS)
        assert ident == "files"
        return outputs

    def test_is_made_and_shows_no_change_though_google_writes_its_place_large(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        outputs = self.made(engine, google)
        assert google.requests[0].query["project"] == "demo-proj"
        assert google.bodies("POST") == [
            {"name": "files", "location": "europe-west1", "iamConfiguration": self.ACCESS}
        ]
        assert outputs["url"] == "gs://files"
        assert kinds(engine.diff(BUCKET, outputs, self.NEWS)) == {}

    @pytest.mark.parametrize("change", [{"name": "other"}, {"location": "US"}, {"project": "other-proj"}])
    def test_elsewhere_is_another(self, engine: Engine, google: FakeGoogle, change: Props) -> None:
        (name,) = change
        outputs = self.made(engine, google)
        assert kinds(engine.diff(BUCKET, outputs, {**self.NEWS, **change})) == {name: "UPDATE_REPLACE"}

    def test_with_files_in_it_is_not_deleted(self, engine: Engine, google: FakeGoogle) -> None:
        outputs = self.made(engine, google)
        google.on(f"GET {B}/files/o", (200, {"items": [{"name": "a/b"}]}))
        with pytest.raises(Refused, match="bucket files containing objects without `force_destroy`"):
            engine.delete(BUCKET, "files", outputs)
        google.on(f"GET {B}/files/o", (200, {}))
        google.on(f"DELETE {B}/files", (204, {}))
        engine.delete(BUCKET, "files", outputs)

    def test_that_is_gone_has_no_id(self, engine: Engine, google: FakeGoogle) -> None:
        outputs = self.made(engine, google)
        del google.answers[f"GET {B}/files"]
        assert engine.read(BUCKET, "files", outputs).id == ""


class TestAnObject:
    NEWS: ClassVar[Props] = {
        "bucket": "files",
        "name": "config/pip/pip.conf",
        "content": "[global]\n",
        "contentType": "text/plain",
    }
    WHERE = f"GET {B}/files/o/config%2Fpip%2Fpip.conf"

    def found(self, content: str) -> Props:
        digest = hashlib.md5(content.encode(), usedforsecurity=False).digest()
        return {
            **{key: self.NEWS[key] for key in ("bucket", "name", "contentType")},
            "selfLink": "link",
            "generation": "1",
            "md5Hash": base64.b64encode(digest).decode(),
        }

    def made(self, engine: Engine, google: FakeGoogle) -> Props:
        google.on(f"POST /upload{B}/files/o", (200, {}))
        google.on(self.WHERE, (200, self.found(self.NEWS["content"])))
        ident, outputs = engine.create(OBJECT, self.NEWS)
        assert ident == "files-config/pip/pip.conf"
        return outputs

    def test_is_sent_in_one_request_of_two_parts(self, engine: Engine, google: FakeGoogle) -> None:
        outputs = self.made(engine, google)
        sent = google.requests[0]
        assert (sent.query["uploadType"], sent.query["name"]) == ("multipart", self.NEWS["name"])
        assert sent.content_type.startswith("multipart/related; boundary=")
        assert b"\r\n\r\n[global]\n\r\n--" in sent.body
        assert kinds(engine.diff(OBJECT, outputs, self.NEWS)) == {}

    def test_is_written_again_when_its_content_changes_and_replaced_under_another_name(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        outputs = self.made(engine, google)
        assert kinds(engine.diff(OBJECT, outputs, {**self.NEWS, "content": "x"})) == {"content": "UPDATE"}
        other = {**self.NEWS, "name": "other"}
        assert kinds(engine.diff(OBJECT, outputs, other)) == {"name": "UPDATE_REPLACE"}

    def test_that_someone_else_wrote_shows_as_a_change(self, engine: Engine, google: FakeGoogle) -> None:
        outputs = self.made(engine, google)
        google.on(self.WHERE, (200, self.found("theirs")))
        read = plain(engine.read(OBJECT, "files-config/pip/pip.conf", outputs).properties)
        assert kinds(engine.diff(OBJECT, read, self.NEWS)) != {}


class TestAGrantOnABucket:
    def test_is_put_into_its_policy_beside_others_and_taken_out_again(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        others = {"role": VIEWER["role"], "members": ["user:theirs@example.com"]}
        both = {"role": VIEWER["role"], "members": ["user:a@example.com", "user:theirs@example.com"]}
        google.on(
            f"GET {B}/files/iam",
            (200, {"bindings": [others], "etag": "1"}),
            (200, {"bindings": [both], "etag": "2"}),
        )
        google.on(f"PUT {B}/files/iam", (200, {}))
        ident, outputs = engine.create(MEMBER, {"bucket": "files", **VIEWER})
        assert ident == "b/files/roles/storage.objectViewer/user:a@example.com"
        assert outputs["bucket"] == "b/files"
        assert kinds(engine.diff(MEMBER, outputs, {"bucket": "files", **VIEWER})) == {}
        engine.delete(MEMBER, ident, outputs)
        put, taken = google.bodies("PUT")
        assert (put["bindings"], put["etag"]) == ([both], "1")
        assert taken["bindings"] == [others]

    def test_is_written_again_where_the_policy_was_changed_in_between(
        self, engine: Engine, google: FakeGoogle
    ) -> None:
        google.on(f"GET {B}/files/iam", (200, {"bindings": [{**VIEWER, "members": [VIEWER["member"]]}]}))
        google.on(f"PUT {B}/files/iam", (412, {"error": {"code": 412, "message": "no"}}), (200, {}))
        engine.create(MEMBER, {"bucket": "files", **VIEWER})
        assert len(google.bodies("PUT")) == 2


class TestAComposerEnvironment:
    NEWS: ClassVar[Props] = {
        "name": "airflow",
        "region": "europe-west1",
        "storageConfig": {"bucket": "files"},
        "config": {"softwareConfig": {"pypiPackages": {"my-adder": "==0.0.1"}}},
    }

    def test_is_shown_in_a_preview_even_where_its_bucket_is_not_known(self, engine: Engine) -> None:
        news = {**self.NEWS, "storageConfig": {"bucket": UNKNOWN}}
        request = provider_pb2.CreateRequest(urn=urn(ENVIRONMENT), properties=struct(news), preview=True)
        shown = plain(engine.plugin.Create(request, engine.context).properties)
        assert shown["config"] == self.NEWS["config"]

    def test_is_refused_in_words(self, engine: Engine, google: FakeGoogle) -> None:
        with pytest.raises(Refused, match="in a preview alone: the sandbox runs no Airflow"):
            engine.create(ENVIRONMENT, self.NEWS)
        assert google.requests == []

    def test_a_property_that_it_does_not_know_is_named(self, engine: Engine) -> None:
        (problem,) = engine.problems(ENVIRONMENT, {**self.NEWS, "config": {"nodeCount": 3}})
        assert "config.nodeCount" in problem
