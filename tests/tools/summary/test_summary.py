"""What reviewers are told, on recorded previews: `recordings/NAME.json` a document, `NAME.jsonl` a stream.

Beside each is the comment that is made of it, for a person to judge. After a change that is meant,
`UPDATE_SUMMARIES=1` writes them anew; the difference belongs in the commit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import CHECKOUT
from tools.errors import ToolError
from tools.summary.access import PARTIAL_PREVIEW
from tools.summary.markdown import COMMENT_LIMIT, block, code
from tools.summary.previews import SIGNATURE, UNKNOWN, read_preview
from tools.summary.report import summarize

SUMMARIES = Path(__file__).parent / "recordings"
BINDING = "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding"
MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
WRITER = {"repository": "python", "role": "roles/artifactregistry.writer", "member": "user:a@example.com"}
RECORDED = sorted(path.name for path in SUMMARIES.glob("*.json*"))


def recorded(name: str) -> str:
    return (SUMMARIES / name).read_text()


def summary(text: str) -> str:
    return summarize(read_preview(text), "Stack `dev`").text


def changed(
    name: str, change: Callable[[dict[str, Any]], None], urn: str = "registry-upload-readers"
) -> str:
    """A recorded document, with the step of that resource changed."""
    document = json.loads(recorded(name))
    (step,) = (s for s in document["steps"] if s["urn"].endswith(f"::{urn}"))
    change(step)
    return json.dumps(document)


def with_reader(member: str) -> str:
    def change(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["members"] = [member]

    return summary(changed("reader_added_another_removed_document.json", change))


def step(
    op: str, token: str, old: dict[str, Any] | None = None, new: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A step of a document, named after its type; `more` is in the state before."""
    return {
        "op": op,
        "urn": f"urn:pulumi:dev::p::{token}::{token.rpartition(':')[2]}",
        "oldState": None if old is None else {"custom": True, "inputs": old, "outputs": old, **more},
        "newState": None if new is None else {"custom": True, "inputs": new},
    }


def binding(*members: str, role: str = "roles/artifactregistry.reader") -> dict[str, Any]:
    return {"repository": "python", "role": role, "members": list(members)}


def told(*steps: dict[str, Any]) -> str:
    return summary(json.dumps({"changeSummary": {}, "steps": steps}))


def test_the_one_in_the_readme_is_one_of_them() -> None:
    comment = (SUMMARIES / "reader_added_another_removed.md").read_text()
    quoted = "".join(f"> {line}".rstrip() + "\n" for line in comment.splitlines())
    assert f"\n{quoted}\n" in (CHECKOUT / "README.md").read_text()


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_preview_is_said_in_exactly_these_words(name: str) -> None:
    expected = (SUMMARIES / name).with_suffix(".md")
    said = summary(recorded(name))
    if os.environ.get("UPDATE_SUMMARIES"):
        expected.write_text(said)
    assert said == expected.read_text()


def run(text: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools", "summary", *words]
    return subprocess.run(command, cwd=CHECKOUT, input=text, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("nothing.jsonl", 0),
        ("nothing_document.json", 0),
        ("location_of_protected.jsonl", 1),
        ("wrong_setting.jsonl", 1),
        ("label_only.jsonl", 2),
        ("additive.jsonl", 2),
        ("protection_off.jsonl", 2),
        ("changed_by_hand_document.json", 2),
    ],
)
def test_the_exit_status_tells_no_changes_failure_and_changes_apart(name: str, status: int) -> None:
    done = run(recorded(name), "--stack", "dev")
    assert (done.returncode, done.stdout) == (status, (SUMMARIES / name).with_suffix(".md").read_text())
    assert done.stderr == ("error: The preview failed.\n" if status == 1 else "")


def test_nothing_is_one_line() -> None:
    assert run(recorded("nothing.jsonl"), "--title", "Production").stdout == "Production: No changes.\n"
    assert summary(recorded("nothing_document.json")) == "Stack `dev`: No changes.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Standard input is empty"),
        ("\n\n", "Standard input is empty"),
        ("error: no stack named 'dev' found\n", "Standard input is not a preview"),
        ('{"steps": [', "Standard input is not a preview"),
        ("[]", "Standard input is not a preview"),
        ("null", "Standard input is not a preview"),
        ('{"resources": {}}', "Standard input is not a preview"),
        ("[" * 100_000, "Standard input is not a preview"),
        ("\x00\x1b[31m", "Standard input is not a preview"),
    ],
)
def test_what_is_no_preview_is_said_on_both_channels_with_status_1(text: str, said: str) -> None:
    done = run(text, "--stack", "dev")
    assert done.returncode == 1
    assert said in done.stderr
    assert said in done.stdout, "an older comment would go on standing there"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("lines", [3, 20, 60])
