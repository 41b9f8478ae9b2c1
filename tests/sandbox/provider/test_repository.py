"""Repositories of the fake provider: diffs, requests and state are those of the real provider 9.35.

`provider_fields.yaml` says which properties update and which replace a repository. The tests here check the
paths and kinds of changes inside a property.
"""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.provider.values import UNKNOWN
from tests.support.provider import (
    GOOGLES_REPOSITORY,
    NAME,
    PROVISIONED,
    REPOSITORY,
    REPOSITORY_INPUTS,
    REPOSITORY_STATE,
    SECRET_KEY,
    CallError,
    FakeEngine,
    FakeGoogle,
    Props,
    change_kinds,
    google_error,
    plain,
    struct,
    urn,
)

COLLECTION = NAME.rpartition("/")[0]
REMOTE: Props = {
    "description": "PyPI",
    "pythonRepository": {"publicRepository": "PYPI"},
}
LOGIN: Props = {"username": "u", "passwordSecretVersion": "projects/p/secrets/s/versions/1"}
UPSTREAMS: list[Props] = [
    {"id": "private", "priority": 20, "repository": NAME},
    {"id": "pypi", "priority": 10, "repository": f"{NAME}-pypi"},
]


class TestLabelsOfTheProvider:
    """The rules of `setLabelsFields` in the Google provider (tpgresource/labels.go)."""

    def changes(self, engine: FakeEngine, **settings: str) -> dict[str, str]:
        engine.configure(**settings)
        kinds = change_kinds(engine.diff(REPOSITORY, REPOSITORY_STATE, REPOSITORY_INPUTS))
        both = {
            path.removeprefix(field): kind
            for path, kind in kinds.items()
            for field in ("effectiveLabels", "pulumiLabels")
            if path.startswith(field)
        }
        return {key.strip('.["]'): kind for key, kind in both.items()}

    def test_default_labels_reach_a_repository_that_exists(self, engine: FakeEngine) -> None:
        labels = '{"cost-center":"data","n":1,"b":true,"team":"other"}'
        assert self.changes(engine, defaultLabels=labels) == {"cost-center": "ADD", "n": "ADD", "b": "ADD"}

    def test_a_new_repository_has_default_labels_below_its_own(self, engine: FakeEngine) -> None:
        engine.configure(defaultLabels='{"team":"other","n":1}', addPulumiAttributionLabel="false")
        _, outputs = engine.create(REPOSITORY, REPOSITORY_INPUTS, preview=True)
        assert outputs["pulumiLabels"] == outputs["effectiveLabels"] == {"team": "a", "n": "1"}
        assert outputs["labels"] == {"team": "a"}

    def test_the_attribution_label_can_be_switched_off(self, engine: FakeEngine) -> None:
        changes = self.changes(engine, addPulumiAttributionLabel="false")
        assert changes == {"goog-pulumi-provisioned": "DELETE"}

    def test_only_the_proactive_strategy_adds_the_attribution_label_later(self, engine: FakeEngine) -> None:
        old = {**REPOSITORY_STATE, "pulumiLabels": {"team": "a"}, "effectiveLabels": {"team": "a"}}
        for strategy, count in (("CREATION_ONLY", 0), ("PROACTIVE", 2)):
            engine.configure(pulumiAttributionLabelAdditionStrategy=strategy)
            kinds = change_kinds(engine.diff(REPOSITORY, old, REPOSITORY_INPUTS))
            assert len([path for path in kinds if "goog-pulumi-provisioned" in path]) == count


