"""Workload identity pools and providers of the fake provider, with the updates of the real provider."""

from __future__ import annotations

import pytest

from tests.support.provider import POOL, PROVIDER, FakeEngine, FakeGoogle, Props

POOL_NAME = "projects/demo-proj/locations/global/workloadIdentityPools/pool-a"
MAPPING: Props = {"google.subject": "assertion.sub"}
OIDC: Props = {"issuerUri": "https://issuer.example"}
DRIFT: Props = {"disabled": True, "displayName": "theirs", "description": "theirs"}


@pytest.mark.parametrize(
    ("token", "name", "news", "body"),
    [
        (POOL, POOL_NAME, {"workloadIdentityPoolId": "pool-a"}, {}),
        (
            POOL,
            POOL_NAME,
            {"workloadIdentityPoolId": "pool-a", "displayName": "ours", "disabled": False},
            {"displayName": "ours"},
        ),
        (
            PROVIDER,
            f"{POOL_NAME}/providers/github",
            {
                "workloadIdentityPoolId": "pool-a",
                "workloadIdentityPoolProviderId": "github",
                "attributeMapping": MAPPING,
                "oidc": OIDC,
            },
            {"attributeMapping": MAPPING, "oidc": OIDC},
        ),
    ],
    ids=["a pool", "a pool with some properties given", "a provider"],
)
def test_update_names_drifted_properties_only_in_the_mask(
    engine: FakeEngine, google: FakeGoogle, token: str, name: str, news: Props, body: Props
) -> None:
    state = {**news, "project": "demo-proj", "deletionPolicy": "DELETE", **DRIFT}
    google.on(f"PATCH {name}", (200, {}))
    google.on(f"GET {name}", (200, {"name": name, "state": "ACTIVE", **body}))
    google.on(f"GET {name}:listAttestationRules", (200, {}))
    outputs = engine.update(token, name, state, news)
    (patch,) = [request for request in google.requests if request.method == "PATCH"]
    assert patch.query["updateMask"] == "displayName,description,disabled"
    assert patch.body == body
    assert outputs["disabled"] is False
