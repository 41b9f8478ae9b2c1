"""The checks of a registry's arguments in a program that uses the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import Cleanup, GitHub, Impersonators, PythonRegistry, PythonRegistryArgs
from components.argument_checks import ArgumentError
from components.validation import Problem
from tests.support.recorder import REPOSITORY, Recording, Run

GOOD: dict[str, Any] = {"project": "demo-proj", "location": "us"}


# Only a running program can create outputs.
Arguments = Callable[[], dict[str, Any]]


def problems_of(run_function: Run, arguments: Arguments) -> list[Problem]:
    """The problems of a registry. No resource of it is registered."""
    recording = Recording()
    with pytest.raises(ArgumentError) as refused:
        run_function(
            lambda: PythonRegistry("packages", PythonRegistryArgs(**{**GOOD, **arguments()})),
            into=recording,
        )
    assert recording.resources == []
    return list(refused.value.problems)


def output(value: object = "user:ci@example.com") -> Any:
    """A value that the program knows only once another resource exists."""
    return pulumi.Output.from_input(value)


def test_one_message_names_every_problem_and_spells_nested_values_as_attributes(run_function: Run) -> None:
    arguments = PythonRegistryArgs(
        project="Demo",
        location="europe-west1-b",
        pypi_proxy=False,
        private_packages=("my-adder",),
        readers=("ci@example.com",),
        github=GitHub(repositories=("acme/tool",), owner_id="acme", ref="refs/heads/main"),
    )
    with pytest.raises(ArgumentError) as refused:
        run_function(lambda: PythonRegistry("packages", arguments))
    title, *lines = str(refused.value).splitlines()
    assert title == "5 problems in the arguments of the registry packages; Pulumi did not create it."
    assert [line.split(":")[0].strip() for line in lines[::2]] == [
        "project",
        "location",
        "readers[0]",
        "github.owner_id",
        "private_packages",
    ]
    assert all(line.startswith("    ") and "; " in line for line in lines[1::2])
    assert "pypi_proxy" in lines[-1]


def test_a_rule_names_other_properties_as_attributes(run_function: Run) -> None:
    github = GitHub(
        repositories=("acme/tool", "other/tool"), owner_id="1", ref="refs/heads/main", environment="release"
    )
    owner, place = problems_of(run_function, lambda: {"github": github})
    assert "owner_id names only one" in owner.rule
    assert place.rule == "github needs either ref or environment, not both"


def test_good_arguments_have_no_problem(run_function: Run) -> None:
    def program() -> None:
        arguments = PythonRegistryArgs(
            **GOOD,
            readers=("user:a@example.com",),
            named_readers={"ci": output()},
            impersonators=Impersonators(writer=("user:a@example.com",)),
            labels={"cost_center": "a"},
        )
        PythonRegistry("packages", arguments)

    assert run_function(program).of(REPOSITORY)


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (lambda: {"project": output("demo-proj")}, "project"),
        (lambda: {"repository": output("python")}, "repository"),
        (lambda: {"protect": output(True)}, "protect"),
        (lambda: {"private_packages": ("a", output("b"))}, "private_packages[1]"),
        (lambda: {"labels": {"team": output("data")}}, "labels.team"),
        (lambda: {"github": output()}, "github"),
        (
            lambda: {
                "github": GitHub(repositories=("acme/a",), owner_id=output("1"), ref="refs/heads/main")
            },
            "github.owner_id",
        ),
    ],
)
def test_an_output_is_refused_where_the_program_needs_a_value(
    run_function: Run, arguments: Arguments, key: str
) -> None:
    (problem,) = problems_of(run_function, arguments)
    assert str(problem) == (
        f"  {key}: (output)\n"
        "    the program needs this value before Pulumi creates the other resources; pass a plain value"
    )


@pytest.mark.parametrize(
    ("arguments", "key", "named"),
    [
        (lambda: {"readers": ("user:a@example.com", output())}, "readers[1]", "named_readers"),
        (lambda: {"admins": (output(),)}, "admins[0]", "named_admins"),
        (
            lambda: {"impersonators": Impersonators(reader=(output(),))},
            "impersonators.reader[0]",
            "named_reader_impersonators",
        ),
        (
            lambda: {"impersonators": Impersonators(writer=("user:a@example.com", output()))},
            "impersonators.writer[1]",
            "named_writer_impersonators",
        ),
    ],
)
def test_an_output_in_a_list_of_members_gets_a_name(
    run_function: Run, arguments: Arguments, key: str, named: str
) -> None:
    (problem,) = problems_of(run_function, arguments)
    assert problem.key == key
    assert problem.fix == f"pass a plain value, or name the member in {named}"


def test_every_output_in_a_list_is_a_problem_beside_the_other_problems(run_function: Run) -> None:
    problems = problems_of(
        run_function,
        lambda: {
            "readers": (output(), "user:a@example.com", output()),
            "writers": ("ci@example.com",),
        },
    )
    assert [problem.key for problem in problems] == ["readers[0]", "readers[2]", "writers[0]"]


def test_an_output_never_shows_its_value(run_function: Run) -> None:
    (problem,) = problems_of(
        run_function, lambda: {"labels": {"team": pulumi.Output.secret("hidden-team")}}
    )
    assert "hidden-team" not in str(problem)


def test_a_whole_map_of_named_members_cannot_be_an_output(run_function: Run) -> None:
    (problem,) = problems_of(run_function, lambda: {"named_writers": output({"ci": "user:ci@example.com"})})
    assert (problem.key, problem.value, problem.fix) == ("named_writers", "(output)", "pass a plain value")


def test_the_arguments_of_a_program_without_the_engine_are_checked_too() -> None:
    with pytest.raises(ArgumentError, match="project id"):
        PythonRegistry("packages", PythonRegistryArgs(project="Demo", location="us"))


def test_a_cleanup_is_checked_and_spelled_as_attributes(run_function: Run) -> None:
    problems = problems_of(
        run_function,
        lambda: {
            "pypi_proxy": False,
            "cleanup": Cleanup(keep_versions=5, packages=("my_adder",), cache_older_than="30d"),
        },
    )
    assert [problem.key for problem in problems] == [
        "cleanup.packages[0]",
        "cleanup.keep_versions",
        "cleanup.packages",
    ]
    assert problems[1].rule == "this setting deletes nothing without delete_older_than"
    (unused,) = problems_of(
        run_function, lambda: {"pypi_proxy": False, "cleanup": Cleanup(cache_older_than="30d")}
    )
    assert (unused.key, unused.fix) == (
        "cleanup.cache_older_than",
        "remove it, or set pypi_proxy to true",
    )
    (empty,) = problems_of(run_function, lambda: {"cleanup": Cleanup()})
    assert empty.rule == "cleanup needs delete_older_than or cache_older_than"
