"""The fake provider's checks of properties and settings. `provider_fields.yaml` has the other messages."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.provider.configuration import sandbox_transport
from sandbox.provider.rest import ProviderError
from sandbox.provider.server import Provider
from sandbox.provider.values import UNKNOWN
from tests.support.provider import (
    ACCOUNT,
    ACCOUNT_BINDING,
    BINDING,
    EMAIL,
    GRANT,
    REPOSITORY,
    REPOSITORY_INPUTS,
    SERVICE,
    CallError,
    FakeContext,
    FakeEngine,
    Props,
    struct,
)


@pytest.mark.parametrize(
    ("token", "news", "reason"),
    [
        (REPOSITORY, {"format": "PYTHON"}, 'The argument "repository_id" is required'),
        (BINDING, {**GRANT}, 'The argument "members" is required'),
        (
            ACCOUNT_BINDING,
            {"serviceAccountId": EMAIL, "role": "r", "members": []},
            f'"service_account_id" ("{EMAIL}") doesn\'t match regexp',
        ),
        (
            "gcp:pubsub/topic:Topic",
            {},
            f"the fake provider does not know gcp:pubsub/topic:Topic, only {SERVICE}",
        ),
    ],
)
def test_check_rejects_a_wrong_property_with_a_reason(
    engine: FakeEngine, token: str, news: Props, reason: str
) -> None:
    assert any(reason in failure for failure in engine.check_failures(token, news))


def test_check_accepts_correct_and_unknown_properties(engine: FakeEngine) -> None:
    assert engine.check_failures(REPOSITORY, REPOSITORY_INPUTS) == []
    assert engine.check_failures(ACCOUNT, {"accountId": UNKNOWN}) == []
    assert engine.check_failures(BINDING, {**GRANT, "members": UNKNOWN}) == []
    assert engine.check_failures(BINDING, {**GRANT, "members": []}) == []


def test_check_config_rejects_an_unknown_setting(engine: FakeEngine) -> None:
    news = struct({"project": "p", "version": "9.35.0", "projct": "x"})
    answer = engine.provider.CheckConfig(provider_pb2.CheckRequest(news=news), engine.context)
    assert [failure.property for failure in answer.failures] == ["projct"]


def test_check_config_accepts_the_login_settings_of_the_real_provider(engine: FakeEngine) -> None:
    news = struct({"project": "p", "impersonateServiceAccount": "x", "credentials": "/key.json"})
    answer = engine.provider.CheckConfig(provider_pb2.CheckRequest(news=news), engine.context)
    assert not answer.failures


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("addPulumiAttributionLabel", "false"),
        ("billingProject", "demo-bill"),
        ("defaultLabels", '{"team":"data"}'),
        ("disableGlobalProjectWarning", "true"),
        ("pulumiAttributionLabelAdditionStrategy", "PROACTIVE"),
        ("region", "us-central1"),
        ("requestTimeout", "30s"),
        ("skipRegionValidation", "true"),
        ("userProjectOverride", "true"),
        ("zone", "us-central1-a"),
    ],
)
def test_check_config_accepts_a_setting_of_stack_files(engine: FakeEngine, key: str, value: str) -> None:
    request = provider_pb2.CheckRequest(news=struct({key: value}))
    assert not engine.provider.CheckConfig(request, engine.context).failures


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("deletionPolicy", "PREVENT", "the sandbox does not emulate gcp:deletionPolicy, remove it for"),
        ("storageCustomEndpoint", "https://x", "does not emulate gcp:storageCustomEndpoint"),
        ("defaultLabels", "team", "gcp:defaultLabels must be a map of labels, not 'team'"),
        ("pulumiAttributionLabelAdditionStrategy", "ALWAYS", "unrecognized"),
    ],
)
def test_check_config_says_which_setting_has_no_effect_in_the_sandbox(
    engine: FakeEngine, key: str, value: str, reason: str
) -> None:
    request = provider_pb2.CheckRequest(news=struct({key: value}))
    (failure,) = engine.provider.CheckConfig(request, engine.context).failures
    assert failure.property == key
    assert reason in failure.reason


@pytest.mark.parametrize("proxy", [{}, {"HTTPS_PROXY": "http://proxy.example:3128"}])
def test_the_provider_refuses_to_run_outside_the_sandbox(proxy: dict[str, str]) -> None:
    with pytest.raises(ProviderError, match=r"fake provider .* never connects to Google"):
        sandbox_transport({"GOOGLE_OAUTH_ACCESS_TOKEN": "t", **proxy}, None)


def test_the_provider_names_a_missing_token() -> None:
    with pytest.raises(ProviderError, match="GOOGLE_OAUTH_ACCESS_TOKEN"):
        sandbox_transport({"HTTPS_PROXY": "http://127.0.0.1:1"}, None)


def test_configure_fails_outside_the_sandbox() -> None:
    provider = Provider(environment={})
    context: Any = FakeContext()
    with pytest.raises(CallError, match="fake provider"):
        provider.Configure(provider_pb2.ConfigureRequest(), context)
