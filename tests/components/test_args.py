"""The ids, conditions and identities that follow from a registry's inputs."""

from __future__ import annotations

import pytest

from components.args import GitHub, deny_rule, member_identity


def test_a_condition_names_the_owner_number_the_repositories_and_the_ref() -> None:
    github = GitHub(repositories=("acme/my-adder", "acme/tool"), owner_id="1234567", ref="refs/heads/main")
    assert github.condition == (
        'assertion.repository_owner_id == "1234567" '
        '&& assertion.repository in ["acme/my-adder", "acme/tool"] && assertion.ref == "refs/heads/main"'
    )


def test_a_condition_names_the_environment_if_there_is_no_ref() -> None:
    github = GitHub(repositories=("a/b",), owner_id="1", environment='the "real" one')
    assert github.condition.endswith(r'&& assertion.environment == "the \"real\" one"')
    assert "assertion.ref " not in github.condition


@pytest.mark.parametrize("name", ["my-adder", "My.Adder", "MY__adder"])
def test_every_spelling_of_a_package_has_the_same_deny_rule(name: str) -> None:
    assert deny_rule(name) == "deny-my-adder"


def test_case_counts_only_in_principals() -> None:
    assert member_identity("user:Ann@Example.com") == "user:ann@example.com"
    assert member_identity("principalSet://pool/attribute.repository/Acme/Tool").endswith("/Acme/Tool")
