"""The section "Access" of a summary."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.tools.summary.recording import edit_document, summarize_text
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
from tools.summary.access import PARTIAL_PREVIEW
from tools.summary.previews import UNKNOWN


def with_reader(member: str) -> str:
    def change(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["members"] = [member]

    return summarize_text(edit_document("reader_added_another_removed_document.json", change))


def test_members_with_the_same_change_share_a_line_of_up_to_ten() -> None:
    def many(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["members"] = [f"user:u{i:02}@example.com" for i in range(12)]

    text = summarize_text(edit_document("reader_added_another_removed_document.json", many))
    first = ", ".join(f"`user:u{i:02}@example.com`" for i in range(10))
    assert f"- {first} **may** install from `python`\n" in text
    assert "- `user:u10@example.com`, `user:u11@example.com` **may** install from `python`\n" in text


def test_a_document_without_unchanged_grants_has_a_note() -> None:
    steps = [
        step("update", BINDING, binding("user:a@example.com"), binding()),
        step("same", MEMBER, WRITER, WRITER),
    ]
    whole, less = (
        summarize_text(json.dumps({"changeSummary": {"same": 1, "update": 1}, "steps": listed}))
        for listed in (steps, steps[:1])
    )
    assert "may no longer" not in whole
    assert f"{PARTIAL_PREVIEW}\n\n- `user:a@example.com` **may no longer** install from `python`\n" in less


@pytest.mark.parametrize(
    ("member", "shown"),
    [
        ("user:a`b@example.com", "``user:a`b@example.com``"),
        ("user:`@example.com", "``user:`@example.com``"),
        ("user:x@example.com\n\n# Approved", "`user:x@example.com\\n\\n# Approved`"),
        ("user:<img src=x>@example.com", "`user:<img src=x>@example.com`"),
        ("user:\u202egro.elpmaxe@example.com", "`user:\\u202egro.elpmaxe@example.com`"),
        ("@everybody", "`@everybody`"),
        (UNKNOWN, "a member that is known after the update"),
    ],
)
def test_a_members_name_stays_text_in_markdown(member: str, shown: str) -> None:
    assert f"- {shown} **may** install from `python`\n" in with_reader(member)


def test_members_are_compared_as_a_set_and_addresses_without_case() -> None:
    def turn(step: dict[str, Any]) -> None:
        old = step["oldState"]
        for part in ("inputs", "outputs"):
            old[part]["members"] = ["user:A@example.com", "principal://iam.googleapis.com/x/B"]
        step["newState"]["inputs"]["members"] = ["principal://iam.googleapis.com/x/B", "user:a@example.com"]

    text = summarize_text(edit_document("reader_added_another_removed_document.json", turn))
    assert "user:" not in text.replace("user:ann@example.com", "")

    def other_case(step: dict[str, Any]) -> None:
        turn(step)
        step["newState"]["inputs"]["members"][0] = "principal://iam.googleapis.com/x/b"

    text = summarize_text(edit_document("reader_added_another_removed_document.json", other_case))
    assert "- `principal://iam.googleapis.com/x/b` **may** install from `python`\n" in text


def test_an_unknown_member_list_is_not_an_empty_list() -> None:
    def unknown(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["members"] = UNKNOWN

    text = summarize_text(edit_document("reader_added_another_removed_document.json", unknown))
    assert "- a member that is known after the update **may** install from `python`\n" in text


def test_an_unknown_role_is_named() -> None:
    def custom(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["role"] = "projects/p/roles/custom"

    text = summarize_text(edit_document("reader_added_another_removed_document.json", custom))
    assert "use the role `projects/p/roles/custom` on `python`" in text


@pytest.mark.parametrize(
    ("op", "old", "new", "expected"),
    [
        ("create", None, "a == 1 && b == 2", "nobody → `a == 1` and `b == 2`"),
        ("delete", "a == 1", None, "`a == 1` → nobody"),
        ("update", "a == 1 && b == 2", "b == 2", "`a == 1` → every token that meets the other clauses"),
        ("update", "a == 1", "", "`a == 1` → every token of its issuer"),
        ("update", "a == 1 && b == 2", "a == 1 && b == 3", "`b == 2` → `b == 3`"),
        ("update", "a == 'x && y' && b", "a == 'x && z' && b", "`a == 'x && y'` → `a == 'x && z'`"),
        ("update", r'a == "\" && b"', "b", r'`a == "\" && b"` → `b`'),
        ("update", "a && b || c", "b || c && a", "`a && b || c` → `b || c && a`"),
        ("update", "a && (b && c)", "a", "`a && (b && c)` → `a`"),
        # A comment can hide a clause.
        ("update", "a == 1 && b == 2", "a == 1 // && b == 2", "`a == 1 && b == 2` → `a == 1 // && b == 2`"),
        ("update", "a == 'x://y' && b", "a == 'x://y'", "`b` → every token that meets the other clauses"),
        ("update", 'a == r"x" && b', 'a == r"x"', '`a == r"x" && b` → `a == r"x"`'),
    ],
)
def test_a_providers_condition_is_access(op: str, old: str | None, new: str | None, expected: str) -> None:
    def state(condition: str | None) -> dict[str, Any] | None:
        if condition is None:
            return None
        return {"custom": True, "inputs": {"attributeCondition": condition, "displayName": "GitHub"}}

    urn = "urn:pulumi:dev::p::gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider::github"
    step = {"op": op, "urn": urn, "oldState": state(old), "newState": state(new)}
    comment = summarize_text(json.dumps({"changeSummary": {}, "steps": [step]}))
    access = comment.partition("**Access**")[2].partition("**Changes**")[0]
    assert access.strip() == f"- Workload identity pool provider `github` admits: {expected}"


GITHUB = {"oidc": {"issuerUri": "https://github.example"}}
OTHER = {"oidc": {"issuerUri": "https://evil.example"}}


@pytest.mark.parametrize(
    ("op", "old", "new", "expected"),
    [
        (
            "create",
            None,
            OTHER,
            ", without a condition: admits every token of the issuer `https://evil.example`",
        ),
        ("create", None, {"displayName": "x"}, ", without a condition: admits every token of the issuer"),
        (
            "create",
            None,
            {**OTHER, "attributeCondition": "a == 1"},
            " admits: nobody → `a == 1`; its issuer is `https://evil.example`",
        ),
        ("update", GITHUB, OTHER, " has another issuer: `https://github.example` → `https://evil.example`"),
        (
            "replace",
            GITHUB,
            OTHER,
            " has another issuer: `https://github.example` → `https://evil.example`",
        ),
        ("delete", GITHUB, None, " admits: every token of its issuer → nobody"),
        ("update", GITHUB, {**GITHUB, "displayName": "x"}, ""),
    ],
)
def test_a_providers_issuer_is_access(
    op: str, old: dict[str, Any] | None, new: dict[str, Any] | None, expected: str
) -> None:
    access = summarize_steps(step(op, PROVIDER, old, new)).partition("**Access**")[2]
    line = f"- Workload identity pool provider `WorkloadIdentityPoolProvider`{expected}"
    assert access.partition("**Changes**")[0].strip() == (line if expected else "")


def test_a_lost_role_includes_the_rights_that_no_other_role_has() -> None:
    def roles(step: dict[str, Any]) -> None:
        step["op"] = "update"
        for state, role in (("oldState", "writer"), ("newState", "reader")):
            for part in ("inputs", "outputs"):
                step[state].setdefault(part, {}).update(
                    role=f"roles/artifactregistry.{role}", members=["user:omar@example.com"]
                )

    text = summarize_text(edit_document("reader_added_another_removed_document.json", roles))
    assert [line for line in text.splitlines() if "omar" in line] == [
        "- `user:omar@example.com` **may no longer** upload to `python`"
    ]


def placed(project: str, location: str = "us", **more: Any) -> dict[str, Any]:
    return {**binding("user:a@example.com"), "project": project, "location": location, **more}


@pytest.mark.parametrize(
    ("project", "location"),
    [("prod", "us"), ("p1", "eu")],
)
def test_a_repository_elsewhere_with_the_same_name_is_another_target(project: str, location: str) -> None:
    there = f"projects/{project}/locations/{location}/repositories/python"
    here = "projects/p1/locations/us/repositories/python"
    kept = step("same", BINDING, placed("p1"), placed("p1"))
    kept["urn"] += "-kept"
    for new in (placed(project, location), placed("ignored", repository=there)):
        text = summarize_steps(kept, step("create", BINDING, new=new))
        assert f"- `user:a@example.com` **may** install from `{there}`\n" in text
        assert f"only the stack file controls who may install from `{there}`" in text
        text = summarize_steps(step("replace", BINDING, placed("p1", repository=here), new))
        assert f"- `user:a@example.com` **may no longer** install from `{here}`\n" in text
        assert f"- `user:a@example.com` **may** install from `{there}`\n" in text


def test_both_forms_of_a_repositorys_name_are_one_target() -> None:
    full = placed("p1", repository="projects/p1/locations/us/repositories/python")
    new = placed("p1")
    for fields in ((), ("project", "location")):
        for field in fields:
            del new[field]
        assert "**Access**" not in summarize_steps(step("update", BINDING, full, new))


def test_the_same_members_on_a_repository_that_moves_keep_their_access() -> None:
    steps = [step("replace", BINDING, placed("p1"), placed("p1", "eu"))]
    old, new = ({"repositoryId": "python", "project": "p1", "location": at} for at in ("us", "eu"))
    assert "**Access**" in summarize_steps(*steps)
    assert "**Access**" not in summarize_steps(*steps, step("replace", REPOSITORY, old, new))


@pytest.mark.parametrize("op", ["update", "replace"])
def test_a_grants_condition_is_a_part_of_it(op: str) -> None:
    grants = [
        {**WRITER, "condition": {"title": "t", "expression": text}} if text else WRITER
        for text in ("a == 1", "a == 2", "")
    ]
    for old, new in ((0, 1), (0, 2), (2, 0)):
        text = summarize_steps(step(op, MEMBER, grants[old], grants[new]))
        lost, gained = (("", " if `a == 1`", " if `a == 2`")[(at + 1) % 3] for at in (old, new))
        assert f"- `user:a@example.com` **may no longer** upload to `python`{lost}\n" in text
        assert f"- `user:a@example.com` **may** upload to `python`{gained}\n" in text
    # A preview can repeat the old outputs.
    changed = step(op, MEMBER, grants[0], WRITER)
    changed["newState"]["outputs"] = grants[0]
    assert "**may** upload to `python`\n" in summarize_steps(changed)
    assert "**Access**" not in summarize_steps(step(op, MEMBER, grants[0], grants[0]))


def test_a_condition_without_an_expression_has_its_title() -> None:
    assert "**may** upload to `python` if `night`\n" in summarize_steps(
        step("create", MEMBER, new={**WRITER, "condition": {"title": "night"}})
    )
