"""What becomes of grants that were made beside the program, as the README's table says."""

from __future__ import annotations

import pytest

from tests.support.docs import read_section, read_table
from tests.support.sandbox import Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

SECTION = "### Grants made by hand"
THEIRS = "user:theirs@example.com"
OTHER_ROLE = "roles/artifactregistry.admin"
OWN_ROLE = "roles/artifactregistry.reader"
ROWS = read_table(SECTION)


def grant_by_hand(program: Program, role: str) -> None:
    url = program.repository("python")
    _, policy = program.sandbox.ask("GET", f"{url}:getIamPolicy")
    bindings = {b["role"]: b["members"] for b in policy.get("bindings", [])}
    bindings.setdefault(role, []).append(THEIRS)
    policy["bindings"] = [{"role": r, "members": members} for r, members in bindings.items()]
    assert program.sandbox.ask("POST", f"{url}:setIamPolicy", {"policy": policy})[0] == 200


def has_it(program: Program, role: str) -> str:
    return "stays" if THEIRS in program.policy("python").get(role.rpartition(".")[2], []) else "goes"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}, {row[1]}")
def test_a_grant_by_hand_is_shown_and_goes_as_the_readme_says(program: Program, row: list[str]) -> None:
    access, which, *expected = row
    role = OTHER_ROLE if OTHER_ROLE in which else OWN_ROLE
    program.configure(access=access, readers=["user:a@example.com"])
    program.up()
    grant_by_hand(program, role)
    seen = ["shown" if program.changes(*words) else "nothing" for words in ((), ("--refresh",))]
    program.up()
    seen.append(has_it(program, role))
    program.up("--refresh")
    seen.append(has_it(program, role))
    assert seen == expected


@pytest.mark.parametrize(("access", "becomes"), [("authoritative", "goes"), ("additive", "stays")])
def test_a_plain_up_that_changes_the_list_writes_it_whole(
    program: Program, access: str, becomes: str
) -> None:
    program.configure(access=access, readers=["user:a@example.com"])
    program.up()
    grant_by_hand(program, OWN_ROLE)
    program.configure(access=access, readers=["user:b@example.com"])
    program.up()
    assert has_it(program, OWN_ROLE) == becomes
    assert "unless that `up` changes the list" in read_section(SECTION)


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_a_grant_with_a_condition_is_not_shown_not_taken_and_in_the_way_of_a_changed_list(
    program: Program, access: str
) -> None:
    program.configure(access=access, pypiProxy=False, readers=["user:a@example.com"])
    program.up()
    url, version = program.repository("python"), "?options.requestedPolicyVersion=3"
    _, policy = program.sandbox.ask("GET", f"{url}:getIamPolicy")
    for_a_while = {"title": "for a while", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    theirs = {"role": OWN_ROLE, "members": [THEIRS], "condition": for_a_while}
    policy = {**policy, "version": 3, "bindings": [*policy["bindings"], theirs]}
    assert program.sandbox.ask("POST", f"{url}:setIamPolicy", {"policy": policy})[0] == 200
    assert program.changes("--refresh") == {}
    program.up("--refresh")
    program.configure(access=access, pypiProxy=False, readers=["user:b@example.com"])
    assert f"{OWN_ROLE}_withcond_" in program.up(check=False)
    after = program.sandbox.ask("GET", f"{url}:getIamPolicy{version}")[1]["bindings"]
    assert theirs in after
    assert "user:a@example.com" in str(after)
    assert "user:b@example.com" not in str(after)
    assert "A grant with a condition is in no row either" in read_section(SECTION)


def test_the_switch_to_authoritative_takes_what_others_granted(program: Program) -> None:
    program.configure(access="additive", readers=["user:a@example.com"])
    program.up()
    grant_by_hand(program, OWN_ROLE)
    program.configure(access="authoritative", readers=["user:a@example.com"])
    program.up()
    assert has_it(program, OWN_ROLE) == "goes"


def test_the_table_has_every_case() -> None:
    assert [(row[0], OTHER_ROLE in row[1]) for row in ROWS] == [
        *(("authoritative", False), ("authoritative", True)),
        *(("additive", False), ("additive", True)),
    ]
    assert "is the program's from then on" in read_section(SECTION)


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_whoever_is_listed_after_a_grant_by_hand_loses_it_by_leaving_the_list(
    program: Program, access: str
) -> None:
    program.configure(access=access)
    program.up()
    grant_by_hand(program, OWN_ROLE)
    program.configure(access=access, readers=[THEIRS])
    program.up()
    assert has_it(program, OWN_ROLE) == "stays"
    program.configure(access=access)
    program.up()
    assert has_it(program, OWN_ROLE) == "goes"
