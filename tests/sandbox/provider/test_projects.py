"""Enabled services (Google APIs) of the fake provider: requests are those of the real provider 9.35."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from sandbox.provider import projects
from sandbox.provider.rest import Request
from tests.support.provider import (
    SERVICE,
    Answer,
    CallError,
    FakeEngine,
    FakeGoogle,
    Props,
    change_kinds,
    google_error,
)

LIST = "GET projects/demo-proj/services"
ENABLE = "POST projects/demo-proj/services/iam.googleapis.com:enable"
INPUTS: Props = {"service": "iam.googleapis.com", "disableOnDestroy": False}
ENABLED: Props = {"services": [{"name": "projects/1/services/iam.googleapis.com"}]}


@pytest.mark.parametrize(
    ("state", "change", "changes"),
    [
        ({"disableOnDestroy": False}, {"disableOnDestroy": True}, {"disableOnDestroy": "UPDATE"}),
        ({}, {"service": "b.googleapis.com"}, {"service": "UPDATE_REPLACE"}),
    ],
)
def test_only_another_service_replaces_it(
    engine: FakeEngine, state: Props, change: Props, changes: Props
) -> None:
    olds = {"service": "a.googleapis.com", "project": "demo-proj", "deletionPolicy": "DELETE", **state}
    answer = engine.diff(SERVICE, olds, {**olds, **change})
    assert change_kinds(answer) == changes
    assert answer.deleteBeforeReplace is False


def test_create_does_not_enable_an_enabled_service(engine: FakeEngine, google: FakeGoogle) -> None:
    google.on(LIST, (200, ENABLED))
    resource_id, outputs = engine.create(SERVICE, INPUTS)
    assert resource_id == "demo-proj/iam.googleapis.com"
    assert outputs["project"] == "demo-proj"
    assert google.bodies("POST") == []


def test_create_enables_a_service_lists_again_and_reads_the_project(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    google.on(LIST, (200, {}), (200, {}), (200, ENABLED))
    google.on(ENABLE, (200, {}))
    google.on("GET projects/demo-proj", (200, {"lifecycleState": "ACTIVE"}))
    engine.create(SERVICE, INPUTS)
    assert google.requests[0].query == {
        "alt": "json",
        "fields": "services/name,nextPageToken",
        "filter": "state:ENABLED",
        "pageSize": "200",
    }
    hosts = [urlsplit(request.url).hostname for request in google.requests]
    assert "cloudresourcemanager.googleapis.com" in hosts


def test_one_request_enables_services_that_are_created_at_the_same_time(
    engine: FakeEngine, google: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projects, "BATCH_WINDOW_SECONDS", 0.5)
    names = ["iam.googleapis.com", "sts.googleapis.com"]
    enabled: list[Props] = []
    # Both have listed the services before either of them enables one.
    both_listed = threading.Barrier(len(names))

    def list_services(_: Request) -> Answer:
        if not enabled:
            both_listed.wait(timeout=10)
        return 200, {"services": enabled}

    def enable(request: Request) -> Answer:
        enabled.extend({"name": f"projects/1/services/{name}"} for name in request.body["serviceIds"])
        return 200, {"name": "op/2", "done": True}

    def create(name: str) -> str:
        return engine.create(SERVICE, {"service": name})[0]

    google.on(LIST, list_services)
    google.on("POST projects/demo-proj/services:batchEnable", enable)
    google.on("GET projects/demo-proj", (200, {}))
    with ThreadPoolExecutor() as pool:
        created = list(pool.map(create, names))
    assert created == [f"demo-proj/{name}" for name in names]
    assert [set(body["serviceIds"]) for body in google.bodies("POST")] == [set(names)]


def test_the_state_keeps_an_enabled_service_if_the_project_cannot_be_read(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    google.on(LIST, (200, {}), (200, ENABLED))
    google.on(ENABLE, (200, {}))
    google.on("GET projects/demo-proj", (403, google_error(403, "off")))
    with pytest.raises(CallError, match="reading or editing Project Service demo-proj/iam"):
        engine.create(SERVICE, INPUTS)
    assert engine.failed_state().id == "demo-proj/iam.googleapis.com"


def test_delete_does_not_disable_a_service_by_default(engine: FakeEngine, google: FakeGoogle) -> None:
    engine.delete(SERVICE, "demo-proj/iam.googleapis.com", INPUTS)
    assert google.requests == []


def test_the_read_of_a_disabled_service_returns_no_id(engine: FakeEngine, google: FakeGoogle) -> None:
    google.on(LIST, (200, {}))
    google.on("GET projects/demo-proj", (200, {}))
    assert engine.read(SERVICE, "demo-proj/iam.googleapis.com", INPUTS).id == ""