def test_a_stream_that_was_cut_off_is_a_failure(lines: int) -> None:
    cut = "".join(recorded("first_up.jsonl").splitlines(keepends=True)[:-lines])
    preview = read_preview(cut[:-20]) if "resourcePreEvent" in cut else None
    if preview is None:
        with pytest.raises(ToolError):
            read_preview(cut)
        return
    assert preview.failed
    assert "It ended before it was finished." in summarize(preview, "Stack `dev`").text


def test_what_the_engine_prints_before_a_document_does_no_harm() -> None:
    noisy = "Installing dependencies...\n{not this}\n"
    name = "reader_added_another_removed_document.json"
    assert summary("Installing dependencies...\n" + recorded(name)) == summary(recorded(name))
    with pytest.raises(ToolError):
        read_preview(noisy)


def test_both_forms_tell_the_same_of_access() -> None:
    def access(name: str) -> str:
        said = summary(recorded(name)).partition("**Access**")[2].partition("\n\n**")[0]
        assert said.startswith(f"\n\n{PARTIAL_PREVIEW}\n") == name.endswith("_document.json")
        return said.replace(PARTIAL_PREVIEW, "").strip()

    for name in ("reader_added_another_removed", "pypi_proxy_off", "changed_by_hand"):
        assert access(f"{name}.jsonl") == access(f"{name}_document.json") != ""


def test_who_gets_the_same_is_told_in_one_line_ten_at_a_time() -> None:
    def many(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["members"] = [f"user:u{i:02}@example.com" for i in range(12)]

    said = summary(changed("reader_added_another_removed_document.json", many))
    first = ", ".join(f"`user:u{i:02}@example.com`" for i in range(10))
    assert f"- {first} **may** install from `python`\n" in said
    assert "- `user:u10@example.com`, `user:u11@example.com` **may** install from `python`\n" in said


def test_a_document_with_what_stays_the_same_knows_whole_access() -> None:
    steps = [
        step("update", BINDING, binding("user:a@example.com"), binding()),
        step("same", MEMBER, WRITER, WRITER),
    ]
    whole, less = (
        summary(json.dumps({"changeSummary": {"same": 1, "update": 1}, "steps": listed}))
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
        (UNKNOWN, "somebody whom only the `up` will know"),
    ],
)
def test_a_member_cannot_be_anything_but_text(member: str, shown: str) -> None:
    assert f"- {shown} **may** install from `python`\n" in with_reader(member)


def test_members_are_a_set_and_addresses_one_in_any_case() -> None:
    def turn(step: dict[str, Any]) -> None:
        old = step["oldState"]
        for part in ("inputs", "outputs"):
            old[part]["members"] = ["user:A@example.com", "principal://iam.googleapis.com/x/B"]
        step["newState"]["inputs"]["members"] = ["principal://iam.googleapis.com/x/B", "user:a@example.com"]

    said = summary(changed("reader_added_another_removed_document.json", turn))
    assert "user:" not in said.replace("user:ann@example.com", "")

    def other_case(step: dict[str, Any]) -> None:
        turn(step)
        step["newState"]["inputs"]["members"][0] = "principal://iam.googleapis.com/x/b"

    said = summary(changed("reader_added_another_removed_document.json", other_case))
    assert "- `principal://iam.googleapis.com/x/b` **may** install from `python`\n" in said


