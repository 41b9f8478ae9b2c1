"""The sections about changed resources and drift."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tools.summary.recording import read_recording, summarize_text
from tests.tools.summary.steps import BINDING, MEMBER, REPOSITORY, WRITER, binding, step, summarize_steps


def test_an_equal_property_is_not_a_change() -> None:
    changed = step("update", REPOSITORY, {"repositoryId": "python"}, {"repositoryId": "python"})
    changed["diffReasons"] = ["cleanupPolicies", "effectiveLabels"]
    assert "- Changed: repository `python`\n" in summarize_steps(changed)
    changed["oldState"]["outputs"]["cleanupPolicies"] = [{"id": "all"}]
    assert "- Changed: repository `python`: `cleanupPolicies`\n" in summarize_steps(changed)


@pytest.mark.parametrize("key", ["kind", "diffKind"])
def test_a_label_of_the_provider_is_a_change_and_has_its_name(key: str) -> None:
    labels = {"labels": {"team": "a"}, "effectiveLabels": "[secret]"}
    changed = step("update", REPOSITORY, {"repositoryId": "python", **labels}, {"repositoryId": "python"})
    changed["newState"]["inputs"]["labels"] = {"team": "b"}
    changed["diffReasons"] = ["effectiveLabels", "labels", "pulumiLabels"]
    kinds = {
        "labels.team": "update",
        "effectiveLabels.team": "update",
        'effectiveLabels["cost-center"]': "add",
        'pulumiLabels["cost-center"]': "add",
        "effectiveLabels.old": "delete",
        "effectiveLabels.env": "update",
    }
    changed["detailedDiff"] = {path: {key: kind, "inputDiff": False} for path, kind in kinds.items()}
    assert (
        "- Changed: repository `python`: `labels` `team` `a` → `b`; labels of the provider: "
        "`cost-center` added, `env` changed, `old` removed\n"
    ) in summarize_steps(changed)


@pytest.mark.parametrize(("now", "drifted"), [([], False), ("", False), (["x"], True), (False, True)])
def test_different_empty_values_are_not_drift(now: Any, drifted: bool) -> None:
    provider = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
    before, after = ({"oidc": {"issuerUri": "x", "allowedAudiences": value}} for value in (None, now))
    assert ("`oidc`" in summarize_steps(step("refresh", provider, before, after))) == drifted


def test_an_imported_resource_is_not_created_and_a_retained_one_is_not_deleted() -> None:
    upload = {"repositoryId": "python", "mode": "STANDARD_REPOSITORY"}
    imported = summarize_steps(
        step("import", REPOSITORY, None, upload), step("create", BINDING, new=binding("user:a@example.com"))
    )
    assert "### Stack `dev`: 1 imported, access changes\n" in imported
    assert "- Imported: repository `python` (for uploads)\n" in imported
    assert "> After this update, only the stack file controls who may install from `python`." in imported

    retained = summarize_steps(
        step("delete", REPOSITORY, upload, retainOnDelete=True),
        step("delete", MEMBER, WRITER, retainOnDelete=True),
    )
    assert "- Retained: repository `python`: it leaves the stack and stays at Google\n" in retained
    assert (
        "> `user:a@example.com` **keeps the right** to install from `python` and to upload to `python`"
        in retained
    )
    assert "lost" not in retained
    assert "no longer" not in retained


def test_an_unknown_resource_type_has_a_label_in_words() -> None:
    document = json.loads(read_recording("pypi_proxy_off_document.json"))
    step = {
        "op": "create",
        "urn": "urn:pulumi:dev::p::gcp:iam/workloadIdentityPool:WorkloadIdentityPool::pool",
        "newState": {"custom": True, "inputs": {}},
    }
    document["steps"].append(step)
    assert "- Created: workload identity pool `pool`\n" in summarize_text(json.dumps(document))
