"""Cloud Logging: the filters that the sandbox knows, and who can read entries."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from sandbox.cloud.core.store import Store
from sandbox.cloud.projects.logs import write_entry
from sandbox.runtime.paths import SandboxFolder
from tests.support.cloud import Cloud, message

pytestmark = pytest.mark.sandbox

URL = "https://logging.googleapis.com/v2/entries:list"
ENTRIES: list[dict[str, Any]] = [
    {
        "insertId": "a",
        "timestamp": "2026-11-25T01:00:00Z",
        "request": {"validateOnly": True, "parent": "P/x"},
    },
    {"insertId": "b", "timestamp": "2026-11-24T01:00:00Z", "request": {"parent": "p/X"}},
]


@pytest.fixture
def logged(cloud: Cloud) -> Cloud:
    """A project with two entries in its log."""
    cloud.enable("logging.googleapis.com")
    with closing(Store(SandboxFolder(cloud.sandbox.folder).database)) as store, store.transaction():
        for entry in ENTRIES:
            write_entry(store, cloud.project, entry)
    return cloud


def listed(cloud: Cloud, query: str, order: str = "") -> list[str]:
    body = {"resourceNames": [cloud.project], "filter": query, "orderBy": order}
    status, answer = cloud.ask("POST", URL, body)
    assert status == 200, answer
    return [entry["insertId"] for entry in answer.get("entries", [])]


def test_a_filter_compares_fields(logged: Cloud) -> None:
    queries = {
        "": ["b", "a"],
        "request.validateOnly=true": ["a"],
        "NOT request.validateOnly=true": ["b"],
        '(timestamp>="2026-11-25T00:00:00Z") AND (request.parent="p/x")': ["a"],
        'timestamp<="2026-11-24T23:59:59Z"\n AND request.parent = "p/x"': ["b"],
        'request.parent="p/x" AND request.missing="p"': [],
        'insertId.below="x"': [],
    }
    assert {query: listed(logged, query) for query in queries} == queries
    assert listed(logged, "", "timestamp desc") == ["a", "b"]


@pytest.mark.parametrize(
    "query", ["a=1", 'a="x" OR b="y"', 'NOT (a="x" AND b="y")', "words", 'a:"x"', 'a="']
)
def test_another_filter_is_refused(logged: Cloud, query: str) -> None:
    body = {"resourceNames": [logged.project], "filter": query}
    status, text = message(logged.ask("POST", URL, body))
    assert (status, "in a filter of logs" in text) == (400, True)


def test_other_logs_and_orders_are_refused(logged: Cloud) -> None:
    assert logged.ask("POST", URL, {"resourceNames": ["folders/1"]})[0] == 400
    assert logged.ask("POST", URL, {"resourceNames": [logged.project], "orderBy": "x"})[0] == 400


def test_only_a_viewer_of_an_enabled_api_reads_entries(cloud: Cloud) -> None:
    body = {"resourceNames": [cloud.project]}
    assert cloud.ask("POST", URL, body)[1]["error"]["details"][0]["reason"] == "SERVICE_DISABLED"
    cloud.enable("logging.googleapis.com")
    status, text = message(cloud.ask("POST", URL, body, member="user:other@example.com"))
    assert (status, "logging.privateLogEntries.list" in text) == (403, True)
    assert cloud.ask("POST", URL, body) == (200, {})
