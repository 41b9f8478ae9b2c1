"""The function of the fake provider: its answers are those of the real provider 9.35."""

from __future__ import annotations

import pytest

from tests.support.provider import NAME, CallError, FakeEngine, FakeGoogle, Props

GET_REPOSITORY = "gcp:artifactregistry/getRepository:getRepository"
GIVEN: Props = {"project": "demo-proj", "location": "us-central1", "repositoryId": "python"}
TIME = "2026-11-25T18:02:30.031433Z"


def test_a_repository_has_lists_where_the_resource_has_objects(
    engine: FakeEngine, google: FakeGoogle
) -> None:
    answer = {
        "name": NAME,
        "format": "PYTHON",
        "mode": "REMOTE_REPOSITORY",
        "labels": {"team": "a"},
        "createTime": TIME,
        "updateTime": TIME,
        "registryUri": "us-central1-python.pkg.dev/demo-proj/python",
        "vulnerabilityScanningConfig": {"enablementState": "SCANNING_DISABLED"},
        "cleanupPolicies": {"all": {"id": "all", "action": "DELETE", "condition": {"olderThan": "9s"}}},
        "remoteRepositoryConfig": {
            "description": "mirror",
            "pythonRepository": {"publicRepository": "PYPI"},
        },
    }
    google.on(f"GET {NAME}", (200, answer))
    found = engine.invoke(GET_REPOSITORY, GIVEN)
    assert found.pop("cleanupPolicies")[0]["conditions"][0]["olderThan"] == "9s"
    # The real provider also has the lists of other formats, all of them empty.
    assert found == {
        "cleanupPolicyDryRun": False,
        "createTime": TIME,
        "deletionPolicy": "DELETE",
        "description": "",
        "effectiveLabels": {"team": "a"},
        "format": "PYTHON",
        "id": NAME,
        "kmsKeyName": "",
        "labels": {"team": "a"},
        "location": "us-central1",
        "mode": "REMOTE_REPOSITORY",
        "name": "python",
        "project": "demo-proj",
        "pulumiLabels": {"team": "a"},
        "registryUri": "us-central1-python.pkg.dev/demo-proj/python",
        "remoteRepositoryConfigs": [
            {
                "commonRepositories": [],
                "description": "mirror",
                "disableUpstreamValidation": False,
                "noCaches": [],
                "pythonRepositories": [{"customRepositories": [], "publicRepository": "PYPI"}],
                "upstreamCredentials": [],
            }
        ],
        "repositoryId": "python",
        "updateTime": TIME,
        "virtualRepositoryConfigs": [],
        "vulnerabilityScanningConfigs": [
            {"enablementConfig": "", "enablementState": "SCANNING_DISABLED", "enablementStateReason": ""}
        ],
    }


def test_a_missing_repository_is_an_error_that_names_it(engine: FakeEngine) -> None:
    with pytest.raises(CallError) as failed:
        engine.invoke(GET_REPOSITORY, GIVEN)
    assert str(failed.value) == f"invoking {GET_REPOSITORY}: 1 error occurred:\n\t* {NAME} not found\n\n"


def test_another_function_is_unknown(engine: FakeEngine) -> None:
    with pytest.raises(CallError, match="the fake provider does not know gcp:a/b:c"):
        engine.invoke("gcp:a/b:c", {})
