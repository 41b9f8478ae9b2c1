"""One `up` with every type of member: the provider, the sandbox and the settings accept the same ones."""

from __future__ import annotations

import re

import pytest

from tests.support.cases import case_parameters
from tests.support.sandbox import Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
# Accounts and pools that the project of a test does not have.
MISSING = re.compile(r"serviceAccount:.+@my-project\.iam\..+|.+/workloadIdentityPools/ci/.+")


def test_an_update_grants_every_type_of_member_and_then_nothing_changes(program: Program) -> None:
    cases = [case.values[0] for case in case_parameters("members", kind="form", expected="accepted")]
    members = sorted({case["input"] for case in cases if not MISSING.fullmatch(case["input"])})
    program.configure(readers=members, serviceAccounts=False, pypiProxy=False)
    program.up()
    assert program.changes() == {}
    assert program.changes("--refresh") == {}
    _, policy = program.sandbox.ask("GET", f"{program.repository('python')}:getIamPolicy")
    (binding,) = [b for b in policy["bindings"] if b["role"] == "roles/artifactregistry.reader"]
    assert sorted(map(str.lower, binding["members"])) == sorted(map(str.lower, members))
