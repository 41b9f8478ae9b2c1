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
    assert "> **Public access**: `allUsers` may now install from `python`.\n" in text


@pytest.mark.parametrize(
    ("token", "inputs", "expected"),
    [
        (
            "gcp:projects/iAMMember:IAMMember",
            {"project": "p", "role": "roles/artifactregistry.admin", "member": "user:a@example.com"},
            "Iam member `IAMMember` is created on `p`, `roles/artifactregistry.admin` for "
            "`user:a@example.com`. This program creates no `projects.IAMMember`",
        ),
        (
            "gcp:artifactregistry/repositoryIamPolicy:RepositoryIamPolicy",
            {
                "repository": "python",
                "policyData": json.dumps(
                    {"bindings": [{"role": "roles/owner", "members": ["allUsers"]}, {"role": "r"}]}
                ),
            },
            "Repository iam policy `RepositoryIamPolicy` is created on `python`, `roles/owner` for "
            "`allUsers` (**public access**), `r` for nobody.",
        ),
        (
            "gcp:artifactregistry/repositoryIamPolicy:RepositoryIamPolicy",
            {"repository": "python", "policyData": UNKNOWN},
            "Repository iam policy `RepositoryIamPolicy` is created on `python`. This program creates no",
        ),
        (
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            {"bucket": "b", "role": "roles/storage.admin", "member": "allAuthenticatedUsers"},
            "is created on `b`, `roles/storage.admin` for `allAuthenticatedUsers` (**public access**).",
        ),
        (
            "gcp:serviceaccount/key:Key",
            {"serviceAccountId": "python-writer@demo-proj.iam.gserviceaccount.com"},
            "Key `Key` is created on `python-writer@demo-proj.iam.gserviceaccount.com`. This program "
            "creates no `serviceaccount.Key`",
        ),
        (
            "other:iam:IamPolicy",
            {},
            "Iam policy `IamPolicy` is created. This program creates no `other:iam:IamPolicy`",
        ),
    ],
)
def test_a_grant_of_a_foreign_kind_is_a_warning(token: str, inputs: dict[str, Any], expected: str) -> None:
    assert expected in summarize_steps(step("create", token, new=inputs)).partition("**Changes**")[0]
    changed = summarize_steps(step("update", token, {}, inputs)).partition("**Changes**")[0]
    assert expected.replace("is created", "is changed") in changed
    assert "[!WARNING]" not in summarize_steps(step("delete", token, inputs))


@pytest.mark.parametrize("new", [False, True])
def test_a_new_binding_on_an_existing_repository_is_a_warning(new: bool) -> None:
    steps = [step("create", BINDING, new=binding("user:a@example.com"))]
    steps += [step("create", REPOSITORY, new={"repositoryId": "python"})] * new
    text = summarize_steps(*steps)
    warning = "> After this update, only the stack file controls who may install from `python`. "
    assert (warning in text) is not new


def test_an_imported_binding_removes_no_member() -> None:
    assert "only the stack file controls" in summarize_steps(
        step("create", BINDING, new=binding("user:a@example.com"))
    )
    assert "only the stack file controls" not in summarize_steps(
        step("import", BINDING, new=binding("user:a@example.com"))
    )


def test_the_deletion_of_an_upload_repository_is_the_first_warning() -> None:
    document = json.loads(read_recording("pypi_proxy_off_document.json"))
    (step,) = (s for s in document["steps"] if s["urn"].endswith("::registry-pypi"))
    step["oldState"]["outputs"]["mode"] = "STANDARD_REPOSITORY"
    first = summarize_text(json.dumps(document)).split("\n>\n")[0]
    assert "Repository `python-pypi` is deleted. **All packages in it are lost**" in first