class TestDiff:
    @pytest.mark.parametrize(
        ("field", "value", "path", "kind"),
        [
            ("description", "theirs", "description", "UPDATE"),
            ("description", None, "description", "DELETE"),
            ("labels", {"team": "b"}, "labels.team", "UPDATE"),
            ("labels", {"team": "a", "cost-center": "1"}, 'labels["cost-center"]', "ADD"),
            ("labels", None, "labels.team", "DELETE"),
            ("cleanupPolicies", None, "cleanupPolicies", "DELETE"),
            (
                "cleanupPolicies",
                [{"id": "keep", "action": "KEEP", "mostRecentVersions": {"keepCount": 9}}],
                "cleanupPolicies",
                "UPDATE",
            ),
            ("virtualRepositoryConfig", {"upstreamPolicies": UPSTREAMS}, None, "ADD"),
            ("vulnerabilityScanningConfig", {"enablementConfig": "DISABLED"}, None, "ADD"),
            ("location", "us", "location", "UPDATE_REPLACE"),
            ("remoteRepositoryConfig", REMOTE, "remoteRepositoryConfig", "ADD_REPLACE"),
        ],
    )
    def test_the_diff_has_the_path_and_kind_of_a_change(
        self, engine: FakeEngine, field: str, value: Any, path: str | None, kind: str
    ) -> None:
        news = {**REPOSITORY_INPUTS, field: value}
        answer = engine.diff(REPOSITORY, REPOSITORY_STATE, news)
        assert change_kinds(answer)[path or field] == kind
        assert list(answer.replaces) == ([field] if kind.endswith("REPLACE") else [])

    @pytest.mark.parametrize(
        ("remote", "path", "kind"),
        [
            ({"description": "other"}, "description", "UPDATE_REPLACE"),
            (
                {"pythonRepository": {"customRepository": {"uri": "https://x.example"}}},
                "pythonRepository.publicRepository",
                "DELETE_REPLACE",
            ),
            ({"noCache": {}}, "noCache", "ADD_REPLACE"),
            ({"commonRepository": {"uri": "u"}}, "commonRepository", "ADD_REPLACE"),
            ({"upstreamCredentials": {"usernamePasswordCredentials": LOGIN}}, "upstreamCredentials", "ADD"),
            ({"disableUpstreamValidation": True}, "disableUpstreamValidation", "ADD"),
        ],
    )
    def test_the_diff_has_the_path_and_kind_of_a_change_in_a_remote_repository(
        self, engine: FakeEngine, remote: Props, path: str, kind: str
    ) -> None:
        olds = {**REPOSITORY_STATE, "remoteRepositoryConfig": REMOTE}
        news = {**REPOSITORY_INPUTS, "remoteRepositoryConfig": {**REMOTE, **remote}}
        answer = engine.diff(REPOSITORY, olds, news)
        assert change_kinds(answer)[f"remoteRepositoryConfig.{path}"] == kind

    def test_the_diff_names_a_nested_number_by_its_path(self, engine: FakeEngine) -> None:
        olds = {**REPOSITORY_STATE, "virtualRepositoryConfig": {"upstreamPolicies": UPSTREAMS}}
        raised = [{**UPSTREAMS[0], "priority": 30}, UPSTREAMS[1]]
        news = {**REPOSITORY_INPUTS, "virtualRepositoryConfig": {"upstreamPolicies": raised}}
        path = "virtualRepositoryConfig.upstreamPolicies[0].priority"
        assert change_kinds(engine.diff(REPOSITORY, olds, news)) == {path: "UPDATE"}

    @pytest.mark.parametrize(
        ("olds", "news"),
        [
            ({}, {}),
            ({}, {"format": "python"}),
            ({}, {"cleanupPolicyDryRun": False}),
            (
                {"virtualRepositoryConfig": {"upstreamPolicies": UPSTREAMS}},
                {"virtualRepositoryConfig": {"upstreamPolicies": UPSTREAMS[::-1]}},
            ),
        ],
        ids=["same", "case of the format", "a default", "order of the upstreams"],
    )
    def test_the_diff_ignores_another_spelling(self, engine: FakeEngine, olds: Props, news: Props) -> None:
        answer = engine.diff(REPOSITORY, {**REPOSITORY_STATE, **olds}, {**REPOSITORY_INPUTS, **news})
        assert change_kinds(answer) == {}
        assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE

    def test_the_diff_has_no_ignored_changes(self, engine: FakeEngine) -> None:
        news = {**REPOSITORY_INPUTS, "description": "theirs", "labels": {"team": "b"}}
        ignored = ("description", "labels.team", "pulumiLabels", "effectiveLabels")
        assert change_kinds(engine.diff(REPOSITORY, REPOSITORY_STATE, news, ignored)) == {}