def test_a_list_that_is_unknown_as_a_whole_is_not_taken_for_an_empty_one() -> None:
    def unknown(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["members"] = UNKNOWN

    said = summary(changed("reader_added_another_removed_document.json", unknown))
    assert "- somebody whom only the `up` will know **may** install from `python`\n" in said


def test_the_whole_world_is_a_warning() -> None:
    assert "> `allUsers` is the whole world, and may now install from `python`.\n" in with_reader(
        "allUsers"
    )


@pytest.mark.parametrize(
    ("token", "inputs", "said"),
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
def test_a_way_in_that_is_not_the_programs_is_a_warning(
    token: str, inputs: dict[str, Any], said: str
) -> None:
    assert said in told(step("create", token, new=inputs)).partition("**Changes**")[0]
    changed = told(step("update", token, {}, inputs)).partition("**Changes**")[0]
    assert said.replace("is made", "is changed") in changed
    assert "[!WARNING]" not in told(step("delete", token, inputs))


@pytest.mark.parametrize("made", [False, True])
def test_a_new_binding_takes_what_others_granted_unless_its_repository_is_new(made: bool) -> None:
    steps = [step("create", BINDING, new=binding("user:a@example.com"))]
    steps += [step("create", REPOSITORY, new={"repositoryId": "python"})] * made
    said = told(*steps)
    warning = "> From this `up` on the stack's file alone says who may install from `python`. What others "
    assert (warning in said) is not made


def test_no_secret_and_no_token_is_shown() -> None:
    def secret(step: dict[str, Any]) -> None:
        step["newState"]["inputs"] |= {
            "description": {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hunter2"'},
            "labels": {"team": "ya29.a0AfH6SMBverylongtokenindeed0123456789"},
        }

    document = json.loads(recorded("pypi_proxy_off_document.json"))
    (step,) = (s for s in document["steps"] if s["urn"].endswith("::registry-pypi"))
    step |= {"op": "update", "newState": {**step["oldState"], "inputs": {**step["oldState"]["inputs"]}}}
    secret(step)
    said = summary(json.dumps(document))
    assert "`description` `Cache of PyPI` → `[secret]`" in said
    assert "`team` `data` → `[token]`" in said
    assert "hunter2" not in said


def test_a_deleted_upload_repository_loses_its_packages_first_of_all() -> None:
    document = json.loads(recorded("pypi_proxy_off_document.json"))
    (step,) = (s for s in document["steps"] if s["urn"].endswith("::registry-pypi"))
    step["oldState"]["outputs"]["mode"] = "STANDARD_REPOSITORY"
    first = summary(json.dumps(document)).split("\n>\n")[0]
    assert "Repository `python-pypi` is deleted. **Every package in it is lost**" in first


PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
CLEANING = {"repositoryId": "python", "cleanupPolicies": [{"id": "all", "action": "DELETE"}]}


@pytest.mark.parametrize(
    ("token", "was", "found", "said"),
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
            CLEANING,
            "`python` has cleanup policies from outside this stack, which delete packages: `all`.",
        ),
        (REPOSITORY, {**CLEANING, "cleanupPolicyDryRun": True}, CLEANING, "which delete packages: `all`."),
        (REPOSITORY, CLEANING, {**CLEANING, "description": "x"}, ""),
        (REPOSITORY, {}, {**CLEANING, "cleanupPolicyDryRun": True}, ""),
        (REPOSITORY, {}, {"cleanupPolicies": [{"id": "some", "action": "KEEP"}]}, ""),
        (PROVIDER, {"attributeCondition": "a == 1"}, None, ""),
        (PROVIDER, {"attributeCondition": ""}, {"displayName": "GitHub"}, ""),
    ],
)
def test_what_was_done_by_hand_and_cannot_be_undone_is_a_warning(
    token: str, was: dict[str, Any], found: dict[str, Any] | None, said: str
) -> None:
    refreshed = step("refresh", token, was, found)
    # What a refresh found is what the next step begins with.
    after = step("create", token, None, was) if found is None else step("update", token, found, was)
    warned = told(refreshed, after).partition("[!WARNING]")[2].partition("\n\n**")[0]
    assert said in warned
    assert bool(said) == bool(warned)


@pytest.mark.parametrize(
    ("reasons", "said"),
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
def test_a_replacement_is_for_what_forces_it(reasons: dict[str, Any], said: str) -> None:
    old, new = ({"repositoryId": "python", "location": at, "labels": {"a": at}} for at in ("us", "eu"))
    replaced = {**step("replace", REPOSITORY, old, new), **reasons}
    assert f"> Repository `python` is replaced for its {said}. **Every" in told(replaced)


def test_what_does_not_differ_is_not_told_as_a_change() -> None:
    changed = step("update", REPOSITORY, {"repositoryId": "python"}, {"repositoryId": "python"})
    changed["diffReasons"] = ["cleanupPolicies", "effectiveLabels"]
    assert "- Changed: repository `python`\n" in told(changed)
    changed["oldState"]["outputs"]["cleanupPolicies"] = [{"id": "all"}]
    assert "- Changed: repository `python`: `cleanupPolicies`\n" in told(changed)


@pytest.mark.parametrize(("now", "drifted"), [([], False), ("", False), (["x"], True), (False, True)])
def test_what_is_empty_in_another_way_was_not_changed(now: Any, drifted: bool) -> None:
    provider = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
    before, after = ({"oidc": {"issuerUri": "x", "allowedAudiences": value}} for value in (None, now))
    assert ("`oidc`" in told(step("refresh", provider, before, after))) == drifted


def test_a_package_that_is_no_longer_denied_is_told_by_where_it_may_come_from() -> None:
    rule = {"repositoryId": "python-pypi", "ruleId": "deny-foo", "packageId": "foo"}
    deleted = step("delete", "gcp:artifactregistry/rule:Rule", rule)
    assert "> `foo` may be downloaded from `python-pypi` again.\n" in told(deleted)
    cache = step("delete", REPOSITORY, {"repositoryId": "python-pypi", "mode": "REMOTE_REPOSITORY"})
    said = told(deleted, cache)
    assert "> `foo` is no longer kept apart: without `python-pypi`, pip asks PyPI itself, and" in said
    assert "- Deleted: download rule `deny-foo`\n" in said


def test_what_is_taken_over_and_what_is_let_go_is_neither_made_nor_lost() -> None:
    upload = {"repositoryId": "python", "mode": "STANDARD_REPOSITORY"}
    taken = told(
        step("import", REPOSITORY, None, upload), step("create", BINDING, new=binding("user:a@example.com"))
    )
    assert "### Stack `dev`: 1 taken over, access changes\n" in taken
    assert "- Taken over: repository `python` (for uploads)\n" in taken
    assert "> From this `up` on the stack's file alone says who may install from `python`." in taken

    let_go = told(
        step("delete", REPOSITORY, upload, retainOnDelete=True),
        step("delete", MEMBER, WRITER, retainOnDelete=True),
    )
    assert "- Let go: repository `python`: it stays at Google\n" in let_go
    assert (
        "> `user:a@example.com` **may go on** to install from `python` and to upload to `python`" in let_go
    )
    assert "lost" not in let_go
    assert "no longer" not in let_go


def test_a_binding_that_is_imported_empties_no_list() -> None:
    assert "file alone says" in told(step("create", BINDING, new=binding("user:a@example.com")))
    assert "file alone says" not in told(step("import", BINDING, new=binding("user:a@example.com")))


def test_an_unknown_role_is_named() -> None:
    def custom(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["role"] = "projects/p/roles/custom"

    said = summary(changed("reader_added_another_removed_document.json", custom))
    assert "use the role `projects/p/roles/custom` on `python`" in said


def test_a_step_of_a_kind_unknown_here_is_named_in_words() -> None:
    document = json.loads(recorded("pypi_proxy_off_document.json"))
    step = {
        "op": "create",
        "urn": "urn:pulumi:dev::p::gcp:iam/workloadIdentityPool:WorkloadIdentityPool::pool",
        "newState": {"custom": True, "inputs": {}},
    }
    document["steps"].append(step)
    assert "- Made: workload identity pool `pool`\n" in summary(json.dumps(document))


@pytest.mark.parametrize(
    ("op", "old", "new", "said"),
    [
        ("create", None, "a == 1 && b == 2", "nobody → `a == 1` and `b == 2`"),
        ("delete", "a == 1", None, "`a == 1` → nobody"),
        ("update", "a == 1 && b == 2", "b == 2", "`a == 1` → all who pass the rest"),
        ("update", "a == 1", "", "`a == 1` → everybody of its issuer"),
        ("update", "a == 1 && b == 2", "a == 1 && b == 3", "`b == 2` → `b == 3`"),
        ("update", "a == 'x && y' && b", "a == 'x && z' && b", "`a == 'x && y'` → `a == 'x && z'`"),
        ("update", r'a == "\" && b"', "b", r'`a == "\" && b"` → `b`'),
        ("update", "a && b || c", "b || c && a", "`a && b || c` → `b || c && a`"),
        ("update", "a && (b && c)", "a", "`a && (b && c)` → `a`"),
    ],
)
def test_whom_a_provider_lets_in_is_access(op: str, old: str | None, new: str | None, said: str) -> None:
    def state(condition: str | None) -> dict[str, Any] | None:
        if condition is None:
            return None
        return {"custom": True, "inputs": {"attributeCondition": condition, "displayName": "GitHub"}}

    urn = "urn:pulumi:dev::p::gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider::github"
    step = {"op": op, "urn": urn, "oldState": state(old), "newState": state(new)}
    comment = summary(json.dumps({"changeSummary": {}, "steps": [step]}))
    access = comment.partition("**Access**")[2].partition("**Changes**")[0]
    assert access.strip() == f"- Workload identity pool provider `github` lets in: {said}"


def test_who_loses_a_role_loses_what_it_implied_unless_another_has_it() -> None:
    def roles(step: dict[str, Any]) -> None:
        step["op"] = "update"
        for state, role in (("oldState", "writer"), ("newState", "reader")):
            for part in ("inputs", "outputs"):
                step[state].setdefault(part, {}).update(
                    role=f"roles/artifactregistry.{role}", members=["user:omar@example.com"]
                )

    said = summary(changed("reader_added_another_removed_document.json", roles))
    assert [line for line in said.splitlines() if "omar" in line] == [
        "- `user:omar@example.com` **may no longer** upload to `python`"
    ]


def test_who_is_dropped_with_a_switch_to_additive_keeps_what_they_had() -> None:
    lines = recorded("additive.jsonl").splitlines(keepends=True)
    dropped = "".join(line for line in lines if "readers-group:developers@example.com" not in line)
    said = summary(dropped)
    assert (
        "> `group:developers@example.com` **may go on** to install from `python`, `python-index`, "
        "`python-pypi`: the grant leaves the stack, not Google."
    ) in said
    assert "may no longer" not in said


@pytest.mark.parametrize(
    ("after", "deleted", "keeps"),
    [
        ([], [], ["`user:a@example.com` **may go on** to upload to `python`"]),
        # The list is written whole: what it does not name goes.
        ([step("create", BINDING, new=binding(role="roles/artifactregistry.writer"))], [], []),
        ([], [step("delete", REPOSITORY, {"repositoryId": "python"})], []),
    ],
)
def test_what_leaves_the_stack_with_its_mark_goes_on_unless_it_goes_at_google(
    after: list[dict[str, Any]], deleted: list[dict[str, Any]], keeps: list[str]
) -> None:
    mark = step("delete", "python-registry:index:Access", {}, parent="registry")
    mark["oldState"]["custom"] = False
    reader = step("create", MEMBER, new={**WRITER, "role": "roles/artifactregistry.reader"})
    writer = step("delete", MEMBER, WRITER, parent="registry")
    said = told(mark, reader, writer, *after, *deleted)
    assert [line[2:].partition(": ")[0] for line in said.splitlines() if "go on" in line] == keeps
    writer["oldState"]["parent"] = "another"
    assert "go on" not in told(mark, reader, writer, *after, *deleted)


def test_a_comment_that_is_too_long_is_cut_at_a_line_and_the_log_has_the_rest() -> None:
    def many(step: dict[str, Any]) -> None:
        step["newState"]["inputs"]["members"] = [f"user:u{i}@example.com" for i in range(3000)]

    done = run(changed("reader_added_another_removed_document.json", many))
    said = done.stdout
    assert COMMENT_LIMIT - 1000 < len(said) <= COMMENT_LIMIT
    assert said.endswith(
        "**This is cut off here: it is longer than a comment may be. The rest is in the run's log.**\n"
    )
    assert "u999@" not in said
    assert "u999@" in done.stderr


def test_a_code_block_that_is_cut_is_closed() -> None:
    document = json.loads(recorded("location_of_protected_document.json"))
    document["diagnostics"][0]["message"] = "``` line\n" * 20_000
    said = run(json.dumps(document)).stdout
    assert len(said) <= COMMENT_LIMIT
    assert said.count("````") == 2
    assert said.index("This is cut off") > said.rindex("````")


@pytest.mark.parametrize(
    ("text", "shown"), [("", "`  `"), ("`", "`` ` ``"), ("a``b", "```a``b```"), ("x", "`x`")]
)
def test_inline_code_holds_any_text(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_block_is_fenced_longer_than_what_is_in_it() -> None:
    assert block("a\n```\nb") == ["````", "a", "```", "b", "````"]
