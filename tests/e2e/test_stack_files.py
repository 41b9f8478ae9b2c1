"""Stack files as teams write them, with the real engine: other files, other names, encrypted values."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from tests.support.sandbox import LOCATION, Program

pytestmark = pytest.mark.sandbox

NOTHING: dict[str, str] = {}


def pulumi(program: Program, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`pulumi` without the stack of the program."""
    return program.sandbox.run("pulumi", "--non-interactive", *words, check=check, cwd=program.folder)


def stack_file(program: Program) -> str:
    """A small valid stack file."""
    config = {"gcp:project": program.project, "python-registry:location": LOCATION}
    return yaml.safe_dump({"config": config})


def test_a_file_that_no_stack_is_named_after_configures_a_stack(program: Program) -> None:
    (program.folder / "Pulumi.ephemeral.yaml").write_text(stack_file(program))
    pulumi(program, "stack", "init", "pr-1")
    preview = pulumi(program, "preview", "--stack", "pr-1", "--config-file", "Pulumi.ephemeral.yaml")
    assert "18 to create" in preview.stdout


def test_a_copied_stack_file_is_refused_with_the_way_out(program: Program) -> None:
    (program.folder / "Pulumi.copy.yaml").write_text(stack_file(program))
    refused = program.pulumi("preview", check=False).stdout
    assert "Pulumi.copy.yaml creates projects/" in refused
    assert "move Pulumi.copy.yaml away if no stack uses it" in refused
    (program.folder / "Pulumi.copy.yaml").rename(program.folder / "Pulumi.example.yaml")
    assert "18 to create" in program.pulumi("preview").stdout


@pytest.mark.slow
def test_a_stack_name_can_have_dots_and_an_organization(program: Program) -> None:
    (program.folder / f"Pulumi.{program.stack}.yaml").rename(program.folder / "Pulumi.eu.dev.yaml")
    pulumi(program, "stack", "init", "eu.dev")
    for name in ("eu.dev", "organization/python-registry/eu.dev"):
        assert "18 to create" in pulumi(program, "preview", "--stack", name).stdout


@pytest.mark.slow
def test_the_program_finds_the_stack_files_of_stack_config_dir(program: Program) -> None:
    project = program.folder / "Pulumi.yaml"
    project.write_text(project.read_text() + "stackConfigDir: stacks\n")
    (program.folder / "stacks").mkdir()
    (program.folder / "stacks" / f"Pulumi.{program.stack}.yaml").write_text(stack_file(program))
    assert "18 to create" in program.pulumi("preview").stdout
    (program.folder / "stacks" / "Pulumi.copy.yaml").write_text(stack_file(program))
    assert "Pulumi.copy.yaml creates" in program.pulumi("preview", check=False).stdout


def test_pulumi_says_that_the_sandbox_opens_no_environment(program: Program) -> None:
    path = program.folder / f"Pulumi.{program.stack}.yaml"
    path.write_text(f"environment: [python-registry/dev]\n{path.read_text()}")
    assert "does not support environments" in program.pulumi("preview", check=False).stderr


@pytest.mark.slow
def test_the_command_line_sets_lists_and_numbers(program: Program) -> None:
    for path, value in (
        ("labels.cost-center", "12"),
        ("labels.old", "true"),
        ("readers[0]", "domain:a.com"),
    ):
        program.pulumi("config", "set", "--path", f"python-registry:{path}", value)
    steps = program.preview()["steps"]
    inputs = {step["urn"].rpartition("::")[2]: step["newState"].get("inputs", {}) for step in steps}
    assert inputs["registry-upload"]["labels"] == {"cost-center": "12", "old": "true"}
    assert "domain:a.com" in inputs["registry-upload-readers"]["members"]


@pytest.mark.slow
def test_an_encrypted_list_works_and_the_warning_about_it_is_true(program: Program) -> None:
    program.pulumi("config", "set", "--secret", "--path", "python-registry:readers[0]", "domain:a.com")
    printed = program.up()
    assert "python-registry:readers is encrypted in the stack file" in printed
    assert "domain:a.com" not in printed
    assert "domain:a.com" in program.pulumi("stack", "export").stdout, "as the warning says"
    assert "domain:a.com" in program.policy("python")["reader"]


@pytest.mark.slow
def test_switching_default_providers_off_and_on_replaces_nothing(program: Program) -> None:
    program.up()
    program.pulumi("config", "set", "--path", "pulumi:disable-default-providers[0]", "*")
    assert program.changes() == {"gcp": "create"}
    program.up()
    assert program.changes("--refresh") == NOTHING
    state = json.loads(program.pulumi("stack", "export").stdout)["deployment"]["resources"]
    used = {resource["provider"].rpartition("::")[0] for resource in state if resource.get("provider")}
    assert {name.rpartition("::")[2] for name in used} == {"gcp"}
    program.pulumi("config", "rm", "pulumi:disable-default-providers")
    assert program.changes() == {"gcp": "delete"}
    program.up()
    assert program.changes("--refresh") == NOTHING
