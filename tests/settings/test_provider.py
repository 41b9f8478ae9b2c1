"""Stacks whose default providers are off: the program creates the provider, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.recorder import MINIMAL, Run

SWITCH = "pulumi:disable-default-providers"
PROVIDER = "pulumi:providers:gcp"
SECRET = "4dabf18193072939515e22adb298388d"  # Pulumi's signature of a secret value.


@pytest.mark.parametrize("packages", [["*"], ["gcp"], ["aws", " gcp "]])
def test_without_a_default_provider_the_program_creates_one_of_the_same_settings(
    run_program: Run, packages: list[str]
) -> None:
    settings = {
        **MINIMAL,
        "gcp:defaultLabels": {"team": "data"},
        "gcp:accessToken": "ya29.x",
        "other:key": "1",
    }
    before = run_program(settings)
    after = run_program({**settings, SWITCH: packages}, secrets=("gcp:accessToken",))
    provider = after.of(PROVIDER)["gcp"]
    token: dict[str, Any] = provider.inputs.pop("accessToken")
    assert provider.inputs == {"project": "demo-proj", "defaultLabels": '{"team": "data"}'}
    assert SECRET in token
    others = [resource.urn for resource in after.resources if resource.type != PROVIDER]
    assert sorted(others) == sorted(resource.urn for resource in before.resources)


@pytest.mark.parametrize("packages", ["", "[", "gcp", "{}", "1", [], ["aws"], [1, None]])
def test_with_a_default_provider_the_program_creates_none(run_program: Run, packages: object) -> None:
    assert not run_program({**MINIMAL, SWITCH: packages}).of(PROVIDER)
