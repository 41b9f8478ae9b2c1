"""Lists of objects: prefixes, delimiters and pages."""

from __future__ import annotations

import pytest

from tests.support.buckets import Buckets, reason

pytestmark = pytest.mark.sandbox


def test_a_delimiter_groups_names_into_prefixes(bucket: Buckets) -> None:
    for name in ("a", "s/p/dev.json", "s/p/dev.json.bak", "s/p-q/x", "s/z"):
        bucket.upload(name, b"1")
    assert bucket.listed("delimiter=/") == (["a"], ["s/"], "")
    assert bucket.listed("delimiter=/&prefix=s/") == (["s/z"], ["s/p-q/", "s/p/"], "")
    assert bucket.listed("delimiter=/&prefix=s/p") == ([], ["s/p-q/", "s/p/"], "")
    assert bucket.listed("delimiter=/&prefix=s/p/dev") == (["s/p/dev.json", "s/p/dev.json.bak"], [], "")
    assert bucket.listed("prefix=t") == ([], [], "")


def test_the_pages_of_a_list_have_every_name_once(bucket: Buckets) -> None:
    for name in ("a/1", "a/2", "b", "c/1", "d"):
        bucket.upload(name, b"1")
    names, prefixes, token = bucket.listed("delimiter=/&maxResults=2")
    assert (names, prefixes) == (["b"], ["a/"])
    names, prefixes, token = bucket.listed(f"delimiter=/&maxResults=2&pageToken={token}")
    assert (names, prefixes, token) == (["d"], ["c/"], "")
    assert reason(bucket.ask("GET", "/o?pageToken=%21")) == (400, "invalid")
    for number in ("0", "-1", "x"):
        assert reason(bucket.ask("GET", f"/o?maxResults={number}")) == (400, "invalid")


def test_old_versions_can_only_be_listed_without_versioning(bucket: Buckets) -> None:
    bucket.upload("a", b"x")
    assert bucket.listed("versions=true")[0] == ["a"]
    assert bucket.ask("PATCH", "", {"versioning": {"enabled": True}})[0] == 200
    assert bucket.listed("versions=false")[0] == ["a"]
    status, answer = bucket.ask("GET", "/o?versions=true")
    assert (status, answer["error"]["status"]) == (501, "UNIMPLEMENTED")


def test_a_list_can_start_at_a_name(bucket: Buckets) -> None:
    for name in ("a", "b", "c"):
        bucket.upload(name, b"x")
    assert bucket.listed("startOffset=b")[0] == ["b", "c"]
    assert bucket.listed("startOffset=&endOffset=")[0] == ["a", "b", "c"]


def test_a_list_accepts_any_prefix_and_an_object_keeps_its_content_type(bucket: Buckets) -> None:
    bucket.upload("\U0010fffe/a", b"x")
    assert bucket.listed("prefix=\U0010fffe")[0] == ["\U0010fffe/a"]
    assert bucket.listed("prefix=\U0010ffff")[0] == []
    read = bucket.read(f"{bucket.name}/%F4%8F%BF%BE/a")
    assert (read.content, read.headers["Content-Type"]) == (b"x", "text/plain")