@pytest.mark.parametrize(
    ("token", "before", "found", "expected"),
    [
        (
            REPOSITORY,
            {"repositoryId": "python", "mode": "STANDARD_REPOSITORY"},
            None,
            "Repository `python` was deleted outside this stack. **All packages in it are lost** unless",
        ),
        (
            "gcp:serviceaccount/account:Account",
            {"accountId": "python-writer"},
            None,
            "Service account `python-writer` was deleted outside this stack. Jobs that act as this account "
            "fail.",
        ),
        (
            PROVIDER,
            {"workloadIdentityPoolProviderId": "github", "attributeCondition": "a == 1"},
            {"workloadIdentityPoolProviderId": "github", "attributeCondition": "true"},
            "Workload identity pool provider `github` has a condition from outside this stack: `true`.",
        ),
        (
            REPOSITORY,
            {"repositoryId": "python", "cleanupPolicies": []},
            CLEANUP,
            "`python` has cleanup policies from outside this stack that delete packages: `all`.",
        ),
        (
            REPOSITORY,
            {"repositoryId": "python-index"},
            {
                "repositoryId": "python-index",
                "virtualRepositoryConfig": {
                    "upstreamPolicies": [{"id": "x", "repository": "stranger", "priority": 99}]
                },
            },
            "Repository `python-index` has upstreams from outside this stack: `x: stranger, priority 99`. "
            "Clients can have installed packages from there.",
        ),
        (REPOSITORY, {**CLEANUP, "cleanupPolicyDryRun": True}, CLEANUP, "that delete packages: `all`."),
        (REPOSITORY, CLEANUP, {**CLEANUP, "description": "x"}, ""),
        (REPOSITORY, {}, {**CLEANUP, "cleanupPolicyDryRun": True}, ""),
        (REPOSITORY, {}, {"cleanupPolicies": [{"id": "some", "action": "KEEP"}]}, ""),
        (PROVIDER, {"attributeCondition": "a == 1"}, None, ""),
        (PROVIDER, {"attributeCondition": ""}, {"displayName": "GitHub"}, ""),
    ],
)
def test_drift_that_no_update_restores_is_a_warning(
    token: str, before: dict[str, Any], found: dict[str, Any] | None, expected: str
) -> None:
    refreshed = step("refresh", token, before, found)
    # The result of a refresh is the old state of the next step.
    after = step("create", token, None, before) if found is None else step("update", token, found, before)
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
    assert (
        f"> Repository `python` is replaced because of a change to {expected}. **All packages"
        in summarize_steps(replaced)
    )


def test_a_deleted_deny_rule_names_the_source_of_the_package() -> None:
    rule = {"repositoryId": "python-pypi", "ruleId": "deny-foo", "packageId": "foo"}
    deleted = step("delete", "gcp:artifactregistry/rule:Rule", rule)
    assert "> `foo` can be downloaded from `python-pypi` again.\n" in summarize_steps(deleted)
    cache = step("delete", REPOSITORY, {"repositoryId": "python-pypi", "mode": "REMOTE_REPOSITORY"})
    text = summarize_steps(deleted, cache)
    assert "> `foo` is no longer blocked: without `python-pypi`, pip asks PyPI directly, and" in text
    assert "- Deleted: download rule `deny-foo`\n" in text


@pytest.mark.parametrize(
    ("op", "change", "opens"),
    [
        ("update", {"action": "ALLOW"}, True),
        ("replace", {"packageId": "bar"}, True),
        ("replace", {"repositoryId": "other"}, True),
        ("update", {"operation": "UPLOAD"}, True),
        ("update", {"condition": {"expression": "pkg.version == '1'"}}, True),
        ("update", {"packageId": None}, False),
        ("replace", {"location": "eu"}, False),
    ],
)
def test_a_rule_that_no_longer_denies_a_package_is_a_warning(
    op: str, change: dict[str, Any], opens: bool
) -> None:
    rule = {"repositoryId": "python-pypi", "ruleId": "r", "packageId": "foo", "action": "DENY"}
    text = summarize_steps(step(op, "gcp:artifactregistry/rule:Rule", rule, {**rule, **change}))
    assert ("> `foo` can be downloaded from `python-pypi` again.\n" in text) is opens
    allowed = {**rule, "action": "ALLOW"}
    text = summarize_steps(step(op, "gcp:artifactregistry/rule:Rule", allowed, {**allowed, **change}))
    assert "again" not in text


def test_a_member_removed_in_a_switch_to_additive_keeps_access() -> None:
    lines = read_recording("additive.jsonl").splitlines(keepends=True)
    dropped = "".join(line for line in lines if "readers-group:developers@example.com" not in line)
    text = summarize_text(dropped)
    assert (
        "> `group:developers@example.com` **keeps the right** to install from `python`, `python-index`, "
        "`python-pypi`: the grant leaves the stack and stays at Google."
    ) in text
    assert "may no longer" not in text


@pytest.mark.parametrize(
    ("after", "deleted", "keeps"),
    [
        ([], [], ["`user:a@example.com` **keeps the right** to upload to `python`"]),
        # A binding writes the whole list, so Google removes the member.
        ([step("create", BINDING, new=binding(role="roles/artifactregistry.writer"))], [], []),
        ([], [step("delete", REPOSITORY, {"repositoryId": "python"})], []),
    ],
)
def test_a_grant_dropped_with_its_anchor_remains_unless_google_removes_it(
    after: list[dict[str, Any]], deleted: list[dict[str, Any]], keeps: list[str]
) -> None:
    anchor = step("delete", "python-registry:index:Access", {}, parent="registry")
    anchor["oldState"]["custom"] = False
    reader = step("create", MEMBER, new={**WRITER, "role": "roles/artifactregistry.reader"})
    writer = step("delete", MEMBER, WRITER, parent="registry")
    text = summarize_steps(anchor, reader, writer, *after, *deleted)
    assert [line[2:].partition(": ")[0] for line in text.splitlines() if "keeps the right" in line] == keeps
    writer["oldState"]["parent"] = "another"
    assert "keeps the right" not in summarize_steps(anchor, reader, writer, *after, *deleted)
