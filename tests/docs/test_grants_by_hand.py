"""Grants that somebody makes outside the program behave as docs/access.md says."""

from __future__ import annotations

import re

import pytest

from tests.support.docs import read_section, read_table
from tests.support.sandbox import Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

SECTION = ("access", "## Grants made by hand")
ROWS = read_table(*SECTION)
MEMBER = "user:by-hand@example.com"
OTHER_ROLE = "roles/artifactregistry.admin"
OWN_ROLE = "roles/artifactregistry.reader"


def grant_by_hand(program: Program, role: str) -> None:
    url = program.repository("python")
    _, policy = program.sandbox.ask("GET", f"{url}:getIamPolicy")
    bindings = {b["role"]: b["members"] for b in policy.get("bindings", [])}
    bindings.setdefault(role, []).append(MEMBER)
    policy["bindings"] = [{"role": r, "members": members} for r, members in bindings.items()]
    assert program.sandbox.ask("POST", f"{url}:setIamPolicy", {"policy": policy})[0] == 200


def grant_state(program: Program, role: str) -> str:
    granted = program.policy("python").get(role.rpartition(".")[2], [])
    return "kept" if MEMBER in granted else "removed"


def test_the_page_has_every_case_that_these_tests_run() -> None:
    assert [(row[0], OTHER_ROLE in row[1]) for row in ROWS] == [
        *(("authoritative", False), ("authoritative", True)),
        *(("additive", False), ("additive", True)),
    ]
    cases = re.findall(r"<!-- case: (.*) -->", read_section(*SECTION))
    assert cases == ["the list changes", "the member is listed later", "the grant has a condition"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}, {row[1]}")
def test_a_grant_by_hand_is_shown_and_removed_as_its_row_says(program: Program, row: list[str]) -> None:
    access, which, *expected = row
    role = OTHER_ROLE if OTHER_ROLE in which else OWN_ROLE
    program.configure(access=access, readers=["user:a@example.com"])
    program.up()
    grant_by_hand(program, role)
    result = ["shown" if program.changes(*words) else "not shown" for words in ((), ("--refresh",))]
    program.up()
    result.append(grant_state(program, role))
    program.up("--refresh")
    result.append(grant_state(program, role))
    assert result == expected


@pytest.mark.parametrize(("access", "state"), [("authoritative", "removed"), ("additive", "kept")])
def test_case_the_list_changes(program: Program, access: str, state: str) -> None:
    program.configure(access=access, readers=["user:a@example.com"])
    program.up()
    grant_by_hand(program, OWN_ROLE)
    program.configure(access=access, readers=["user:b@example.com"])
    program.up()
    assert grant_state(program, OWN_ROLE) == state


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_case_the_member_is_listed_later(program: Program, access: str) -> None:
    program.configure(access=access)
    program.up()
    grant_by_hand(program, OWN_ROLE)
    program.configure(access=access, readers=[MEMBER])
    program.up()
    assert grant_state(program, OWN_ROLE) == "kept"
    program.configure(access=access)
    program.up()
    assert grant_state(program, OWN_ROLE) == "removed"


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_case_the_grant_has_a_condition(program: Program, access: str) -> None:
    program.configure(access=access, pypiProxy=False, readers=["user:a@example.com"])
    program.up()
    url, version = program.repository("python"), "?options.requestedPolicyVersion=3"
    _, policy = program.sandbox.ask("GET", f"{url}:getIamPolicy")
    until_2030 = {"title": "until 2030", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    conditional = {"role": OWN_ROLE, "members": [MEMBER], "condition": until_2030}
    policy = {**policy, "version": 3, "bindings": [*policy["bindings"], conditional]}
    assert program.sandbox.ask("POST", f"{url}:setIamPolicy", {"policy": policy})[0] == 200
    assert program.changes("--refresh") == {}
    program.up("--refresh")
    program.configure(access=access, pypiProxy=False, readers=["user:b@example.com"])
    assert f"{OWN_ROLE}_withcond_" in program.up(check=False)
    after = program.sandbox.ask("GET", f"{url}:getIamPolicy{version}")[1]["bindings"]
    assert conditional in after
    assert "user:a@example.com" in str(after)
    assert "user:b@example.com" not in str(after)


def test_switching_to_authoritative_removes_a_grant_by_hand(program: Program) -> None:
    program.configure(access="additive", readers=["user:a@example.com"])
    program.up()
    grant_by_hand(program, OWN_ROLE)
    program.configure(access="authoritative", readers=["user:a@example.com"])
    program.up()
    assert grant_state(program, OWN_ROLE) == "removed"
