"""Nobody who is listed loses access by a change of how it is granted: on one stack, `up` after `up`."""

from __future__ import annotations

import pytest

from tests.e2e.test_up import impersonators
from tests.support.sandbox import Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

LISTS = {
    "readers": ["user:a@example.com", "group:all@example.com"],
    "writers": ["user:w@example.com"],
    "impersonators": {"writer": ["user:w@example.com"], "reader": []},
}
THEIRS = "user:theirs@example.com"


def grants(program: Program) -> dict[str, object]:
    """All that the program grants, read back from the cloud."""
    repositories = {name: program.policy(name) for name in ("python", "python-pypi", "python-index")}
    accounts = {name: impersonators(program, name) for name in ("python-reader", "python-writer")}
    return {**repositories, **accounts}


def test_switching_between_authoritative_and_additive_takes_nobody_anything(program: Program) -> None:
    program.configure(access="authoritative", **LISTS)
    program.up()
    granted = grants(program)
    for access in ("additive", "authoritative", "additive"):
        program.configure(access=access, **LISTS)
        program.up()
        assert grants(program) == granted, access
        assert program.changes() == {}
        assert "~" not in program.refresh().partition("Resources:")[2]
        assert grants(program) == granted, access
    program.destroy()


def test_members_who_leave_at_the_switch_to_authoritative_are_gone(program: Program) -> None:
    program.configure(access="additive", **LISTS)
    program.up()
    program.configure(access="authoritative", readers=["group:all@example.com"])
    program.up()
    account = f"@{program.project}.iam.gserviceaccount.com"
    reader, writer = (f"serviceAccount:python-{role}{account}" for role in ("reader", "writer"))
    assert program.policy("python") == {"reader": ["group:all@example.com", reader], "writer": [writer]}
    assert impersonators(program, "python-writer") == []


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_another_spelling_of_a_member_changes_nothing(program: Program, access: str) -> None:
    program.configure(access=access, **LISTS)
    program.up()
    granted = grants(program)
    spelt = {
        "readers": ["user:A@Example.com", "group:ALL@example.com"],
        "writers": ["user:W@example.com"],
        "impersonators": {"writer": ["user:W@example.com"], "reader": []},
    }
    program.configure(access=access, **spelt)
    assert program.changes() == {}
    program.up()
    assert grants(program) == granted


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_accounts_go_and_come_back_with_their_grants(program: Program, access: str) -> None:
    program.configure(access=access, **LISTS)
    program.up()
    granted = grants(program)
    without = {key: members for key, members in LISTS.items() if key != "impersonators"}
    program.configure(access=access, serviceAccounts=False, **without)
    program.up()
    assert program.changes() == {}
    assert program.policy("python") == {
        "reader": ["group:all@example.com", "user:a@example.com"],
        "writer": ["user:w@example.com"],
    }
    program.configure(access=access, **LISTS)
    program.up()
    assert grants(program) == granted


def test_a_role_that_nobody_is_listed_for_is_kept_empty(program: Program) -> None:
    admin = {"role": "roles/artifactregistry.repoAdmin", "members": [THEIRS]}
    program.up()
    assert "repoAdmin" not in program.policy("python")
    assert program.changes() == {}
    assert "~" not in program.refresh().partition("Resources:")[2]
    program.configure(admins=["user:boss@example.com"], impersonators={"writer": ["user:w@example.com"]})
    program.up()
    assert program.policy("python")["repoAdmin"] == ["user:boss@example.com"]
    assert impersonators(program, "python-writer") == ["user:w@example.com"]
    program.configure()
    program.up()
    assert "repoAdmin" not in program.policy("python")
    assert impersonators(program, "python-writer") == []
    _, policy = program.sandbox.ask("GET", f"{program.repository('python')}:getIamPolicy")
    policy["bindings"].append(admin)
    program.sandbox.ask("POST", f"{program.repository('python')}:setIamPolicy", {"policy": policy})
    assert "~ 1 updated" in program.refresh()
    assert program.changes() == {"registry-upload-admins": "update"}
    program.up()
    assert "repoAdmin" not in program.policy("python")
    program.destroy()


def test_a_rule_that_was_deleted_by_hand_is_made_again(program: Program) -> None:
    rule = f"{program.repository('python-pypi')}/rules/deny-my-adder"
    program.configure(privatePackages=["my-adder"])
    program.up()
    assert program.sandbox.ask("DELETE", rule)[0] == 200
    assert "- 1 deleted" in program.refresh()
    assert program.changes() == {"registry-pypi-deny-my-adder": "create"}
    program.up()
    assert program.sandbox.ask("GET", rule)[1]["action"] == "DENY"
    program.destroy()
    assert program.sandbox.ask("GET", program.repository("python-pypi"))[0] == 404


def test_a_repository_that_a_destroy_keeps_also_keeps_its_grants(program: Program) -> None:
    program.configure(protect=True, **LISTS)
    program.up()
    granted = program.policy("python")
    program.pulumi("destroy", "--yes", "--skip-preview", "--exclude-protected")
    people = {
        role: [member for member in members if not member.startswith("deleted:serviceAccount:python-")]
        for role, members in program.policy("python").items()
    }
    assert people == {"reader": sorted(LISTS["readers"]), "writer": LISTS["writers"]}
    assert program.sandbox.ask("GET", program.repository("python-pypi"))[0] == 404
    program.up()
    assert program.policy("python") == granted
