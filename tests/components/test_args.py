"""The ids, conditions and identities that follow from a registry's inputs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from components import args as args_module
from components import registry as registry_module
from components.args import GitHub, deny_rule, member_identity

CLASSES = {
    args_module.__file__: {"Impersonators", "GitHub", "PythonRegistryArgs"},
    registry_module.__file__: {"PythonRegistry"},
}


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


@pytest.mark.parametrize("path", CLASSES)
def test_every_input_and_output_has_a_description_below_it(path: str) -> None:
    classes = [node for node in ast.parse(Path(path).read_text()).body if isinstance(node, ast.ClassDef)]
    found = {node.name for node in classes}
    assert CLASSES[path] <= found
    for node in classes:
        for statement, below in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign):
                assert isinstance(below, ast.Expr), ast.unparse(statement)
                assert isinstance(below.value, ast.Constant), ast.unparse(statement)
                assert isinstance(below.value.value, str), ast.unparse(statement)
