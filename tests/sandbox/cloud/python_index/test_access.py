"""Access to a package index: logins, roles and disabled APIs."""
# ruff: noqa: S311  # seeds, not secrets

from __future__ import annotations

import random

import pytest

from sandbox.cloud.iam.members import OWNER
from tests.support.distributions import wheel
from tests.support.indexes import API, HOST, USAGE, Registry, put, send

pytestmark = pytest.mark.sandbox
READER, WRITER, ADMIN, OTHER = (f"user:{who}@example.com" for who in ("reader", "writer", "admin", "other"))


def test_an_unavailable_index_answers_503_with_a_text(registry: Registry) -> None:
    url = registry.make()
    session = registry.session()
    registry.sandbox("faults", "set", "unavailable=1")
    try:
        answer = session.get(f"{url}/simple/my-adder/", timeout=30)
    finally:
        registry.sandbox("faults", "clear")
    assert (answer.status_code, answer.text) == (503, "The service is currently unavailable.\n")


def test_each_role_reads_uploads_and_deletes_only_what_it_allows(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    policy = {
        "bindings": [
            {"role": f"roles/artifactregistry.{role}", "members": [member]}
            for role, member in (("reader", READER), ("writer", WRITER), ("repoAdmin", ADMIN))
        ]
    }
    registry.must("POST", f"{API}/{registry.parent}/python:setIamPolicy", {"policy": policy})
    allowed = {
        READER: (200, 307, 403, 403),
        WRITER: (200, 307, 200, 403),
        ADMIN: (200, 307, 200, 200),
        OTHER: (403, 403, 403, 403),
        OWNER: (200, 307, 200, 200),
    }
    for n, (member, expected) in enumerate(allowed.items()):
        put(registry, url, wheel("gone", f"{n}"))
        session = registry.session(member)
        page = session.get(f"{url}/simple/my-adder/", timeout=30)
        file = session.get(f"{url}/my-adder/{upload.filename}", allow_redirects=False, timeout=30)
        sent = send(session, url, wheel("sent", f"{n}"))
        version = f"{API}/{registry.parent}/python/packages/gone/versions/{n}"
        deleted = registry.ask("DELETE", version, member=member)
        found = tuple(answer.status_code for answer in (page, file, sent, deleted))
        assert found == expected, member
        for answer, verb in (
            (page, "downloadArtifacts"),
            (file, "downloadArtifacts"),
            (sent, "uploadArtifacts"),
        ):
            if answer.status_code == 403:
                assert f"'artifactregistry.repositories.{verb}'" in answer.text
                assert f"{registry.parent}/python" in answer.text


def test_a_virtual_repository_needs_no_grant_on_its_upstreams(registry: Registry) -> None:
    private = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, private, upload)
    url = registry.make_virtual("python")
    registry.grant("all", "reader", READER)
    session = registry.session(READER)
    assert session.get(f"{url}/my-adder/{upload.filename}", timeout=30).content == upload.content
    assert session.get(f"{private}/my-adder/{upload.filename}", timeout=30).status_code == 403


def test_a_login_is_oauth2accesstoken_with_a_valid_token(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    token = registry.token(OWNER)
    expired = registry.token(OWNER, seconds=-1)
    page = f"{url}/simple/my-adder/"
    # The server refuses it before it reads the body, and the client still gets the reason.
    large = wheel("my-adder", "2.0", payload=random.Random(3).randbytes(4_000_000))
    for auth in (
        None,
        ("oauth2accesstoken", expired),
        ("oauth2accesstoken", "x"),
        ("__token__", token),
        ("", ""),
    ):
        session = registry.session(None)
        session.auth = auth
        answers = [
            session.get(page, timeout=30),
            session.get(f"{url}/my-adder/{upload.filename}", timeout=30),
            send(session, url, large),
        ]
        for answer in answers:
            assert answer.status_code == 401, auth
            assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    for header in (f"Bearer {expired}", "Basic ???", "Basic", "Bearer", f"Digest {token}"):
        answer = registry.session(None).get(page, headers={"Authorization": header}, timeout=30)
        assert answer.status_code == 401, header
    answer = registry.session(None).get(page, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200


def test_a_disabled_api_is_403_and_a_missing_repository_is_404(registry: Registry) -> None:
    url = registry.make()
    session = registry.session()
    assert session.get(f"{url}-other/simple/x/", timeout=30).status_code == 404
    assert session.get(f"https://{HOST}/no-such-project/python/simple/x/", timeout=30).status_code == 404
    assert registry.session(None).get(f"{url}-other/simple/x/", timeout=30).status_code == 401
    usage = f"{USAGE}/projects/{registry.project}/services/artifactregistry.googleapis.com"
    registry.must("POST", f"{usage}:disable")
    answer = session.get(f"{url}/simple/x/", timeout=30)
    assert answer.status_code == 403
    assert "Artifact Registry API has not been used" in answer.text
