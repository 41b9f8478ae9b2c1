"""The warning at the top of a summary."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tools.summary.recording import read_recording, summarize_text
from tests.tools.summary.steps import (
    BINDING,
    MEMBER,
    PROVIDER,
    REPOSITORY,
    WRITER,
    binding,
    step,
    summarize_steps,
)
from tools.summary.previews import UNKNOWN

CLEANUP = {"repositoryId": "python", "cleanupPolicies": [{"id": "all", "action": "DELETE"}]}


def test_a_grant_to_everybody_is_a_warning() -> None:
    text = summarize_steps(step("create", BINDING, new=binding("allUsers")))
    assert "> `allUsers` is the whole world, and may now install from `python`.\n" in text


@pytest.mark.parametrize(
    ("token", "inputs", "expected"),
    [
        (
            "gcp:projects/iAMMember:IAMMember",
            {"project": "p", "role": "roles/artifactregistry.admin", "member": "user:a@example.com"},
            "Iam member `IAMMember` is made on `p`, `roles/artifactregistry.admin` for "
            "`user:a@example.com`. This program makes no `projects.IAMMember`",
        ),
        (
            "gcp:artifactregistry/repositoryIamPolicy:RepositoryIamPolicy",
            {
                "repository": "python",
                "policyData": json.dumps(
                    {"bindings": [{"role": "roles/owner", "members": ["allUsers"]}, {"role": "r"}]}
                ),
            },
            "Repository iam policy `RepositoryIamPolicy` is made on `python`, `roles/owner` for `allUsers` "
            "(**`allUsers` is the whole world**), `r` for nobody.",
        ),
        (
            "gcp:artifactregistry/repositoryIamPolicy:RepositoryIamPolicy",
            {"repository": "python", "policyData": UNKNOWN},
            "Repository iam policy `RepositoryIamPolicy` is made on `python`. This program makes no",
        ),
        (
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            {"bucket": "b", "role": "roles/storage.admin", "member": "allAuthenticatedUsers"},
            "is made on `b`, `roles/storage.admin` for `allAuthenticatedUsers` "
            "(**`allAuthenticatedUsers` is the whole world**).",
        ),
        (
            "gcp:serviceaccount/key:Key",
            {"serviceAccountId": "python-writer@demo-proj.iam.gserviceaccount.com"},
            "Key `Key` is made on `python-writer@demo-proj.iam.gserviceaccount.com`. This program makes no "
            "`serviceaccount.Key`",
        ),
        (
            "other:iam:IamPolicy",
            {},
            "Iam policy `IamPolicy` is made. This program makes no `other:iam:IamPolicy`",
        ),
    ],
)
def test_a_grant_of_a_foreign_kind_is_a_warning(token: str, inputs: dict[str, Any], expected: str) -> None:
    assert expected in summarize_steps(step("create", token, new=inputs)).partition("**Changes**")[0]
    changed = summarize_steps(step("update", token, {}, inputs)).partition("**Changes**")[0]
    assert expected.replace("is made", "is changed") in changed
    assert "[!WARNING]" not in summarize_steps(step("delete", token, inputs))


@pytest.mark.parametrize("made", [False, True])
def test_a_new_binding_on_an_existing_repository_is_a_warning(made: bool) -> None:
    steps = [step("create", BINDING, new=binding("user:a@example.com"))]
    steps += [step("create", REPOSITORY, new={"repositoryId": "python"})] * made
    text = summarize_steps(*steps)
    warning = "> From this `up` on the stack's file alone says who may install from `python`. What others "
    assert (warning in text) is not made


def test_an_imported_binding_removes_no_member() -> None:
    assert "file alone says" in summarize_steps(step("create", BINDING, new=binding("user:a@example.com")))
    assert "file alone says" not in summarize_steps(
        step("import", BINDING, new=binding("user:a@example.com"))
    )


def test_the_deletion_of_an_upload_repository_is_the_first_warning() -> None:
    document = json.loads(read_recording("pypi_proxy_off_document.json"))
    (step,) = (s for s in document["steps"] if s["urn"].endswith("::registry-pypi"))
    step["oldState"]["outputs"]["mode"] = "STANDARD_REPOSITORY"
    first = summarize_text(json.dumps(document)).split("\n>\n")[0]
    assert "Repository `python-pypi` is deleted. **Every package in it is lost**" in first


@pytest.mark.parametrize(
    ("token", "was", "found", "expected"),
    [
        (
            REPOSITORY,
            {"repositoryId": "python", "mode": "STANDARD_REPOSITORY"},
            None,
            "Repository `python` was deleted outside this stack. **Every package in it is lost**, unless",
        ),
        (
            "gcp:serviceaccount/account:Account",
            {"accountId": "python-writer"},
            None,
            "Service account `python-writer` was deleted outside this stack: whatever acts as it stopped",
        ),
        (
            PROVIDER,
            {"workloadIdentityPoolProviderId": "github", "attributeCondition": "a == 1"},
            {"workloadIdentityPoolProviderId": "github", "attributeCondition": "true"},
            "Workload identity pool provider `github` lets in whom somebody chose outside this "
            "stack: `true`.",
        ),
        (
            REPOSITORY,
            {"repositoryId": "python", "cleanupPolicies": []},
            CLEANUP,
            "`python` has cleanup policies from outside this stack, which delete packages: `all`.",
        ),
        (REPOSITORY, {**CLEANUP, "cleanupPolicyDryRun": True}, CLEANUP, "which delete packages: `all`."),
        (REPOSITORY, CLEANUP, {**CLEANUP, "description": "x"}, ""),
        (REPOSITORY, {}, {**CLEANUP, "cleanupPolicyDryRun": True}, ""),
        (REPOSITORY, {}, {"cleanupPolicies": [{"id": "some", "action": "KEEP"}]}, ""),
        (PROVIDER, {"attributeCondition": "a == 1"}, None, ""),
        (PROVIDER, {"attributeCondition": ""}, {"displayName": "GitHub"}, ""),
    ],
)
def test_drift_that_no_update_restores_is_a_warning(
    token: str, was: dict[str, Any], found: dict[str, Any] | None, expected: str
) -> None:
    refreshed = step("refresh", token, was, found)
    # What a refresh found is what the next step begins with.
    after = step("create", token, None, was) if found is None else step("update", token, found, was)
    warned = summarize_steps(refreshed, after).partition("[!WARNING]")[2].partition("\n\n**")[0]
    assert expected in warned
    assert bool(expected) == bool(warned)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (
            {"detailedDiff": {"location": {"kind": "update-replace"}, "labels.a": {"kind": "add"}}},
            "`location`",
        ),
        ({"detailedDiff": {"a[0].b": {"diffKind": "add-replace"}}, "keys": ["a", "labels"]}, "`a`"),
        ({"detailedDiff": None, "replaceReasons": ["location"]}, "`location`"),
        ({"keys": ["location"]}, "`location`"),
    ],
)
def test_a_replacement_names_the_property_that_forces_it(reasons: dict[str, Any], expected: str) -> None:
    old, new = ({"repositoryId": "python", "location": at, "labels": {"a": at}} for at in ("us", "eu"))
    replaced = {**step("replace", REPOSITORY, old, new), **reasons}
    assert f"> Repository `python` is replaced for its {expected}. **Every" in summarize_steps(replaced)


def test_a_deleted_deny_rule_names_the_source_of_the_package() -> None:
    rule = {"repositoryId": "python-pypi", "ruleId": "deny-foo", "packageId": "foo"}
    deleted = step("delete", "gcp:artifactregistry/rule:Rule", rule)
    assert "> `foo` may be downloaded from `python-pypi` again.\n" in summarize_steps(deleted)
    cache = step("delete", REPOSITORY, {"repositoryId": "python-pypi", "mode": "REMOTE_REPOSITORY"})
    text = summarize_steps(deleted, cache)
    assert "> `foo` is no longer kept apart: without `python-pypi`, pip asks PyPI itself, and" in text
    assert "- Deleted: download rule `deny-foo`\n" in text


def test_a_member_removed_in_a_switch_to_additive_keeps_access() -> None:
    lines = read_recording("additive.jsonl").splitlines(keepends=True)
    dropped = "".join(line for line in lines if "readers-group:developers@example.com" not in line)
    text = summarize_text(dropped)
    assert (
        "> `group:developers@example.com` **may go on** to install from `python`, `python-index`, "
        "`python-pypi`: the grant leaves the stack, not Google."
    ) in text
    assert "may no longer" not in text


@pytest.mark.parametrize(
    ("after", "deleted", "keeps"),
    [
        ([], [], ["`user:a@example.com` **may go on** to upload to `python`"]),
        # The list is written whole: what it does not name goes.
        ([step("create", BINDING, new=binding(role="roles/artifactregistry.writer"))], [], []),
        ([], [step("delete", REPOSITORY, {"repositoryId": "python"})], []),
    ],
)
def test_a_grant_dropped_with_its_anchor_remains_unless_google_removes_it(
    after: list[dict[str, Any]], deleted: list[dict[str, Any]], keeps: list[str]
) -> None:
    mark = step("delete", "python-registry:index:Access", {}, parent="registry")
    mark["oldState"]["custom"] = False
    reader = step("create", MEMBER, new={**WRITER, "role": "roles/artifactregistry.reader"})
    writer = step("delete", MEMBER, WRITER, parent="registry")
    text = summarize_steps(mark, reader, writer, *after, *deleted)
    assert [line[2:].partition(": ")[0] for line in text.splitlines() if "go on" in line] == keeps
    writer["oldState"]["parent"] = "another"
    assert "go on" not in summarize_steps(mark, reader, writer, *after, *deleted)