class TestPreview:
    def test_a_preview_has_the_outputs_that_follow_from_the_inputs(self, engine: FakeEngine) -> None:
        _, outputs = engine.create(REPOSITORY, REPOSITORY_INPUTS, preview=True)
        assert outputs["project"] == "demo-proj"
        assert outputs["mode"] == "STANDARD_REPOSITORY"
        assert outputs["effectiveLabels"] == {"team": "a", **PROVISIONED}
        for name in ("name", "registryUri", "createTime", "updateTime"):
            assert outputs[name] == UNKNOWN

    def test_all_labels_are_unknown_if_one_label_is(self, engine: FakeEngine) -> None:
        news = {**REPOSITORY_INPUTS, "labels": {"team": UNKNOWN, "k": "v"}}
        _, outputs = engine.create(REPOSITORY, news, preview=True)
        assert outputs["pulumiLabels"] == outputs["effectiveLabels"] == UNKNOWN
        assert change_kinds(engine.diff(REPOSITORY, REPOSITORY_STATE, news))["labels"] == "UPDATE"

    def test_the_provider_marks_no_output_as_secret(self, engine: FakeEngine) -> None:
        # Pulumi's SDK tells the engine which outputs are secret.
        request = provider_pb2.CreateRequest(
            urn=urn(REPOSITORY), properties=struct(REPOSITORY_INPUTS), preview=True
        )
        fields = engine.provider.Create(request, engine.context).properties.fields
        secret = {name for name, value in fields.items() if SECRET_KEY in value.struct_value.fields}
        assert secret == set()
        assert "effectiveLabels" in fields


