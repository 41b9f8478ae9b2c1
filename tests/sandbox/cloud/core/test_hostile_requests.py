"""Hostile requests: every route answers as Google would, never with a 5xx.

The tests call the cloud's app in this process, so that a fault shows with its traceback.
"""
# ruff: noqa: S311  # seeds, not secrets

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud.iam.members import OWNER
from sandbox.cloud.pypi.configured_index import LOOPBACK_STANDS_FOR
from tests.support.distributions import wheel
from tests.support.hostile import (
    HEADERS,
    MASKS,
    OBJECT,
    OBJECT_TYPE,
    PATHS,
    PROJECT,
    REPOSITORY,
    UPLOAD,
    UPLOADS,
    Cloud,
    draw_body,
)
from tests.support.indexes import HOST, LOCATION, TinyIndex

pytestmark = pytest.mark.sandbox


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    connect = sqlite3.connect

    def connect_without_waiting(*words: Any, **options: Any) -> sqlite3.Connection:
        # These tests do not crash the process, and syncing the disk would take most of the time.
        database = connect(*words, **options)
        database.execute("PRAGMA synchronous = OFF")
        return database

    monkeypatch.setattr(sqlite3, "connect", connect_without_waiting)
    index = TinyIndex()
    odd = f"helper-{'1' * 5000}.tar.gz"
    index.publish(UPLOAD, wheel("helper", "2.0"))
    index.publish(replace(UPLOAD, filename=odd))
    yield Cloud(tmp_path, index)
    index.server.shutdown()
    index.server.server_close()


def test_no_body_header_or_path_causes_a_server_error(cloud: Cloud) -> None:
    seed = 7
    draw = random.Random(seed)
    statuses: set[int] = set()
    routes = list(cloud.routes())
    assert len(routes) > 60
    for method, host, path in routes:
        cloud.restore()
        for _ in range(25):
            target = path
            if draw.random() < 0.15:
                last = draw.choice([part for part in path.split("/") if part] or [""])
                target = path.replace(last, draw.choice(PATHS)) if last else path
            mask = draw.choice([*MASKS, draw.choice(MASKS).split(",")[0], "x", "é"])
            number = draw.choice(["1", "x", "9" * 5000, "-1"])
            query = draw.choice(
                [
                    "",
                    f"updateMask={mask}",
                    f"repositoryId=r{draw.randrange(99)}",
                    f"ruleId=r{draw.randrange(99)}",
                    f"pageSize={number}&pageToken={number}",
                    'filter=name="*' + "*a" * 50 + '"',
                    "filter=%ff&orderBy=%00",
                    "uploadType=multipart&name=%00",
                    "uploadType=multipart",
                    "alt=media",
                    f"prefix=folder&delimiter=/&maxResults={number}&pageToken={number}",
                    f"generation={number}&ifGenerationMatch={number}",
                    f"project={PROJECT}",
                ]
            )
            headers = draw.sample(HEADERS, draw.choice([0, 0, 0, 1, 2]))
            at = f"{host}:[" if draw.random() < 0.03 else host
            body = draw_body(draw)
            case = f"seed {seed}: {method} {host} {target[:200]}?{query[:100]} {headers} {body[:1000]!r}"
            try:
                status, text = cloud.ask(method, at, f"{target}?{query}", body, *headers)
            except Exception as error:
                pytest.fail(f"{case}\n{error!r}")
            assert status < 500 or status == 501, f"{case}\n{status} {text}"
            statuses.add(status)
    assert {200, 307, 400, 401, 403, 404, 409} <= statuses, "the requests reach the handlers"


@pytest.mark.parametrize(
    ("host", "path", "body"),
    [
        ("artifactregistry.googleapis.com", f"/v1/{REPOSITORY}:setIamPolicy", body)
        for body in ({"policy": None}, {}, {"policy": {"bindings": [1]}}, {"policy": {"bindings": {}}})
    ]
    + [
        ("iam.googleapis.com", f"/v1/projects/{PROJECT}/serviceAccounts", body)
        for body in (
            {"accountId": 5},
            {"accountId": "python-writer", "serviceAccount": {"displayName": ["x"]}},
            {"accountId": "python-writer", "serviceAccount": []},
        )
    ]
    + [
        (
            "serviceusage.googleapis.com",
            f"/v1/projects/{PROJECT}/services:batchEnable",
            {"serviceIds": [1]},
        ),
        (
            "artifactregistry.googleapis.com",
            f"/v1/projects/{PROJECT}/locations/{LOCATION}/repositories?repositoryId=new",
            {"format": "PYTHON", "labels": {"a": 1}},
        ),
    ],
)
def test_a_value_of_another_type_is_400_in_googles_form(
    cloud: Cloud, host: str, path: str, body: dict[str, Any]
) -> None:
    cloud.restore()
    status, text = cloud.ask("POST", host, path, json.dumps(body).encode())
    assert (status, json.loads(text)["error"]["status"]) == (400, "INVALID_ARGUMENT"), text


@pytest.mark.parametrize("body", [b"{oops", b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 100_000, b"\xff"])
def test_invalid_json_is_400_in_googles_words(cloud: Cloud, body: bytes) -> None:
    path = f"/v1/projects/{PROJECT}/services:batchEnable"
    status, text = cloud.ask("POST", "serviceusage.googleapis.com", path, body)
    assert status == 400
    assert json.loads(text)["error"]["message"].startswith("Invalid JSON payload received.")


def test_an_error_of_the_sandbox_itself_is_logged_as_500(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("a fault")

    cloud.restore()
    monkeypatch.setattr(cloud.store, "children", fail)
    with pytest.raises(LookupError, match="a fault"):
        cloud.ask("GET", "artifactregistry.googleapis.com", f"/v1/{REPOSITORY}/packages", b"")
    last = json.loads(cloud.log.read_text().splitlines()[-1])
    assert (last["host"], last["status"]) == ("artifactregistry.googleapis.com", 500)
    assert last["principal"] == OWNER


def test_a_login_or_download_outside_ascii_is_refused(cloud: Cloud) -> None:
    for header in ("Basic é", "Basic \xff"):
        login = (b"authorization", header.encode("latin-1"))
        assert cloud.ask("GET", HOST, "/p/python/simple/x/", b"", login)[0] == 401
    path = f"/artifacts-downloads/namespaces/{PROJECT}/repositories/python/downloads/%C3%A9"
    assert cloud.ask("GET", HOST, path, b"")[0] == 403


def test_a_page_of_the_public_index_omits_file_names_that_are_too_long(cloud: Cloud) -> None:
    status, page = cloud.ask("GET", LOOPBACK_STANDS_FOR, "/simple/helper/", b"")
    assert status == 200
    assert UPLOAD.filename in page
    assert "1" * 300 not in page


@pytest.mark.parametrize(
    "about", [b"[" * 100_000, b'{"name": "\\ud800"}', b'{"name": "a", "metadata": NaN}']
)
def test_an_object_description_without_json_is_400(cloud: Cloud, about: bytes) -> None:
    cloud.restore()
    body = OBJECT.replace(b'{"name": "folder/file"}', about)
    assert cloud.ask("POST", "storage.googleapis.com", UPLOADS, body, OBJECT_TYPE)[0] == 400
