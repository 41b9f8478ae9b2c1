"""The sections about changed resources and drift."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tools.summary.recording import read_recording, summarize_text
from tests.tools.summary.steps import BINDING, MEMBER, REPOSITORY, WRITER, binding, step, summarize_steps
from tools.summary.events import SIGNATURE


def test_an_equal_property_is_not_a_change() -> None:
    changed = step("update", REPOSITORY, {"repositoryId": "python"}, {"repositoryId": "python"})
    changed["diffReasons"] = ["cleanupPolicies"]
    # The engine's reason is all that is known.
    assert "- Changed: repository `python`: `cleanupPolicies`\n" in summarize_steps(changed)
    changed["oldState"]["outputs"]["cleanupPolicies"] = [{"id": "all", "action": "DELETE"}]
    assert (
        "- Changed: repository `python`: `cleanupPolicies` `[all]` removed (`action` `DELETE`)\n"
        in summarize_steps(changed)
    )


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
        "- Changed: repository `python`: `labels` `team` `a` → `b`; labels that the provider adds: "
        "`cost-center` added, `env` changed, `old` removed\n"
    ) in summarize_steps(changed)


@pytest.mark.parametrize(("now", "drifted"), [([], False), ("", False), (["x"], True), (False, True)])
def test_different_empty_values_are_not_drift(now: Any, drifted: bool) -> None:
    provider = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
    before, after = ({"oidc": {"issuerUri": "x", "allowedAudiences": value}} for value in (None, now))
    assert ("`oidc`" in summarize_steps(step("refresh", provider, before, after))) == drifted


def virtual(*upstreams: tuple[str, str, int]) -> dict[str, Any]:
    policies = [{"id": i, "repository": r, "priority": p} for i, r, p in upstreams]
    return {"repositoryId": "python-index", "virtualRepositoryConfig": {"upstreamPolicies": policies}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            virtual(("private", "python", 20)),
            virtual(("x", "stranger", 99), ("private", "python", 20)),
            "`virtualRepositoryConfig` `upstreamPolicies[x]` added (`priority` `99`, `repository` "
            "`stranger`)",
        ),
        (
            virtual(("private", "python", 20), ("pypi", "python-pypi", 10)),
            virtual(("pypi", "python-pypi", 30), ("private", "python", 20)),
            "`virtualRepositoryConfig` `upstreamPolicies[pypi].priority` `10` → `30`",
        ),
        (
            virtual(("private", "python", 20), ("pypi", "python-pypi", 10)),
            virtual(("pypi", "python-pypi", 10), ("private", "python", 20)),
            "`virtualRepositoryConfig` in another order",
        ),
        (
            {"cleanupPolicies": [{"id": "old", "action": "DELETE", "condition": {"olderThan": "30d"}}]},
            {"cleanupPolicies": [{"id": "old", "action": "DELETE", "condition": {"olderThan": "1d"}}]},
            "`cleanupPolicies` `[old].condition.olderThan` `30d` → `1d`",
        ),
        (
            {"remoteRepositoryConfig": {"pythonRepository": {"publicRepository": "PYPI"}}},
            {
                "remoteRepositoryConfig": {
                    "pythonRepository": {"customRepository": {"uri": "https://x.example"}}
                }
            },
            "`remoteRepositoryConfig` `pythonRepository.customRepository.uri` none → `https://x.example`, "
            "`pythonRepository.publicRepository` `PYPI` → none",
        ),
        ({"x": [{"a": 1}, {"a": 1}]}, {"x": [{"a": 1}]}, "`x` `[1]` removed (`a` `1`)"),
        ({"x": {"a": [1, 2]}}, {"x": {"a": [2]}}, "`x` `a` `[1, 2]` → `[2]`"),
        ({"kmsKeyName": "keys/a"}, {"kmsKeyName": "keys/b"}, "`kmsKeyName` `keys/a` → `keys/b`"),
    ],
)
def test_a_nested_value_is_named_where_it_changes(
    before: dict[str, Any], after: dict[str, Any], expected: str
) -> None:
    assert f": {expected}\n" in summarize_steps(step("update", REPOSITORY, before, after))
    drifted = summarize_steps(step("refresh", REPOSITORY, before, after))
    assert f": {expected}; this update does not revert it\n" in drifted


LABELS = [
    ({"effectiveLabels.team": "add"}, "labels that the provider adds: `team` added"),
    ({'pulumiLabels["a.b"]': "delete", "etag": "update"}, "labels that the provider adds: `a.b` removed"),
    ({"effectiveLabels": "update"}, "labels that the provider adds"),
    ({"etag": "update"}, "`etag`"),
    ({}, "the preview gives no reason"),
]


@pytest.mark.parametrize(("paths", "expected"), LABELS)
def test_a_change_without_an_own_property_has_its_reason(paths: dict[str, str], expected: str) -> None:
    changed = step("update", REPOSITORY, {"repositoryId": "python"}, {"repositoryId": "python"})
    changed["detailedDiff"] = {path: {"kind": kind} for path, kind in paths.items()}
    assert f"- Changed: repository `python`: {expected}\n" in summarize_steps(changed)


def test_labels_of_the_provider_are_beside_own_ones() -> None:
    old, new = ({"repositoryId": "python", "labels": {"team": team}} for team in ("data", "ops"))
    changed = step("update", REPOSITORY, old, new)
    paths = ("labels.team", "effectiveLabels.team", "effectiveLabels.cost")
    changed["detailedDiff"] = {path: {"kind": "add"} for path in paths}
    assert (
        "- Changed: repository `python`: `labels` `team` `data` → `ops`; labels that the provider adds: "
        "`cost` added\n"
    ) in summarize_steps(changed)


def test_a_secret_that_changes_is_named_without_its_value() -> None:
    secret = {"remoteRepositoryConfig": {"password": {SIGNATURE: "x", "ciphertext": "[secret]"}}}
    changed = step("update", REPOSITORY, secret, secret)
    changed["diffReasons"] = ["remoteRepositoryConfig"]
    assert "`remoteRepositoryConfig` has another secret value\n" in summarize_steps(changed)


def test_a_provider_that_changes_is_a_change_without_its_credentials() -> None:
    old, new = ({"project": "p", "credentials": value} for value in ("old key", "new key"))
    changed = step("update", "pulumi:providers:gcp", old, {**new, "project": "q"})
    changed["diffReasons"] = ["project", "credentials"]
    text = summarize_steps(changed)
    assert (
        "- Changed: provider `gcp`: `project` `p` → `q`; `credentials` has another secret value\n" in text
    )
    assert "key`" not in text
    created = step("create", "pulumi:providers:gcp", None, new)
    created["urn"] = "urn:pulumi:dev::p::pulumi:providers:gcp::default_10_2_0"
    assert summarize_steps(created) == "Stack `dev`: No changes.\n"


def test_a_resource_that_is_tainted_or_incomplete_is_named() -> None:
    replaced = step("replace", REPOSITORY, {"repositoryId": "python"}, {"repositoryId": "python"})
    replaced["oldState"] |= {"taint": True, "initErrors": ["the cache was not created"]}
    text = summarize_steps(replaced)
    assert "- Replaced: repository `python`: it is marked to be replaced\n" in text
    assert "> The last update left repository `python` incomplete:\n> ```\n> the cache was not cr" in text


@pytest.mark.parametrize(
    ("member", "account"),
    [
        (
            "deleted:serviceAccount:ci@p.iam.gserviceaccount.com?uid=123",
            "serviceAccount:ci@p.iam.gserviceaccount.com",
        ),
        ("deleted:user:ann@example.com?uid=1", "user:ann@example.com"),
        ("deleted:group:all@example.com", "group:all@example.com"),
        (
            "deleted:principal://iam.googleapis.com/locations/global/workforcePools/w/subject/ann",
            "principal://iam.googleapis.com/locations/global/workforcePools/w/subject/ann",
        ),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_a_deleted_member_did_not_gain_or_lose_a_right(member: str, account: str, listed: bool) -> None:
    before, found = binding(*[account] * listed), binding(member)
    text = summarize_steps(step("refresh", BINDING, before, found), step("update", BINDING, found, before))
    advice = (
        "A new account of this name has the right only after an update with `--refresh`"
        if listed
        else "This member is not in the stack file"
    )
    assert (
        f"- The account of `{account}` was deleted, so its right to install from `python` has no effect: "
        f"Google keeps the entry `{member}`. {advice}; this update reverts it\n"
    ) in text
    assert "was granted" not in text
    assert "lost" not in text
    assert "no longer" not in text
    assert (f"- `{account}` **may** install from `python`\n" in text) == listed


def test_an_imported_resource_is_not_created_and_a_retained_one_is_not_deleted() -> None:
    upload = {"repositoryId": "python", "mode": "STANDARD_REPOSITORY"}
    imported = summarize_steps(
        step("import", REPOSITORY, None, upload), step("create", BINDING, new=binding("user:a@example.com"))
    )
    assert "### Stack `dev`: 1 adopted, access changes\n" in imported
    assert "- Adopted: repository `python` (for uploads)\n" in imported
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
