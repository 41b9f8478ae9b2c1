"""The inputs of the package: every problem in one message, and the same registry as in the library."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc

from components import Cleanup, GitHub, Impersonators, PythonRegistryArgs
from components.validation import property_name
from package import __main__ as package
from package.__main__ import Package, read_inputs
from tests.support.recorder import REGISTRY, MadeByHand, Recording, Run

GOOD = {"project": "demo-proj", "location": "us"}
BAD_INPUTS: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("bad_inputs.yaml").read_text(encoding="utf-8")
)


@pytest.fixture(autouse=True)
def _new_deployment(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(package, "_registries", {})


def received(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs as the plugin server reads them from the engine."""
    message = Struct()
    message.update(inputs)
    return rpc.deserialize_properties(message, keep_unknowns=True)


# Two lines of a message: the property and its value, then the rule and the fix.
PROBLEM = re.compile(r"^  (?P<path>\S[^:]*): (?P<value>.*)\n    (?P<reason>.*)$", re.MULTILINE)


def problems_in(error: pulumi.InputPropertiesError) -> dict[str, str]:
    """The value, the rule and the fix of each problem in a message, by its property path."""
    title, *lines = error.message.splitlines()
    found = {
        match["path"]: f"{match['value']}: {match['reason']}" for match in PROBLEM.finditer(error.message)
    }
    assert len(lines) == 2 * len(found)
    count = f"{len(found)} problem{'s' if len(found) > 1 else ''}"
    assert title == f"{count} in the inputs; Pulumi did not create the registry."
    # The engine renders separate errors itself, with secrets in clear.
    assert not error.errors
    return found


