"""Adoption: repositories that were made by hand become part of the stack, with their packages.

Owns which repositories an update imports, and what it refuses. The engine shows and updates all other
differences itself. Only this module reads the state and Google, and it reads nothing without `adopt`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi_gcp import artifactregistry

from .args import PythonRegistryArgs
from .argument_checks import problem_text
from .validation import NOT_SET, Problem

# The type of a repository below the component, as its URN ends.
_TYPE = "python-registry:index:PythonRegistry$gcp:artifactregistry/repository:Repository"
# The engine's own function for the resources of a stack (pkg/resource/deploy/builtins.go).
_READ_STATE = "pulumi:pulumi:readStackResourceOutputs"
# The only organization of a backend in a bucket or folder. Some of these refuse a name with organization.
_NO_ORGANIZATION = "organization"
_STANDARD = "STANDARD_REPOSITORY"
NOT_FOUND = "(not found)"
NOT_READ = "(not read)"


class AdoptionError(pulumi.RunError):
    """Every reason why Pulumi cannot adopt the repositories, in one message."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problem_text("the repositories to adopt", problems, "nothing was changed"))


def find_imports(name: str, args: PythonRegistryArgs, component: pulumi.Resource) -> dict[str, str]:
    """The full names of the repositories that this update imports, by id.

    Args:
        name: name of the registry in the program.
        args: its arguments.
        component: the parent of the repositories, which has their provider.

    Raises:
        AdoptionError: Google has no such repository, or Pulumi would have to replace it.
    """
    if not args.adopt:
        return {}
    state = _repositories_in_state()
    # An import in place of another repository would delete that one, even if it is protected: the engine
    # checks the protection of other replacements only (step_generator.go in pkg/resource/deploy, 3.259).
    present = {
        id_: state[urn]
        for id_, resource in _resource_names(name, args).items()
        for urn in state
        if id_ in args.adopt and urn.endswith(f"{_TYPE}::{resource}")
    }
    imports = {id_: args.repository_name(id_) for id_ in args.adopt if id_ not in present}
    problems = [
        *(problem for id_, other in present.items() for problem in _other_repository(id_, other, args)),
        *(problem for id_ in imports for problem in _differences(id_, args, component)),
    ]
    if problems:
        raise AdoptionError(problems)
    return imports


def fixed_properties(args: PythonRegistryArgs) -> dict[str, dict[str, str]]:
    """The properties that Google fixes when it creates a repository, by path, of each repository by id."""

    def properties(mode: str, **remote: str) -> dict[str, str]:
        more = {f"remoteRepositoryConfig.{path}": value for path, value in remote.items()}
        return {"format": "PYTHON", "mode": mode, "kmsKeyName": "", **more}

    fixed = {args.repository: properties(_STANDARD)}
    for upstream in args.upstreams:
        fixed[args.upstream_repository(upstream)] = properties(
            "REMOTE_REPOSITORY", description=upstream.title, pythonRepository="PYPI"
        )
    if args.upstreams:
        fixed[args.index_repository] = properties("VIRTUAL_REPOSITORY")
    return fixed


def _resource_names(name: str, args: PythonRegistryArgs) -> dict[str, str]:
    """The name of each repository in the program, by id. `repositories.py` gives these names."""
    remotes = {args.upstream_repository(upstream): f"{name}-{upstream.id}" for upstream in args.upstreams}
    return {args.repository: f"{name}-upload", **remotes, args.index_repository: f"{name}-index"}


def _repositories_in_state() -> dict[str, str]:
    """The full name of each repository in the state of the stack, by URN."""
    organization, project, stack = pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack()
    reference = stack if organization == _NO_ORGANIZATION else f"{organization}/{project}/{stack}"
    answer: Mapping[str, Any] = pulumi.runtime.invoke(_READ_STATE, {"stackName": reference}).value
    full_name = "projects/{project}/locations/{location}/repositories/{repositoryId}"
    return {
        urn: full_name.format(**resource["outputs"])
        for urn, resource in answer["outputs"].items()
        if resource["type"] == _TYPE.rpartition("$")[2]
    }


def _other_repository(id_: str, other: str, args: PythonRegistryArgs) -> Iterator[Problem]:
    if other != args.repository_name(id_):
        rule = f"the stack has {other} in its place, and Pulumi would delete that one with its packages"
        fix = f"adopt {id_} in another stack, then copy the packages (docs/move-and-destroy.md)"
        yield Problem(id_, args.repository_name(id_), rule, fix)


def _differences(id_: str, args: PythonRegistryArgs, component: pulumi.Resource) -> Iterator[Problem]:
    """The problems of a repository that Pulumi cannot import, or would have to replace."""
    full_name = args.repository_name(id_)
    try:
        found = artifactregistry.get_repository(
            project=args.project,
            location=args.location,
            repository_id=id_,
            opts=pulumi.InvokeOptions(parent=component),
        )
    except Exception as error:
        # The SDK has no class for this. The provider's text has one line per error, after a star.
        text = str(error).rpartition("* ")[2].strip()
        if text == f"{full_name} not found":
            fix = f"correct the id, project or location, or remove {id_} from `adopt` to create it"
            yield Problem(id_, NOT_FOUND, f"Google has no repository {full_name}", fix)
        else:
            yield Problem(id_, NOT_READ, text, f"Pulumi must be able to read {full_name}")
        return
    if not found.mode:
        # Outputs of other resources configure the provider. Only the update can read, and it checks again.
        return
    properties = _properties(found)
    for path, value in fixed_properties(args)[id_].items():
        if path in properties and properties[path] != value:
            rule = f"the registry needs {value or 'none'}, and Google cannot change this property"
            yield Problem(f"{id_}.{path}", properties[path] or NOT_SET, rule, _way_out(id_, found.mode))


def _way_out(id_: str, mode: str) -> str:
    if mode == _STANDARD:
        fix = "choose another `repository` and copy the packages (docs/move-and-destroy.md)"
        return f"remove {id_} from `adopt`, {fix}"
    # It is a cache or a view. A new one offers the same packages.
    return f"delete this repository by hand and remove {id_} from `adopt`, so that Pulumi creates it again"


def _properties(found: artifactregistry.GetRepositoryResult) -> dict[str, str]:
    """The fixed properties of a repository at Google. Those of another mode are missing."""
    properties = {"format": found.format, "mode": found.mode, "kmsKeyName": found.kms_key_name}
    for remote in found.remote_repository_configs or ():
        properties["remoteRepositoryConfig.description"] = remote.description
        properties["remoteRepositoryConfig.pythonRepository"] = ", ".join(
            python.public_repository or ", ".join(custom.uri for custom in python.custom_repositories)
            for python in remote.python_repositories
        )
    return properties