class TestCreateAndUpdate:
    def test_create_sends_one_request_waits_for_the_operation_and_reads(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        google.on(f"POST {COLLECTION}", (200, {"name": "op/1"}))
        google.on("GET op/1", (200, {"name": "op/1"}), (200, {"name": "op/1", "done": True}))
        google.on(f"GET {NAME}", (200, GOOGLES_REPOSITORY))
        resource_id, outputs = engine.create(REPOSITORY, REPOSITORY_INPUTS)
        assert resource_id == NAME
        assert google.requests[0].query["repository_id"] == "python"
        assert google.requests[0].body == {
            "format": "PYTHON",
            "mode": "STANDARD_REPOSITORY",
            "description": "ours",
            "labels": {"team": "a", **PROVISIONED},
            "cleanupPolicies": {
                "old": {"action": "DELETE", "condition": {"olderThan": "7776000s", "tagState": "ANY"}},
                "keep": {"action": "KEEP", "mostRecentVersions": {"keepCount": 10}},
            },
        }
        assert outputs["name"] == "python"
        assert outputs["labels"] == {"team": "a"}
        assert outputs["kmsKeyName"] == ""

    def test_create_sends_no_cache_of_a_remote_repository_as_null(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        google.on(f"POST {COLLECTION}", (200, {}))
        google.on(f"GET {NAME}", (200, GOOGLES_REPOSITORY))
        engine.create(REPOSITORY, {**REPOSITORY_INPUTS, "remoteRepositoryConfig": REMOTE})
        assert google.requests[0].body["remoteRepositoryConfig"] == {**REMOTE, "noCache": None}

    def test_update_sends_a_mask_and_all_mutable_properties(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        google.on(f"PATCH {NAME}", (200, {}))
        google.on(f"GET {NAME}", (200, GOOGLES_REPOSITORY))
        news = {**REPOSITORY_INPUTS, "description": None, "labels": {"team": "b"}}
        engine.update(REPOSITORY, NAME, REPOSITORY_STATE, news)
        (patch,) = [request for request in google.requests if request.method == "PATCH"]
        assert patch.query["updateMask"] == "description,labels"
        assert patch.body["labels"] == {"team": "b", "console": "x", **PROVISIONED}
        assert set(patch.body) == {"labels", "cleanupPolicies"}

    def test_the_state_keeps_a_created_repository_that_cannot_be_read(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        google.on(f"POST {COLLECTION}", (200, {}))
        google.on(f"GET {NAME}", (403, google_error(403, "no")))
        with pytest.raises(CallError, match=r"^creating urn:"):
            engine.create(REPOSITORY, REPOSITORY_INPUTS)
        assert engine.failed_state().id == NAME
        assert "createTime" not in plain(engine.failed_state().properties)

    def test_the_state_has_the_planned_properties_after_a_failed_update(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        google.on(f"PATCH {NAME}", (403, google_error(403, "no")))
        error = r"^updating urn:.*\n\t\* Error updating Repository .*403: no"
        with pytest.raises(CallError, match=error):
            engine.update(REPOSITORY, NAME, REPOSITORY_STATE, {**REPOSITORY_INPUTS, "description": "new"})
        assert plain(engine.failed_state().properties)["description"] == "new"


class TestRead:
    def test_drift_is_in_state_and_inputs_and_the_next_update_reverts_it(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        drifted = {**GOOGLES_REPOSITORY, "description": "theirs", "labels": {"console": "y"}}
        google.on(f"GET {NAME}", (200, drifted))
        answer = engine.read(REPOSITORY, NAME, REPOSITORY_STATE, REPOSITORY_INPUTS)
        state = plain(answer.properties)
        assert state["description"] == plain(answer.inputs)["description"] == "theirs"
        assert state["effectiveLabels"] == {"console": "y"}
        assert state["labels"] == plain(answer.inputs)["labels"] == {"team": ""}
        changes = change_kinds(engine.diff(REPOSITORY, state, REPOSITORY_INPUTS))
        assert changes["labels.team"] == "UPDATE"
        assert changes['pulumiLabels["goog-pulumi-provisioned"]'] == "DELETE"
        assert {"description": "UPDATE", "effectiveLabels.team": "ADD"}.items() <= changes.items()

    def test_a_refresh_without_drift_leads_to_no_change(
        self, engine: FakeEngine, google: FakeGoogle
    ) -> None:
        google.on(f"GET {NAME}", (200, GOOGLES_REPOSITORY))
        state = plain(engine.read(REPOSITORY, NAME, REPOSITORY_STATE).properties)
        assert change_kinds(engine.diff(REPOSITORY, state, REPOSITORY_INPUTS)) == {}

    @pytest.mark.parametrize("import_id", [NAME, "demo-proj/us-central1/python", "us-central1/python"])
    def test_import_accepts_every_form_of_the_id(
        self, engine: FakeEngine, google: FakeGoogle, import_id: str
    ) -> None:
        google.on(f"GET {NAME}", (200, {**GOOGLES_REPOSITORY, "labels": {}}))
        answer = engine.read(REPOSITORY, import_id)
        assert answer.id == NAME
        inputs = plain(answer.inputs)
        assert inputs["repositoryId"] == "python"
        assert not {"mode", "name", "effectiveLabels"} & set(inputs)
        news = {key: value for key, value in REPOSITORY_INPUTS.items() if key != "labels"}
        assert change_kinds(engine.diff(REPOSITORY, plain(answer.properties), news)) == {}
        labelled = change_kinds(engine.diff(REPOSITORY, plain(answer.properties), REPOSITORY_INPUTS))
        assert labelled["labels.team"] == labelled["pulumiLabels.team"] == "ADD"

    def test_the_read_of_a_missing_repository_returns_no_id(self, engine: FakeEngine) -> None:
        assert engine.read(REPOSITORY, NAME, REPOSITORY_STATE).id == ""
        assert engine.read(REPOSITORY, NAME).id == ""


class TestDelete:
    def test_delete_of_a_missing_repository_succeeds(self, engine: FakeEngine) -> None:
        engine.delete(REPOSITORY, NAME, REPOSITORY_STATE)

    @pytest.mark.parametrize(("policy", "requests"), [("ABANDON", 0), ("DELETE", 1)])
    def test_delete_sends_no_request_if_the_deletion_policy_is_abandon(
        self, engine: FakeEngine, google: FakeGoogle, policy: str, requests: int
    ) -> None:
        engine.delete(REPOSITORY, NAME, {**REPOSITORY_STATE, "deletionPolicy": policy})
        assert len(google.requests) == requests

    def test_delete_fails_if_the_deletion_policy_is_prevent(self, engine: FakeEngine) -> None:
        with pytest.raises(CallError, match="cannot destroy"):
            engine.delete(REPOSITORY, NAME, {**REPOSITORY_STATE, "deletionPolicy": "PREVENT"})