def problems_of(inputs: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(pulumi.InputPropertiesError) as refused:
        read_inputs("packages", inputs)
    return problems_in(refused.value)


@pytest.mark.parametrize("case", BAD_INPUTS, ids=[case["name"] for case in BAD_INPUTS])
def test_bad_inputs_have_these_problems(case: dict[str, Any]) -> None:
    inputs = case["inputs"] if case.get("whole") else {**GOOD, **case["inputs"]}
    assert problems_of(received(inputs)) == case["problems"]


def test_the_program_gets_the_same_arguments_as_in_the_library() -> None:
    inputs = {
        **GOOD,
        "repository": "packages",
        "pypiProxy": True,
        "privatePackages": ["my-adder"],
        "readers": ["user:a@example.com"],
        "namedWriters": {"ci_jobs": "user:ci@example.com"},
        "access": "additive",
        "impersonators": {"writer": ["user:a@example.com"]},
        # A number where a text belongs can have only one meaning here.
        "github": {"repositories": ["acme/tool"], "ownerId": 1234567, "environment": "release"},
        "cleanup": {"deleteOlderThan": "90d", "keepVersions": 5, "packages": ["acme-"], "dryRun": False},
        "labels": {"cost_center": "a-1"},
        "protect": False,
    }
    assert read_inputs("packages", received(inputs)) == PythonRegistryArgs(
        project="demo-proj",
        location="us",
        repository="packages",
        private_packages=("my-adder",),
        readers=("user:a@example.com",),
        named_writers={"ci_jobs": "user:ci@example.com"},
        access="additive",
        impersonators=Impersonators(writer=("user:a@example.com",)),
        github=GitHub(repositories=("acme/tool",), owner_id="1234567", environment="release"),
        cleanup=Cleanup(delete_older_than="90d", keep_versions=5, packages=("acme-",), dry_run=False),
        labels={"cost_center": "a-1"},
        protect=False,
    )


def test_a_property_that_is_null_is_not_set() -> None:
    inputs = received({**GOOD, "access": None, "impersonators": {"reader": None}})
    assert read_inputs("packages", inputs) == PythonRegistryArgs(project="demo-proj", location="us")


@pytest.fixture
def outputs(run_function: Run) -> dict[str, str]:
    """The reasons for outputs, which only a running program can create."""
    reasons: dict[str, str] = {}

    def program() -> None:
        output = pulumi.Output.secret("hidden")
        bad = {
            **GOOD,
            "repository": output,
            "readers": ["user:a@example.com", output],
            "namedWriters": output,
            "impersonators": {"writer": [output]},
            "github": {"repositories": ["acme/a"], "ownerId": output, "ref": "refs/heads/main"},
            "labels": {"team": output},
            "color": output,
        }
        reasons.update(problems_of(bad))
        member = pulumi.Output.secret("user:ci@example.com")
        read_inputs("good", {**GOOD, "namedWriters": {"ci": member}})

    run_function(program)
    return reasons


def test_an_output_or_a_secret_is_accepted_only_as_a_named_member(outputs: dict[str, str]) -> None:
    rule = "(output): the program needs this value before Pulumi creates the other resources; "
    assert {path: reason for path, reason in outputs.items() if path != "color"} == {
        "repository": f"{rule}pass a plain value",
        "readers[1]": f"{rule}pass a plain value, or name the member in namedReaders",
        "namedWriters": f"{rule}pass a plain value",
        "impersonators.writer[0]": (
            f"{rule}pass a plain value, or name the member in namedWriterImpersonators"
        ),
        "github.ownerId": f"{rule}pass a plain value",
        "labels.team": f"{rule}pass a plain value",
    }
    assert "color" in outputs
    assert "hidden" not in str(outputs)


def test_two_registries_of_a_program_cannot_create_one_repository() -> None:
    read_inputs("first", GOOD)
    reason = problems_of(GOOD)["repository"]
    repository = "projects/demo-proj/locations/us/repositories/python"
    assert f"the registry first ({repository}) creates {repository} too; choose another id" in reason
    read_inputs("second", {**GOOD, "repository": "other"})


def construct(
    run_function: Run, inputs: dict[str, Any], into: Recording, answers: MadeByHand | None = None
) -> dict[str, Any]:
    """The outputs that the plugin returns for a registry."""
    states: list[dict[str, Any]] = []

    def program() -> None:
        states.append(dict(Package().construct("packages", REGISTRY, inputs).state))

    run_function(program, into=into, answers=answers)
    return states[0]


def test_the_plugin_returns_every_output_of_the_component(run_function: Run) -> None:
    recording = Recording()
    state = construct(
        run_function, received({**GOOD, "namedReaders": {"ci": "user:a@example.com"}}), recording
    )
    registry = recording["packages"]
    assert registry.type == REGISTRY
    assert {*state} == {property_name(name) for name in recording.component_outputs}
    assert state["contractVersion"] == recording.component_outputs["contract_version"]


def test_the_plugin_reports_problems_without_a_stack_trace(run_function: Run) -> None:
    recording = Recording()
    with pytest.raises(pulumi.InputPropertiesError) as refused:
        construct(run_function, {"readers": "user:a@example.com"}, recording)
    assert list(problems_in(refused.value)) == ["project", "location", "readers"]
    assert refused.value.__cause__ is None
    assert recording.resources == []


def test_the_plugin_reports_a_repository_that_cannot_be_adopted_without_a_stack_trace(
    run_function: Run,
) -> None:
    inputs = received({**GOOD, "adopt": ["python"]})
    with pytest.raises(pulumi.InputPropertiesError) as refused:
        construct(run_function, inputs, Recording(), MadeByHand(repositories={}))
    assert refused.value.message.startswith(
        "1 problem in the repositories to adopt; nothing was changed.\n"
    )
    assert not refused.value.errors
    assert refused.value.__cause__ is None


def test_the_plugin_keeps_the_stack_trace_of_a_fault_of_its_own(
    run_function: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> PythonRegistryArgs:
        raise ZeroDivisionError

    monkeypatch.setattr(package, "read_inputs", broken)
    with pytest.raises(package.ComponentInitError):
        construct(run_function, GOOD, Recording())
