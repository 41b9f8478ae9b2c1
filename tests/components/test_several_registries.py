"""Several registries in one program, and the options that a registry passes on to its resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_gcp
import pytest

from components import PythonRegistry, PythonRegistryArgs
from components.argument_checks import ArgumentError
from tests.support.recorder import REGISTRY, Recording, Run


class Team(pulumi.ComponentResource):
    """A component of the program that contains a registry."""

    def __init__(self, name: str, type_: str = "acme:index:Team", **options: Any) -> None:
        super().__init__(type_, name, opts=pulumi.ResourceOptions(**options))


def args(repository: str = "python", project: str = "demo-proj", **arguments: Any) -> PythonRegistryArgs:
    return PythonRegistryArgs(project=project, location="us", repository=repository, **arguments)


def hooks_of(recording: Recording, registry: str) -> set[str]:
    """The error hooks of the resources of a registry, by its URN."""
    return {hook for r in recording.resources if r.parent == registry for hook in r.error_hooks}


def two_in_one_project() -> None:
    PythonRegistry("a", args("python-a"))
    PythonRegistry("b", args("python-b"))


def two_in_two_projects() -> None:
    PythonRegistry("a", args())
    PythonRegistry("b", args(project="other-proj"))


def two_of_one_name() -> None:
    PythonRegistry("python", args("python-a"), pulumi.ResourceOptions(parent=Team("a", "acme:index:A")))
    PythonRegistry("python", args("python-b"), pulumi.ResourceOptions(parent=Team("b", "acme:index:B")))


@pytest.mark.parametrize("program", [two_in_one_project, two_in_two_projects, two_of_one_name])
def test_each_registry_has_its_own_resources_and_one_hook(
    run_function: Run, program: Callable[[], None]
) -> None:
    recording = run_function(program)
    registries = [resource for resource in recording.resources if resource.type == REGISTRY]
    assert len(registries) == 2
    first, second = (hooks_of(recording, registry.urn) for registry in registries)
    assert len(first) == len(second) == 1
    assert first.isdisjoint(second)
    owners = {r.urn: r.parent for r in recording.resources}
    for resource in recording.resources:
        for other in resource.dependencies:
            assert owners[other] == resource.parent, "a registry waits only for its own resources"


def test_the_name_of_a_hook_is_the_same_in_every_run(run_function: Run) -> None:
    first, second = (
        {resource.name: resource.error_hooks for resource in run_function(two_in_two_projects).resources}
        for _ in range(2)
    )
    assert first == second
    assert first["b-upload"] == ["python-registry:projects/other-proj/locations/us/repositories/python"]


def collision(run_function: Run, *registries: PythonRegistryArgs) -> str:
    """The message about the last of these registries. Pulumi registers nothing of it."""

    def program() -> None:
        for name, arguments in zip("abc", registries, strict=False):
            PythonRegistry(name, arguments)

    recording = Recording()
    with pytest.raises(ArgumentError) as refused:
        run_function(program, into=recording)
    assert len(recording.of(REGISTRY)) == len(registries) - 1
    return str(refused.value)


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        (args(), args(), "projects/demo-proj/locations/us/repositories/python"),
        (args(), args("python-pypi"), "projects/demo-proj/locations/us/repositories/python-pypi"),
        (args("python-index"), args(), "projects/demo-proj/locations/us/repositories/python-index"),
        # Accounts have no location.
        (
            args(),
            PythonRegistryArgs(project="demo-proj", location="europe"),
            "python-reader@demo-proj.iam.gserviceaccount.com",
        ),
    ],
)
def test_a_registry_cannot_create_a_resource_of_another_one(
    run_function: Run, first: PythonRegistryArgs, second: PythonRegistryArgs, shared: str
) -> None:
    message = collision(run_function, first, second)
    assert message.startswith("1 problem in the arguments of the registry b; Pulumi did not create it.")
    assert f"the registry a ({first.repository_name(first.repository)}) creates {shared} too" in message
    assert "choose another id, or another project" in message


def test_a_collision_names_each_other_registry(run_function: Run) -> None:
    message = collision(run_function, args(), args("python-a"), args("python-pypi"))
    assert "the registry a (" in message
    assert "the registry b (" not in message


@pytest.mark.parametrize(
    "second",
    [
        args("python-pypi-2"),
        args(project="other-proj"),
        PythonRegistryArgs(project="demo-proj", location="europe", service_accounts=False),
    ],
)
def test_registries_without_a_common_resource_are_accepted(
    run_function: Run, second: PythonRegistryArgs
) -> None:
    def program() -> None:
        PythonRegistry("a", args())
        PythonRegistry("b", second)

    assert list(run_function(program).of(REGISTRY)) == ["a", "b"]


def test_a_refused_registry_does_not_count_for_the_next_one(run_function: Run) -> None:
    def program() -> None:
        with pytest.raises(ArgumentError):
            PythonRegistry("a", args(readers=("nobody",)))
        PythonRegistry("b", args())

    assert list(run_function(program).of(REGISTRY)) == ["b"]


def test_two_deployments_in_one_process_do_not_see_each_other(run_function: Run) -> None:
    for _ in range(2):
        assert list(run_function(lambda: PythonRegistry("a", args())).of(REGISTRY)) == ["a"]


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_every_resource_at_google_uses_the_provider_of_the_parent(run_function: Run, access: str) -> None:
    def program() -> None:
        provider = pulumi_gcp.Provider("google", project="demo-proj")
        team = Team("team", providers={"gcp": provider})
        arguments = args(
            access=access,
            readers=("user:a@example.com",),
            named_readers={"ci": "user:ci@example.com"},
            private_packages=("my-adder",),
        )
        PythonRegistry("packages", arguments, pulumi.ResourceOptions(parent=team))

    recording = run_function(program)
    providers = {r.name: r.provider for r in recording.resources if r.type.startswith("gcp:")}
    assert len(providers) > 10
    assert set(providers.values()) == {f"{recording['google'].urn}::google-id"}


def test_a_registry_accepts_a_provider_itself(run_function: Run) -> None:
    def program() -> None:
        provider = pulumi_gcp.Provider("google", project="demo-proj")
        PythonRegistry("packages", args(), pulumi.ResourceOptions(providers=[provider]))

    recording = run_function(program)
    providers = {r.provider for r in recording.resources if r.type.startswith("gcp:")}
    assert providers == {f"{recording['google'].urn}::google-id"}


def test_without_a_provider_the_resources_use_the_default_one(run_function: Run) -> None:
    recording = run_function(two_in_one_project)
    assert {resource.provider for resource in recording.resources} == {""}
