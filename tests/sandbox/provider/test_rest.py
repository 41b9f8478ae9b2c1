"""The fake provider's REST client: retries and error texts are those of the real provider 9.35."""

from __future__ import annotations

import json

import pytest
import requests
from google.protobuf import empty_pb2

from sandbox.provider.rest import ApiError, Request
from tests.support.provider import (
    GOOGLES_REPOSITORY,
    NAME,
    REPOSITORY,
    REPOSITORY_INPUTS,
    REPOSITORY_STATE,
    Answer,
    CallError,
    FakeEngine,
    FakeGoogle,
    google_error,
)

COLLECTION = NAME.rpartition("/")[0]


def lose_connection(request: Request) -> Answer:
    raise requests.ConnectionError("connection reset by peer")


def test_a_request_is_retried_if_google_is_unavailable(engine: FakeEngine, google: FakeGoogle) -> None:
    unavailable = (503, google_error(503, "unavailable"))
    google.on(f"GET {NAME}", unavailable, unavailable, (200, GOOGLES_REPOSITORY))
    assert engine.read(REPOSITORY, NAME, REPOSITORY_STATE).id == NAME


def test_a_read_is_retried_after_a_lost_connection(engine: FakeEngine, google: FakeGoogle) -> None:
    google.on(f"GET {NAME}", lose_connection, (200, GOOGLES_REPOSITORY))
    assert engine.read(REPOSITORY, NAME, REPOSITORY_STATE).id == NAME


def test_a_write_is_not_retried_after_a_lost_connection(engine: FakeEngine, google: FakeGoogle) -> None:
    google.on(f"POST {COLLECTION}", lose_connection, (200, {}))
    with pytest.raises(CallError, match=r"Error creating Repository: POST .*reset by peer"):
        engine.create(REPOSITORY, REPOSITORY_INPUTS)


def test_a_request_is_not_retried_if_google_denies_it(engine: FakeEngine, google: FakeGoogle) -> None:
    google.on(f"GET {NAME}", (403, google_error(403, "no")), (200, GOOGLES_REPOSITORY))
    with pytest.raises(CallError, match=r"(?s)refreshing urn:.*Error 403: no"):
        engine.read(REPOSITORY, NAME, REPOSITORY_STATE)


def test_retries_end_when_the_run_is_cancelled(engine: FakeEngine, google: FakeGoogle) -> None:
    google.on(f"GET {NAME}", (503, google_error(503, "unavailable")))
    engine.provider.Cancel(empty_pb2.Empty(), engine.context)
    with pytest.raises(CallError, match="cancelled"):
        engine.read(REPOSITORY, NAME, REPOSITORY_STATE)


def test_the_error_of_a_disabled_api_has_the_real_providers_text(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    details = [{**info, "metadata": {"service": "artifactregistry.googleapis.com"}}]
    google.on(f"POST {COLLECTION}", (403, google_error(403, "API <x> is off.", details)))
    with pytest.raises(CallError) as failure:
        engine.create(REPOSITORY, REPOSITORY_INPUTS)
    assert str(failure.value) == (
        "1 error occurred:\n\t* Error creating Repository: googleapi: Error 403: "
        "API <x> is off.\nDetails:\n"
        '[\n  {\n    "@type": "type.googleapis.com/google.rpc.ErrorInfo",\n'
        '    "metadata": {\n      "service": "artifactregistry.googleapis.com"\n    },\n'
        '    "reason": "SERVICE_DISABLED"\n  }\n]\n\n'
    )


def test_an_api_error_has_its_reason_or_its_body() -> None:
    errors = [{"message": "taken", "reason": "alreadyExists"}]
    body = json.dumps({"error": {"message": "taken", "errors": errors}})
    assert str(ApiError(409, body)) == "googleapi: Error 409: taken, alreadyExists"
    text = "googleapi: got HTTP response code 404 with body: no JSON"
    assert str(ApiError(404, "no JSON")) == text
