"""Buckets, as far as examples and states need them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.buckets import BASE, READER, Buckets, reason
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


def test_a_bucket_is_created_read_and_deleted(buckets: Buckets) -> None:
    settings = {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": {"enabled": True}}
    status, made = buckets.make(iamConfiguration=settings, location="europe-west1")
    assert status == 200
    assert (made["location"], made["locationType"]) == ("EUROPE-WEST1", "region")
    assert made["iamConfiguration"] == settings
    assert buckets.ask("GET", "") == (200, made)
    assert buckets.ask("DELETE", "") == (204, None)
    assert reason(buckets.ask("GET", "")) == (404, "notFound")


def test_a_bucket_needs_the_enabled_api(sandbox: Sandbox) -> None:
    status, answer = sandbox.ask("POST", f"{BASE}?project=storage-api-off", {"name": "some-bucket"})
    assert status == 403
    assert answer["error"]["details"][0]["metadata"]["service"] == "storage.googleapis.com"


@pytest.mark.parametrize(
    "body", [{"name": "Upper"}, {"name": "ab"}, {"name": "goog-x"}, {"name": 3}, {"location": "us-centra1"}]
)
def test_an_invalid_name_or_location_is_refused(buckets: Buckets, body: Any) -> None:
    assert reason(buckets.make(**body)) == (400, "invalid")


def test_a_bucket_name_is_unique_across_projects(bucket: Buckets, sandbox: Sandbox) -> None:
    assert "you already own it" in bucket.make()[1]["error"]["message"]
    other = Buckets(sandbox)
    other.name = bucket.name
    assert reason(other.make()) == (409, "conflict")


def test_a_request_without_a_login_gets_a_challenge(bucket: Buckets) -> None:
    session = bucket.sandbox.session()
    answer = session.get(f"{BASE}/{bucket.name}", headers={"Authorization": ""}, timeout=30)
    assert answer.status_code == 401
    assert answer.json()["error"]["errors"][0]["reason"] == "required"
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_only_the_versioning_of_a_bucket_can_be_updated(bucket: Buckets) -> None:
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


@pytest.mark.parametrize("versioning", [True, "on", []])
def test_invalid_versioning_is_refused(buckets: Buckets, versioning: Any) -> None:
    assert buckets.make(versioning=versioning)[0] == 400


def test_a_bucket_only_changes_if_its_metageneration_matches(bucket: Buckets) -> None:
    assert bucket.ask("PATCH", "?ifMetagenerationMatch=9", {"versioning": {}})[0] == 412
    assert bucket.ask("PATCH", "?ifMetagenerationMatch=1", {"versioning": {}})[1]["metageneration"] == "2"


def test_an_empty_update_does_not_set_versioning(bucket: Buckets) -> None:
    assert "versioning" not in bucket.ask("PATCH", "", {})[1]
