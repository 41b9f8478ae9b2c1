"""Uploads to a package index."""

from __future__ import annotations

import concurrent.futures
import tarfile
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from sandbox.cloud.python_index.upload import UPLOAD_BYTES
from tests.support.distributions import (
    linked_metadata,
    metadata,
    pack_sdist,
    sdist,
    sdist_members,
    wheel,
    with_metadata,
)
from tests.support.indexes import API, Registry, TinyIndex, listed, put, send

pytestmark = pytest.mark.sandbox


def test_uploads_are_accepted_only_at_the_address_of_the_repository(registry: Registry) -> None:
    url = registry.make()
    for path in ("simple", "simple/x", "my-adder"):
        assert send(registry.session(), f"{url}/{path}", wheel("my-adder", "1.0")).status_code == 404
    assert listed(registry.session(), url, "my-adder") == []


def test_a_file_cannot_be_uploaded_twice_in_any_spelling(registry: Registry) -> None:
    url = registry.make()
    upload = sdist("my-adder", "1.0")
    put(registry, url, upload)
    session = registry.session()
    before = session.get(f"{url}/simple/my-adder/", timeout=30).text
    for again in (
        upload,
        upload.with_content(pack_sdist(sdist_members("my-adder", "1.0", metadata("my-adder", "1.0")))),
    ):
        answer = send(session, url, again)
        assert (answer.status_code, answer.text) == (400, "Requested entity already exists.\n")
    for filename in ("My.Adder-1.0.tar.gz", "My.Adder-1.0.0.tar.gz", "my_adder-1.tar.gz"):
        spelled = replace(upload, filename=filename)
        assert send(session, url, spelled).text == "Requested entity already exists.\n"
    put(registry, url, wheel("my-adder", "1.0"))
    long = wheel("my-adder", "1.0.0").with_fields(version="1.0")
    assert send(session, url, long).text == "Requested entity already exists.\n"
    registry.must("DELETE", f"{API}/{registry.parent}/python/packages/my-adder/versions/1.0")
    put(registry, url, upload)
    assert session.get(f"{url}/simple/my-adder/", timeout=30).text == before


def test_too_many_digits_and_a_too_long_file_name_are_400(
    registry: Registry,
) -> None:
    url = registry.make()
    upload = sdist("my-adder", "1.0")
    digits = "1" * 5000
    for wrong in (
        upload.with_fields(version=digits),
        upload.with_fields(requires_python=f">={digits}"),
        replace(upload, filename=f"my_adder-{digits}.tar.gz"),
        *with_metadata(metadata("my-adder", digits)),
        *with_metadata(metadata("my-adder", "1.0", more=f"Requires-Dist: {'(' * 50_000}\n")),
        linked_metadata(tarfile.SYMTYPE),
    ):
        answer = send(registry.session(), url, wrong)
        assert answer.status_code == 400, answer.text[:200]


def test_one_of_two_simultaneous_uploads_succeeds(registry: Registry) -> None:
    url = registry.make()
    sessions = [registry.session(), registry.session()]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for n in range(5):
            name = f"race-{n}"
            uploads = [wheel(name, "1.0", payload=who * 100_000) for who in (b"a=1\n", b"b=2\n")]
            answers = list(pool.map(send, sessions, [url, url], uploads))
            assert sorted(answer.status_code for answer in answers) == [200, 400]
            winner = uploads[[answer.status_code for answer in answers].index(200)]
            assert sessions[0].get(f"{url}/{name}/{winner.filename}", timeout=30).content == winner.content


def test_an_upload_that_is_too_large_is_413_and_stores_nothing(registry: Registry) -> None:
    url = registry.make()
    before = registry.stored()
    session = registry.session()
    session.headers["Content-Type"] = "multipart/form-data; boundary=x"
    head = b'--x\r\nContent-Disposition: form-data; name="content"; filename="a-1.tar.gz"\r\n\r\n'

    def too_much() -> Iterator[bytes]:
        yield head
        for _ in range(UPLOAD_BYTES // 2**20 + 17):
            yield b"\0" * 2**20

    answer = session.post(f"{url}/", data=too_much(), timeout=60)
    assert answer.status_code == 413
    assert str(UPLOAD_BYTES) in answer.text
    declared = session.prepare_request(requests.Request("POST", f"{url}/", data=head))
    declared.headers["Content-Length"] = str(2 * UPLOAD_BYTES)
    assert session.send(declared, timeout=60).status_code == 413
    assert registry.stored() == before


def test_virtual_and_remote_repositories_refuse_uploads(registry: Registry, public: TinyIndex) -> None:
    registry.make()
    for url in (registry.make_remote(), registry.make_virtual("python")):
        answer = send(registry.session(), url, wheel("my-adder", "1.0"))
        assert answer.status_code == 400
        assert "standard repositories" in answer.text


def test_a_lost_answer_after_an_upload_keeps_the_file(registry: Registry) -> None:
    url = registry.make()
    session = registry.session()
    registry.sandbox("faults", "set", "cut=1")
    with pytest.raises(requests.RequestException):
        send(session, url, wheel("my-adder", "1.0"))
    assert send(session, url, wheel("my-adder", "1.0")).text == "Requested entity already exists.\n"
