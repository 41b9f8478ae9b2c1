"""Keyless publishing with every form of GitHub's tokens: kind `publish` of the cases."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cases import read_cases
from tests.support.federation import LONG_REPOSITORY, Federation

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


@pytest.mark.parametrize(("options", "expected"), read_cases("github_tokens", "publish"))
def test_a_team_publishes_with_its_settings_for_tokens(
    by_ref: Federation, by_environment: Federation, options: dict[str, Any], expected: str
) -> None:
    changes = dict(options)
    cloud = {"ref": by_ref, "environment": by_environment}[changes.pop("stack")]
    if changes.get("repository") == "{long}":
        changes["repository"] = LONG_REPOSITORY
    token = cloud.token(**changes)
    if expected == "accepted":
        assert cloud.access_token(token)
    else:
        assert expected in cloud.refusal(token)
