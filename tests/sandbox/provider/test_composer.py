"""Composer environments of the fake provider, which only previews them."""

from __future__ import annotations

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.provider.values import UNKNOWN
from tests.support.provider import (
    ENVIRONMENT,
    CallError,
    FakeEngine,
    FakeGoogle,
    Props,
    plain,
    struct,
    urn,
)

INPUTS: Props = {
    "name": "airflow",
    "region": "europe-west1",
    "storageConfig": {"bucket": "files"},
    "config": {"softwareConfig": {"pypiPackages": {"my-adder": "==0.0.1"}}},
}


def test_a_preview_works_even_if_the_bucket_is_unknown(engine: FakeEngine) -> None:
    news = {**INPUTS, "storageConfig": {"bucket": UNKNOWN}}
    request = provider_pb2.CreateRequest(urn=urn(ENVIRONMENT), properties=struct(news), preview=True)
    outputs = plain(engine.provider.Create(request, engine.context).properties)
    assert outputs["config"] == INPUTS["config"]


def test_create_fails_with_a_reason_and_without_a_request(engine: FakeEngine, google: FakeGoogle) -> None:
    with pytest.raises(CallError, match="only in previews: the sandbox runs no Airflow"):
        engine.create(ENVIRONMENT, INPUTS)
    assert google.requests == []


def test_check_names_an_unknown_property(engine: FakeEngine) -> None:
    (failure,) = engine.check_failures(ENVIRONMENT, {**INPUTS, "config": {"nodeCount": 3}})
    assert "config.nodeCount" in failure
